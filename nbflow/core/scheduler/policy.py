"""The numbers by which the scheduler decides."""

from __future__ import annotations

import msgspec

from nbflow.core.events import RetryPolicy


class SchedulerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Delays in seconds, counts, and totals of resources.

    The defaults suit a scheduler that lives inside one process and its runs. A central one keeps
    tasks of finished runs for some minutes (`remove_delay`), so that what others observed before
    they were done is known to be stale.
    """

    #: Silence after which a worker's running tasks are handed out again.
    lease_seconds: float = 20.0
    #: Silence after which a worker is forgotten.
    worker_disconnect_delay: float = 60.0
    #: Time from the end of a run until its tasks are forgotten; looked at when a run starts and at
    #: each `Tick`.
    remove_delay: float = 0.0
    #: Time that a task stays disabled after too many failures.
    disable_persist: float = 86_400.0
    #: What a task's own policy leaves open; None: not retried, never disabled.
    retry: RetryPolicy | None = None
    #: Totals; a resource that is not named has 1.
    resources: dict[str, int] = {}
    #: First and longest delay before a task that is held elsewhere is tried again; it doubles.
    busy_delay: float = 0.05
    busy_delay_limit: float = 1.0
    #: How often a task may find its requirements missing before that is a failure (Luigi W-42).
    max_reschedules: int = 1
    pause_enabled: bool = True
    send_messages: bool = True
    #: Answers that are remembered for one session, and for how long after its last command.
    answers_per_session: int = 64
    session_seconds: float = 600.0


def merge_retry(own: RetryPolicy | None, default: RetryPolicy | None) -> RetryPolicy | None:
    """The task's own policy, with gaps filled from `default`; None where nothing is said."""
    if own is None or default is None:
        return own or default
    return RetryPolicy(
        retry_count=default.retry_count if own.retry_count is None else own.retry_count,
        retry_delay=default.retry_delay if own.retry_delay is None else own.retry_delay,
        disable_window=(
            default.disable_window if own.disable_window is None else own.disable_window
        ),
        disable_hard_timeout=(
            default.disable_hard_timeout
            if own.disable_hard_timeout is None
            else own.disable_hard_timeout
        ),
    )
