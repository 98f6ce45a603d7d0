"""The one value that says where nbflow and Luigi differ, and its two constants.

Nothing else asks which face started a run (contract section 13, decisions D3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPolicy:
    """How a run treats what Luigi and nbflow see differently."""

    name: str
    #: A declared output that is missing after `run()` is a failure of the producer.
    check_output_after_run: bool
    #: A task that is not complete after `run()` has failed, also one that declares no output.
    check_complete_after_run: bool
    #: Each requirement is asked `complete()` once more just before its dependent runs.
    check_dependencies_before_run: bool
    #: A generator in `run()` is kept alive between its yields; else `run()` starts again.
    keep_generators: bool
    #: An external task that is not complete makes the run unsuccessful.
    missing_external_is_failure: bool
    #: A cycle raises before anything runs; else its tasks stay pending.
    cycle_is_error: bool
    #: A task's `complete()` is asked once more under its lock, just before `run()`.
    recheck_under_lock: bool
    #: A run in which a task failed and then succeeded on a retry counts as successful.
    retried_is_success: bool
    #: A requirement that is not a Task stops the whole plan; else only the task concerned.
    bad_requirement_stops_plan: bool
    #: Seconds for which a run in which nothing runs waits for what is due later (a retry, a task
    #: that is held elsewhere); None: as long as it takes.
    idle_seconds: float | None
    #: Exit code by what went wrong: task_failed, missing_data, already_running, scheduling_error,
    #: not_run, unhandled_exception.
    exit_codes: Mapping[str, int] = field(default_factory=dict)


NATIVE = RunPolicy(
    name="native",
    check_output_after_run=True,
    check_complete_after_run=False,
    check_dependencies_before_run=False,
    keep_generators=True,
    missing_external_is_failure=True,
    cycle_is_error=True,
    recheck_under_lock=True,
    retried_is_success=True,
    bad_requirement_stops_plan=False,
    idle_seconds=None,
    exit_codes={
        "task_failed": 1,
        "missing_data": 3,
        "scheduling_error": 3,
        "not_run": 3,
        "already_running": 4,
        "unhandled_exception": 5,
    },
)

LUIGI = RunPolicy(
    name="luigi",
    check_output_after_run=False,
    check_complete_after_run=False,
    check_dependencies_before_run=True,
    keep_generators=False,
    missing_external_is_failure=False,
    cycle_is_error=False,
    recheck_under_lock=False,
    retried_is_success=False,
    bad_requirement_stops_plan=True,
    idle_seconds=0.0,
    exit_codes={
        "task_failed": 0,
        "missing_data": 0,
        "scheduling_error": 0,
        "not_run": 0,
        "already_running": 0,
        "unhandled_exception": 4,
    },
)
