"""What an observation of a task means, by what is known already."""

from __future__ import annotations

import pytest

from nbflow.core.call import ErrorInfo, Interrupted
from nbflow.core.events import PlanFailed, RetryPolicy, TaskAdded
from nbflow.core.scheduler import commands as cmd
from nbflow.core.status import TaskStatus


def added(status):
    return cmd.Added(status=TaskStatus(status))


def test_saying_the_same_again_is_no_news(scheduler):
    scheduler.add("a")
    scheduler.add("b", ["a"])
    seen = len(scheduler.events)

    assert scheduler.add("b", ["a", "a"]) == added("PENDING")
    assert scheduler.add("b", None) == added("PENDING")
    assert len(scheduler.events) == seen


def test_requirements_may_be_named_before_they_are_added(scheduler):
    scheduler.add("top", ["middle"])
    scheduler.add("middle", ["leaf"])
    assert scheduler.ask() == cmd.NothingReady()
    scheduler.add("leaf")

    order = []
    while (task_id := scheduler.take()) is not None:
        order.append(task_id)
        scheduler.finish(task_id)

    assert order == ["leaf", "middle", "top"]


def test_new_requirements_replace_the_old_ones(scheduler):
    scheduler.add("old")
    scheduler.add("new")
    scheduler.add("top", ["old"])
    scheduler.add("top", ["new"])

    assert scheduler.take() == "old"
    assert scheduler.take() == "new"
    scheduler.finish("new")
    assert scheduler.take() == "top"


def test_a_requirement_that_nobody_added_is_gone_with_what_required_it(scheduler):
    scheduler.add("top", ["ghost"])
    scheduler.add("top", [])

    assert scheduler.status("ghost") is None


def test_an_error_in_planning_is_told_and_blocks_what_depends_on_it(scheduler):
    error = ErrorInfo(type="ZeroDivisionError", message="division by zero")
    scheduler.add("bad", status=TaskStatus.UNKNOWN, error=error)
    scheduler.add("top", ["bad"])
    scheduler.add("free")

    failed = [event for event in scheduler.events if isinstance(event, PlanFailed)]
    assert [event.error for event in failed] == [error]
    assert scheduler.take() == "free"
    assert scheduler.ask() == cmd.NothingReady(pending=0, running=1)


@pytest.mark.parametrize("status", ["RUNNING", "FAILED", "SUSPENDED", "BATCH_RUNNING"])
def test_a_status_that_only_the_scheduler_gives_is_refused(scheduler, status):
    assert scheduler.add("a", status=TaskStatus(status)).code == "wrong_status"


@pytest.fixture
def done(new_scheduler):
    """`a` was done by run `r`; the number of the event that said so is the last."""
    scheduler = new_scheduler(runs=("r", "s"))
    scheduler.add("a")
    scheduler.take()
    scheduler.finish("a")
    return scheduler


def test_incomplete_as_seen_before_it_was_done_is_stale(done):
    seen_before = done.state.next_seq - 2

    assert done.add("a", run="s", as_of=seen_before) == added("DONE")
    assert done.events[-1].status is TaskStatus.DONE  # it is part of run s now
    assert isinstance(done.events[-1], TaskAdded)


def test_incomplete_as_seen_after_it_was_done_holds(done):
    last = done.state.next_seq - 1

    assert done.add("a", run="s", as_of=last) == added("PENDING")
    assert done.take(run="s") == "a"


def test_an_error_seen_before_it_was_done_is_stale(done):
    assert done.add("a", status=TaskStatus.UNKNOWN) == added("DONE")


@pytest.mark.parametrize(("run", "status"), [("r", "DONE"), ("s", "PENDING")])
def test_a_task_without_output_is_done_for_the_run_that_ran_it(new_scheduler, run, status):
    scheduler = new_scheduler(runs=("r", "s"))
    scheduler.add("a", has_output=False)
    scheduler.take()
    scheduler.finish("a")

    reply = scheduler.add("a", run=run, has_output=False, as_of=scheduler.state.next_seq)

    assert reply == added(status)


def test_a_failed_task_that_is_added_again_may_run_again(scheduler):
    scheduler.add("a")
    scheduler.take()
    scheduler.fail("a")

    assert scheduler.add("a") == added("PENDING")
    assert scheduler.take() == "a"


def test_a_retry_that_waits_is_due_at_once_when_the_task_is_added_again(scheduler):
    retry = RetryPolicy(retry_delay=100.0)
    scheduler.add("a", retry=retry)
    scheduler.take()
    scheduler.fail("a")

    scheduler.add("a", retry=retry)

    assert scheduler.take() == "a"


def test_a_task_found_complete_needs_no_run(scheduler):
    scheduler.add("a")
    scheduler.add("top", ["a"])
    scheduler.add("a", status=TaskStatus.DONE)

    assert scheduler.take() == "top"


def test_a_suspended_task_that_is_planned_again_keeps_what_it_waits_for(scheduler):
    scheduler.add("a")
    scheduler.add("later")
    scheduler.add("other")
    call = scheduler.ask().call
    scheduler.handle(
        cmd.SuspendTask(
            run_id="r",
            worker_id="w",
            task_id="a",
            attempt=1,
            token=call.token,
            new_deps=("later",),
        )
    )

    assert scheduler.add("a", ["other"]) == added("SUSPENDED")
    assert [dep.task_id for dep in scheduler.state.tasks["a"].deps] == ["later", "other"]


def test_an_interrupted_task_that_is_added_again_may_run_again(scheduler):
    scheduler.add("a")
    scheduler.take()
    scheduler.finish("a", Interrupted())
    assert scheduler.take() is None

    scheduler.add("a")

    assert scheduler.take() == "a"


def test_what_one_run_cannot_run_another_one_may(new_scheduler):
    scheduler = new_scheduler(runs=("r", "s"))
    scheduler.add("a", runnable=False)
    scheduler.add("top", ["a"])
    assert scheduler.ask() == cmd.NothingReady()

    scheduler.add("a", run="s")

    assert scheduler.ask() == cmd.NothingReady(pending=2)
    assert scheduler.take(run="s") == "a"
    scheduler.finish("a", run="s")
    assert scheduler.take() == "top"


def test_a_run_gets_no_task_that_only_others_added(new_scheduler):
    scheduler = new_scheduler(runs=("r", "s"))
    scheduler.add("a", run="s")

    assert scheduler.ask() == cmd.NothingReady()


def test_the_schedulers_retry_policy_fills_the_gaps_of_a_tasks_own(new_scheduler):
    scheduler = new_scheduler(retry=RetryPolicy(retry_delay=5.0, retry_count=9))
    scheduler.add("a", retry=RetryPolicy(retry_count=2))
    scheduler.add("b")

    tasks = scheduler.state.tasks
    assert tasks["a"].retry == RetryPolicy(retry_count=2, retry_delay=5.0)
    assert tasks["b"].retry == RetryPolicy(retry_count=9, retry_delay=5.0)
