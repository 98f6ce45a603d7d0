"""Timelines of real runs, read back from the history."""

from __future__ import annotations

import itertools

import pytest

import nbflow
from nbflow.core.errors import BadFlagValueError, UnknownRunError
from nbflow.core.status import TaskState
from nbflow.session.handle import store_path
from nbflow.session.timelines import timeline_of
from nbflow.stores import history


class Leaf(nbflow.Task):
    n: int
    failures: int = nbflow.IntParameter(default=0, significant=False)
    tries = itertools.count()

    def output(self):
        return nbflow.LocalTarget(f"out/leaf-{self.n}.txt")

    def run(self):
        if next(type(self).tries) < self.failures:
            raise ValueError("not yet")
        with self.output().open("w") as file:
            file.write("leaf")


class Top(nbflow.Task):
    def requires(self):
        return [Leaf(n=1), Leaf(n=2)]

    def output(self):
        return nbflow.LocalTarget("out/top.txt")

    def run(self):
        with self.output().open("w") as file:
            file.write("top")


class Yielding(nbflow.Task):
    def output(self):
        return nbflow.LocalTarget("out/yielding.txt")

    def run(self):
        yield Leaf(n=3)
        with self.output().open("w") as file:
            file.write("yielding")


@pytest.fixture(autouse=True)
def in_project(project):
    """Every test has a project of its own."""
    Leaf.tries = itertools.count()


def rows():
    return {row.name: row for row in nbflow.timeline().timeline.rows}


def states(row):
    return [span.state for span in row.spans if span.is_work]


def test_tasks_come_by_their_first_start_and_after_what_they_require():
    result = nbflow.run(Top())
    view = nbflow.timeline()
    names = [row.name for row in view.timeline.rows]
    assert names == ["Leaf(n=1)", "Leaf(n=2)", "Top()"]
    assert view.timeline.run_id == result.run_id
    found = rows()
    assert found["Top()"].start >= found["Leaf(n=2)"].end
    assert found["Top()"].is_critical
    assert 0 < view.timeline.critical_seconds <= view.timeline.seconds


def test_every_attempt_is_a_span():
    nbflow.run(Leaf(n=1, failures=2), retry=3)
    (row,) = rows().values()
    assert states(row) == [TaskState.FAILED, TaskState.FAILED, TaskState.DONE]
    assert row.attempts == 3


def test_task_that_yields_is_suspended_meanwhile():
    nbflow.run(Yielding())
    found = rows()
    kinds = [span.state for span in found["Yielding()"].spans if span.seconds or span.is_work]
    assert kinds[-3:] == [TaskState.DONE, TaskState.SUSPENDED, TaskState.DONE]
    assert found["Leaf(n=3)"].parent == found["Yielding()"].task_id
    assert found["Leaf(n=3)"].is_critical


def test_complete_tasks_have_no_row():
    nbflow.run(Leaf(n=1))
    nbflow.run(Top())
    assert list(rows()) == ["Leaf(n=2)", "Top()"]


def test_failure_is_the_end_of_a_row():
    nbflow.build([Leaf(n=1, failures=9)])
    view = nbflow.timeline()
    assert states(view.timeline.rows[0]) == [TaskState.FAILED]
    assert view.timeline.outcome == "failed"


def test_any_run_can_be_named():
    first = nbflow.run(Leaf(n=1))
    nbflow.run(Leaf(n=2))
    assert nbflow.timeline(first.run_id[-6:]).timeline.title == "Leaf(n=1)"
    with pytest.raises(UnknownRunError, match="no run has the id"):
        nbflow.timeline("r-1999")


def test_before_the_first_run_there_is_none():
    with pytest.raises(UnknownRunError, match="nothing has run"):
        nbflow.timeline()


def test_stable_chart_is_the_same_after_every_run(monkeypatch):
    monkeypatch.setenv("NBFLOW_STABLE", "1")
    nbflow.run(Top())
    first = nbflow.timeline()
    nbflow.run(Top(), force="*")
    again = nbflow.timeline()
    assert again.timeline.run_id != first.timeline.run_id
    assert first._repr_html_() == again._repr_html_()
    assert repr(first) == repr(again)


@pytest.mark.parametrize(
    ("suffix", "begins"), [("svg", "<svg "), ("html", "<!doctype html>"), ("txt", "✓ Leaf(n=1)")]
)
def test_timeline_is_saved_in_the_format_of_the_suffix(project, suffix, begins):
    nbflow.run(Leaf(n=1))
    path = nbflow.timeline().save(f"run.{suffix}")
    assert path == str(project / f"run.{suffix}")
    assert (project / f"run.{suffix}").read_text().startswith(begins)


def test_unknown_suffix_is_refused(project):
    nbflow.run(Leaf(n=1))
    with pytest.raises(BadFlagValueError, match=r"Did you mean \.svg\?"):
        nbflow.timeline().save("run.svgz")
    with pytest.raises(BadFlagValueError, match=r"missing/run\.svg cannot be written"):
        nbflow.timeline().save("missing/run.svg")
    assert not (project / "run.svgz").exists()


def test_task_waits_while_its_worker_process_begins(project):
    nbflow.run(Leaf(n=1))
    path = store_path("")
    (run,) = history.read_runs(path)
    events = [
        event._replace(at=event.at - 5) if event.kind == "TaskStarted" else event
        for event in history.read_events(path, run.run_id)
    ]
    begun = run._replace(started=run.started - 6)

    (row,) = timeline_of(begun, history.read_task_runs(path, run.run_id), events).rows

    assert [span.state for span in row.spans] == [TaskState.WAITING, TaskState.DONE]
    assert row.worked < 1
