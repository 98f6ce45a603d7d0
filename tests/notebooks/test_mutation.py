"""nbval would notice: a notebook with one line of a task's `run()` changed does not pass."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

import pytest


class Mutation(NamedTuple):
    """A line of a `run()`, and where it shows that the line has changed."""

    line: str
    #: What the line becomes so that a number is wrong.
    wrong: str
    #: The first cell that runs the task, and the task as its error names it.
    cell: str
    task: str


MUTATIONS = {
    "01_first_task": Mutation(
        line='cancelled = int(flights["dep_time"].isna().sum())',
        wrong='cancelled = int(flights["arr_time"].isna().sum())',
        cell="%nbflow run DailyReport date=2013-01-15",
        task="DailyReport(date=2013-01-15)",
    ),
    "02_parameters_and_dates": Mutation(
        line='delays = flights.loc[flights["carrier"] == self.carrier, "dep_delay"].dropna()',
        wrong='delays = flights.loc[flights["carrier"] == self.carrier, "dep_delay"]',
        cell="%nbflow run Delays date=2013-01-15 carrier=B6",
        task="Delays(date=2013-01-15, carrier=B6, late_after=15)",
    ),
    "03_the_graph": Mutation(
        line='wet = rows["precip"] > 0',
        wrong='wet = rows["precip"] > 0.05',
        cell="%nbflow run Rain month=2013-06",
        task="Rain(month=2013-06)",
    ),
    "04_failures_and_reruns": Mutation(
        line="names = Server.fetch()",
        wrong='names = dict.fromkeys(Server.fetch(), "")',
        cell="%nbflow run Airlines --retry 3",
        task="Airlines()",
    ),
    "05_dynamic_dependencies": Mutation(
        line="ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))",
        wrong="ordered = sorted(counts.items())",
        cell="%nbflow run Worst date=2013-03-08",
        task="Cancellations(date=2013-03-08)",
    ),
    "06_a_years_backfill": Mutation(
        line="data.flights_in(self.month)[columns].to_parquet(path)",
        wrong="data.flights_in(self.month)[columns].iloc[1:].to_parquet(path)",
        cell="%nbflow run Month month=2013-02",
        task="MonthTable(month=2013-02)",
    ),
    "07_a_delay_model_over_a_grid": Mutation(
        line='guess = judge["dep_delay"] - learn["dep_delay"].mean()',
        wrong='guess = judge["dep_delay"] - judge["dep_delay"].mean()',
        cell="%nbflow run delays.Fit airport=JFK features=hour",
        task="delays.Fit(airport=JFK, features=hour, learn=2013-06, judge=2013-07)",
    ),
    "08_dashboard": Mutation(
        line="late = round(100 * float((here > self.late_after).mean()), 1)",
        wrong="late = round(100 * float((here >= self.late_after).mean()), 1)",
        cell="%nbflow run Quarter quarter=1",
        task="Delays(month=2013-01, airport=JFK, late_after=15)",
    ),
    "09_from_notebook_to_command_line": Mutation(
        line="json.dump(sorted(shares, key=shares.get), file)",
        wrong="json.dump(sorted(shares), file)",
        cell="%nbflow run Ranking date=2013-01-15",
        task='Ranking(date=2013-01-15, carriers=["AA", "B6", "DL", "EV", "UA"])',
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


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_wrong_number_fails_a_cell(name, copied, nbval):
    notebook = copied(name)
    mutation = MUTATIONS[name]
    change(notebook, mutation.line, mutation.wrong)

    done = nbval(notebook)

    assert done.returncode == 1, done.stdout
    assert failed_cells(done)
    assert "AssertionError" in done.stdout


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_task_that_raises_fails_the_cell_that_runs_it(name, copied, nbval):
    notebook = copied(name)
    mutation = MUTATIONS[name]
    change(notebook, mutation.line, "raise ValueError('broken on purpose')")

    done = nbval(notebook)

    run = cell_of(json.loads(notebook.read_text()), mutation.cell)
    assert done.returncode == 1, done.stdout
    assert failed_cells(done)[0] == run
    assert re.search(rf"RunFailed: \d+ tasks? failed: {re.escape(mutation.task)}", done.stdout)
