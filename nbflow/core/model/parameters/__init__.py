"""The values that a task is named by: Luigi's parameter classes."""

from __future__ import annotations

from nbflow.core.model.parameters.base import (
    MASK,
    NO_VALUE,
    OptionalParameterTypeWarning,
    Parameter,
    ParameterTypeWarning,
    ParameterVisibility,
    next_position,
)
from nbflow.core.model.parameters.dates import (
    DateHourParameter,
    DateIntervalParameter,
    DateMinuteParameter,
    DateParameter,
    DateSecondParameter,
    MonthParameter,
    TimeDeltaParameter,
    YearParameter,
)
from nbflow.core.model.parameters.scalars import (
    BoolParameter,
    FloatParameter,
    IntParameter,
    NumericalParameter,
    PathParameter,
    StrParameter,
    TaskParameter,
)

__all__ = [
    "MASK",
    "NO_VALUE",
    "BoolParameter",
    "DateHourParameter",
    "DateIntervalParameter",
    "DateMinuteParameter",
    "DateParameter",
    "DateSecondParameter",
    "FloatParameter",
    "IntParameter",
    "MonthParameter",
    "NumericalParameter",
    "OptionalParameterTypeWarning",
    "Parameter",
    "ParameterTypeWarning",
    "ParameterVisibility",
    "PathParameter",
    "StrParameter",
    "TaskParameter",
    "TimeDeltaParameter",
    "YearParameter",
    "next_position",
]
