"""Real faults: killed processes, full disks, read-only folders, forks."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("writing_under_faults.py")

PREAMBLE = """
import errno, os, sys
from nbflow.targets.local import LocalTarget
from nbflow.targets.format import *
path = os.path.join(sys.argv[1], "out")
target = LocalTarget(path)
"""


def python(code, folder, *, inside=()):
    """Run `code` in a process of its own; what it prints."""
    command = [*inside, sys.executable, "-c", PREAMBLE + textwrap.dedent(code), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("fault", ["kill", "interrupt", "fail"])
@pytest.mark.parametrize(
    "scenario",
    ["write_text", "write_in_finally", "write_gzip", "fail_half_way", "copy", "write_folder"],
)
def test_nothing_half_is_ever_visible(tmp_path, scenario, fault):
    command = [sys.executable, str(SCRIPT), str(tmp_path / "work"), scenario, fault]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    count, *seen = done.stdout.split()
    assert int(count) >= 2
    assert "old" in seen


FULL = """
def attempt(style):
    if style == "with":
        with target.open("w") as f:
            fill(f)
    else:
        f = target.open("w")
        try:
            fill(f)
        finally:
            f.close()

def fill(f):
    for _ in range(100):
        f.write(piece())

with open(os.path.join(sys.argv[1], "ballast"), "wb") as f:
    f.write(bytes(900_000))
for form, piece in (
    (Text, lambda: chr(252) * 5_000),
    (Text, lambda: "x" * 3_000),
    (Nop, lambda: os.urandom(5_000)),
    (Gzip, lambda: os.urandom(5_000)),
    (Text >> Bzip2, lambda: os.urandom(4_000).hex()),
):
    for style in ("with", "finally"):
        target = LocalTarget(path, form)
        try:
            attempt(style)
        except OSError as error:
            assert error.errno == errno.ENOSPC, error
        else:
            raise SystemExit("no error")
        assert os.listdir(sys.argv[1]) == ["ballast"], (form, style, os.listdir(sys.argv[1]))
print("ok")
"""


def test_full_disk_raises_publishes_nothing_and_leaves_nothing(mount_disk):
    disk, inside = mount_disk("-o size=1m")
    assert python(FULL, disk, inside=inside) == ["ok"]


def test_disk_that_is_full_at_close_only(mount_disk):
    disk, inside = mount_disk("-o size=64k")
    code = """
    with open(os.path.join(sys.argv[1], "ballast"), "wb") as f:
        f.write(bytes(60_000))
    for style in ("with", "close"):
        f = target.open("w")
        for _ in range(7):
            f.write("x" * 1_000)        # stays in the buffer
        f.write("x" * 1_000)
        with open(os.path.join(sys.argv[1], "more"), "wb", buffering=0) as more:
            try:
                while more.write(bytes(4096)):
                    pass
            except OSError:
                pass
        try:
            if style == "with":
                with f:
                    pass
            else:
                f.close()
        except OSError as error:
            assert error.errno == errno.ENOSPC
            assert "nothing was published" in error.__notes__[0]
        else:
            raise SystemExit("no error")
        os.remove(os.path.join(sys.argv[1], "more"))
        assert os.listdir(sys.argv[1]) == ["ballast"]
    print("ok")
    """
    assert python(code, disk, inside=inside) == ["ok"]


def test_read_only_disk_is_told_under_the_targets_name(mount_disk):
    disk, inside = mount_disk("-o ro")
    code = """
    for name in ("out", "new folder/out"):
        try:
            LocalTarget(os.path.join(sys.argv[1], name)).open("w")
        except OSError as error:
            assert error.errno == errno.EROFS
            assert "nbflow-tmp" not in str(error), error
            print(os.path.exists(path))
    """
    assert python(code, disk, inside=inside) == ["False", "False"]


def test_child_that_is_forked_while_a_file_is_open_does_not_touch_it(tmp_path):
    code = """
    import gc
    with target.open("w") as f:
        f.write("parent")
        for way in ("exit", "drop"):
            if os.fork() == 0:
                if way == "exit":
                    try:
                        f.__exit__(SystemExit, SystemExit(), None)
                    finally:
                        os._exit(0)
                del f
                gc.collect()
                os._exit(0)
            os.wait()
        assert len(os.listdir(sys.argv[1])) == 1
    print(open(path).read())
    """
    assert python(code, tmp_path) == ["parent"]


def test_killed_process_leaves_its_temporary_file_only(tmp_path):
    code = """
    import signal
    with target.open("w") as f:
        f.write("x" * 100_000)
        f.flush()
        if os.fork() == 0:
            g = LocalTarget(path + "2").open("w")
            g.write("y" * 100_000)
            os.kill(os.getpid(), signal.SIGKILL)
        os.wait()
    print(*sorted(os.listdir(sys.argv[1])))
    """
    out, temporary = python(code, tmp_path)
    assert out == "out"
    assert temporary.startswith("out2-nbflow-tmp-")
