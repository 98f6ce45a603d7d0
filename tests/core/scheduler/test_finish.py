"""How each way in which an execution ends is taken."""

from __future__ import annotations

import pytest

from nbflow.core.call import Busy, Done, ErrorInfo, FileRecord, FoundComplete, Missing
from nbflow.core.events import TaskFailed, TaskFoundComplete, TaskRequeued, TaskSucceeded
from nbflow.core.scheduler import commands as cmd
from nbflow.core.status import TaskStatus

ERROR = ErrorInfo(type="UnfulfilledDependencies", message="gone")


def suspend(scheduler, call, *new_deps, worker="w"):
    return scheduler.handle(
        cmd.SuspendTask(
            run_id=call.run_id,
            worker_id=worker,
            task_id=call.task_id,
            attempt=call.attempt,
            token=call.token,
            new_deps=new_deps,
        )
    )


def test_a_done_task_says_what_it_made_and_frees_its_dependents(scheduler):
    scheduler.add("a")
    scheduler.add("b", ["a"])
    scheduler.take()
    outputs = (FileRecord("out.txt", 3, 1.0),)

    scheduler.finish("a", Done(2.5, outputs=outputs, note="complete() still says no"))

    event = scheduler.events[-1]
    assert isinstance(event, TaskSucceeded)
    assert (event.attempt, event.seconds, event.outputs) == (1, 2.5, outputs)
    assert event.note == "complete() still says no"
    assert scheduler.take() == "b"


def test_a_task_that_somebody_else_did_counts_as_found_complete(scheduler):
    scheduler.add("a")
    scheduler.take()

    scheduler.finish("a", FoundComplete("by process 7"))

    assert isinstance(scheduler.events[-1], TaskFoundComplete)
    assert scheduler.status("a") == "DONE"


def test_a_failure_without_a_policy_is_final_and_blocks(scheduler):
    scheduler.add("a")
    scheduler.add("b", ["a"])
    scheduler.add("c", ["b"])
    scheduler.take()

    scheduler.fail("a")

    assert isinstance(scheduler.events[-1], TaskFailed)
    assert scheduler.events[-1].retry_at is None
    assert scheduler.ask() == cmd.NothingReady()


def test_a_busy_task_waits_longer_each_time_and_keeps_its_attempt(scheduler):
    scheduler.add("a")
    waits = []
    for _ in range(7):
        call = scheduler.ask().call
        assert call.attempt == 1
        scheduler.finish("a", Busy(pid=7))
        wake_at = scheduler.ask().wake_at
        waits.append(round(wake_at - scheduler.now, 6))
        scheduler.now = wake_at

    assert waits == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    reasons = {e.reason for e in scheduler.events if isinstance(e, TaskRequeued)}
    assert reasons == {"process 7 is running it"}


def test_other_tasks_go_on_while_one_is_busy(scheduler):
    scheduler.add("a", priority=5)
    scheduler.add("b")
    scheduler.take()
    scheduler.finish("a", Busy(pid=7))

    assert scheduler.take() == "b"
    scheduler.finish("b")
    assert scheduler.ask() == cmd.NothingReady(pending=1, wake_at=0.05)


def test_a_busy_task_that_another_worker_tries_begins_another_attempt(scheduler):
    scheduler.add("a")
    scheduler.take()
    scheduler.finish("a", Busy(pid=7))
    scheduler.now = 1.0

    assert scheduler.ask("v").call.attempt == 2


@pytest.fixture
def two_done(scheduler):
    """`b` runs; its requirements `a` and `x` were done before."""
    scheduler.add("a")
    scheduler.add("x")
    scheduler.add("b", ["a", "x"])
    for task_id in ("a", "x"):
        scheduler.take()
        scheduler.finish(task_id)
    assert scheduler.take() == "b"
    return scheduler


def test_missing_requirements_run_again_before_the_task(two_done):
    two_done.finish("b", Missing(("a",), ERROR))

    order = []
    while (task_id := two_done.take()) is not None:
        order.append((task_id, two_done.state.tasks[task_id].attempt))
        two_done.finish(task_id)

    assert order == [("a", 2), ("b", 1)]


def test_requirements_that_stay_missing_are_a_failure(two_done):
    two_done.finish("b", Missing(("a",), ERROR))
    two_done.take()
    two_done.finish("a")
    two_done.take()

    two_done.finish("b", Missing(("a",), ERROR))

    assert two_done.status("b") == "FAILED"
    assert two_done.events[-1].error == ERROR
    assert two_done.status("a") == "DONE"


def test_a_missing_external_requirement_blocks(scheduler):
    scheduler.add("input", status=TaskStatus.DONE, runnable=False)
    scheduler.add("b", ["input"])
    scheduler.take()

    scheduler.finish("b", Missing(("input",), ERROR))

    assert scheduler.status("input") == "PENDING"
    assert scheduler.ask() == cmd.NothingReady()


@pytest.mark.parametrize("missing", ["nobody", "undone"])
def test_missing_requirements_that_nothing_can_bring_back_are_a_failure(two_done, missing):
    two_done.add("undone", runnable=False)

    two_done.finish("b", Missing((missing,), ERROR))

    assert two_done.status("b") == "FAILED"


def test_a_requirement_done_since_the_task_started_is_not_put_back(two_done):
    two_done.add("a", as_of=two_done.state.next_seq)  # seen to be gone
    two_done.take()
    two_done.finish("a")

    two_done.finish("b", Missing(("a",), ERROR))

    assert two_done.status("a") == "DONE"


# -- suspension -------------------------------------------------------------------------------


def test_a_suspended_task_goes_on_when_what_it_yielded_is_done(scheduler):
    scheduler.add("a")
    first = scheduler.ask().call
    scheduler.add("dynamic")

    suspend(scheduler, first, "dynamic")

    assert scheduler.status("a") == "SUSPENDED"
    assert scheduler.take() == "dynamic"
    assert scheduler.ask() == cmd.NothingReady(pending=1, running=1)
    scheduler.finish("dynamic")
    second = scheduler.ask().call
    assert (second.task_id, second.attempt) == ("a", first.attempt)
    assert second.token > first.token


def test_a_task_that_yields_what_is_done_is_pending_at_once(scheduler):
    scheduler.add("dynamic", status=TaskStatus.DONE)
    scheduler.add("a")
    call = scheduler.ask().call

    suspend(scheduler, call, "dynamic")

    assert scheduler.take() == "a"


def test_another_worker_goes_on_with_another_attempt(scheduler):
    scheduler.add("a")
    suspend(scheduler, scheduler.ask().call)

    assert scheduler.ask("v").call.attempt == 2


def test_a_suspended_task_gives_back_its_resources(scheduler):
    scheduler.add("a", resources={"r": 1})
    scheduler.add("b", resources={"r": 1})
    call = scheduler.ask().call
    scheduler.add("dynamic")

    suspend(scheduler, call, "dynamic")

    assert [scheduler.take(), scheduler.take()] == ["b", "dynamic"]


def test_a_suspended_task_is_blocked_by_a_failed_yield(scheduler):
    scheduler.add("a")
    call = scheduler.ask().call
    scheduler.add("dynamic")
    suspend(scheduler, call, "dynamic")
    scheduler.take()
    scheduler.fail("dynamic")

    assert scheduler.ask() == cmd.NothingReady()


def test_yielded_requirements_are_as_urgent_as_the_task(scheduler):
    scheduler.add("a", priority=9)
    call = scheduler.ask().call
    scheduler.add("other", priority=5)
    scheduler.add("dynamic")

    suspend(scheduler, call, "dynamic")

    assert scheduler.take() == "dynamic"


# -- resources --------------------------------------------------------------------------------


def test_resources_that_are_given_back_are_not_given_back_twice(scheduler):
    scheduler.handle(cmd.SetResources(totals={"r": 3}))
    scheduler.add("a", resources={"r": 3})
    token = scheduler.ask().call.token
    used = scheduler.state.resources["r"]

    scheduler.handle(cmd.DecreaseResources(task_id="a", token=token, amounts={"r": 2, "x": 1}))
    assert used.used == 1
    scheduler.handle(cmd.DecreaseResources(task_id="a", token=token, amounts={"r": -5}))
    assert used.used == 1
    scheduler.handle(cmd.DecreaseResources(task_id="a", token=token, amounts={"r": 7}))
    assert used.used == 0
    scheduler.finish("a")
    assert used.used == 0
