"""Luigi's scheduler and ours, asked the same by the same methods, answer the same."""

from __future__ import annotations

import importlib.util
import logging
import types
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import nbflow
from nbflow.compat.luigi.scheduler import Scheduler

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import luigi as real
    import luigi.scheduler
    import luigi.worker

_PATH = Path(__file__).parents[1] / "core" / "scheduler" / "test_against_luigi.py"
_SPEC = importlib.util.spec_from_file_location("sequences_for_luigi", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
#: Graphs of tasks and sequences of steps.
sequences = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(sequences)

WORKERS = ("A", "B")


class Both:
    """Luigi's scheduler and ours on one clock; `call` asks both and gives both answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
        logging.getLogger("luigi").setLevel(logging.CRITICAL)
        self.now = 0.0
        clock = types.SimpleNamespace(time=lambda: self.now)
        monkeypatch.setattr(real.scheduler, "time", clock)
        numbers = {
            "resources": dict(sequences.TOTALS),
            "prune_on_get_work": True,
            "disable_persist": 500,
            "remove_delay": 1e9,
            "stable_done_cooldown_secs": 0,
            "worker_disconnect_delay": 1e9,
            "retry_delay": 100.0,
            "retry_count": 2,
            "disable_window": 1_000,
            **options,
        }
        self.theirs = real.scheduler.Scheduler(**numbers)
        self.ours = Scheduler(**numbers, clock=clock.time)

    def call(self, name: str, **words: Any) -> tuple[Any, Any]:
        return getattr(self.theirs, name)(**words), getattr(self.ours, name)(**words)

    def same(self, name: str, **words: Any) -> Any:
        """Ask both; the answers are equal but for their order."""
        theirs, mine = (_ordered(answer) for answer in self.call(name, **words))
        assert mine == theirs, (name, words)
        return mine


#: What is not compared: times of the past that nobody decides by.
_TIMES = {"last_updated", "start_time", "time_running", "last_active", "started"}


def _ordered(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {key: _ordered(value) for key, value in answer.items() if key not in _TIMES}
    if isinstance(answer, list | set | tuple):
        return sorted(map(_ordered, answer), key=repr)
    return answer


class Sequence:
    """Does each step on both sides, and compares all that can be asked."""

    def __init__(self, both: Both, tasks: list[Any]) -> None:
        self.both = both
        self.tasks = {task.task_id: task for task in tasks}
        self.running: dict[str, str] = {}
        for worker in WORKERS:  # who never asked reserves nothing in Luigi
            self.ask(worker)
        for task in tasks:
            for worker in task.owners:
                self.both.now += 1.0
                self.add(worker, task)
        self.compare()

    def add(self, worker: str, task: Any, **said: Any) -> None:
        words = {
            "status": task.status,
            "deps": list(task.deps),
            "runnable": task.runnable,
            "params": {"n": task.task_id[2:]},
            "module": "m",
            **said,
        }
        self.both.call(
            "add_task",
            worker=worker,
            task_id=task.task_id,
            family="T",
            priority=task.priority,
            resources=dict(task.resources),
            **words,
        )

    def ask(self, worker: str) -> None:
        theirs, mine = self.both.call("get_work", worker=worker, host="h")
        assert _ordered(mine) == _ordered(theirs)
        if mine["task_id"] is not None:
            self.running[mine["task_id"]] = worker

    def compare(self) -> None:
        self.both.same("task_list")
        for worker in WORKERS:
            self.both.same("count_pending", worker=worker)
        self.both.same("resource_list")
        for task_id in self.tasks:
            self.both.same("dep_graph", task_id=task_id)
            self.both.same("inverse_dep_graph", task_id=task_id, include_done=False)

    def step(self, kind: str, value: Any) -> None:
        self.both.now += 1.0
        task = self.tasks.get(f"T_{value}")
        if kind == "ask":
            self.ask(value)
        elif kind == "wait":
            self.both.now += value
        elif kind == "end" and self.running:
            task_id, worker = self.running.popitem()
            self.add(worker, self.tasks[task_id], status=value, deps=None, expl="why")
            self.both.same("fetch_error", task_id=task_id)
        elif kind in {"pause", "resume"}:
            self.both.same({"pause": "pause", "resume": "unpause"}[kind])
            self.both.same("is_paused")
        elif task is not None:
            self.step_of(kind, task)
        self.compare()

    def step_of(self, kind: str, task: Any) -> None:
        if kind == "again":
            self.add(task.owners[0], task)
        elif kind == "forgive":
            self.both.same("forgive_failures", task_id=task.task_id)
        elif kind == "enable":
            self.both.same("re_enable_task", task_id=task.task_id)
        elif kind == "mark_done":
            self.both.same("mark_as_done", task_id=task.task_id)
            self.running.pop(task.task_id, None)
        elif kind == "decrease":
            self.both.call(
                "decrease_running_task_resources",
                task_id=task.task_id,
                decrease_resources={"shared": 1},
            )


def compare_sequences(monkeypatch: pytest.MonkeyPatch, examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(sequences.graphs(), sequences.steps)
    def compare(tasks: list[Any], steps: list[tuple[str, Any]]) -> None:
        sequence = Sequence(Both(monkeypatch), tasks)
        for kind, value in steps:
            sequence.step(kind, value)

    compare()


def test_sequences_of_calls_get_luigis_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """S-20 to S-44, S-70 to S-74, S-80 to S-82."""
    compare_sequences(monkeypatch, 60)


@pytest.mark.nightly
def test_many_sequences_of_calls_get_luigis_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """S-20 to S-44, S-70 to S-74, S-80 to S-82."""
    compare_sequences(monkeypatch, 2_000)


# -- batches, messages, workers ------------------------------------------------------------------------


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Both:
    return Both(monkeypatch)


def test_batches_are_handed_out_claimed_and_ended(both: Both) -> None:
    """S-50 to S-55; the id of a batch is each scheduler's own."""
    both.call("add_task_batcher", worker="A", task_family="T", batched_args=["n"])
    for n in range(3):
        words = {"family": "T", "params": {"n": str(n), "x": "same"}, "batchable": True}
        both.call("add_task", worker="A", task_id=f"T_{n}", priority=-n, **words)
    theirs, mine = both.call("get_work", worker="A")
    batch_ids = theirs.pop("batch_id"), mine.pop("batch_id")
    assert _ordered(mine) == _ordered(theirs)
    assert mine["task_params"] == {"n": ["0", "1", "2"], "x": "same"}

    for scheduler, batch_id in zip((both.theirs, both.ours), batch_ids, strict=True):
        scheduler.add_task(
            worker="A",
            task_id="T_all",
            family="T",
            status="RUNNING",
            batch_id=batch_id,
            params={"n": "0,1,2", "x": "same"},
        )
    assert _statuses(both) == {"T_all": "RUNNING"} | dict.fromkeys(
        ("T_0", "T_1", "T_2"), "BATCH_RUNNING"
    )
    both.call("add_task", worker="A", task_id="T_all", family="T", status="DONE")
    assert set(_statuses(both).values()) == {"DONE"}


def _statuses(both: Both) -> dict[str, str]:
    theirs, mine = both.call("task_list")
    found = {task_id: line["status"] for task_id, line in mine.items()}
    assert found == {task_id: line["status"] for task_id, line in theirs.items()}
    return found


def test_a_task_that_yields_waits_for_what_it_yielded(both: Both) -> None:
    """S-25, W-42."""
    both.call("add_task", worker="A", task_id="T_0", family="T")
    both.same("get_work", worker="A")
    both.call("add_task", worker="A", task_id="T_1", family="T")
    both.call("add_task", worker="A", task_id="T_0", family="T", new_deps=["T_1"])
    assert _statuses(both) == {"T_0": "PENDING", "T_1": "PENDING"}
    assert both.same("get_work", worker="A")["task_id"] == "T_1"
    both.call("add_task", worker="A", task_id="T_1", family="T", status="DONE")
    assert both.same("get_work", worker="A")["task_id"] == "T_0"


def test_what_tasks_say_while_they_run(both: Both) -> None:
    """S-75, S-76, S-90 to S-93."""
    both.call("add_task", worker="A", task_id="T_0", family="T", resources={"shared": 2})
    both.same("get_work", worker="A")
    # Without `resources` Luigi's forgets them here.
    said = {"status": "RUNNING", "tracking_url": "http://t", "resources": {"shared": 2}}
    both.call("add_task", worker="A", task_id="T_0", **said)
    both.call("set_task_status_message", task_id="T_0", status_message="half")
    both.call("set_task_progress_percentage", task_id="T_0", progress_percentage=50)
    both.call("decrease_running_task_resources", task_id="T_0", decrease_resources={"shared": 1})
    for name in (
        "get_task_status_message",
        "get_task_progress_percentage",
        "get_running_task_resources",
    ):
        both.same(name, task_id="T_0")
        both.same(name, task_id="T_unknown")
    both.same("task_search", task_str="T_")

    both.call("set_worker_processes", worker="A", n=3)
    assert both.same("ping", worker="A")["rpc_messages"][0]["kwargs"] == {"n": 3}
    assert both.same("ping", worker="A") == {"rpc_messages": []}
    sent = both.call("send_scheduler_message", worker="A", task="T_0", content="hello")
    for scheduler, answer in zip((both.theirs, both.ours), sent, strict=True):
        message = {"task_id": "T_0", "message_id": answer["message_id"]}
        scheduler.add_scheduler_message_response(**message, response="hi")
        assert scheduler.get_scheduler_message_response(**message) == {"response": "hi"}
        assert scheduler.get_scheduler_message_response(**message) == {"response": None}


def test_workers_resources_and_switches(both: Both) -> None:
    """S-35, S-60, S-77 to S-79."""
    both.call("add_worker", worker="A", info={"workers": 2, "first_task": "T_0"})
    both.call("add_task", worker="A", task_id="T_0", family="T")
    both.same("get_work", worker="A", host="h")
    both.same("update_resource", resource="disk", amount=5)
    both.same("update_resource", resource="disk", amount=-1)
    both.same("update_resources", shared=7)
    both.same("resource_list")
    both.same("is_pause_enabled")
    both.same("has_task_history")
    both.call("disable_worker", worker="A")
    assert both.same("get_work", worker="A")["worker_state"] == "disabled"
    both.same("worker_list")
    both.same("worker_list", include_running=False)


def test_a_task_that_was_done_just_now_is_not_pending_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """S-23."""
    both = Both(monkeypatch, stable_done_cooldown_secs=10)
    both.call("add_task", worker="A", task_id="T_0", family="T", status="DONE")
    both.now = 9.0
    both.call("add_task", worker="B", task_id="T_0", family="T")
    assert _statuses(both) == {"T_0": "DONE"}
    both.now = 11.0
    both.call("add_task", worker="B", task_id="T_0", family="T")
    assert _statuses(both) == {"T_0": "PENDING"}


def test_a_late_report_changes_nothing(both: Both) -> None:
    """D1 of what nbflow does otherwise: Luigi's scheduler fails the task that was done since."""
    ours = both.ours
    ours.add_task(worker="A", task_id="T_0", family="T")
    ours.get_work(worker="A")
    ours.mark_as_done(task_id="T_0")
    ours.add_task(worker="A", task_id="T_0", family="T", status="FAILED", expl="late")
    assert ours.task_list()["T_0"]["status"] == "DONE"


def test_a_silent_workers_task_is_pending_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """S-61; Luigi's calls it failed."""
    both = Both(monkeypatch, worker_disconnect_delay=60.0, remove_delay=600.0)
    ours = both.ours
    for worker in WORKERS:
        ours.add_task(worker=worker, task_id="T_0", family="T")
    assert ours.get_work(worker="A")["task_id"] == "T_0"
    both.now = 50.0
    assert ours.get_work(worker="B")["task_id"] is None
    both.now = 61.0
    assert ours.get_work(worker="B")["task_id"] == "T_0"
    both.now = 2_000.0
    ours.ping(worker="A")
    ours.add_task(worker="A", task_id="T_1", family="T")
    assert ours.get_work(worker="A")["task_id"] in {"T_0", "T_1"}


def test_all_methods_are_there_but_for_those_of_luigis_own_program() -> None:
    """D3: the state file, the page's old graph and the collector of measures are not."""
    theirs = {name for name in vars(real.scheduler.Scheduler) if not name.startswith("_")}
    assert theirs - set(dir(Scheduler)) == {
        "dump",
        "graph",
        "load",
        "resources",
        "task_history",
        "update_metrics_task_started",
    }


def test_what_cannot_be_had_is_refused() -> None:
    with pytest.raises(nbflow.NotSupportedHereError, match=r"nbflow.history\(\)"):
        Scheduler(task_history_impl=object())
    scheduler = Scheduler()
    with pytest.raises(nbflow.NotSupportedHereError, match=r"get_work\(\) hands it out"):
        scheduler.add_task(worker="A", task_id="T_0", status="RUNNING")
    with pytest.raises(TypeError, match="worker"):
        scheduler.get_work()


class Counted(real.Task):
    """A task of the real Luigi."""

    n = real.IntParameter()

    def requires(self) -> list[Any]:
        return [Counted(n) for n in range(self.n)]

    def output(self) -> Any:
        return real.LocalTarget(f"{self.n}.txt")

    def run(self) -> None:
        if self.n == 2:
            yield Other(7)
        with self.output().open("w") as file:
            file.write("x")


class Other(Counted):
    def requires(self) -> list[Any]:
        return []


def test_luigis_own_worker_runs_its_tasks_by_our_scheduler(project: Path) -> None:
    """D3: the surface is whole enough for who uses it."""
    scheduler = Scheduler()
    with real.worker.Worker(scheduler=scheduler, worker_id="W", keep_alive=False) as worker:
        assert worker.add(Counted(4))
        assert worker.run()
    assert {file.name for file in project.glob("*.txt")} == {f"{n}.txt" for n in (0, 1, 2, 3, 4, 7)}
    statuses = {line["status"] for line in scheduler.task_list().values()}
    assert statuses == {"DONE"}
