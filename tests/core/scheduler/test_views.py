"""The state as plain data."""

from __future__ import annotations

import msgspec
import pytest

from nbflow.core.call import Interrupted
from nbflow.core.scheduler import commands as cmd
from nbflow.core.scheduler import views
from nbflow.core.scheduler.views import UpstreamStatus, upstream_status
from nbflow.core.status import RunStatus, TaskStatus


def test_a_task_is_shown_as_it_stands(scheduler):
    scheduler.add("T_1", params='{"x": "1"}', priority=2.0)
    scheduler.add("T_2", ["T_1"])
    scheduler.now = 5.0
    token = scheduler.ask().call.token
    scheduler.handle(
        cmd.Progress(run_id="r", task_id="T_1", token=token, fraction=0.5, message="half")
    )

    view, above = views.list_tasks(scheduler.state, run_id="r")

    assert (view.name, view.family, view.status) == ("T(x=1)", "T", TaskStatus.RUNNING)
    assert (view.worker_id, view.started_at, view.fraction, view.message) == ("w", 5.0, 0.5, "half")
    assert (above.deps, above.started_at) == (("T_1",), None)
    assert msgspec.json.decode(msgspec.json.encode(view), type=views.TaskView) == view


def test_tasks_are_counted_by_status(scheduler):
    for task_id in ("a", "b", "c"):
        scheduler.add(task_id)
    scheduler.take()

    assert views.count_tasks(scheduler.state, "r") == {
        TaskStatus.RUNNING: 1,
        TaskStatus.PENDING: 2,
    }
    assert views.count_tasks(scheduler.state, "nobody") == {}
    pending = views.list_tasks(scheduler.state, status=TaskStatus.PENDING)
    assert [view.task_id for view in pending] == ["b", "c"]


def test_a_task_that_was_only_named_shows_its_guessed_family(scheduler):
    scheduler.add("top", ["Report_2013_abcdef"])

    ghost = views.list_tasks(scheduler.state)[1]

    assert (ghost.family, ghost.status) == ("Report", TaskStatus.UNKNOWN)


def test_workers_and_resources_show_who_holds_what(scheduler):
    scheduler.join("v", slots=4, host="there", pid=7)
    scheduler.add("a", resources={"r": 1})
    scheduler.take("v")

    worker = views.list_workers(scheduler.state)[1]
    assert (worker.worker_id, worker.slots, worker.host, worker.pid) == ("v", 4, "there", 7)
    assert (worker.run_ids, worker.running) == (("r",), ("a",))
    assert views.list_resources(scheduler.state) == [
        views.ResourceView(name="r", total=1, used=1, holders={"a": 1})
    ]


def test_a_run_is_shown_until_it_is_forgotten(scheduler):
    scheduler.add("root")
    scheduler.take()
    assert views.list_runs(scheduler.state)[0].running == 1
    scheduler.finish("root")
    scheduler.end()

    run = views.list_runs(scheduler.state)[0]

    assert (run.status, run.exit_code, run.tasks, run.alive) == (RunStatus.SUCCEEDED, 0, 1, 0)


def make_running(scheduler, task_id):
    scheduler.add(task_id, priority=9.0)
    assert scheduler.take() == task_id


def make_failed(scheduler, task_id):
    make_running(scheduler, task_id)
    scheduler.fail(task_id)


def make_disabled(scheduler, task_id):
    scheduler.add(task_id, status=TaskStatus.DISABLED)


def make_missing(scheduler, task_id):
    scheduler.add(task_id, runnable=False)


def make_done(scheduler, task_id):
    scheduler.add(task_id, status=TaskStatus.DONE)


def make_unplanned(scheduler, task_id):
    scheduler.add(task_id, status=TaskStatus.UNKNOWN)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        ([make_done], ""),
        ([make_unplanned], ""),
        ([make_running], "UPSTREAM_RUNNING"),
        ([make_missing, make_running], "UPSTREAM_MISSING_INPUT"),
        ([make_failed, make_missing, make_running], "UPSTREAM_FAILED"),
        ([make_running, make_disabled, make_failed], "UPSTREAM_DISABLED"),
    ],
)
def test_the_upstream_status_is_the_worst_of_all_requirements(scheduler, make, expected):
    for i, one in enumerate(make):
        one(scheduler, f"x_{i}")
    scheduler.add("middle", [f"x_{i}" for i in range(len(make))])
    scheduler.add("top", ["middle"])

    assert upstream_status(scheduler.state, "top") == expected
    assert upstream_status(scheduler.state, "nobody") is UpstreamStatus.NONE


def test_upstream_statuses_of_a_long_chain_need_no_recursion(new_scheduler):
    scheduler = new_scheduler(careful=False)
    scheduler.add("T_0", runnable=False)
    for i in range(1, 20_000):
        scheduler.add(f"T_{i}", [f"T_{i - 1}"])
    known = {}

    assert upstream_status(scheduler.state, "T_19999", known) is UpstreamStatus.MISSING_INPUT
    assert len(known) == 19_999


def test_a_graph_goes_down_or_up_from_a_task(scheduler):
    scheduler.add("leaf", status=TaskStatus.DONE)
    scheduler.add("left", ["leaf"])
    scheduler.add("right", ["leaf"])
    scheduler.add("top", ["left", "right"])

    def ids(task_id, **options):
        return [view.task_id for view in views.view_graph(scheduler.state, task_id, **options)]

    assert ids("top") == ["top", "left", "right", "leaf"]
    assert ids("top", include_done=False) == ["top", "left", "right"]
    assert ids("top", limit=2) == ["top", "left"]
    assert ids("leaf", inverse=True) == ["leaf", "left", "right", "top"]
    assert ids("nobody") == []


def test_a_task_that_is_held_back_is_shown_as_hopeless(scheduler):
    scheduler.add("a")
    scheduler.take()
    scheduler.finish("a", Interrupted())

    assert views.list_tasks(scheduler.state)[0].hopeless
