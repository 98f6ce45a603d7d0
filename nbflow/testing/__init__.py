"""For tests of tasks: run one without files, pass time by hand, let a scheduler misbehave.

The names are loaded when they are used: pytest imports this package in every project of an
environment that has nbflow, for its fixtures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbflow.testing.clock import Clock
    from nbflow.testing.scheduler import FakeScheduler
    from nbflow.testing.single import TaskRun, run_task

__all__ = ["Clock", "FakeScheduler", "TaskRun", "run_task"]

_HOMES = {"Clock": "clock", "FakeScheduler": "scheduler", "TaskRun": "single", "run_task": "single"}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'nbflow.testing' has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"nbflow.testing.{_HOMES[name]}"), name)
