"""`nbflow run x.ipynb TASK --workers 4`: definitions only, in four processes, and errors by cell."""

from __future__ import annotations

import json

import pytest

CELLS = [
    "%load_ext nbflow\nimport os\nimport nbflow\nimport datetime as dt",
    "FACTOR = 3\ndef double(n):\n    return 2 * n",
    "open('side-effect', 'w').close()\nprint('must not be printed')",
    """class Part(nbflow.Task):
    n: int

    def output(self):
        return nbflow.LocalTarget(f"out/part-{self.n}.txt")

    def run(self):
        with self.output().open("w") as file:
            file.write(f"{os.getpid()} {FACTOR * double(self.n)}")


class Whole(nbflow.WrapperTask):
    def requires(self):
        return [Part(n=n) for n in range(12)]""",
    """class Failing(nbflow.Task):
    def requires(self):
        return Part(n=1)

    def run(self):
        empty = {}
        empty["amount"]""",
    "%nbflow run Whole",
]


@pytest.fixture
def book(jobs):
    """A notebook beside the others, with work between its definitions."""
    cells = [
        {
            "cell_type": "code",
            "id": f"cell{number}",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": source,
        }
        for number, source in enumerate(CELLS)
    ]
    path = jobs / "book.ipynb"
    path.write_text(
        json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    return jobs


def test_tasks_of_a_notebook_run_in_processes_and_its_work_does_not(nbflow, book):
    done = nbflow("run", "book.ipynb", "Whole", "--workers", "4", "--json")

    written = [(book / f"out/part-{n}.txt").read_text().split() for n in range(12)]
    print(f"T-16 {len({pid for pid, _ in written})} worker processes for {len(written)} tasks")
    assert done.returncode == 0, done.stderr
    assert [int(value) for _, value in written] == [6 * n for n in range(12)]
    assert len({pid for pid, _ in written}) >= 2
    assert "must not be printed" not in done.stdout + done.stderr
    assert not (book / "side-effect").exists()


def test_failure_in_a_process_names_cell_and_line(nbflow, book):
    done = nbflow("run", "book.ipynb", "Failing", "--workers", "4")

    told = done.stdout + done.stderr
    assert done.returncode == 1
    assert "KeyError: 'amount'" in told
    assert "cell 5" in told
    assert "line 7" in told
