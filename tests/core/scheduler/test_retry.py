"""Retries, disabling, and what happens as time passes."""

from __future__ import annotations

import pytest

from nbflow.core.call import Busy
from nbflow.core.events import RetryPolicy, RunFinished, TaskDisabled, TaskFailed, WorkerLost
from nbflow.core.scheduler import commands as cmd
from nbflow.core.status import RunStatus, TaskStatus


def fail_at(scheduler, now, task_id="a"):
    scheduler.now = now
    assert scheduler.take() == task_id
    scheduler.fail(task_id)


def test_a_failed_task_that_is_marked_done_is_not_retried(scheduler):
    scheduler.add("a", retry=RetryPolicy(retry_delay=10.0))
    fail_at(scheduler, 0.0)

    scheduler.handle(cmd.MarkDone(task_id="a"))

    assert scheduler.ask() == cmd.NothingReady()


def test_a_failed_task_is_retried_after_its_delay(scheduler):
    scheduler.add("a", retry=RetryPolicy(retry_delay=10.0))
    scheduler.add("b", ["a"])
    fail_at(scheduler, 0.0)

    assert scheduler.ask() == cmd.NothingReady(pending=2, wake_at=10.0)
    scheduler.now = 9.9
    assert scheduler.take() is None
    scheduler.now = 10.0
    assert scheduler.ask().call.attempt == 2


@pytest.mark.parametrize("delay", [None, -1.0])
def test_without_a_delay_there_is_no_retry(scheduler, delay):
    scheduler.add("a", retry=RetryPolicy(retry_delay=delay))
    fail_at(scheduler, 0.0)

    assert scheduler.ask() == cmd.NothingReady()


def test_without_a_count_a_task_is_never_disabled(scheduler):
    scheduler.add("a", retry=RetryPolicy(retry_delay=0.0))
    for i in range(20):
        fail_at(scheduler, float(i))

    assert scheduler.status("a") == "FAILED"
    assert scheduler.state.tasks["a"].attempt == 20


def test_as_many_failures_as_the_count_disable(scheduler):
    scheduler.add("a", retry=RetryPolicy(retry_delay=0.0, retry_count=3))
    for i in range(3):
        fail_at(scheduler, float(i))

    failed, disabled = scheduler.events[-2:]
    assert isinstance(failed, TaskFailed)
    assert failed.retry_at is None
    assert isinstance(disabled, TaskDisabled)
    assert (disabled.failures, disabled.until) == (3, 2.0 + 86_400.0)
    assert scheduler.ask() == cmd.NothingReady()


def test_failures_outside_of_the_window_do_not_count(scheduler):
    retry = RetryPolicy(retry_delay=0.0, retry_count=2, disable_window=100.0)
    scheduler.add("a", retry=retry)
    fail_at(scheduler, 0.0)
    fail_at(scheduler, 100.5)
    assert scheduler.status("a") == "FAILED"

    fail_at(scheduler, 200.5)
    assert scheduler.status("a") == "DISABLED"


def test_long_after_the_first_failure_the_next_one_disables(scheduler):
    scheduler.add("a", retry=RetryPolicy(retry_delay=0.0, disable_hard_timeout=50.0))
    fail_at(scheduler, 0.0)
    fail_at(scheduler, 49.0)
    assert scheduler.status("a") == "FAILED"

    fail_at(scheduler, 50.0)
    assert scheduler.status("a") == "DISABLED"


def test_a_success_does_not_clear_earlier_failures(scheduler):
    scheduler.add("a", retry=RetryPolicy(retry_delay=0.0, retry_count=2))
    fail_at(scheduler, 0.0)
    scheduler.take()
    scheduler.finish("a")
    scheduler.add(
        "a", retry=RetryPolicy(retry_delay=0.0, retry_count=2), as_of=scheduler.state.next_seq
    )

    fail_at(scheduler, 1.0)

    assert scheduler.status("a") == "DISABLED"


def test_a_disabled_task_that_is_found_complete_starts_afresh(scheduler):
    retry = RetryPolicy(retry_delay=0.0, retry_count=1)
    scheduler.add("a", retry=retry)
    fail_at(scheduler, 0.0)
    assert scheduler.add("a", retry=retry).status is TaskStatus.DISABLED

    scheduler.add("a", status=TaskStatus.DONE, retry=retry)

    assert scheduler.status("a") == "DONE"
    assert scheduler.state.tasks["a"].setbacks.failures == []
    assert not scheduler.state.disabled


def test_an_enabled_task_without_a_delay_may_run_at_once(scheduler):
    scheduler.add("a", retry=RetryPolicy(retry_count=1))
    fail_at(scheduler, 0.0)

    scheduler.handle(cmd.EnableTask(task_id="a"))

    assert scheduler.status("a") == "FAILED"
    assert scheduler.take() == "a"


def test_of_several_due_tasks_the_most_urgent_is_taken_up(scheduler):
    retry = RetryPolicy(retry_delay=10.0)
    scheduler.add("a", retry=retry)
    scheduler.add("b", retry=retry, priority=5.0)
    scheduler.add("c", priority=2.0)
    fail_at(scheduler, 0.0, "b")
    scheduler.take()
    scheduler.finish("c")
    fail_at(scheduler, 0.0)
    scheduler.now = 10.0

    assert [scheduler.take(), scheduler.take()] == ["b", "a"]


def test_a_retry_waits_for_a_requirement_that_was_lost(scheduler):
    scheduler.add("a")
    scheduler.add("b", ["a"], retry=RetryPolicy(retry_delay=10.0))
    scheduler.take()
    scheduler.finish("a")
    fail_at(scheduler, 0.0, "b")
    scheduler.add("a", as_of=scheduler.state.next_seq)
    scheduler.now = 10.0

    assert scheduler.take() == "a"
    assert scheduler.take() is None
    scheduler.finish("a")
    assert scheduler.take() == "b"


def test_a_run_that_joins_a_waiting_task_hears_when_it_is_due(new_scheduler):
    scheduler = new_scheduler(runs=("r", "s"))
    scheduler.add("a")
    scheduler.take()
    scheduler.finish("a", Busy(pid=7))
    scheduler.add("a", run="s")

    assert scheduler.ask(run="s") == cmd.NothingReady(pending=1, wake_at=0.05)
    scheduler.now = 0.05
    assert scheduler.take(run="s") == "a"


# -- workers that fall silent -----------------------------------------------------------------


def test_a_lease_ends_when_the_worker_is_silent(scheduler):
    scheduler.add("a")
    old = scheduler.ask().call
    scheduler.now = 19.9
    scheduler.handle(cmd.Tick())
    assert scheduler.status("a") == "RUNNING"
    scheduler.now = 20.0

    scheduler.handle(cmd.Tick())

    new = scheduler.ask("v").call
    assert (new.attempt, new.task_id) == (2, "a")
    assert scheduler.finish("a", token=old.token).code == "stale_token"
    assert "w" in scheduler.state.workers


def test_heartbeats_keep_a_lease(scheduler):
    scheduler.add("a")
    scheduler.take()
    for _ in range(20):
        scheduler.now += 5.0
        scheduler.handle(cmd.Heartbeat(worker_id="w"))
        scheduler.handle(cmd.Tick())

    assert scheduler.status("a") == "RUNNING"


def test_time_alone_changes_nothing(scheduler):
    scheduler.add("a")
    scheduler.take()
    scheduler.now = 1e6

    assert scheduler.take("v") is None
    assert scheduler.status("a") == "RUNNING"


def test_a_silent_worker_is_forgotten_and_its_run_ends(new_scheduler):
    scheduler = new_scheduler(remove_delay=30.0)
    scheduler.add("root")
    scheduler.take()
    scheduler.now = 61.0
    scheduler.handle(cmd.Tick())
    assert scheduler.count(WorkerLost) == 1
    scheduler.now = 91.0
    scheduler.handle(cmd.Tick())
    assert scheduler.count(RunFinished) == 0
    scheduler.now = 91.1

    scheduler.handle(cmd.Tick())

    assert scheduler.events[-1].status is RunStatus.INTERRUPTED


def test_a_worker_that_comes_back_keeps_its_run(new_scheduler):
    scheduler = new_scheduler(remove_delay=30.0)
    scheduler.add("root")
    scheduler.now = 61.0
    scheduler.handle(cmd.Tick())
    scheduler.now = 80.0
    assert scheduler.take() == "root"
    for _ in range(20):
        scheduler.now += 5.0
        scheduler.handle(cmd.Heartbeat(worker_id="w"))
        scheduler.handle(cmd.Tick())

    assert scheduler.count(RunFinished) == 0
    assert scheduler.status("root") == "RUNNING"


def test_a_tick_frees_retries_that_are_due(scheduler):
    scheduler.add("a", retry=RetryPolicy(retry_delay=3.0))
    fail_at(scheduler, 0.0)
    scheduler.now = 3.0

    scheduler.handle(cmd.Tick())
    seen = len(scheduler.events)
    scheduler.handle(cmd.Tick())

    assert scheduler.status("a") == "PENDING"
    assert len(scheduler.events) == seen
