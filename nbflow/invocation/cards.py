"""What commands show of tasks, as rows and cards: filled from the registry and the task itself.

Nothing remote is asked: `exists()` is called for targets of the local file system only.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from nbflow.core.errors import NbflowError
from nbflow.core.model import definitions, registry
from nbflow.core.model.nested import flatten
from nbflow.core.model.task import BaseTask, is_external, requirements_of
from nbflow.core.status import TaskState
from nbflow.display.model import OutputRow, ParameterRow, ParameterTable, TaskCard, TaskRow
from nbflow.targets.local import LocalTarget

if TYPE_CHECKING:
    from nbflow.core.model.definitions import Definition
    from nbflow.core.model.parameters.base import Parameter
    from nbflow.core.model.task import Task

_PACKAGE = "nbflow."


def task_rows(pattern: str | None = None) -> list[TaskRow]:
    """The tasks that are defined, by family; only those that `pattern` (a glob) matches."""
    return [_task_row(cls) for cls in defined_tasks() if _matches(cls, pattern)]


def defined_tasks() -> list[type[Task]]:
    """The newest definitions, without nbflow's own."""
    return [cls for cls in registry.task_classes() if not cls.__module__.startswith(_PACKAGE)]


def parameter_table(cls: type[Task], task: Task | None = None) -> ParameterTable:
    """The parameters of a class; with a task of it, those of what it requires follow."""
    definition = _definition(cls)
    rows = [parameter_row(name, parameter) for name, parameter in cls.get_params()]
    own = {row.name for row in rows}
    for family, parameters in _required_parameters(task).items():
        rows += [
            parameter_row(name, parameter, source=family)
            for name, parameter in parameters.items()
            if name not in own and parameter.has_default
        ]
    return ParameterTable(
        family=cls.task_family,
        meaning=first_line(cls),
        defined_in=_place(definition),
        version=definition.version,
        rows=tuple(rows),
    )


def parameter_row(
    name: str, parameter: Parameter[Any], *, task: Task | None = None, source: str = ""
) -> ParameterRow:
    """One parameter, with its value in `task`; a private value or default is left out."""
    is_private, choices = parameter.is_private, parameter.choices_text() or ()
    shows_default = parameter.has_default and not is_private
    shows_value = task is not None and not is_private
    return ParameterRow(
        name=name,
        type=parameter.kind if choices else parameter.type_label,
        value=parameter.shown(getattr(task, name)) if shows_value else None,
        default=parameter.shown(parameter.default) if shows_default else None,
        required=not parameter.has_default,
        private=is_private,
        choices=choices,
        example=parameter.example,
        meaning=parameter.description or "",
        source=source,
    )


def task_card(task: Task) -> TaskCard:
    """A task with its parameters, outputs and requirements, as they stand now."""
    cls = type(task)
    definition = _definition(cls)
    outputs, note = _outputs(task)
    requires, failure = _requirements(task)
    return TaskCard(
        name=task.describe(),
        family=cls.task_family,
        state=_state(task, outputs),
        meaning=first_line(cls),
        parameters=tuple(parameter_row(n, p, task=task) for n, p in cls.get_params()),
        outputs=tuple(outputs),
        requires=requires,
        defined_in=_place(definition),
        version=definition.version,
        outdated=definitions.newest(cls) is not cls,
        note=note or failure,
    )


def first_line(cls: type[Task]) -> str:
    """The first line of the class's own docstring, or ''."""
    text = (cls.__dict__.get("__doc__") or "").strip()
    return text.split("\n", 1)[0].strip()


def _task_row(cls: type[Task]) -> TaskRow:
    definition = _definition(cls)
    return TaskRow(
        family=cls.task_family,
        defined_in=_place(definition),
        version=definition.version,
        parameters=tuple(n if p.has_default else f"{n}*" for n, p in cls.get_params()),
        meaning=first_line(cls),
    )


def _matches(cls: type[Task], pattern: str | None) -> bool:
    names = (cls.task_family, cls.__name__, f"{cls.__module__}.{cls.__qualname__}")
    return pattern is None or any(fnmatchcase(name, pattern) for name in names)


def _definition(cls: type[Task]) -> Definition:
    return definitions.definition_of(cls)


def _place(definition: Definition) -> str:
    return definition.cell or definition.module


def _required_parameters(task: Task | None) -> dict[str, dict[str, Parameter[Any]]]:
    if task is None:
        return {}
    try:
        required = requirements_of(task)
    except Exception:  # noqa: BLE001 - the user's requires(); `plan` and `show` tell the error
        return {}
    return {type(each).task_family: dict(type(each).get_params()) for each in required}


def _outputs(task: Task) -> tuple[list[OutputRow], str]:
    try:
        targets = flatten(task.output())
    except Exception as error:  # noqa: BLE001 - the user's output() may raise anything
        return [], f"output() raised {type(error).__name__}: {error}"
    return [_output_row(target) for target in targets], ""


def _output_row(target: object) -> OutputRow:
    if not isinstance(target, LocalTarget):
        return OutputRow(text=str(target))
    record = target.file_record()
    if record is None:
        return OutputRow(text=target.path, exists=os.path.exists(target.path))
    return OutputRow(text=target.path, exists=True, size=record.size, modified=record.modified)


def _state(task: Task, outputs: list[OutputRow]) -> TaskState | None:
    """COMPLETE or not, where that follows from local files alone; None where it does not."""
    if type(task).complete is not BaseTask.complete or not outputs:
        return None
    if all(row.exists for row in outputs):
        return TaskState.COMPLETE
    if any(row.exists is None for row in outputs):
        return None
    return TaskState.MISSING if is_external(task) else TaskState.PENDING


def _requirements(task: Task) -> tuple[tuple[tuple[str, TaskState | None], ...], str]:
    try:
        required = requirements_of(task)
    except NbflowError as error:
        return (), f"{error.title}: {error}"
    except Exception as error:  # noqa: BLE001 - the user's requires() may raise anything
        return (), f"requires() raised {type(error).__name__}: {error}"
    return tuple((each.describe(), _state(each, _outputs(each)[0])) for each in required), ""
