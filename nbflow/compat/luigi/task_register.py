"""`luigi.task_register`: tasks by name, and the old names of its errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.errors import AmbiguousTaskError as TaskClassAmbigiousException
from nbflow.core.errors import RegistryError as TaskClassException
from nbflow.core.errors import UnknownTaskError as TaskClassNotFoundException
from nbflow.core.model.registry import Register, get_task_cls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbflow.core.model.task import Task

__all__ = [
    "Register",
    "TaskClassAmbigiousException",
    "TaskClassException",
    "TaskClassNotFoundException",
    "load_task",
]


def load_task(module: str | None, task_name: str, params_str: Mapping[str, str]) -> Task:
    """Make a task of its family and serialized parameters; `module` is imported first (R-06)."""
    if module:
        from importlib import import_module

        import_module(module)
    return get_task_cls(task_name).from_str_params(params_str)
