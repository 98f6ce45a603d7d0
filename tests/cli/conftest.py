"""The command in a process of its own, in a project with a module, a notebook and a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: As the installed script: the working directory is not on the path by itself.
COMMAND = (sys.executable, "-P", "-m", "nbflow")

JOBS = '''\
"""Tasks of the tests."""

from __future__ import annotations

import datetime as dt
import os
import time

import nbflow


class Raw(nbflow.Task):
    """Raw sales of a day."""

    date: dt.date
    scale: int = 1

    def output(self):
        return nbflow.LocalTarget(f"data/raw-{self.date}-{self.scale}.txt")

    def run(self):
        with self.output().open("w") as file:
            file.write("1")


class Report(nbflow.Task):
    """Report of a day."""

    date: dt.date = nbflow.DateParameter(description="day to report")
    base: str = nbflow.ChoiceParameter(choices=["EUR", "USD"], default="EUR")
    token: str = nbflow.Parameter(
        default="none", visibility=nbflow.ParameterVisibility.PRIVATE, significant=False
    )

    def requires(self):
        return Raw(date=self.date)

    def output(self):
        return nbflow.LocalTarget(f"data/report-{self.date}-{self.base}.txt")

    def run(self):
        print("made in", os.path.basename(os.getcwd()))
        with self.output().open("w") as file:
            file.write("2")


class Failing(nbflow.Task):
    def requires(self):
        return Raw(date=dt.date(2026, 1, 1))

    def output(self):
        return nbflow.LocalTarget("data/failing.txt")

    def run(self):
        return {}["amount"]


class Input(nbflow.ExternalTask):
    def output(self):
        return nbflow.LocalTarget("data/input.txt")


class NeedsInput(nbflow.Task):
    def requires(self):
        return Input()

    def output(self):
        return nbflow.LocalTarget("data/needs-input.txt")


class Circle(nbflow.Task):
    def requires(self):
        return Circle()


class Endless(nbflow.Task):
    def output(self):
        return nbflow.LocalTarget("data/endless.txt")

    def run(self):
        with open("started", "w"):
            pass
        while True:
            time.sleep(0.01)
'''

NOTEBOOK_TASK = '''\
import datetime as dt
import nbflow

class CellReport(nbflow.Task):
    """Report of a notebook."""

    date: dt.date

    def output(self):
        return nbflow.LocalTarget(f"cell-{self.date}.txt")

    def run(self):
        with self.output().open("w") as file:
            file.write("3")
'''


@pytest.fixture
def jobs(project: Path) -> Path:
    """A project with `jobs.py` and `notes/cells.ipynb`."""
    (project / "jobs.py").write_text(JOBS)
    (project / "notes").mkdir()
    cell = {
        "cell_type": "code",
        "id": "a1",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
        "source": NOTEBOOK_TASK,
    }
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (project / "notes" / "cells.ipynb").write_text(json.dumps(notebook))
    return project


@pytest.fixture
def environment() -> dict[str, str]:
    """The process's environment without what changes how nbflow speaks."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NBFLOW_", "PYTEST_"))}
    return {**kept, "PYTHONUTF8": "1", "PYTHONWARNINGS": "error"}


@pytest.fixture
def nbflow(
    jobs: Path, environment: dict[str, str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command to its end, in the project."""

    def run(*words: str, cwd: Path = jobs, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words],
            cwd=cwd,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def start_nbflow(jobs: Path, environment: dict[str, str]) -> Callable[..., subprocess.Popen[str]]:
    """Start the command in the project; ended with the test at the latest."""
    processes = []

    def start(*words: str, **options) -> subprocess.Popen[str]:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        process = subprocess.Popen(
            [*COMMAND, *words],
            cwd=jobs,
            env=environment,
            text=True,
            **options,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()
