"""Targets on stores: memory, a folder by fsspec, and S3 by a server on the loopback."""

# ruff: noqa: PT012, SIM117 - what happens inside the blocks is what is tested

from __future__ import annotations

import contextlib
import glob
import os
import pickle
import socket
import tempfile
import threading

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from nbflow.core.errors import PluginError, TargetError
from nbflow.targets import remote
from nbflow.targets.format import Gzip, Nop, Text
from nbflow.targets.loading import load
from nbflow.targets.local import LocalTarget
from nbflow.targets.open_target import target as open_target
from nbflow.targets.remote import QUESTIONS_BEFORE_LISTING, FsspecTarget

QUICK = {"retries": {"max_attempts": 0}, "connect_timeout": 5, "read_timeout": 20}


class Boom(Exception):
    pass


@pytest.fixture(scope="session")
def s3_server():
    """Endpoint URL of an S3 server, with the credentials that it does not check."""
    import boto3
    from moto.server import ThreadedMotoServer

    settings = pytest.MonkeyPatch()
    settings.setenv("AWS_EC2_METADATA_DISABLED", "true")
    settings.setenv("AWS_ACCESS_KEY_ID", "test")
    settings.setenv("AWS_SECRET_ACCESS_KEY", "test")
    settings.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="bucket")
    client.close()
    yield endpoint
    server.stop()
    settings.undo()


@pytest.fixture(params=["memory", "folder", "s3"])
def make(request, tmp_path):
    """Makes targets on one of the stores; each test has a folder to itself."""
    if request.param == "memory":
        root, options = f"memory://{tmp_path.name}", {}
    elif request.param == "folder":
        root, options = f"file://{tmp_path}/store", {}
    else:
        endpoint = request.getfixturevalue("s3_server")
        root, options = f"s3://bucket/{tmp_path.name}", {"endpoint_url": endpoint}

    def make(name, form=None):
        return FsspecTarget(f"{root}/{name}", form, **options)

    yield make
    if request.param == "memory":
        MemoryFileSystem.store.clear()
        MemoryFileSystem.pseudo_dirs[:] = [""]


@pytest.fixture(autouse=True)
def no_spool_is_left():
    yield
    pattern = os.path.join(tempfile.gettempdir(), f"nbflow-tmp-{os.getpid()}-*")
    assert glob.glob(pattern) == []


def put(target, content):
    with target.open("w") as f:
        f.write(content)


def get(target):
    with target.open("r") as f:
        return f.read()


def names(target):
    return sorted(
        url.rpartition("/")[2] for url in target.fs.listdir(target.path.rpartition("/")[0])
    )


def test_file_appears_at_the_clean_end(make):
    target = make("deep/a.txt")
    assert not target.exists()
    with target.open("w") as f:
        f.write("ü\n" * 100_000)
        f.flush()
        assert not target.exists()
    assert get(target) == "ü\n" * 100_000
    put(target, "newer")
    assert get(target) == "newer"
    assert names(target) == ["a.txt"]


def test_exception_publishes_nothing_and_keeps_the_older_file(make):
    target = make("a.txt")
    for older in (None, "older"):
        if older:
            put(target, older)
        with pytest.raises(Boom), target.open("w") as f:
            f.write("half" * 100_000)
            raise Boom
        f = target.open("w")
        with pytest.raises(Boom):
            try:
                f.write("half")
                raise Boom
            finally:
                f.close()
        assert (get(target) if target.exists() else None) == older


def test_formats_apply(make):
    put(make("a", Text >> Gzip), "text")
    assert get(make("a", Gzip)) == b"text"
    put(make("b", Nop), b"\0\xff" * 10_000)
    assert get(make("b", Nop)) == b"\0\xff" * 10_000
    put(make("c.json"), '{"a": 1}')
    assert load(make("c.json")) == {"a": 1}


def test_missing_file_is_file_not_found(make):
    with pytest.raises(FileNotFoundError):
        make("a").open("r")
    with pytest.raises(ValueError, match="'r' or 'w'"):
        make("a").open("a")
    with pytest.raises(TargetError, match="does not exist"):
        load(make("a"))


def test_file_record(make):
    target = make("folder/a")
    assert target.file_record() is None
    put(target, "12345")
    record = target.file_record()
    assert (record.path, record.size) == (target.path, 5)
    assert record.modified > 1.6e9
    assert make("folder").file_record().size == -1


def test_change_of_another_client_is_seen(make):
    put(make("a"), "1")
    assert names(make("a")) == ["a"]
    other = make("b")
    store, path = other.fs.locate(other.path)
    assert not other.exists()
    store.pipe_file(path, b"x")
    assert other.exists()
    store.rm_file(path)
    assert not other.exists()


def test_many_questions_cost_one_listing_a_folder(make, monkeypatch):
    for i in range(0, 8, 2):
        put(make(f"many/{i}"), "x")
    put(make("few/0"), "x")
    many = [make(f"many/{i}").path for i in range(8)]
    few = [make("few/0").path, make("few/1").path]
    nowhere = [make(f"nowhere/{i}").path for i in range(8)]
    fs = make("x").fs
    asked = []
    real = fs.info
    monkeypatch.setattr(fs, "info", lambda url: asked.append(url) or real(url))
    assert fs.exists_many([*many, *few, *nowhere]) == {*many[::2], few[0]}
    assert asked == few
    assert len(many) > QUESTIONS_BEFORE_LISTING


def test_operations_of_the_file_system(make):
    fs = make("x").fs
    put(make("d/a"), "1")
    put(make("d/e/b"), "2")
    assert fs.isdir(make("d").path)
    assert not fs.isdir(make("d/a").path)
    fs.copy(make("d/a").path, make("d/c").path)
    fs.move(make("d/a").path, make("d/f").path)
    assert names(make("d/x")) == ["b", "c", "f"]
    assert get(make("d/f")) == get(make("d/c")) == "1"
    make("d/c").remove()
    fs.remove(make("d").path)
    assert not make("d/e/b").exists()
    with pytest.raises(FileNotFoundError):
        fs.remove(make("gone").path)
    fs.mkdir(make("new").path)
    fs.mkdir(make("new").path)


def test_temporary_path_for_what_writes_by_itself(make):
    target = make("t/a")
    put(target, "old")
    with target.temporary_path() as url:
        store, path = target.fs.locate(url)
        store.pipe_file(path, b"new")
        assert get(target) == "old"
    assert get(target) == "new"
    assert names(target) == ["a"]


def test_targets_travel_to_other_processes(make):
    put(make("a"), "1")
    twin = pickle.loads(pickle.dumps(make("a")))
    assert twin == make("a")
    assert get(twin) == "1"


class Gate:
    """A way to a server that can be cut: at once, or after some bytes of what the client sends."""

    def __init__(self, endpoint):
        host, port = endpoint.removeprefix("http://").split(":")
        self._server = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.allowed = None
        self.sent = 0
        #: Set when what comes after `allowed` is let through; None: the connection is cut there.
        self.thaw = None
        self._sockets = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            self._sockets += [client, server]
            for source, sink, counts in ((client, server, True), (server, client, False)):
                thread = threading.Thread(target=self._pump, args=(source, sink, counts))
                self._threads.append(thread)
                thread.start()

    def _pump(self, source, sink, counts):
        try:
            while data := source.recv(16_384):
                if counts:
                    self.sent += len(data)
                    if self.allowed is not None and self.sent > self.allowed:
                        if self.thaw is None:
                            break
                        self.thaw.wait(20)
                sink.sendall(data)
        except OSError:
            pass
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def cut(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(20)
        for each in self._sockets:
            each.close()


@pytest.fixture
def gate(s3_server):
    gate = Gate(s3_server)
    yield gate
    gate.cut()


def test_server_that_goes_away_during_the_work(gate, s3_server, tmp_path):
    url = f"s3://bucket/{tmp_path.name}/a"
    straight = FsspecTarget(url, endpoint_url=s3_server)
    target = FsspecTarget(url, endpoint_url=gate.endpoint, config_kwargs=QUICK)
    assert not target.exists()
    with pytest.raises(TargetError, match="cannot publish s3://bucket"):
        with target.open("w") as f:
            f.write("x" * 100_000)
            gate.cut()
    assert not straight.exists()
    for ask in (target.exists, target.file_record, target.open, target.remove):
        with pytest.raises(TargetError, match="cannot"):
            ask()


def test_server_that_goes_away_in_the_middle_of_the_upload(gate, s3_server, tmp_path):
    url = f"s3://bucket/{tmp_path.name}/a"
    straight = FsspecTarget(url, endpoint_url=s3_server)
    target = FsspecTarget(url, Nop, endpoint_url=gate.endpoint, config_kwargs=QUICK)
    put(target, b"older")
    gate.sent, gate.allowed = 0, 300_000
    with pytest.raises(TargetError, match="cannot publish s3://bucket"):
        put(target, os.urandom(2_000_000))
    assert gate.sent > 300_000
    assert get(straight) == "older"


def test_server_that_stands_still_in_the_middle_of_the_upload(
    gate, s3_server, tmp_path, monkeypatch
):
    monkeypatch.setattr(remote, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(remote, "SLOWEST", 10_000_000)
    url = f"s3://bucket/{tmp_path.name}/a"
    target = FsspecTarget(url, Nop, endpoint_url=gate.endpoint, config_kwargs=QUICK)
    gate.allowed, gate.thaw = 300_000, threading.Event()

    with pytest.raises(TargetError, match=r"cannot publish .* did not answer within 1 s, or took"):
        put(target, os.urandom(10_000_000))

    gate.thaw.set()
    assert gate.sent > 300_000
    assert not FsspecTarget(url, endpoint_url=s3_server).exists()


def test_missing_bucket_is_told(s3_server):
    target = FsspecTarget("s3://no-such-bucket/a", endpoint_url=s3_server)
    with pytest.raises(TargetError, match=r"cannot publish s3://no-such-bucket/a.*bucket"):
        put(target, "x")


def test_failing_move_leaves_no_temporary_file(tmp_path, monkeypatch):
    from fsspec.implementations.local import LocalFileSystem

    target = FsspecTarget(f"file://{tmp_path}/a")
    put(target, "older")

    def mv(self, *args, **kwargs):
        raise PermissionError("no")

    monkeypatch.setattr(LocalFileSystem, "mv", mv)
    monkeypatch.setattr(LocalFileSystem, "rm_file", lambda self, path: os.remove(path))
    with pytest.raises(TargetError, match="cannot publish"):
        put(target, "newer")
    assert [name for name in os.listdir(tmp_path) if name != "a"] == []


def test_server_that_does_not_rename_onto_files(tmp_path, monkeypatch):
    from fsspec.implementations.local import LocalFileSystem

    real = LocalFileSystem.mv

    def mv(self, path1, path2, **kwargs):
        if os.path.exists(path2):
            raise FileExistsError(path2)
        real(self, path1, path2, **kwargs)

    monkeypatch.setattr(LocalFileSystem, "mv", mv)
    target = FsspecTarget(f"file://{tmp_path}/a")
    put(target, "older")
    put(target, "newer")
    assert (tmp_path / "a").read_text() == "newer"
    assert os.listdir(tmp_path) == ["a"]


def test_spool_is_private(tmp_path):
    target = FsspecTarget(f"file://{tmp_path}/a")
    with target.open("w") as f:
        assert os.fstat(f.fileno()).st_mode & 0o777 == 0o600


class TestTarget:
    @pytest.mark.parametrize(
        ("path", "local"),
        [
            ("data/a.csv", "data/a.csv"),
            ("/data/a:b.csv", "/data/a:b.csv"),
            ("file:///data/a.csv", "/data/a.csv"),
            ("c:/x", "c:/x"),
        ],
    )
    def test_paths_are_local(self, path, local):
        assert open_target(path, Nop) == LocalTarget(local)
        assert open_target(path, Nop).format is Nop

    def test_path_objects_are_local(self, tmp_path):
        assert open_target(tmp_path / "a") == LocalTarget(tmp_path / "a")

    def test_local_files_take_no_options(self):
        with pytest.raises(TypeError, match="takes no endpoint_url"):
            open_target("a", endpoint_url="x")

    @pytest.mark.parametrize(
        "url", ["memory://a", "s3://b/c", "gs://b/c", "simplecache::memory://a"]
    )
    def test_urls_are_remote(self, url):
        target = open_target(url, Gzip, anon=True)
        assert target == FsspecTarget(url)
        assert target.format is Gzip
        assert target.fs.storage_options == {"anon": True}

    def test_missing_package_names_the_extra(self, monkeypatch):
        import sys

        monkeypatch.setitem(sys.modules, "gcsfs", None)
        for use in (open_target("gs://b/c").exists, lambda: open_target("gs://b/c").open("w")):
            with pytest.raises(
                PluginError, match=r"needs the package 'gcsfs': pip install 'nbflow\[gcs\]'"
            ):
                use()

    def test_unknown_scheme_is_told_with_a_suggestion(self):
        with pytest.raises(PluginError, match=r"nothing serves sftpp://.*Did you mean sftp"):
            open_target("sftpp://host/a").exists()

    def test_plug_in_serves_its_scheme(self, monkeypatch):
        from importlib.metadata import EntryPoint

        from nbflow.targets import open_target as module

        points = {
            "mock": EntryPoint("mock", "nbflow.targets.mock:MockTarget", "nbflow.targets"),
            "bad": EntryPoint("bad", "nbflow.no_such_module:X", "nbflow.targets"),
        }
        monkeypatch.setattr(module, "_plugins", lambda: points)
        assert type(open_target("mock://a")).__name__ == "MockTarget"
        with pytest.raises(PluginError, match="target 'bad' cannot be loaded"):
            open_target("bad://a")

    def test_fsspec_waits_until_it_is_used(self):
        import subprocess
        import sys

        code = (
            "import sys; from nbflow.targets.open_target import target; target('s3://a/b');"
            "print({'fsspec', 's3fs'} & set(sys.modules))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout == "set()\n"
