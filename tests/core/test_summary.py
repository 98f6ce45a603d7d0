"""What people are told of a run, folded from its events."""

from __future__ import annotations

from itertools import count

import pytest

from nbflow.core import events as e
from nbflow.core.call import ErrorInfo
from nbflow.core.status import RunStatus, TaskState, TaskStatus
from nbflow.core.summary import RunSummary

ERROR = ErrorInfo(type="KeyError", message="'amount'")


class Story:
    """Events with rising numbers and times, told one after another."""

    def __init__(self) -> None:
        self.seq = count(1)
        self.summary = RunSummary()

    def tell(self, kind, **fields):
        number = next(self.seq)
        self.summary.apply(kind(seq=number, at=100.0 + number, run_id="r", **fields))

    def start(self, *roots):
        self.tell(e.RunStarted, info=e.RunInfo(roots=roots))

    def add(self, task_id, *deps, **fields):
        record = e.TaskRecord(task_id=task_id, family=task_id)
        self.tell(e.TaskAdded, task=record, deps=deps, **fields)

    def run(self, task_id, attempt=1):
        self.tell(e.TaskStarted, task_id=task_id, worker_id="w", attempt=attempt, token=1)

    def state(self, task_id):
        return self.summary.tasks[task_id].state

    def end(self, status, code=0):
        self.tell(e.RunFinished, status=status, exit_code=code)


@pytest.fixture
def story():
    return Story()


def test_a_run_that_succeeds(story):
    story.start("b")
    story.add("a", status=TaskStatus.DONE)
    story.add("b", "a")
    story.run("b")
    story.tell(e.TaskSucceeded, task_id="b", seconds=2.5)
    story.end(RunStatus.SUCCEEDED)

    summary = story.summary
    assert (summary.ran, summary.complete, summary.failed, summary.not_run) == (1, 1, 0, 0)
    assert summary.tasks["b"].seconds == 2.5
    assert summary.status is RunStatus.SUCCEEDED
    assert summary.started == 101.0


def test_what_depends_on_a_failed_task_is_told_as_such(story):
    story.start("c")
    for task_id, deps in (("a", ()), ("b", ("a",)), ("c", ("b",)), ("d", ())):
        story.add(task_id, *deps)
    story.run("a")
    story.tell(e.TaskFailed, task_id="a", error=ERROR)
    story.end(RunStatus.FAILED, 1)

    assert story.state("b") is story.state("c") is TaskState.UPSTREAM_FAILED
    assert story.state("d") is TaskState.PENDING
    assert story.summary.tasks["a"].error is ERROR


def test_a_missing_external_input_is_neither_failed_nor_pending(story):
    story.start("b")
    story.add("a", runnable=False)
    story.add("b", "a")
    story.end(RunStatus.FAILED, 3)

    assert story.state("a") is TaskState.MISSING
    assert story.state("b") is TaskState.UPSTREAM_FAILED


def test_an_error_while_planning_is_kept_with_its_task(story):
    story.start("a")
    story.add("a", status=TaskStatus.UNKNOWN)
    story.tell(e.PlanFailed, task_id="a", error=ERROR)

    assert story.state("a") is TaskState.UNPLANNED
    assert story.summary.tasks["a"].error is ERROR


def test_a_retry_that_succeeds_leaves_no_failure(story):
    story.start("a")
    story.add("a")
    story.run("a")
    story.tell(e.TaskFailed, task_id="a", error=ERROR, retry_at=200.0)
    assert story.summary.failed == 1

    story.tell(e.TaskRequeued, task_id="a", reason="retry")
    story.run("a", attempt=2)
    story.tell(e.TaskSucceeded, task_id="a", attempt=2)

    assert (story.summary.failed, story.summary.ran) == (0, 1)
    assert story.summary.tasks["a"].error is None
    assert story.summary.tasks["a"].attempt == 2


def test_a_suspended_task_gets_the_requirements_that_it_yielded(story):
    story.start("a")
    story.add("a", "x")
    story.run("a")
    story.add("y")
    story.tell(e.TaskSuspended, task_id="a", new_deps=("y",))

    assert story.state("a") is TaskState.SUSPENDED
    assert story.summary.tasks["a"].deps == ("x", "y")


def test_a_task_held_elsewhere_waits_and_may_be_found_complete(story):
    story.start("a")
    story.add("a")
    story.run("a")
    story.tell(e.TaskRequeued, task_id="a", reason="held by process 7", not_before=150.0)
    assert story.state("a") is TaskState.WAITING
    assert story.summary.tasks["a"].reason == "held by process 7"

    story.run("a")
    story.tell(e.TaskFoundComplete, task_id="a")
    assert (story.summary.complete, story.summary.ran) == (1, 0)


def test_progress_keeps_what_is_not_said_anew(story):
    story.start("a")
    story.add("a")
    story.run("a")
    story.tell(e.TaskProgressed, task_id="a", fraction=0.5, message="half")
    story.tell(e.TaskProgressed, task_id="a", fraction=0.75)

    task = story.summary.tasks["a"]
    assert (task.fraction, task.message) == (0.75, "half")


def test_a_task_that_waits_behind_another_is_pending_until_it_is_told_to_run(story):
    story.start("a")
    story.add("a")
    story.tell(e.TaskStarted, task_id="a", worker_id="w", attempt=1, token=1, ahead=True)
    task = story.summary.tasks["a"]
    assert task.state is TaskState.PENDING

    story.tell(e.TaskProgressed, task_id="a")

    assert (task.state, task.started) == (TaskState.RUNNING, 104.0)


def test_an_interrupted_run_cancels_what_was_not_finished(story):
    story.start("b")
    story.add("a")
    story.add("b", "a")
    story.run("a")
    story.end(RunStatus.INTERRUPTED, 130)

    assert story.state("a") is story.state("b") is TaskState.CANCELLED


def test_a_failed_task_may_be_disabled_without_changing_how_it_is_told(story):
    story.start("a")
    story.add("a")
    story.run("a")
    story.tell(e.TaskFailed, task_id="a", error=ERROR)
    story.tell(e.TaskDisabled, task_id="a", failures=3)
    assert story.state("a") is TaskState.FAILED

    story.add("b")
    story.tell(e.TaskDisabled, task_id="b")
    assert story.state("b") is TaskState.DISABLED


def test_counts_always_sum_to_the_number_of_tasks(story):
    story.start("c")
    for task_id, deps in (("a", ()), ("b", ("a",)), ("c", ("b",))):
        story.add(task_id, *deps)
    story.run("a")
    story.tell(e.TaskFailed, task_id="a", error=ERROR)
    story.end(RunStatus.FAILED, 1)

    assert sum(story.summary.counts.values()) == story.summary.total == 3
    assert story.summary.graph().counts() == {
        TaskState.FAILED: 1,
        TaskState.UPSTREAM_FAILED: 2,
    }


def test_a_description_shows_what_is_significant_and_stays_short():
    record = e.TaskRecord(
        task_id="x",
        family="F",
        params='{"a":"1","b":"' + "y" * 500 + '","c":"hidden"}',
        unshown=("c",),
    )

    assert record.describe() == "F(a=1, b=" + "y" * 59 + "…)"
    assert e.TaskRecord(task_id="x", family="F").describe() == "F()"
