"""A command's values for upstream tasks hold wherever tasks are made during its run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import nbflow
from nbflow.core.model import defaults

if TYPE_CHECKING:
    from pathlib import Path


class Upstream(nbflow.Task):
    size: int = 1

    def output(self):
        return nbflow.LocalTarget(f"upstream-{self.size}.txt")

    def run(self):
        with self.output().open("w") as file:
            file.write(str(self.size))


class Downstream(nbflow.Task):
    """Makes its requirement anew in `run`, by `input()`."""

    def requires(self):
        return Upstream()

    def output(self):
        return nbflow.LocalTarget("downstream.txt")

    def run(self):
        with self.input().open() as source, self.output().open("w") as file:
            file.write(f"{source.read()} {Upstream().size}")


@pytest.mark.parametrize("executor", ["inline", "thread", "process"])
@pytest.mark.parametrize("background", [False, True])
def test_value_of_the_command_reaches_tasks_that_are_made_in_run(
    project: Path, executor: str, background: bool
) -> None:
    with defaults.override({"Upstream": {"size": "7"}}):
        run = nbflow.start(Downstream(), executor=executor, workers=1, background=background)
        if not background:
            run.result()
    result = run.result(60)

    assert result
    assert (project / "downstream.txt").read_text() == "7 7"
    assert not (project / "upstream-1.txt").exists()
