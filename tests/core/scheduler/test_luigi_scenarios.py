"""Scenarios that Luigi's scheduler was observed in (contract S-110 to S-127).

Where nbflow differs by design, the test says how.
"""

from __future__ import annotations

import pytest

from nbflow.core.call import ErrorInfo, Failed
from nbflow.core.events import MessageSent, RetryPolicy, TaskRecord, TaskRequeued
from nbflow.core.scheduler import commands as cmd
from nbflow.core.scheduler.policy import SchedulerConfig
from nbflow.core.scheduler.views import UpstreamStatus, upstream_status
from nbflow.core.status import TaskStatus

ERROR = ErrorInfo(type="ValueError", message="no")


@pytest.fixture
def two(new_scheduler):
    """Runs and workers A and B; times of a server."""
    return new_scheduler(
        runs=("A", "B"), workers=("A", "B"), remove_delay=600.0, disable_persist=500.0
    )


def add_to_both(scheduler, task_id, deps=(), **fields):
    for name in ("A", "B"):
        scheduler.add(task_id, deps, run=name, worker=name, **fields)


def test_s110_one_of_two_workers_gets_a_task_and_the_other_hears_who_runs_it(two):
    add_to_both(two, "T")
    add_to_both(two, "R", ["T"])

    assert two.take("A", run="A") == "T"
    assert two.ask("B", run="B") == cmd.NothingReady(pending=1, running=1)


def test_s111_claims_of_others_leave_a_running_task_running(two):
    add_to_both(two, "T")
    two.take("A", run="A")

    for status in (TaskStatus.DONE, TaskStatus.PENDING):
        reply = two.add("T", status=status, run="B", worker="B", as_of=99)
        assert reply == cmd.Added(status=TaskStatus.RUNNING)

    assert two.status("T") == "RUNNING"


def test_s112_a_done_requirement_frees_its_dependent_for_the_other_worker(two):
    add_to_both(two, "T")
    add_to_both(two, "R", ["T"])
    two.take("A", run="A")

    two.finish("T", worker="A")

    assert two.take("B", run="B") == "R"


def test_s113_not_complete_loses_to_a_done_that_was_decided_after_it_was_seen(two):
    """Luigi ignores such claims for ten seconds; here the number of the event decides."""
    two.add("T", run="A", worker="A")
    seen = two.state.next_seq - 1
    two.take("A", run="A")
    two.finish("T", worker="A")
    two.now = 11.0

    stale = two.add("T", run="B", worker="B", as_of=seen)
    assert stale == cmd.Added(status=TaskStatus.DONE)
    fresh = two.add("T", run="B", worker="B", as_of=two.state.next_seq - 1)
    assert fresh == cmd.Added(status=TaskStatus.PENDING)


def test_s114_a_lost_answer_is_given_again_to_a_worker_that_says_what_it_runs(scheduler):
    scheduler.add("T")
    first = scheduler.ask()

    assert scheduler.ask(running=("T",)) == cmd.NothingReady(running=1)
    assert scheduler.ask(running=None) == cmd.NothingReady(running=1)
    assert scheduler.ask(running=()) == first


def test_s115_a_silent_worker_loses_its_task_and_is_forgotten(two):
    """Luigi fails the task after 60 s; here it is pending again after its lease of 20 s."""
    two.add("T", run="A", worker="A")
    two.take("A", run="A")
    two.now = 61.0

    two.handle(cmd.Tick())

    assert two.status("T") == "PENDING"
    assert "A" not in two.state.workers
    two.now += 601.0
    two.handle(cmd.Tick())  # its run is deserted and ends
    two.now += 601.0
    two.handle(cmd.Tick())
    assert two.status("T") is None


@pytest.fixture
def failing(two):
    """T failed twice within its window (S-116)."""
    retry = RetryPolicy(retry_count=2, retry_delay=100.0, disable_window=1000.0)
    two.add("T", run="A", worker="A", retry=retry)
    two.take("A", run="A")
    two.fail("T", worker="A")
    assert two.status("T") == "FAILED"
    two.now = 101.0
    two.handle(cmd.Heartbeat(worker_id="A"))
    two.handle(cmd.Tick())
    assert two.status("T") == "PENDING"
    assert two.take("A", run="A") == "T"
    two.fail("T", worker="A")
    return two


def test_s116_too_many_failures_in_the_window_disable_a_task(failing):
    assert failing.status("T") == "DISABLED"
    assert failing.handle(cmd.EnableTask(task_id="T")) == cmd.Acknowledged()


def test_s117_a_disabled_task_stays_so_until_its_time_is_over(failing):
    retry = failing.state.tasks["T"].retry
    failing.add("T", run="A", worker="A", retry=retry)
    assert failing.status("T") == "DISABLED"
    reply = failing.handle(cmd.ForgiveFailures(task_id="T"))
    assert reply.code == "wrong_status"

    failing.now += 501.0
    failing.handle(cmd.Heartbeat(worker_id="A"))
    failing.handle(cmd.Tick())
    assert failing.status("T") == "FAILED"

    failing.now += 101.0
    failing.handle(cmd.Heartbeat(worker_id="A"))
    failing.handle(cmd.Tick())
    assert failing.status("T") == "PENDING"


def test_s118_a_task_that_its_user_disabled_is_pending_when_added_again(scheduler):
    scheduler.add("T", status=TaskStatus.DISABLED)
    assert scheduler.status("T") == "DISABLED"
    assert scheduler.handle(cmd.EnableTask(task_id="T")).code == "wrong_status"

    scheduler.add("T")

    assert scheduler.status("T") == "PENDING"


def test_s119_a_pending_task_above_a_failed_one_is_known_as_such(scheduler):
    scheduler.add("X")
    scheduler.add("Y", ["X"])
    scheduler.take()
    scheduler.fail("X")

    assert scheduler.status("Y") == "PENDING"
    assert upstream_status(scheduler.state, "Y") is UpstreamStatus.FAILED


def test_s120_nobody_is_given_an_external_task_that_is_missing(scheduler):
    """Luigi counts Y as pending; here the worker hears that nothing can run any more."""
    scheduler.add("E", runnable=False)
    scheduler.add("Y", ["E"])
    scheduler.join("helper", assistant=True)

    assert scheduler.ask() == cmd.NothingReady(pending=0)
    assert scheduler.take("helper", run="") is None
    assert upstream_status(scheduler.state, "Y") is UpstreamStatus.MISSING_INPUT


def test_s121_priority_travels_to_requirements(scheduler):
    scheduler.add("L", priority=1)
    scheduler.add("D", priority=0)
    scheduler.add("H", ["D"], priority=10)

    assert [scheduler.take() for _ in range(2)] == ["D", "L"]


def test_s122_a_resource_that_is_given_back_lets_the_next_one_start(two):
    two.add("a", run="A", worker="A", resources={"r": 1})
    two.add("b", run="B", worker="B", resources={"r": 1})
    call = two.ask("A", run="A").call
    assert two.take("B", run="B") is None

    two.handle(cmd.DecreaseResources(task_id="a", token=call.token, amounts={"r": 1}))

    assert two.take("B", run="B") == "b"


def test_s123_an_assistant_runs_what_others_added(scheduler):
    scheduler.add("T_1", params='{"x": "1"}')
    scheduler.join("helper", assistant=True)

    call = scheduler.ask("helper", run="").call

    assert (call.task_id, call.family, call.params) == ("T_1", "T", '{"x": "1"}')


def test_s124_a_disabled_worker_gets_and_adds_nothing(scheduler):
    scheduler.add("T")
    scheduler.handle(cmd.DisableWorker(worker_id="w"))

    assert scheduler.ask() == cmd.NothingReady(worker_disabled=True)
    assert scheduler.add("new").code == "worker_disabled"
    assert scheduler.status("new") is None


def test_s125_while_paused_nothing_is_handed_out(scheduler):
    scheduler.add("T")
    scheduler.handle(cmd.Pause())
    assert scheduler.ask() == cmd.NothingReady(pending=1, paused=True)

    scheduler.handle(cmd.Resume())

    assert scheduler.take() == "T"


def test_s126_a_message_to_a_running_task_is_an_event_for_its_worker(scheduler):
    scheduler.add("T")
    message = cmd.SendMessage(task_id="T", message_id="m1", content="hello")
    assert scheduler.handle(message).code == "wrong_status"
    scheduler.take()

    assert scheduler.handle(message) == cmd.Acknowledged()

    sent = scheduler.events[-1]
    assert isinstance(sent, MessageSent)
    assert (sent.task_id, sent.message_id, sent.content) == ("T", "m1", "hello")


def test_s127_members_of_a_failed_batch_fail_and_its_made_up_task_is_forgotten(new_scheduler):
    scheduler = new_scheduler(SchedulerConfig(retry=RetryPolicy(retry_delay=100.0)))
    scheduler.handle(cmd.AddBatcher(worker_id="w", family="F", parameters=("d",)))
    for day in (1, 2, 3):
        scheduler.add(f"F_{day}", params=f'{{"d": "{day}"}}', batchable=True)
    batch = scheduler.ask()
    assert batch.members == ("F_1", "F_2", "F_3")
    assert batch.params == '{"d": ["1", "2", "3"]}'
    made = TaskRecord(task_id="F_9", family="F", params='{"d": "1-3"}')

    claimed = scheduler.handle(
        cmd.ClaimBatch(run_id="r", worker_id="w", batch_id=batch.batch_id, task=made)
    )
    assert claimed.call.members == ("F_1", "F_2", "F_3")
    assert scheduler.status("F_9") == "RUNNING"
    assert {scheduler.status(member) for member in batch.members} == {"BATCH_RUNNING"}

    scheduler.finish("F_9", Failed(error=ERROR))

    assert scheduler.status("F_9") is None
    assert {scheduler.status(member) for member in batch.members} == {"FAILED"}
    scheduler.now = 100.0
    assert scheduler.ask().members == ("F_1", "F_2", "F_3")
    assert scheduler.count(TaskRequeued) == 0
