"""The deciding core behind Luigi's scheduler: its numbers, its state and its clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from nbflow.compat.luigi._sections import scheduler
from nbflow.compat.luigi.configuration import get_config
from nbflow.compat.luigi.scheduler.notes import Notes
from nbflow.core.errors import NotSupportedHereError
from nbflow.core.events import RetryPolicy
from nbflow.core.scheduler import commands as cmd
from nbflow.core.scheduler.decide import decide
from nbflow.core.scheduler.policy import SchedulerConfig
from nbflow.core.scheduler.state import SchedulerState
from nbflow.core.status import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbflow.core.scheduler.entities import Task


class SchedulerCore:
    """State and decisions; what may be asked of them is added by subclasses."""

    def __init__(
        self,
        config: scheduler | None = None,
        resources: Mapping[str, int] | None = None,
        task_history_impl: None = None,
        *,
        clock: Callable[[], float] = time.time,
        **kwargs: Any,
    ) -> None:
        if task_history_impl is not None:
            raise NotSupportedHereError(
                f"task_history_impl={task_history_impl!r:.80}: this scheduler keeps no history. "
                "Runs of nbflow are recorded anyway: nbflow.history()."
            )
        self._config = given = scheduler(**kwargs) if config is None else config
        totals = get_config().getintdict("resources") if resources is None else resources
        self._retry = RetryPolicy(
            retry_count=given.retry_count,
            retry_delay=given.retry_delay,
            disable_window=given.disable_window,
            disable_hard_timeout=given.disable_hard_timeout,
        )
        self._state = SchedulerState(
            SchedulerConfig(
                resources=dict(totals),
                retry=self._retry,
                disable_persist=given.disable_persist,
                remove_delay=given.remove_delay,
                lease_seconds=given.worker_disconnect_delay,
                worker_disconnect_delay=given.worker_disconnect_delay,
                pause_enabled=given.pause_enabled,
                send_messages=given.send_messages,
            )
        )
        #: Names of the resources that were given a total.
        self._totals = dict.fromkeys(totals)
        self._clock = clock
        self._notes = Notes()
        #: By worker, its run; a worker that was forgotten gets another one. And the reverse.
        self._runs: dict[str, str] = {}
        self._workers: dict[str, str] = {}

    def _handle(self, command: cmd.Command) -> cmd.Reply:
        state, now = self._state, self._clock()
        decision = decide(state, command, now)
        for event in decision.events:
            state.apply(event)
            self._notes.follow(event, state)
        return decision.reply

    def prune(self) -> None:
        """Let everything happen whose time has come."""
        self._handle(cmd.Tick())
        self._notes.forget_all_but(self._state)

    def _status(self, task_id: str) -> str | None:
        task = self._state.tasks.get(task_id)
        return None if task is None else status_word(task)


def status_word(task: Task) -> str:
    """Luigi's status: a suspended task is pending there."""
    return "PENDING" if task.status is TaskStatus.SUSPENDED else str(task.status)
