"""What type checkers find: every line with a comment here is wrong, for both.

A comment that silences nothing is an error of its own.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

from nbflow.core.model import parameters as p
from nbflow.core.model.task import Task


class Wrong(Task):
    text: str = p.IntParameter()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    day: dt.date = p.DateParameter(default="2026-01-01")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportAssignmentType]
    n: int = p.IntParameter(default="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportAssignmentType]
    flag: bool = p.BoolParameter(signifcant=False)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue, reportAssignmentType]
    base: str = p.ChoiceParameter(default="a")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue, reportAssignmentType, reportUnknownVariableType]


class Report(Task):
    date: dt.date
    n: int = p.IntParameter(default=3)
    model: Literal["ols", "gbm"] = "ols"


Report()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Report(date="2026-01-01")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Report(date=dt.date(2026, 1, 1), m=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Report(date=dt.date(2026, 1, 1), n="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Report(date=dt.date(2026, 1, 1), model="tree")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Report(date=dt.date(2026, 1, 1)).n.upper()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
