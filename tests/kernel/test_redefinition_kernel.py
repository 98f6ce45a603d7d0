"""A class defined again and again while a run of it goes on behind the notebook."""

from __future__ import annotations

import pytest
from magics_kernels import kernel

SETUP = """
%load_ext nbflow
import nbflow, gc, psutil, threading
go_on = threading.Event()
"""

DEFINITION = """
class Part(nbflow.Task):
    n: int = 0
    def output(self):
        return nbflow.MockTarget(f"part-{{self.n}}")
    def run(self):
        VERSION = {version}
        if not go_on.wait(300):
            raise TimeoutError("nobody said go on")
        with self.output().open("w") as file:
            file.write(str(VERSION))
"""

ABOVE = """
class Two(nbflow.WrapperTask):
    def requires(self):
        return [Part(n=1), Part(n=2)]
"""

MEMORY = "gc.collect(); psutil.Process().memory_info().rss"


@pytest.fixture
def running(tmp_path):
    (tmp_path / "nbflow.toml").touch()
    with kernel(tmp_path, NBFLOW_DISPLAY="live") as started:
        assert started.run(SETUP).errors == []
        yield started


def value(running, expression):
    return running.run(expression).results[0]["data"]["text/plain"]


def test_hundred_definitions_during_a_run_leave_one_class_and_little_memory(running):
    for version in range(1, 6):  # what the first definitions cost once is no growth
        assert running.run(DEFINITION.format(version=version) + ABOVE).errors == []
    assert running.run("run = %nbflow run Two --bg").errors == []
    before = int(value(running, MEMORY))

    for version in range(6, 106):
        assert running.run(DEFINITION.format(version=version)).errors == []

    grown = int(value(running, MEMORY)) - before
    running.run("go_on.set(); result = run.wait(60)")
    print(f"T-13 memory of 100 definitions: {grown / 1e6:.2f} MB")
    assert value(running, "nbflow.MockTarget('part-2').open().read()") == "'5'"
    assert running.run("r = %nbflow run Part n=3").errors == []
    assert value(running, "nbflow.MockTarget('part-3').open().read()") == "'105'"
    assert "Part" in value(running, "%nbflow tasks")
    assert grown < 5_000_000
