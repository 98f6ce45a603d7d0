"""How much a request looks at, and that no walk is recursive or quadratic: counts, not times."""

from __future__ import annotations

import math
import sys

import pytest

from nbflow.core.events import RetryPolicy
from nbflow.core.scheduler import commands as cmd
from nbflow.core.scheduler.entities import ReadyQueue, Task
from nbflow.core.scheduler.index import TaskIndex

SIGNATURES = [{f"r{i}": 1} for i in range(8)]


def allowed(n: int) -> float:
    return 20 + 2 * math.log2(n)


@pytest.mark.parametrize("n", [1_000, 100_000])
def test_a_request_looks_at_few_tasks_when_all_are_ready(new_scheduler, n):
    scheduler = new_scheduler(careful=False)
    for i in range(n):
        scheduler.add(f"T_{i}", priority=float(i % 7))

    for _ in range(50):
        task_id = scheduler.take()
        assert scheduler.looked_at <= allowed(n)
        scheduler.finish(task_id)


@pytest.mark.parametrize("n", [1_000, 100_000])
def test_a_request_looks_at_few_tasks_when_all_but_one_wait_for_a_resource(new_scheduler, n):
    scheduler = new_scheduler(runs=("r", "other"), workers=("w", "v"), careful=False)
    scheduler.join("w", slots=8)
    for i, needs in enumerate(SIGNATURES):
        scheduler.add(f"holder_{i}", run="other", worker="v", resources=needs)
        scheduler.take("v", run="other")
    for i in range(n):
        scheduler.add(f"T_{i}", resources=SIGNATURES[i % 8], priority=5.0)
        if i < 100:
            scheduler.add(f"O_{i}", run="other", worker="v", resources=SIGNATURES[i % 8])
    scheduler.add("free")

    assert scheduler.take() == "free"
    assert scheduler.looked_at <= allowed(n)
    assert scheduler.take() is None
    assert scheduler.looked_at <= allowed(n)
    scheduler.finish("holder_3", worker="v")
    assert scheduler.take("v", run="other") is None  # reserved for the higher-ranked T_3
    assert scheduler.take() == "T_3"
    assert scheduler.looked_at <= allowed(n)


@pytest.mark.parametrize("n", [1_000, 20_000])
def test_a_request_looks_at_few_tasks_when_many_retries_are_due(new_scheduler, n):
    scheduler = new_scheduler(careful=False)
    retry = RetryPolicy(retry_delay=10.0)
    for i in range(n):
        scheduler.add(f"T_{i}", retry=retry)
    for i in range(n):
        scheduler.take()
        scheduler.fail(f"T_{i}")
    scheduler.now = 10.0
    scheduler.handle(cmd.Heartbeat(worker_id="w"))

    for _ in range(20):
        before = len(scheduler.events)
        assert scheduler.take() is not None
        assert scheduler.looked_at <= allowed(n)
        assert len(scheduler.events) - before <= 8


def test_an_assistant_looks_at_few_tasks_of_many_runs(new_scheduler):
    scheduler = new_scheduler(runs=[f"r{i}" for i in range(100)], careful=False)
    for i in range(5_000):
        scheduler.add(f"T_{i}", run=f"r{i % 100}", worker=f"w{i % 100}")
    scheduler.join("helper", assistant=True)

    for i in range(100):
        assert scheduler.take("helper", run="") == f"T_{i}"
        assert scheduler.looked_at <= allowed(5_000)


def run_to_the_end(scheduler, expected):
    done = 0
    while (task_id := scheduler.take()) is not None:
        scheduler.finish(task_id)
        done += 1
    assert done == expected


@pytest.fixture
def counted(monkeypatch):
    """Counts how often a task's consequences are worked out, and how often tasks are compared."""
    counts = {"settled": 0, "pushed": 0}

    class Counting(list):
        def pop(self):
            counts["settled"] += 1
            return super().pop()

    settle, push = TaskIndex._settle, ReadyQueue.push

    def counted_settle(self, changed):
        settle(self, Counting(changed))

    def counted_push(self, entry):
        counts["pushed"] += 1
        push(self, entry)

    monkeypatch.setattr(TaskIndex, "_settle", counted_settle)
    monkeypatch.setattr(ReadyQueue, "push", counted_push)
    return counts


@pytest.mark.parametrize(("children_first", "n"), [(True, 100_000), (False, 20_000)])
def test_a_long_chain_is_linear_and_not_recursive(new_scheduler, counted, children_first, n):
    scheduler = new_scheduler(careful=False)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        order = range(n) if children_first else range(n - 1, -1, -1)
        for i in order:
            scheduler.add(f"T_{i}", [f"T_{i - 1}"] if i else [])
        run_to_the_end(scheduler, n)
        scheduler.state.validate()
    finally:
        sys.setrecursionlimit(limit)

    assert counted["pushed"] == n
    assert counted["settled"] <= 6 * n


def test_a_fan_of_100_000_is_linear(new_scheduler, counted):
    n = 100_000
    scheduler = new_scheduler(careful=False)
    for i in range(n):
        scheduler.add(f"T_{i}", ["base"])
    scheduler.add("root", [f"T_{i}" for i in range(n)], priority=1.0)
    scheduler.add("base")
    run_to_the_end(scheduler, n + 2)

    assert counted["settled"] <= 10 * n


def test_a_failure_blocks_all_that_depends_on_it_once(new_scheduler, counted):
    n = 20_000
    scheduler = new_scheduler(careful=False)
    for i in range(n):
        scheduler.add(f"T_{i}", [f"T_{i - 1}"] if i else [])
    scheduler.take()
    counted["settled"] = 0

    scheduler.fail("T_0")

    assert counted["settled"] == n
    for _ in range(10):
        assert scheduler.ask() == cmd.NothingReady()
    assert counted["settled"] == n


def test_priorities_travel_down_a_long_chain_once(new_scheduler):
    n = 20_000
    scheduler = new_scheduler(careful=False)
    for i in range(n):
        scheduler.add(f"T_{i}", [f"T_{i - 1}"] if i else [])

    scheduler.add("top", [f"T_{n - 1}"], priority=3.0)

    assert scheduler.state.tasks["T_0"].priority == 3.0


def test_thousands_of_runs_in_one_process_leave_nothing_behind(new_scheduler):
    scheduler = new_scheduler(runs=(), careful=False)
    for i in range(2_000):
        run_id = f"run{i}"
        scheduler.start(run_id, roots=("root",))
        scheduler.add("leaf", run=run_id)
        scheduler.add("gone", run=run_id, runnable=False)
        scheduler.add("root", ["leaf"], run=run_id, resources={"r": 1})
        for task_id in ("leaf", "root"):
            assert scheduler.take(run=run_id) == task_id
            scheduler.finish(task_id, run=run_id)
        scheduler.end(run_id)
    scheduler.start("last")

    state = scheduler.state
    assert list(state.runs) == ["last"]
    assert not state.tasks
    assert not state.ended
    assert not state.workers["w"].runs
    assert not state.workers["w"].running
    assert len(state.signatures) == 1
    assert not next(iter(state.signatures.values())).ready.entries


def test_queues_drop_what_is_no_longer_valid():
    queue = ReadyQueue()
    index = TaskIndex({})
    tasks = [Task(f"T_{i}", i, index.unneedy) for i in range(1_000)]
    for task in tasks:
        task.priority = 0.0
        task.entry = task.rank()
        queue.push(task.entry)

    for task in reversed(tasks[1:]):
        task.entry = None
        queue.drop()

    assert queue.count == 1
    assert len(queue.entries) <= 2 * 1 + 16
    assert queue.first(None) == [tasks[0]]
