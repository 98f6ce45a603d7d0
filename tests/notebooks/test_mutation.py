"""nbval would notice: a notebook with one line of a task's `run()` changed does not pass."""

from __future__ import annotations

import json
import re

import pytest

#: Notebook: the line, and what it becomes so that a number is wrong.
WRONG = {
    "01_first_task": (
        'cancelled = int(flights["dep_time"].isna().sum())',
        'cancelled = int(flights["arr_time"].isna().sum())',
    ),
}


def cell_of(notebook, line):
    """The position, among the code cells as nbval counts them, of the first that has `line`."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return next(index for index, cell in enumerate(cells) if line in "".join(cell["source"]))


def change(path, line, replacement):
    """Replace `line`, which must stand in the notebook once."""
    notebook = json.loads(path.read_text())
    changed = 0
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        changed += source.count(line)
        cell["source"] = source.replace(line, replacement)
    assert changed == 1
    path.write_text(json.dumps(notebook))


def failed_cells(done):
    return [int(number) for number in re.findall(r"::Cell (\d+) FAILED", done.stdout)]


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_number_fails_a_cell(name, copied, nbval):
    notebook = copied(name)
    line, wrong = WRONG[name]
    change(notebook, line, wrong)

    done = nbval(notebook)

    assert done.returncode == 1, done.stdout
    assert failed_cells(done)
    assert "AssertionError" in done.stdout


@pytest.mark.parametrize("name", WRONG)
def test_a_task_that_raises_fails_the_cell_that_runs_it(name, copied, nbval):
    notebook = copied(name)
    line, _ = WRONG[name]
    change(notebook, line, "raise ValueError('broken on purpose')")

    done = nbval(notebook)

    run = cell_of(json.loads(notebook.read_text()), "%nbflow run DailyReport date=2013-01-15")
    assert done.returncode == 1, done.stdout
    assert failed_cells(done)[0] == run
    assert "RunFailed: 1 task failed: DailyReport(date=2013-01-15)" in done.stdout
