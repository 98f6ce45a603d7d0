"""The state takes events in order, and knows when it contradicts itself."""

from __future__ import annotations

import pytest

from nbflow.core.errors import InvariantError
from nbflow.core.events import (
    CommandAnswered,
    RunInfo,
    RunStarted,
    TaskProgressed,
    TaskStarted,
    WorkerContacted,
)
from nbflow.core.scheduler.state import SchedulerState
from nbflow.core.scheduler.views import snapshot
from nbflow.core.status import TaskStatus


def test_events_are_taken_once_and_in_order():
    state = SchedulerState()
    event = RunStarted(seq=5, at=0.0, run_id="r", info=RunInfo(roots=()))
    state.apply(event)
    assert state.next_seq == 6

    with pytest.raises(InvariantError, match="event 5 came after event 5"):
        state.apply(event)


def test_events_that_are_not_kept_for_ever_may_be_left_out(scheduler):
    scheduler.add("a")
    scheduler.now = 9.0
    token = scheduler.ask().call.token
    scheduler.add("b", ["a"])
    state = SchedulerState()
    for event in scheduler.events:
        if not isinstance(event, WorkerContacted | TaskProgressed | CommandAnswered):
            state.apply(event)

    state.validate()
    assert state.tasks["a"].execution.token == token
    assert state.next_seq == scheduler.state.next_seq


def test_nothing_starts_before_its_requirements_are_done(scheduler):
    scheduler.add("a")
    scheduler.add("b", ["a"])
    state = SchedulerState()
    for event in scheduler.events:
        state.apply(event)

    with pytest.raises(InvariantError, match="1 of its requirements are not done"):
        state.apply(
            TaskStarted(seq=99, at=0.0, run_id="r", task_id="b", worker_id="w", attempt=1, token=1)
        )


def break_status(scheduler):
    scheduler.state.tasks["a"].status = TaskStatus.DONE


def break_counter(scheduler):
    scheduler.state.tasks["b"].undone = 0


def break_queue(scheduler):
    scheduler.state.tasks["c"].entry = None


def break_edge(scheduler):
    scheduler.state.tasks["a"].dependents = ()


def break_run_counter(scheduler):
    scheduler.state.runs["r"].alive += 1


def break_resource(scheduler):
    scheduler.state.resources["r"].used += 1


def break_execution(scheduler):
    scheduler.state.workers["w"].running.clear()


def break_worker(scheduler):
    del scheduler.state.workers["w"]


def break_blocking(scheduler):
    scheduler.state.tasks["b"].hopeless = True


@pytest.mark.parametrize(
    "damage",
    [
        break_status,
        break_counter,
        break_queue,
        break_edge,
        break_run_counter,
        break_resource,
        break_execution,
        break_worker,
        break_blocking,
    ],
)
def test_a_contradiction_is_told_with_its_story(new_scheduler, damage):
    scheduler = new_scheduler(careful=False)
    scheduler.add("a", resources={"r": 1})
    scheduler.add("b", ["a"])
    scheduler.take()
    scheduler.add("c")
    scheduler.state.validate()

    damage(scheduler)

    with pytest.raises(InvariantError):
        scheduler.state.validate()


def test_the_story_of_a_task_has_its_events(scheduler):
    scheduler.add("a")
    scheduler.add("b", ["a"])
    scheduler.take()
    scheduler.fail("a")

    assert [type(event).__name__ for event in scheduler.state.story("a")] == [
        "TaskAdded",
        "TaskStarted",
        "TaskFailed",
    ]


def test_equal_events_give_equal_states_whatever_was_decided_between(scheduler):
    for i in range(20):
        scheduler.add(f"T_{i}", [f"T_{i - 1}"] if i % 3 else [], priority=float(i % 2))
    for _ in range(6):
        scheduler.finish(scheduler.take())
    first, second = SchedulerState(), SchedulerState()
    for event in scheduler.events:
        first.apply(event)
        second.apply(event)

    assert snapshot(first) == snapshot(second) == snapshot(scheduler.state)
