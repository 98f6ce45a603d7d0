"""The questions to Luigi's scheduler that change nothing (S-70 to S-79)."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from nbflow.compat.luigi.scheduler.core import SchedulerCore, status_word
from nbflow.core.scheduler.views import UpstreamStatus, guess_family, upstream_status, view_graph
from nbflow.core.status import TaskStatus

if TYPE_CHECKING:
    from nbflow.core.events import TaskRecord
    from nbflow.core.scheduler.entities import Task, Worker
    from nbflow.core.scheduler.state import SchedulerState


class SchedulerViews(SchedulerCore):
    """What tasks, workers and resources there are, as plain data."""

    # -- tasks -----------------------------------------------------------------------------------

    def _serialize(self, task_id: str, *, with_deps: bool = True) -> dict[str, Any]:
        task, note = self._state.tasks[task_id], self._notes.of(task_id)
        record = task.record
        params = {} if record is None else _shown(record)
        family = "" if record is None else record.family
        pairs = ", ".join(f"{name}={value}" for name, value in sorted(params.items()))
        found = {
            "display_name": f"{family}({pairs})",
            "status": status_word(task),
            "workers": self._workers_of(task),
            "worker_running": note.worker,
            "time_running": note.started,
            "start_time": note.since,
            "last_updated": note.updated,
            "params": params,
            "name": family,
            "priority": max(task.priority, 0.0) if record is None else task.priority,
            "resources": {} if record is None else record.resources or {},
            "resources_running": note.held,
            "tracking_url": note.tracking_url,
            "status_message": note.message,
            "progress_percentage": note.percentage,
        }
        if task.status is TaskStatus.DISABLED:
            found["re_enable_able"] = task in self._state.disabled
        if with_deps:
            found["deps"] = [dep.task_id for dep in task.deps]
        if self._config.send_messages and task.status is TaskStatus.RUNNING:
            found["accepts_messages"] = note.accepts_messages
        return found

    def task_list(
        self,
        status: str = "",
        upstream_status: str = "",
        limit: bool = True,
        search: str | None = None,
        max_shown_tasks: int | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        """Tasks of a status, by id; only their number where they are too many."""
        self.prune()
        most = max_shown_tasks or self._config.max_shown_tasks
        terms = [term.casefold() for term in (search or "").split()]
        known: dict[str, UpstreamStatus] = {}
        found = {}
        for task in self._tasks(status):
            asked = upstream_status and task.status is TaskStatus.PENDING
            if asked and _upstream(self._state, task, known) != upstream_status:
                continue
            line = self._serialize(task.task_id, with_deps=False)
            if all(term in line["display_name"].casefold() for term in terms):
                found[task.task_id] = line
        return {"num_tasks": len(found)} if limit and len(found) > most else found

    def _tasks(self, status: str) -> list[Task]:
        tasks = self._state.tasks.values()
        return [task for task in tasks if not status or status_word(task) == status]

    def task_search(self, task_str: str, **_: Any) -> dict[str, dict[str, Any]]:
        """Tasks whose id has `task_str` in it, by status."""
        self.prune()
        found: dict[str, dict[str, Any]] = defaultdict(dict)
        for task_id, task in self._state.tasks.items():
            if task_str in task_id:
                found[status_word(task)][task_id] = self._serialize(task_id, with_deps=False)
        return found

    def dep_graph(self, task_id: str, include_done: bool = True, **_: Any) -> dict[str, Any]:
        """A task and what it requires, by id, nearest first."""
        return self._graph(task_id, include_done=include_done, inverse=False)

    def inverse_dep_graph(
        self, task_id: str, include_done: bool = True, **_: Any
    ) -> dict[str, Any]:
        """A task and what requires it, by id, nearest first."""
        return self._graph(task_id, include_done=include_done, inverse=True)

    def _graph(self, root: str, *, include_done: bool, inverse: bool) -> dict[str, Any]:
        self.prune()
        views = view_graph(
            self._state,
            root,
            inverse=inverse,
            include_done=include_done,
            limit=self._config.max_graph_nodes,
        )
        found = {}
        for view in views:
            task = self._state.tasks[view.task_id]
            line = _unknown(task) if task.record is None else self._serialize(view.task_id)
            if task.record is not None:
                ends = task.dependents if inverse else task.deps
                line["deps"] = [
                    end.task_id for end in ends if include_done or end.status is not TaskStatus.DONE
                ]
            if view.task_id != root:
                del line["display_name"]
            found[view.task_id] = line
        return found

    def fetch_error(self, task_id: str, **_: Any) -> dict[str, Any]:
        """What a worker said of a task's failure."""
        task = self._state.tasks.get(task_id)
        if task is None:
            return {"taskId": task_id, "error": ""}
        record = task.record
        return {
            "taskId": task_id,
            "error": self._notes.of(task_id).expl,
            "displayName": self._serialize(task_id)["display_name"],
            "taskParams": {} if record is None else json.loads(record.params),
            "taskModule": None if record is None else record.module or None,
            "taskFamily": "" if record is None else record.family,
        }

    def get_task_status_message(self, task_id: str) -> dict[str, Any]:
        """What a task says of itself."""
        known = task_id in self._state.tasks
        message = self._notes.of(task_id).message if known else ""
        return {"taskId": task_id, "statusMessage": message}

    def get_task_progress_percentage(self, task_id: str) -> dict[str, Any]:
        """How far a task is."""
        known = task_id in self._state.tasks
        percentage = self._notes.of(task_id).percentage if known else None
        return {"taskId": task_id, "progressPercentage": percentage}

    def get_running_task_resources(self, task_id: str) -> dict[str, Any]:
        """What a running task holds."""
        known = task_id in self._state.tasks
        held = self._serialize(task_id)["resources_running"] if known else None
        return {"taskId": task_id, "resources": held}

    # -- workers, resources, switches --------------------------------------------------------------

    def count_pending(self, worker: str) -> dict[str, Any]:
        """How much a worker may wait for (S-35)."""
        found = self._state.workers.get(worker)
        known: dict[str, UpstreamStatus] = {}
        pending = unique = last = 0
        running = []
        for task in _runnable_by(found):
            if _upstream(self._state, task, known) == UpstreamStatus.DISABLED:
                continue
            if task.status is TaskStatus.RUNNING:
                other = task.executing().worker.worker_id
                running.append(
                    {"task_id": task.task_id, "worker": other, **self._notes.info(other)}
                )
            elif status_word(task) in {"PENDING", "FAILED"}:
                pending += 1
                workers = self._workers_of(task)
                unique += len(workers) == 1
                last += workers[-1] == worker
        return {
            "n_pending_tasks": pending,
            "n_unique_pending": unique,
            "n_pending_last_scheduled": last,
            "worker_state": "disabled" if found is not None and found.disabled else "active",
            "running_tasks": running,
        }

    def worker_list(self, include_running: bool = True, **_: Any) -> list[dict[str, Any]]:
        """All workers, the latest first."""
        self.prune()
        workers = [
            {
                "name": worker.worker_id,
                "last_active": worker.contact,
                "started": worker.started_at,
                "state": "disabled" if worker.disabled else "active",
                "first_task_display_name": self._first_task(worker.worker_id),
                "num_unread_rpc_messages": self._notes.waiting(worker.worker_id),
                **self._notes.info(worker.worker_id),
                **(self._counts(worker) if include_running else {}),
            }
            for worker in self._state.workers.values()
        ]
        return sorted(workers, key=lambda line: line["started"], reverse=True)

    def _workers_of(self, task: Task) -> list[str]:
        """Who can run a task, in order of saying so; not who was disabled."""
        workers = [self._workers[run.run_id] for run in task.runners]
        known = self._state.workers
        return [each for each in workers if each not in known or not known[each].disabled]

    def _first_task(self, worker: str) -> str:
        task_id: str = self._notes.info(worker).get("first_task", "")
        known = task_id in self._state.tasks
        return str(self._serialize(task_id)["display_name"]) if known else task_id

    def _counts(self, worker: Worker) -> dict[str, Any]:
        pending = [task for task in _runnable_by(worker) if status_word(task) == "PENDING"]
        running = {
            task.task_id: self._serialize(task.task_id, with_deps=False) for task in worker.running
        }
        return {
            "num_running": len(running),
            "num_pending": len(pending),
            "num_uniques": sum(len(self._workers_of(task)) == 1 for task in pending),
            "running": running,
        }

    def resource_list(self) -> list[dict[str, Any]]:
        """All resources that have a total, and who uses them."""
        self.prune()
        users: dict[str, dict[str, Any]] = defaultdict(dict)
        for task in self._tasks("RUNNING"):
            line = self._serialize(task.task_id, with_deps=False)
            for name in line["resources"]:
                users[name][task.task_id] = line
        return [
            {
                "name": name,
                "num_total": self._state.resources[name].total,
                "num_used": self._state.resources[name].used,
                "num_consumer": len(users[name]),
                "running": users[name],
            }
            for name in self._totals
        ]

    def is_paused(self) -> dict[str, bool]:
        """Whether nothing new is handed out."""
        return {"paused": self._state.paused}

    def is_pause_enabled(self) -> dict[str, bool]:
        """Whether it can be paused."""
        return {"enabled": self._config.pause_enabled}

    def has_task_history(self) -> bool:
        """No: nbflow records runs."""
        return False


def _upstream(state: SchedulerState, task: Task, known: dict[str, UpstreamStatus]) -> str:
    return upstream_status(state, task.task_id, known)


def _runnable_by(worker: Worker | None) -> list[Task]:
    runs = () if worker is None or worker.disabled else worker.runs
    return [task for run in runs for task in run.tasks if run in task.runners]


def _shown(record: TaskRecord) -> dict[str, str]:
    return {k: v for k, v in json.loads(record.params).items() if k not in record.unshown}


def _unknown(task: Task) -> dict[str, Any]:
    """A requirement that was named, but never added (S-27)."""
    return {
        "deps": [],
        "status": "UNKNOWN",
        "workers": [],
        "start_time": "UNKNOWN",
        "params": {"task_id": task.task_id},
        "name": guess_family(task.task_id),
        "display_name": task.task_id,
        "priority": 0,
    }
