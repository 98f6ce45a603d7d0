"""Tasks, their parameters and the list of all tasks, as objects that show themselves."""

from __future__ import annotations

from dataclasses import asdict
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from nbflow.core.model.nested import flatten
from nbflow.core.model.registry import definition_of, newest, task_classes
from nbflow.core.model.target import Target
from nbflow.core.model.task import ExternalTask, Task
from nbflow.core.status import TaskState
from nbflow.display.model import OutputRow, ParameterRow, ParameterTable, TaskCard, TaskRow
from nbflow.session.display import display_settings
from nbflow.targets.local import LocalTarget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.core.model.parameters.base import Parameter

#: Outputs and requirements of one task that are looked at.
_LOOKED_AT = 50


class TaskView:
    """One task: parameters, outputs, requirements, where it is defined."""

    def __init__(self, card: TaskCard) -> None:
        self.card = card

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; private values are masked."""
        content = asdict(self.card)
        content["requires"] = [
            {"task": name, "state": None if state is None else str(state)}
            for name, state in self.card.requires
        ]
        content["state"] = None if self.card.state is None else str(self.card.state)
        return content

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
        """Plain data for JSON; private values are masked."""
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


def show(task: Task, *, check: bool = True) -> TaskView:
    """Everything about one task; nothing is run.

    Parameters
    ----------
    check
        Ask `complete()` and look at all outputs; else only local files are looked at, so that the
        answer comes at once.
    """
    cls = type(task)
    definition = definition_of(cls)
    note, outputs = "", list[OutputRow]()
    try:
        outputs = [_output_row(t, check) for t in flatten(task.output())[:_LOOKED_AT]]
        state = _state(task, outputs, check=check)
    except Exception as error:  # noqa: BLE001 - the user's output() or complete() may raise anything
        state, note = None, f"{type(error).__name__}: {error}"
    requires = list[tuple[str, TaskState | None]]()
    try:
        requires = [(str(dep), _known_state(dep)) for dep in task.deps()[:_LOOKED_AT]]
    except Exception as error:  # noqa: BLE001 - the user's requires() may raise anything
        note = note or f"{type(error).__name__}: {error}"
    return TaskView(
        TaskCard(
            name=task.describe(),
            family=task.task_family,
            state=state,
            meaning=_meaning(cls),
            parameters=tuple(_row(p, task.param_kwargs[p.name]) for p in definition.parameters),
            outputs=tuple(outputs),
            requires=tuple(requires),
            defined_in=_place(cls),
            version=definition.version,
            outdated=newest(cls) is not cls,
            note=note,
        )
    )


def parameters(cls: type[Task]) -> ParameterView:
    """The parameters of a task class, in the order of positions."""
    definition = definition_of(cls)
    return ParameterView(
        ParameterTable(
            family=definition.family,
            meaning=_meaning(cls),
            defined_in=_place(cls),
            version=definition.version,
            rows=tuple(_row(parameter) for parameter in definition.parameters),
        )
    )


def tasks(pattern: str = "", *, module: str = "") -> TaskList:
    """The newest definitions of tasks, by family.

    Parameters
    ----------
    pattern
        A glob over families, such as `Clean*`; empty: all.
    module
        Only those that this module defines.
    """
    found = [
        cls
        for cls in task_classes()
        if (not pattern or fnmatchcase(cls.task_family, pattern)) and module in {"", cls.__module__}
    ]
    return TaskList([_task_row(cls) for cls in found])


def _task_row(cls: type[Task]) -> TaskRow:
    definition = definition_of(cls)
    return TaskRow(
        family=definition.family,
        defined_in=_place(cls),
        version=definition.version,
        parameters=tuple(f"{p.name}{'' if p.has_default else '*'}" for p in definition.parameters),
        meaning=_meaning(cls),
    )


def _row(parameter: Parameter[Any], value: object = None) -> ParameterRow:
    private = parameter.is_private
    return ParameterRow(
        name=parameter.name,
        type=parameter.type_label,
        value=None if value is None or private else parameter.shown(value),
        default=(
            parameter.shown(parameter.default) if parameter.has_default and not private else None
        ),
        required=not parameter.has_default,
        private=private,
        example=parameter.example,
        meaning=parameter.description or "",
    )


def _output_row(target: object, check: bool) -> OutputRow:
    text = getattr(target, "path", None)
    text = repr(target) if text is None else str(text)
    if not isinstance(target, Target) or not (check or isinstance(target, LocalTarget)):
        return OutputRow(text=text)
    record = target.file_record() if isinstance(target, LocalTarget) else None
    return OutputRow(
        text=text,
        exists=target.exists(),
        size=record.size if record is not None and record.size >= 0 else None,
        modified=record.modified if record is not None else None,
    )


def _state(task: Task, outputs: Sequence[OutputRow], *, check: bool) -> TaskState | None:
    if check:
        complete = bool(task.complete())
    elif type(task).complete is Task.complete and outputs:
        if any(output.exists is None for output in outputs):
            return None
        complete = all(output.exists for output in outputs)
    else:
        return None
    if complete:
        return TaskState.COMPLETE
    return TaskState.MISSING if isinstance(task, ExternalTask) else TaskState.PENDING


def _known_state(task: Task) -> TaskState | None:
    """The state of a requirement as far as local files tell it."""
    outputs = [_output_row(target, False) for target in flatten(task.output())[:_LOOKED_AT]]
    return _state(task, outputs, check=False)


def _meaning(cls: type[Task]) -> str:
    lines = (cls.__dict__.get("__doc__") or "").strip().splitlines()
    return lines[0].strip() if lines else ""


def _place(cls: type[Task]) -> str:
    cell = definition_of(cls).cell
    if cell is None:
        return cls.__module__
    return f"cell {cell}" if cell.startswith("In[") else cell
