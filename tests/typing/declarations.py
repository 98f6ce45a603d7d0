"""What type checkers know of declared parameters: every line here is right."""

from __future__ import annotations

import datetime as dt
import enum
from pathlib import Path
from typing import Annotated, Any, Literal, assert_type

from nbflow.core.model import parameters as p
from nbflow.core.model.annotations import Param
from nbflow.core.model.frozen import FrozenOrderedDict
from nbflow.core.model.interval import DateInterval
from nbflow.core.model.task import BaseTask, Task


class Color(enum.Enum):
    RED = 1


class Plain(Task):
    date: dt.date
    n: int = 3
    model: Literal["ols", "gbm"] = "ols"
    rate: Annotated[float, Param(significant=False)] = 0.1
    base: str | None = None


class Explicit(Task):
    date: dt.date = p.DateParameter()
    month: dt.date = p.MonthParameter(default=dt.date(2026, 1, 1), interval=3)
    hour: dt.datetime = p.DateHourParameter(default=dt.datetime(2026, 1, 1))  # noqa: DTZ001
    n: int = p.IntParameter(default=1, description="how many", significant=False)
    share: float = p.NumericalParameter(default=0.5, var_type=float, min_value=0.0, max_value=1.0)
    flag: bool = p.BoolParameter(default=False, parsing="explicit")
    text: str = p.Parameter(default="")
    where: Path = p.PathParameter(default=Path(), exists=False)
    color: Color = p.EnumParameter(default=Color.RED, enum=Color)
    colors: tuple[Color, ...] = p.EnumListParameter(default=(), enum=Color)
    base: str = p.ChoiceParameter(default="a", choices=["a", "b"])
    bases: tuple[str, ...] = p.ChoiceListParameter(default=(), choices=["a", "b"])
    wait: dt.timedelta = p.TimeDeltaParameter(default=dt.timedelta(0))
    tags: tuple[str, ...] = p.ListParameter(default=())
    limit: int | None = p.OptionalIntParameter()
    last: dt.date | None = p.OptionalDateParameter(interval=7)


class LuigiStyle(BaseTask):
    """Declarations without annotations: attributes are typed, constructors stay quiet."""

    date = p.DateParameter()
    n = p.IntParameter(default=1)
    name = p.Parameter(default="x")
    flag = p.BoolParameter()
    span = p.DateIntervalParameter()
    filters = p.DictParameter()
    limit = p.OptionalIntParameter()
    path = p.OptionalPathParameter()


class Bytes(p.Parameter[bytes]):
    def parse(self, text: str) -> bytes:
        return text.encode()


class Own(Task):
    raw: bytes = Bytes(default=b"")


def attributes_have_the_type_of_their_values(
    annotated: Plain, explicit: Explicit, luigi_style: LuigiStyle, own: Own
) -> None:
    assert_type(annotated.date, dt.date)
    assert_type(annotated.n, int)
    assert_type(annotated.rate, float)
    assert_type(annotated.base, str | None)
    assert_type(explicit.date, dt.date)
    assert_type(explicit.share, float)
    assert_type(explicit.colors, tuple[Color, ...])
    assert_type(explicit.limit, int | None)
    assert_type(luigi_style.date, dt.date)
    assert_type(luigi_style.n, int)
    assert_type(luigi_style.name, str)
    assert_type(luigi_style.flag, bool)
    assert_type(luigi_style.span, DateInterval)
    assert_type(luigi_style.filters, FrozenOrderedDict[str, Any])
    assert_type(luigi_style.limit, int | None)
    assert_type(luigi_style.path, Path | None)
    assert_type(own.raw, bytes)


def constructors_take_the_parameters_by_name() -> None:
    assert_type(Plain(date=dt.date(2026, 1, 1)), Plain)
    Plain(date=dt.date(2026, 1, 1), n=4, model="gbm", rate=1.0, base="x")
    Explicit(date=dt.date(2026, 1, 1), n=1, color=Color.RED, limit=None, flag=True)
    LuigiStyle(dt.date(2026, 1, 1), n=3)
    Own(raw=b"x")
    Own()
