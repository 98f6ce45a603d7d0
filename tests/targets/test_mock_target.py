"""Files in memory."""

# ruff: noqa: PT012 - what happens inside the blocks is what is tested

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from nbflow.core.errors import TargetExistsError
from nbflow.targets.format import Gzip, Nop, Text
from nbflow.targets.mock import MockFileSystem, MockTarget

fs = MockFileSystem()


@pytest.fixture(autouse=True)
def empty():
    fs.clear()
    yield
    fs.clear()


def put(path, text="x"):
    with MockTarget(path).open("w") as f:
        f.write(text)


def test_file_exists_once_it_is_closed():
    target = MockTarget("a")
    with target.open("w") as f:
        f.write("ü")
        assert not target.exists()
    assert target.exists()
    assert MockTarget("a") == target
    assert fs.get_data("a") == "ü".encode()
    with target.open("r") as f:
        assert f.read() == "ü"


def test_reading_what_is_not_there_is_a_key_error():
    with pytest.raises(KeyError):
        MockTarget("a").open("r")
    with pytest.raises(ValueError, match="'r' or 'w'"):
        MockTarget("a").open("a")


def test_file_record_has_the_size():
    assert MockTarget("a").file_record() is None
    put("a", "123")
    record = MockTarget("a").file_record()
    assert (record.path, record.size, record.modified) == ("a", 3, 0.0)


def test_formats_apply():
    with MockTarget("a", format=Text >> Gzip).open("w") as f:
        f.write("text")
    assert fs.get_all_data()["a"][:2] == b"\x1f\x8b"
    with MockTarget("b", format=Nop).open("w") as f:
        f.write(b"\0")
    assert fs.get_data("b") == b"\0"


def test_mirror_shows_what_is_written(capsys):
    with MockTarget("a", mirror_on_stderr=True).open("w") as f:
        f.write("text\n")
    assert capsys.readouterr().err == "a: text\n"


def test_folders_are_shared_beginnings():
    for path in ("d/a", "d/b", "e"):
        put(path)
    assert sorted(fs.listdir("d")) == ["d/a", "d/b"]
    assert fs.isdir("d/")
    assert not fs.isdir("x")
    fs.mkdir("x")
    assert fs.exists_many(["d/a", "d", "e"]) == {"d/a", "e"}
    fs.remove("d", recursive=False)
    assert fs.exists("d/a")
    fs.remove("d")
    assert list(fs.get_all_data()) == ["e"]


def test_move_and_copy():
    put("a", "1")
    put("b", "2")
    for operation in (fs.move, fs.copy, MockTarget.fs.move):
        with pytest.raises(TargetExistsError):
            operation("a", "b", raise_if_exists=True)
    fs.copy("a", "c")
    MockTarget("a").move("b")
    MockTarget("b").rename("d")
    assert fs.get_all_data() == {"c": b"1", "d": b"1"}
    with pytest.raises(KeyError):
        fs.move("gone", "x")
    assert issubclass(TargetExistsError, RuntimeError)


def test_temporary_path_publishes_what_was_written_there():
    target = MockTarget("d/a")
    put("d/a", "old")
    with target.temporary_path() as path:
        put(path, "new")
    assert fs.get_all_data() == {"d/a": b"new"}
    with pytest.raises(ZeroDivisionError), target.temporary_path() as path:
        put(path, "newer")
        raise ZeroDivisionError
    assert fs.get_all_data() == {"d/a": b"new"}


def test_threads_see_one_file_system():
    def work(i):
        for j in range(50):
            put(f"t/{i}/{j}")
            fs.listdir("t")

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fs.listdir("t/")) == 200


def test_no_process_is_started():
    code = (
        "import sys; from nbflow.targets.mock import MockTarget\n"
        "with MockTarget('a').open('w') as f: f.write('x')\n"
        "print('multiprocessing' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
