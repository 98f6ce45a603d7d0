"""One branch a command, answers that are remembered, runs and how they end, people's orders."""

from __future__ import annotations

import typing

import pytest

from nbflow.core import events as ev
from nbflow.core.call import Busy, Interrupted
from nbflow.core.events import RetryPolicy, RunFinished, RunsForgotten, TaskRequeued
from nbflow.core.scheduler import commands as cmd
from nbflow.core.scheduler import state as state_module
from nbflow.core.scheduler.decide import BRANCHES
from nbflow.core.scheduler.finish import OUTCOMES
from nbflow.core.status import RunStatus, TaskStatus


def test_every_command_has_a_branch_and_can_be_decoded():
    commands = set(cmd.Command.__subclasses__())

    assert set(BRANCHES) == commands
    assert set(typing.get_args(cmd.AnyCommand)) == commands
    assert set(typing.get_args(cmd.AnyReply)) == set(cmd.Reply.__subclasses__())


def test_every_event_can_be_applied_and_decoded():
    events = set(ev.RunEvent.__subclasses__())

    assert set(state_module._APPLY) == events
    assert set(typing.get_args(ev.AnyEvent)) == events


def test_every_outcome_that_is_reported_is_understood():
    reported = typing.get_type_hints(cmd.FinishTask)["outcome"]

    assert set(OUTCOMES) == set(typing.get_args(reported))


# -- commands that are sent twice -------------------------------------------------------------


def test_a_command_of_a_session_gets_its_first_answer_again(scheduler):
    scheduler.add("a")
    scheduler.add("b")
    request = cmd.RequestTask(run_id="r", worker_id="w", session="s", sequence=1)
    first = scheduler.handle(request)
    seen = len(scheduler.events)

    assert scheduler.handle(request) == first
    assert len(scheduler.events) == seen
    other = cmd.RequestTask(run_id="r", worker_id="w", session="s", sequence=2)
    assert scheduler.handle(other).call.task_id == "b"


def test_a_refusal_is_remembered_too(scheduler):
    command = cmd.ForgiveFailures(task_id="late", session="s", sequence=1)
    refused = scheduler.handle(command)
    scheduler.add("late")

    assert scheduler.handle(command) == refused


def test_a_session_remembers_a_bounded_number_of_answers(new_scheduler):
    scheduler = new_scheduler(answers_per_session=3)
    for sequence in range(10):
        scheduler.handle(cmd.Heartbeat(worker_id="w", session="s", sequence=sequence))

    assert list(scheduler.state.sessions["s"].answers) == [7, 8, 9]
    refused = scheduler.handle(cmd.Heartbeat(worker_id="w", session="s", sequence=6))
    assert refused.code == "answer_forgotten"


def test_sessions_that_are_silent_are_forgotten(new_scheduler):
    scheduler = new_scheduler(session_seconds=100.0)
    for i in range(50):
        scheduler.now = i * 10.0
        scheduler.handle(cmd.Heartbeat(worker_id="w", session=f"s{i}", sequence=1))

    assert len(scheduler.state.sessions) == 11


# -- runs -------------------------------------------------------------------------------------


def test_a_run_that_goes_on_may_be_started_again(scheduler):
    seen = len(scheduler.events)

    assert scheduler.start("r") == cmd.Acknowledged()
    assert len(scheduler.events) == seen


def test_an_ended_run_takes_nothing_more(scheduler):
    scheduler.add("root")
    scheduler.end()

    assert scheduler.add("late").code == "unknown_run"
    assert scheduler.ask().code == "unknown_run"
    assert scheduler.end() == cmd.Acknowledged()
    assert scheduler.start("r").code == "wrong_status"


def test_ending_takes_back_what_runs_so_that_a_late_report_is_refused(scheduler):
    scheduler.add("root")
    call = scheduler.ask().call

    scheduler.end(status=RunStatus.INTERRUPTED, exit_code=130)

    assert scheduler.finish("root", token=call.token).code == "stale_token"
    assert scheduler.kinds(-2) == ["TaskRequeued", "RunFinished"]


def test_the_state_of_an_ended_run_goes_when_the_next_one_starts(scheduler):
    scheduler.add("root")
    scheduler.end()
    assert scheduler.status("root") == "PENDING"

    scheduler.start("next")

    assert scheduler.status("root") is None
    assert scheduler.count(RunsForgotten) == 1


def test_what_another_run_wants_outlives_a_run(new_scheduler):
    scheduler = new_scheduler(runs=("r", "s"))
    scheduler.add("shared")
    scheduler.add("shared", run="s")
    scheduler.add("above", ["shared", "unknown"], run="s")
    scheduler.add("own", ["shared"])
    scheduler.end("r")

    scheduler.start("next")

    assert list(scheduler.state.tasks) == ["shared", "above", "unknown"]
    assert scheduler.take(run="s") == "shared"


def finished(scheduler):
    event = scheduler.events[-1]
    assert isinstance(event, RunFinished)
    return event.status, event.exit_code


def test_a_run_succeeds_when_every_root_is_done(scheduler):
    scheduler.add("root", status=TaskStatus.DONE)
    scheduler.add("other", status=TaskStatus.UNKNOWN)
    scheduler.end()

    assert finished(scheduler) == (RunStatus.SUCCEEDED, 0)


def make_failed(scheduler):
    scheduler.add("x")
    scheduler.take()
    scheduler.fail("x")


def make_disabled_by_failures(scheduler):
    scheduler.add("x", retry=RetryPolicy(retry_count=1, retry_delay=0.0))
    scheduler.take()
    scheduler.fail("x")


def make_external(scheduler):
    scheduler.add("x", runnable=False)


def make_unplanned(scheduler):
    scheduler.add("x", status=TaskStatus.UNKNOWN)


def make_disabled(scheduler):
    scheduler.add("x", status=TaskStatus.DISABLED)


def make_busy(scheduler):
    scheduler.add("x")
    scheduler.take()
    scheduler.finish("x", Busy(pid=1))


def make_running_elsewhere(scheduler):
    scheduler.start("other")
    scheduler.add("x", run="other", worker="v")
    scheduler.add("x")
    scheduler.take("v", run="other")


def make_failed_and_external(scheduler):
    make_failed(scheduler)
    scheduler.add("y", runnable=False)


def make_nothing(scheduler):
    """The root was never added."""


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (make_failed, 1),
        (make_disabled_by_failures, 1),
        (make_external, 3),
        (make_unplanned, 3),
        (make_disabled, 3),
        (make_busy, 4),
        (make_running_elsewhere, 4),
        (make_failed_and_external, 3),
        (make_nothing, 3),
    ],
)
def test_the_exit_code_is_the_highest_that_holds(scheduler, make, code):
    make(scheduler)
    if make is not make_nothing:
        scheduler.add("root", ["x"])
    scheduler.end()

    assert finished(scheduler) == (RunStatus.FAILED, code)


def test_what_the_worker_says_of_the_end_wins(scheduler):
    scheduler.add("root", status=TaskStatus.DONE)
    scheduler.end(status=RunStatus.FAILED, exit_code=4)

    assert finished(scheduler) == (RunStatus.FAILED, 4)


def test_a_cancelled_run_hands_out_nothing_more(scheduler):
    scheduler.add("a")
    scheduler.add("root", ["a", "b"])
    scheduler.add("b")
    scheduler.take()
    scheduler.handle(cmd.CancelRun(run_id="r"))
    scheduler.handle(cmd.CancelRun(run_id="r"))

    assert scheduler.ask() == cmd.NothingReady(pending=0, running=1)
    scheduler.finish("a")
    scheduler.end()
    assert finished(scheduler) == (RunStatus.CANCELLED, 130)


def test_a_cancelled_run_whose_roots_are_done_succeeded(scheduler):
    scheduler.add("root")
    scheduler.take()
    scheduler.handle(cmd.CancelRun(run_id="r"))
    scheduler.finish("root")
    scheduler.end()

    assert finished(scheduler) == (RunStatus.SUCCEEDED, 0)


def test_an_interrupted_task_is_not_handed_out_again_in_its_run(new_scheduler):
    scheduler = new_scheduler(runs=("r", "s"))
    scheduler.add("a")
    scheduler.add("a", run="s")
    scheduler.take()

    scheduler.finish("a", Interrupted("stopped by the user"))

    assert scheduler.take() is None
    assert scheduler.take(run="s") == "a"


# -- workers ----------------------------------------------------------------------------------


def test_what_a_worker_runs_is_pending_at_once_when_it_leaves(scheduler):
    scheduler.add("a")
    scheduler.take()

    scheduler.handle(cmd.LeaveWorker(worker_id="w"))

    assert scheduler.take("v") == "a"
    assert scheduler.state.tasks["a"].attempt == 2
    assert scheduler.handle(cmd.LeaveWorker(worker_id="w")) == cmd.Acknowledged()


def test_a_worker_that_is_not_known_is_told_to_join(scheduler):
    reply = scheduler.handle(cmd.Heartbeat(worker_id="ghost"))
    assert reply.code == "unknown_worker"
    assert scheduler.handle(cmd.DisableWorker(worker_id="ghost")).code == "unknown_worker"


def test_a_worker_need_not_say_each_time_that_it_lives(scheduler):
    for i in range(100):
        scheduler.now = i * 0.1
        scheduler.handle(cmd.Heartbeat(worker_id="w"))

    assert scheduler.count(ev.WorkerContacted) == 1


# -- people -----------------------------------------------------------------------------------


def test_forgiven_failures_let_a_task_run_at_once(scheduler):
    scheduler.add("a")
    scheduler.take()
    scheduler.fail("a")

    scheduler.handle(cmd.ForgiveFailures(task_id="a"))

    assert scheduler.take() == "a"
    assert len(scheduler.state.tasks["a"].setbacks.failures) == 1


def test_marking_a_running_task_as_done_refuses_its_report(scheduler):
    scheduler.add("a")
    scheduler.add("b", ["a"])
    call = scheduler.ask().call

    scheduler.handle(cmd.MarkDone(task_id="a"))

    assert scheduler.take() == "b"
    assert scheduler.finish("a", token=call.token).code == "stale_token"
    assert scheduler.handle(cmd.MarkDone(task_id="a")).code == "wrong_status"
    assert scheduler.handle(cmd.MarkDone(task_id="nobody")).code == "unknown_task"


def test_pausing_can_be_switched_off(new_scheduler):
    scheduler = new_scheduler(pause_enabled=False, send_messages=False)

    assert scheduler.handle(cmd.Pause()).code == "wrong_status"
    message = cmd.SendMessage(task_id="a", message_id="1", content="")
    assert scheduler.handle(message).code == "wrong_status"


def test_pausing_twice_is_said_once(scheduler):
    for command in (cmd.Pause(), cmd.Pause(), cmd.Resume(), cmd.Resume()):
        assert scheduler.handle(command) == cmd.Acknowledged()

    assert scheduler.kinds(-2) == ["SchedulerPaused", "SchedulerResumed"]


def test_a_lost_answer_is_given_again_although_the_scheduler_is_paused(scheduler):
    scheduler.add("a")
    first = scheduler.ask()
    scheduler.handle(cmd.Pause())

    assert scheduler.ask(running=()) == first


def test_progress_is_kept_while_the_task_runs(scheduler):
    scheduler.add("a")
    token = scheduler.ask().call.token
    scheduler.handle(cmd.Progress(run_id="r", task_id="a", token=token, fraction=0.25))
    scheduler.handle(
        cmd.Progress(run_id="r", task_id="a", token=token, message="half", tracking_url="http://x")
    )

    execution = scheduler.state.tasks["a"].execution
    assert (execution.fraction, execution.message) == (0.25, "half")
    stale = scheduler.handle(cmd.Progress(run_id="r", task_id="a", token=token + 1, fraction=1.0))
    assert stale.code == "stale_token"
    assert execution.fraction == 0.25


def test_lost_tokens_change_nothing(scheduler):
    scheduler.add("a")
    old = scheduler.ask().call.token
    scheduler.handle(cmd.LeaveWorker(worker_id="w"))
    scheduler.join("w")
    new = scheduler.ask().call.token
    seen = len(scheduler.events)

    assert new > old
    assert scheduler.finish("a", token=old).code == "stale_token"
    suspend = cmd.SuspendTask(
        run_id="r", worker_id="w", task_id="a", attempt=1, token=old, new_deps=()
    )
    assert scheduler.handle(suspend).code == "stale_token"
    amounts = cmd.DecreaseResources(task_id="a", token=old, amounts={})
    assert scheduler.handle(amounts).code == "stale_token"
    assert len(scheduler.events) == seen
    assert scheduler.count(TaskRequeued) == 1
