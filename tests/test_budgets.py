"""What a task may cost, in counts: questions, looks, commands, files, statements, calls.

Counts are the same on every machine; times are for `scripts/bench`.
"""

from __future__ import annotations

import concurrent.futures
import sqlite3
import sys
from collections import Counter
from typing import ClassVar

import pytest

import nbflow
from nbflow.core.model.target import Target
from nbflow.runtime.service import SchedulerService
from nbflow.stores.sqlite import SqliteRecorder


class Place(Target):
    """A target in memory that counts the looks at it."""

    there: ClassVar[set[str]] = set()
    looks: ClassVar[Counter[str]] = Counter()

    def __init__(self, name):
        self.name = name

    def exists(self):
        self.looks[self.name] += 1
        return self.name in self.there


class Counted(nbflow.Task):
    """One of some layers, each task on all of the layer below; counts what it is asked."""

    layer = nbflow.IntParameter()
    i = nbflow.IntParameter()
    asked: ClassVar[Counter[str]] = Counter()

    def requires(self):
        self.asked["requires"] += 1
        return [Counted(self.layer - 1, i) for i in range(3)] if self.layer else []

    def output(self):
        return Place(f"{self.layer}-{self.i}")

    def complete(self):
        self.asked["complete"] += 1
        return super().complete()

    def run(self):
        Place.there.add(self.output().name)


#: Tasks of a graph with three layers below its root.
TASKS = 10


class Leaf(nbflow.Task):
    """Writes a small file and says nothing."""

    run_number = nbflow.IntParameter()
    i = nbflow.IntParameter()

    def output(self):
        return nbflow.LocalTarget(f"out/{self.run_number}-{self.i}")

    def run(self):
        with self.output().open("w") as file:
            file.write("x")


class Root(nbflow.Task):
    """Requires some leaves."""

    run_number = nbflow.IntParameter()
    leaves = nbflow.IntParameter()

    def requires(self):
        return [Leaf(self.run_number, i) for i in range(self.leaves)]

    def output(self):
        return nbflow.LocalTarget(f"out/root-{self.run_number}-{self.leaves}")

    def run(self):
        with self.output().open("w") as file:
            file.write("x")


@pytest.fixture(autouse=True)
def _nothing_was_asked_yet(project):
    Place.there.clear()
    Place.looks.clear()
    Counted.asked.clear()


def test_a_plan_asks_each_task_once():
    nbflow.plan(Counted(3, 0))

    assert Counted.asked == {"complete": TASKS, "requires": TASKS}


def test_a_task_that_runs_is_asked_once_more_and_its_output_looked_at_once():
    assert nbflow.run(Counted(3, 0), store="memory:").ran == TASKS

    assert Counted.asked == {"complete": 2 * TASKS, "requires": TASKS}
    # For the two answers of complete(), and after run().
    assert set(Place.looks.values()) == {3}


def test_what_lies_below_a_complete_root_is_not_asked():
    Place.there.add("3-0")

    nbflow.run(Counted(3, 0), store="memory:")

    assert Counted.asked == {"complete": 1}


def test_a_task_that_runs_takes_three_commands(monkeypatch):
    commands = Counter()
    handle = SchedulerService.handle

    def counting(service, command):
        commands[type(command).__name__] += 1
        return handle(service, command)

    monkeypatch.setattr(SchedulerService, "handle", counting)
    nbflow.run(Root(0, 50), store="memory:")

    assert commands["AddTask"] == commands["FinishTask"] == 51
    assert commands["RequestTask"] == 52  # one more learns that there is nothing left
    assert sum(commands.values()) <= 3 * 51 + 6


@pytest.mark.parametrize("store", ["memory:", ""])
def test_silent_tasks_make_no_files_but_their_outputs(project, store):
    nbflow.run(Root(0, 1), store=store)
    before = {path for path in project.rglob("*") if path.is_file()}

    nbflow.run(Root(1, 40), store=store)

    new = {path for path in project.rglob("*") if path.is_file()} - before
    assert {path.parent.name for path in new} == {"out"}
    assert len(new) == 41


def test_tasks_that_run_here_make_no_futures(monkeypatch):
    def refuse(_):
        raise AssertionError("a future was made")

    monkeypatch.setattr(concurrent.futures.Future, "__init__", refuse)

    assert nbflow.run(Root(0, 20), store="memory:").ran == 21


def test_a_run_is_recorded_by_few_statements(project, monkeypatch):
    events = []
    nbflow.run(Root(0, 500), store="memory:", subscribers=[events.extend])
    statements = Counter()
    connect = sqlite3.connect

    def tracing(*args, **kwargs):
        connection = connect(*args, **kwargs)
        connection.set_trace_callback(lambda sql: statements.update([sql.split("(")[0].strip()]))
        return connection

    monkeypatch.setattr(sqlite3, "connect", tracing)
    recorder = SqliteRecorder(str(project / "history.db"))
    recorder(events)
    recorder.close()

    rows = {"tasks": 501, "task_runs": 501, "events": 3 * 501}
    for table, count in rows.items():
        # Hundreds of rows each, and some for what is left: not one a row.
        assert 1 <= statements[f"INSERT INTO {table}"] <= count / 64 + 15


def calls_a_task(run):
    """Python functions that a task takes in `run(tasks)`, without what a run takes."""

    def count(tasks):
        calls = 0

        def see(_frame, event, _argument):
            nonlocal calls
            calls += event == "call"

        before = sys.getprofile()
        sys.setprofile(see)
        try:
            run(tasks)
        finally:
            sys.setprofile(before)
        return calls

    run(2)  # what is done once
    return (count(300) - count(100)) / 200


def test_a_task_that_runs_takes_a_bounded_number_of_calls():
    numbers = iter(range(10))

    calls = calls_a_task(lambda tasks: nbflow.run(Root(next(numbers), tasks), store="memory:"))

    # 144 when this was written, of which 6 are those of the task itself.
    assert calls <= 165


def test_a_task_that_is_complete_takes_a_bounded_number_of_calls():
    numbers = iter(range(10, 20))

    def check(tasks):
        number = next(numbers)
        profile = sys.getprofile()
        sys.setprofile(None)
        for i in range(tasks):
            Leaf(number, i).run()
        sys.setprofile(profile)
        nbflow.run(Root(number, tasks), store="memory:")

    # 40 when this was written.
    assert calls_a_task(check) <= 55
