"""Cards of tasks and tables of parameters and tasks, as objects that show themselves."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nbflow.session.display import display_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.display.model import ParameterTable, TaskCard, TaskRow


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
