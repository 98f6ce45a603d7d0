"""Tasks, parameters, settings and lists of them, as objects that show themselves.

What the user overrode may raise; it is then told on the card, and nothing is raised.
"""

from __future__ import annotations

from dataclasses import asdict
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from nbflow import config
from nbflow.core.errors import NbflowError
from nbflow.core.model.definitions import definition_of, newest
from nbflow.core.model.nested import flatten
from nbflow.core.model.registry import task_classes
from nbflow.core.model.target import Target
from nbflow.core.model.task import BaseTask, is_external, requirements_of
from nbflow.core.status import TaskState
from nbflow.display.model import OutputRow, ParameterRow, ParameterTable, TaskCard, TaskRow
from nbflow.display.words import without_numbers
from nbflow.session.display import display_settings
from nbflow.targets.local import LocalTarget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.core.model.parameters.base import Parameter
    from nbflow.core.model.task import Task

#: Outputs and requirements of one task that are looked at.
_LOOKED_AT = 50
_SETTING_HEAD = ("setting", "value", "from", "meaning")
#: Modules of the tasks that nbflow brings along.
_OWN = "nbflow."


class TaskView:
    """One task: parameters, outputs, requirements, where it is defined."""

    def __init__(self, card: TaskCard) -> None:
        self.card = card

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; it has no private values."""
        return asdict(self.card)

    def __repr__(self) -> str:
        from nbflow.display import text

        here = display_settings()
        return text.task_text(self.card, stable=here.stable, ascii=here.ascii)

    def _repr_html_(self) -> str:
        from nbflow.display import html

        return html.task_html(self.card, stable=display_settings().stable)


class ParameterView:
    """The parameters of a task class."""

    def __init__(self, table: ParameterTable) -> None:
        self.table = table

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; it has no private values."""
        return asdict(self.table)

    def __repr__(self) -> str:
        from nbflow.display import text

        return text.parameters_text(self.table, ascii=display_settings().ascii)

    def _repr_html_(self) -> str:
        from nbflow.display import html

        return html.parameters_html(self.table)


class TaskList:
    """The tasks that are defined."""

    def __init__(self, rows: Sequence[TaskRow]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"tasks": [asdict(row) for row in self.rows]}

    def __repr__(self) -> str:
        from nbflow.display import text

        return text.tasks_text(self.rows, ascii=display_settings().ascii)

    def _repr_html_(self) -> str:
        from nbflow.display import html

        return html.tasks_html(self.rows)


class SettingsView:
    """The settings, each with its value and where it comes from."""

    def __init__(self, rows: Sequence[config.SettingRow], project: config.Project) -> None:
        self.rows = rows
        self.project = project

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        settings = [row._asdict() for row in self.rows]
        return {"project": self.project.root, "home": self.project.home, "settings": settings}

    def _cells(self) -> list[tuple[object, ...]]:
        meanings = {name: setting.meaning for name, setting in config.SETTINGS.items()}
        return [
            (name, "auto" if value is None else value, origin, meanings.get(name, ""))
            for name, value, origin in self.rows
        ]

    def __repr__(self) -> str:
        from nbflow.display import text

        return text.table_text(_SETTING_HEAD, self._cells(), ascii=display_settings().ascii)

    def _repr_html_(self) -> str:
        from nbflow.display import html

        return html.table_html(f"Project {self.project.root}", _SETTING_HEAD, self._cells())


def show(task: Task, *, check: bool = True) -> TaskView:
    """Everything about one task; nothing is run.

    Parameters
    ----------
    check
        Ask `complete()` and look at all outputs; else only at local files, so that the answer
        comes at once.
    """
    cls = type(task)
    definition = definition_of(cls)
    outputs, state, trouble = _outputs(task, check=check)
    requires, failure = _requirements(task)
    return TaskView(
        TaskCard(
            name=task.describe(),
            family=cls.task_family,
            state=state,
            meaning=first_line(cls),
            parameters=tuple(_row(p, task=task) for p in definition.parameters),
            outputs=outputs,
            requires=requires,
            defined_in=_place(cls),
            version=definition.version,
            outdated=newest(cls) is not cls,
            note=trouble or failure,
        )
    )


def parameters(cls: type[Task], task: Task | None = None) -> ParameterView:
    """The parameters of a task class; with a task of it, those of what it requires follow."""
    definition = definition_of(cls)
    rows = [_row(parameter) for parameter in definition.parameters]
    own = {row.name for row in rows}
    for required in _required_classes(task):
        others = definition_of(required).parameters
        rows += [
            _row(parameter, source=required.task_family)
            for parameter in others
            if parameter.name not in own and parameter.has_default
        ]
    return ParameterView(
        ParameterTable(
            family=cls.task_family,
            meaning=first_line(cls),
            defined_in=_place(cls),
            version=definition.version,
            rows=tuple(rows),
        )
    )


def tasks(pattern: str = "") -> TaskList:
    """The newest definitions of tasks, by family; nbflow's own are left out.

    Parameters
    ----------
    pattern
        A glob over families and `module.Class`, such as `Clean*`; empty: all.
    """
    return TaskList(
        [
            _task_row(cls)
            for cls in task_classes()
            if not cls.__module__.startswith(_OWN) and _matches(cls, pattern)
        ]
    )


def target_html(target: Target) -> str:
    """One target as HTML; a remote one is not asked whether it exists."""
    from nbflow.display import html, text

    row = _output_row(target, False)
    return html.note_html(text.output_text(row, stable=display_settings().stable))


def settings() -> SettingsView:
    """The settings as they hold now; raises ConfigError."""
    return SettingsView(config.settings(), config.find_project())


def first_line(cls: type) -> str:
    """The first line of the class's own docstring, or ''."""
    lines = (cls.__dict__.get("__doc__") or "").strip().splitlines()
    return lines[0].strip() if lines else ""


def _matches(cls: type[Task], pattern: str) -> bool:
    names = (cls.task_family, cls.__name__, f"{cls.__module__}.{cls.__qualname__}")
    return not pattern or any(fnmatchcase(name, pattern) for name in names)


def _task_row(cls: type[Task]) -> TaskRow:
    definition = definition_of(cls)
    return TaskRow(
        family=definition.family,
        defined_in=_place(cls),
        version=definition.version,
        parameters=tuple(f"{p.name}{'' if p.has_default else '*'}" for p in definition.parameters),
        meaning=first_line(cls),
    )


def _row(parameter: Parameter[Any], *, task: Task | None = None, source: str = "") -> ParameterRow:
    private, choices = parameter.is_private, parameter.choices_text() or ()
    shows_default = parameter.has_default and not private
    shows_value = task is not None and not private
    return ParameterRow(
        name=parameter.name,
        type=parameter.kind if choices else parameter.type_label,
        value=parameter.shown(getattr(task, parameter.name)) if shows_value else None,
        default=parameter.shown(parameter.default) if shows_default else None,
        required=not parameter.has_default,
        private=private,
        choices=choices,
        example=parameter.example,
        meaning=parameter.description or "",
        source=source,
    )


def _required_classes(task: Task | None) -> dict[type[Task], None]:
    if task is None:
        return {}
    try:
        return {type(each): None for each in requirements_of(task)}
    except Exception:  # noqa: BLE001 - the user's requires(); plan and show tell the error
        return {}


def _outputs(task: Task, *, check: bool) -> tuple[tuple[OutputRow, ...], TaskState | None, str]:
    """The outputs, the state as far as it may be asked, and what went wrong."""
    try:
        rows = tuple(_output_row(each, check) for each in flatten(task.output())[:_LOOKED_AT])
    except Exception as error:  # noqa: BLE001 - the user's output() may raise anything
        return (), None, f"output() raised {type(error).__name__}: {error}"
    try:
        return rows, _state(task, rows, check=check), ""
    except Exception as error:  # noqa: BLE001 - the user's complete() may raise anything
        return rows, None, f"complete() raised {type(error).__name__}: {error}"


def _output_row(target: object, check: bool) -> OutputRow:
    if isinstance(target, LocalTarget):
        record = target.file_record()
        if record is None:
            return OutputRow(text=target.path, exists=target.exists())
        return OutputRow(text=target.path, exists=True, size=record.size, modified=record.modified)
    exists = target.exists() if check and isinstance(target, Target) else None
    path = getattr(target, "path", None)
    return OutputRow(text=repr(target) if path is None else str(path), exists=exists)


def _state(task: Task, outputs: Sequence[OutputRow], *, check: bool) -> TaskState | None:
    if check:
        complete = bool(task.complete())
    elif (
        type(task).complete is not BaseTask.complete
        or not outputs
        or any(output.exists is None for output in outputs)
    ):
        return None
    else:
        complete = all(output.exists for output in outputs)
    if complete:
        return TaskState.COMPLETE
    return TaskState.MISSING if is_external(task) else TaskState.PENDING


def _requirements(task: Task) -> tuple[tuple[tuple[str, TaskState | None], ...], str]:
    """Each requirement with its state as far as local files tell it, and what went wrong."""
    try:
        required = requirements_of(task)
    except NbflowError as error:
        return (), f"{error.title}: {error}"
    except Exception as error:  # noqa: BLE001 - the user's requires() may raise anything
        return (), f"requires() raised {type(error).__name__}: {error}"
    looked_at = tuple(
        (each.describe(), _outputs(each, check=False)[1]) for each in required[:_LOOKED_AT]
    )
    return looked_at, ""


def _place(cls: type[Task]) -> str:
    cell = definition_of(cls).cell
    if cell is None:
        return cls.__module__
    if not cell.startswith("In["):
        return cell
    return f"cell {without_numbers(cell) if display_settings().stable else cell}"
