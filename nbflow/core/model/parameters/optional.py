"""Parameters whose value may be None, which is also their default; as text, "" is None (P-53)."""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from nbflow.core.model.frozen import FrozenOrderedDict
from nbflow.core.model.interval import DateInterval
from nbflow.core.model.parameters.base import (
    NO_VALUE,
    OptionalParameterTypeWarning,
    Parameter,
)
from nbflow.core.model.parameters.choices import (
    C,
    ChoiceListParameter,
    ChoiceParameter,
    E,
    EnumListParameter,
    EnumParameter,
)
from nbflow.core.model.parameters.containers import DictParameter, ListParameter, TupleParameter
from nbflow.core.model.parameters.dates import (
    DateIntervalParameter,
    DateParameter,
    DateSecondParameter,
    TimeDeltaParameter,
)
from nbflow.core.model.parameters.scalars import (
    BoolParameter,
    FloatParameter,
    IntParameter,
    Number,
    NumericalParameter,
    PathParameter,
    StrParameter,
    TaskParameter,
)

if TYPE_CHECKING:
    import pathlib  # noqa: F401 - in a base class, as text

O = TypeVar("O")  # noqa: E741 - O as in Optional


class OptionalParameterMixin(Parameter[O | None]):
    """Makes a parameter optional: ``class OptionalX(OptionalParameterMixin, XParameter)`` (P-54).

    The subclass says its `expected_type`, a type or a tuple of types; another one is warned of.
    """

    implicit_default: ClassVar[Any] = None
    expected_type: Any = type(None)

    def _declare(self, default: Any = NO_VALUE, *args: Any, **options: Any) -> None:
        # Not `_declare`: the other class may be a user's, with an `__init__` of its own.
        super().__init__(default, *args, **options)  # type: ignore[call-arg]
        self.annotation = vars(self).get("annotation", super().annotation) | None

    if TYPE_CHECKING:

        def __new__(cls, default: O | None = ..., **options: Any) -> O | None: ...  # type: ignore[misc]

    else:
        __init__ = _declare

    @property
    def type_label(self) -> str:
        return f"Optional {super().type_label}"

    def parse(self, text: Any) -> Any:
        if not isinstance(text, str):
            return text
        return super().parse(text) if text else None

    def serialize(self, value: Any) -> str:
        return "" if value is None else super().serialize(value)

    def normalize(self, value: Any) -> Any:
        return None if value is None else super().normalize(value)

    def validate(self, value: Any) -> Any:
        return None if value is None else super().validate(value)

    def from_text(self, text: str, name: str | None = None) -> Any:
        return super().from_text(text, name) if text else None

    def next_in_enumeration(self, value: Any) -> Any:  # noqa: ARG002
        return None

    def _warn_on_wrong_param_type(self, name: str, value: Any) -> None:
        if value is None or isinstance(value, self.expected_type):
            return
        types = (
            self.expected_type if isinstance(self.expected_type, tuple) else [self.expected_type]
        )
        expected = " or ".join(each.__name__ for each in types)
        self._warn(
            f"parameter {name!r} is of type {expected} or None, and got {self._described(value)}",
            OptionalParameterTypeWarning,
        )


class OptionalParameter(OptionalParameterMixin[str], Parameter[str]):
    """Text or None."""

    kind = "Str"
    expected_type = str
    is_text = True
    fast_type = str


class OptionalStrParameter(OptionalParameterMixin[str], StrParameter):
    """Text or None."""

    expected_type = str
    is_text = True
    fast_type = str


class OptionalIntParameter(OptionalParameterMixin[int], IntParameter):
    """A whole number or None."""

    expected_type = int
    fast_type = int


class OptionalFloatParameter(OptionalParameterMixin[float], FloatParameter):
    """A number or None."""

    expected_type = float
    fast_type = float


class OptionalBoolParameter(OptionalParameterMixin[bool], BoolParameter):
    """True, False or None; None by default."""

    expected_type = bool
    fast_type = bool


class OptionalNumericalParameter(OptionalParameterMixin[Number], NumericalParameter[Number]):
    """A number between two limits, or None (its default too, unlike Luigi's: Q-49)."""

    @property
    def expected_type(self) -> Any:
        return self.var_type


class OptionalPathParameter(OptionalParameterMixin["pathlib.Path"], PathParameter):
    """A path or None."""

    expected_type = (str, os.PathLike)


class OptionalDateParameter(OptionalParameterMixin[date], DateParameter):
    """A day or None."""

    expected_type = date


class OptionalDateSecondParameter(OptionalParameterMixin[datetime], DateSecondParameter):
    """A second or None."""

    expected_type = datetime


class OptionalTimeDeltaParameter(OptionalParameterMixin[timedelta], TimeDeltaParameter):
    """A duration or None."""

    expected_type = timedelta
    fast_type = timedelta


class OptionalDateIntervalParameter(OptionalParameterMixin[DateInterval], DateIntervalParameter):
    """A span of days or None."""

    expected_type = DateInterval


class OptionalChoiceParameter(OptionalParameterMixin[C], ChoiceParameter[C]):
    """One of a list of values, or None (its default too, unlike Luigi's: Q-49)."""

    def _declare(
        self, default: Any = NO_VALUE, var_type: Any = str, choices: Any = None, **options: Any
    ) -> None:
        super()._declare(default, var_type=var_type, choices=choices, **options)

    if not TYPE_CHECKING:
        __init__ = _declare

    @property
    def expected_type(self) -> Any:
        return self.var_type or object


class OptionalChoiceListParameter(OptionalParameterMixin[tuple[C, ...]], ChoiceListParameter[C]):
    """Some of a list of values, or None; as text, "" is None."""

    expected_type = tuple


class OptionalEnumParameter(OptionalParameterMixin[E], EnumParameter[E]):
    """A member of an enum, or None."""

    expected_type = Enum


class OptionalEnumListParameter(OptionalParameterMixin[tuple[E, ...]], EnumListParameter[E]):
    """Some members of an enum, or None; as text, "" is None."""

    expected_type = tuple


class OptionalDictParameter(OptionalParameterMixin[FrozenOrderedDict[str, Any]], DictParameter):
    """A mapping or None."""

    expected_type = FrozenOrderedDict


class OptionalListParameter(OptionalParameterMixin[tuple[Any, ...]], ListParameter):
    """A list or None."""

    expected_type = tuple


class OptionalTupleParameter(OptionalParameterMixin[tuple[Any, ...]], TupleParameter):
    """A tuple or None."""

    expected_type = tuple


class OptionalTaskParameter(OptionalParameterMixin[type[Any]], TaskParameter):
    """A class of task, or None."""

    expected_type = type


#: The optional form of each class that has one.
OPTIONAL: Final[dict[type[Parameter[Any]], type[Parameter[Any]]]] = {
    cls.__bases__[1]: cls for cls in OptionalParameterMixin.__subclasses__()
}
