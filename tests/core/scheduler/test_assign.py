"""Which task goes first, to whom, and what is held back."""

from __future__ import annotations

import pytest

from nbflow.core.call import Busy, Done, ErrorInfo, Failed
from nbflow.core.events import RetryPolicy, TaskForgotten, TaskRecord, TaskSucceeded
from nbflow.core.scheduler import commands as cmd
from nbflow.core.status import TaskStatus

ERROR = ErrorInfo(type="ValueError", message="no")


def test_equal_tasks_go_in_the_order_of_first_mention(scheduler):
    scheduler.add("top", ["c"])
    for task_id in ("a", "b", "c"):
        scheduler.add(task_id)

    assert [scheduler.take() for _ in range(3)] == ["c", "a", "b"]


def test_a_priority_that_rises_later_moves_a_task_up(scheduler):
    for task_id in ("a", "b", "c"):
        scheduler.add(task_id)
    scheduler.add("c", priority=1.0)
    scheduler.add("top", ["b"], priority=2.0)

    assert [scheduler.take() for _ in range(3)] == ["b", "c", "a"]


def test_a_priority_is_never_lowered(scheduler):
    scheduler.add("a")
    scheduler.add("b", priority=2.0)
    scheduler.add("b", priority=-1.0)

    assert scheduler.take() == "b"


def test_a_call_has_what_the_worker_needs(scheduler):
    scheduler.add("T_1", params='{"x": "1"}', timeout=7.5)

    call = scheduler.ask().call

    assert (call.run_id, call.params, call.timeout) == ("r", '{"x": "1"}', 7.5)
    assert (call.attempt, call.token) == (1, 1)


# -- resources --------------------------------------------------------------------------------


def test_an_unlisted_resource_has_one(scheduler):
    for task_id in ("a", "b"):
        scheduler.add(task_id, resources={"r": 1})

    assert scheduler.take() == "a"
    assert scheduler.ask() == cmd.NothingReady(pending=1, running=1)
    scheduler.finish("a")
    assert scheduler.take() == "b"


def test_totals_can_be_raised_while_tasks_run(scheduler):
    for task_id in ("a", "b"):
        scheduler.add(task_id, resources={"r": 1})
    scheduler.take()

    scheduler.handle(cmd.SetResources(totals={"r": 2}))

    assert scheduler.take() == "b"


def test_a_task_that_needs_more_than_there_is_does_not_keep_its_worker(scheduler):
    scheduler.add("a", resources={"r": 2})

    reply = scheduler.ask()

    assert reply == cmd.NothingReady(pending=1)
    assert reply.wake_at is None


def test_amounts_of_nothing_are_no_need(scheduler):
    scheduler.add("a", resources={"r": 0})
    scheduler.add("b", resources={"r": 1})

    assert [scheduler.take(), scheduler.take()] == ["a", "b"]


def test_tasks_that_need_nothing_pass_those_that_wait(scheduler):
    scheduler.add("a", resources={"r": 1}, priority=9)
    scheduler.add("b", resources={"r": 1}, priority=9)
    scheduler.add("free")

    assert [scheduler.take() for _ in range(3)] == ["a", "free", None]


@pytest.fixture
def contended(new_scheduler):
    """Worker v of run s holds one of two r; w waits for both, v has more that needs one."""
    scheduler = new_scheduler(runs=("r", "s"), workers=("w", "v"), resources={"r": 2})
    scheduler.add("small_1", run="s", worker="v", resources={"r": 1})
    assert scheduler.take("v", run="s") == "small_1"
    assert scheduler.ask() == cmd.NothingReady()
    scheduler.add("big", resources={"r": 2}, priority=5.0)
    scheduler.add("small_2", run="s", worker="v", resources={"r": 1})
    return scheduler


def test_a_big_task_is_not_starved_by_small_ones_of_others(contended):
    assert contended.take("v", run="s") is None  # reserved for big
    contended.finish("small_1", worker="v", run="s")
    assert contended.take("v", run="s") is None

    assert contended.take() == "big"


def test_nothing_is_reserved_for_a_task_whose_worker_has_no_slot(contended):
    contended.add("urgent", priority=9.0)
    assert contended.take() == "urgent"

    assert contended.take("v", run="s") == "small_2"


def test_nothing_is_reserved_for_a_worker_that_never_asked(new_scheduler):
    scheduler = new_scheduler(runs=("r", "s"), workers=("w", "v"), resources={"r": 2})
    scheduler.add("big", resources={"r": 2}, priority=5.0)
    scheduler.add("small", run="s", worker="v", resources={"r": 1})

    assert scheduler.take("v", run="s") == "small"


def test_higher_ranked_running_tasks_are_not_waited_for(new_scheduler):
    scheduler = new_scheduler(runs=("r", "s"), workers=("w", "v"), resources={"r": 2})
    scheduler.ask()
    scheduler.add("first", run="s", worker="v", resources={"r": 1}, priority=9.0)
    scheduler.take("v", run="s")
    scheduler.add("big", resources={"r": 2}, priority=5.0)
    scheduler.add("small", run="s", worker="v", resources={"r": 1})

    assert scheduler.take("v", run="s") == "small"


# -- assistants -------------------------------------------------------------------------------


def test_an_assistant_takes_the_highest_task_of_all_runs(new_scheduler):
    scheduler = new_scheduler(runs=("r", "s"))
    scheduler.add("a")
    scheduler.add("b", run="s", priority=1.0)
    scheduler.add("c", run="s", resources={"r": 1})
    scheduler.join("helper", assistant=True)
    scheduler.add("d", priority=2.0)

    calls = [scheduler.ask("helper", run="").call for _ in range(4)]

    assert [call.task_id for call in calls] == ["d", "b", "a", "c"]
    assert [call.run_id for call in calls] == ["r", "s", "r", "s"]
    assert scheduler.ask("helper", run="") == cmd.NothingReady(running=4)


def test_only_an_assistant_may_ask_without_a_run(scheduler):
    scheduler.add("a")

    assert scheduler.ask(run="").code == "unknown_run"
    scheduler.join("w", assistant=True)
    assert scheduler.take(run="") == "a"
    scheduler.join("w", assistant=False)
    assert scheduler.ask(run="").code == "unknown_run"


# -- batches ----------------------------------------------------------------------------------


@pytest.fixture
def batching(new_scheduler):
    """Worker w can run tasks of F together that differ in d."""
    scheduler = new_scheduler(retry=RetryPolicy(retry_delay=10.0))
    scheduler.handle(cmd.AddBatcher(worker_id="w", family="F", parameters=("d",), max_batch_size=3))

    def add(day, *, kind="x", **fields):
        params = f'{{"kind": "{kind}", "d": "{day}"}}'
        scheduler.add(f"F_{kind}_{day}", params=params, batchable=True, **fields)

    scheduler.add_day = add
    return scheduler


def claim(scheduler, batch, task_id="F_made", worker="w"):
    return scheduler.handle(
        cmd.ClaimBatch(
            run_id="r",
            worker_id=worker,
            batch_id=batch.batch_id,
            task=TaskRecord(task_id=task_id, family="F", params="{}"),
        )
    )


def test_a_batch_has_at_most_its_size_and_only_what_is_alike(batching):
    for day in range(4):
        batching.add_day(day)
    batching.add_day(9, kind="y")
    batching.add_day(8, resources={"r": 1})

    batch = batching.ask()

    assert batch.members == ("F_x_0", "F_x_1", "F_x_2")
    assert batch.params == '{"kind": "x", "d": ["0", "1", "2"]}'
    assert [batching.take() for _ in range(3)] == ["F_x_3", "F_y_9", "F_x_8"]


def test_a_batch_is_in_rank_order(batching):
    batching.add_day(1)
    batching.add_day(2, priority=1.0)

    assert batching.ask().members == ("F_x_2", "F_x_1")


def test_a_worker_without_a_batcher_gets_single_tasks(batching):
    batching.add_day(1)
    batching.add_day(2)

    assert batching.take("other") == "F_x_1"


def test_a_task_that_lacks_the_batched_parameter_runs_alone(batching):
    batching.add("F_odd", params='{"kind": "x"}', batchable=True)
    batching.add_day(1)

    assert batching.take() == "F_odd"


def test_members_are_done_with_the_task_that_was_made_of_them(batching):
    batching.add_day(1)
    batching.add_day(2)
    batching.add("top", ["F_x_1", "F_x_2"])
    batch = batching.ask()
    claim(batching, batch)

    batching.finish("F_made", Done(4.0))

    assert batching.count(TaskSucceeded) == 3
    assert batching.take() == "top"
    assert not batching.state.batches


def test_the_made_task_may_be_one_of_the_members(batching):
    batching.add_day(1)
    batching.add_day(2)
    batch = batching.ask()
    call = claim(batching, batch, "F_x_2").call
    assert (call.attempt, call.members) == (1, ("F_x_1", "F_x_2"))

    batching.finish("F_x_2", Failed(ERROR))

    assert {batching.status(member) for member in batch.members} == {"FAILED"}
    assert batching.count(TaskForgotten) == 0


def test_a_done_task_that_runs_again_for_a_batch_holds_up_what_requires_it(batching):
    batching.add("F_made", status=TaskStatus.DONE)
    batching.add("top", ["F_made"])
    batching.add_day(1, priority=1)
    batching.add_day(2, priority=1)
    claim(batching, batching.ask())

    assert batching.take() is None

    batching.finish("F_made")

    assert batching.take() == "top"


def test_a_batch_holds_the_resources_of_one_task_from_its_forming_on(batching):
    batching.add_day(1, resources={"r": 1})
    batching.add_day(2, resources={"r": 1})
    batching.add("other", resources={"r": 1})
    batch = batching.ask()
    assert batching.take() is None
    claim(batching, batch)
    assert batching.state.resources["r"].used == 1

    batching.finish("F_made")

    assert batching.take() == "other"


def test_a_batch_that_was_not_claimed_is_given_back(batching):
    batching.add_day(1)
    batching.add_day(2)
    batch = batching.ask()

    reply = batching.ask(running=())

    assert reply.wake_at == batching.now
    assert batching.ask().members == batch.members
    assert claim(batching, batch).code == "stale_token"


def test_a_member_that_cannot_be_made_is_reported_alone(batching):
    batching.add_day(1)
    batching.add_day(2)
    batch = batching.ask()

    batching.finish("F_x_1", Failed(ERROR), token=batch.token)

    assert batching.status("F_x_1") == "FAILED"
    assert claim(batching, batch).call.members == ("F_x_2",)


def test_a_batch_that_is_busy_is_tried_again_as_a_batch(batching):
    batching.add_day(1)
    batching.add_day(2)
    batch = batching.ask()
    claim(batching, batch)

    batching.finish("F_made", Busy(pid=7))

    assert batching.status("F_made") is None
    batching.now = 1.0
    assert batching.ask().members == batch.members


def test_members_wait_with_a_made_task_that_is_suspended(batching):
    batching.add_day(1)
    batching.add_day(2)
    call = claim(batching, batching.ask()).call
    batching.add("dynamic")
    batching.handle(
        cmd.SuspendTask(
            run_id="r",
            worker_id="w",
            task_id="F_made",
            attempt=1,
            token=call.token,
            new_deps=("dynamic",),
        )
    )
    assert batching.status("F_x_1") == "BATCH_RUNNING"
    batching.take()
    batching.finish("dynamic")

    again = batching.ask().call
    assert (again.task_id, again.members) == ("F_made", call.members)
    batching.finish("F_made")
    assert batching.status("F_x_1") == "DONE"


def test_a_batch_of_a_lost_worker_is_pending_again(batching):
    batching.add_day(1)
    batching.add_day(2)
    claim(batching, batching.ask())

    batching.handle(cmd.LeaveWorker(worker_id="w"))

    assert batching.status("F_made") is None
    assert [batching.take("v"), batching.take("v")] == ["F_x_1", "F_x_2"]


def test_a_suspended_member_goes_on_alone_when_the_batch_loses_its_worker(batching):
    batching.add_day(1)
    batching.add_day(2)
    call = claim(batching, batching.ask(), "F_x_2").call
    batching.add("dynamic")
    batching.handle(
        cmd.SuspendTask(
            run_id="r",
            worker_id="w",
            task_id="F_x_2",
            attempt=1,
            token=call.token,
            new_deps=("dynamic",),
        )
    )

    batching.handle(cmd.LeaveWorker(worker_id="w"))

    assert not batching.state.batches
    assert not batching.state.suspended_batches
    assert [batching.take("v"), batching.take("v")] == ["F_x_1", "dynamic"]
    batching.finish("dynamic", worker="v")
    assert batching.ask("v").call.members == ()


def test_a_task_that_runs_elsewhere_cannot_be_made_of_a_batch(batching):
    batching.add("F_made")
    batching.take("other")
    batching.add_day(1)
    batching.add_day(2)

    assert claim(batching, batching.ask()).code == "wrong_status"
