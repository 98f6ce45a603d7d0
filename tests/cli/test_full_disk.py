"""A disk that is full at any moment of a run: what is done is whole, what is lost is said."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

JOBS = """
import nbflow

SIZE = 20_000

class Part(nbflow.Task):
    n: int

    def output(self):
        return nbflow.LocalTarget(f"out/{self.n}.txt")

    def run(self):
        print("part", self.n)
        with self.output().open("w") as file:
            for _ in range(SIZE // 100):
                file.write("x" * 100)

class All(nbflow.WrapperTask):
    def requires(self):
        return [Part(n=n) for n in range(6)]
"""

#: Fill the disk up to some blocks, run, and say what came of it.
RUN = """
import json, os, subprocess, sys
disk, project, free, *words = sys.argv[1:]
os.chdir(project)
with open("jobs.py", "w") as file:
    file.write(os.environ.pop("JOBS"))
open("nbflow.toml", "w").close()
ballast = os.open(os.path.join(disk, "ballast"), os.O_CREAT | os.O_WRONLY)
try:
    while True:
        os.write(ballast, bytes(4096))
except OSError:
    size = os.fstat(ballast).st_size // 4096 - int(free)
    os.ftruncate(ballast, size * 4096)
command = [sys.executable, "-m", "nbflow", *words]
done = subprocess.run(command, capture_output=True, text=True, timeout=100)
sizes = {e.name: e.stat().st_size for e in os.scandir("out")} if os.path.isdir("out") else {}
print(json.dumps([done.returncode, done.stdout, done.stderr, sizes]))
"""


@pytest.fixture
def run_on_full_disk(mount_disk, tmp_path, environment):
    """Run with some free blocks of 4 kB: code, standard output, errors, files by size."""
    disk, inside = mount_disk("-o size=1m")
    # What a store cannot keep is a warning, and shall not be an error here.
    quiet = {**environment, "PYTHONWARNINGS": "default", "PYTHONDONTWRITEBYTECODE": "1"}

    def run(*words, free, project, **variables):
        command = [*inside, sys.executable, "-c", RUN, str(disk), str(project), str(free)]
        done = subprocess.run(
            [*command, "run", "jobs.py", "All", *words],
            env={**quiet, "JOBS": JOBS, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    run.disk = disk
    return run


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["inline", "workers"])
@pytest.mark.parametrize("free", [0, 8, 20, 36])
def test_full_disk_under_the_store_stops_no_task(run_on_full_disk, tmp_path, free, workers):
    project = tmp_path / "project"
    project.mkdir()

    code, out, err, sizes = run_on_full_disk(
        *workers, free=free, project=project, NBFLOW_HOME=str(run_on_full_disk.disk / "home")
    )

    assert code == 0, err
    assert set(sizes.values()) == {20_000}
    assert "7 ran" in out
    assert err.count("Store: the history in") == 1
    assert "The run goes on" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["inline", "workers"])
@pytest.mark.parametrize("free", [2, 20])
def test_full_disk_under_the_outputs_fails_what_is_not_whole(
    run_on_full_disk, tmp_path, free, workers
):
    project = run_on_full_disk.disk

    code, out, err, sizes = run_on_full_disk(
        *workers, free=free, project=project, NBFLOW_HOME=str(tmp_path / "home")
    )

    assert code == 1, err
    assert set(sizes.values()) <= {20_000}
    assert f"{len(sizes)} ran · {6 - len(sizes)} failed · 1 not run" in out
    assert out.count("No space left on device") == min(6 - len(sizes), 5) > 0
    assert "Store:" not in err


def test_disk_that_is_full_from_the_start_under_everything(run_on_full_disk):
    code, out, err, sizes = run_on_full_disk(free=1, project=run_on_full_disk.disk)

    assert (code, sizes) == (1, {})
    assert "0 ran · 6 failed · 1 not run" in out
    assert err.count("Store: the log of the run") == 1
    assert "Traceback" not in err
