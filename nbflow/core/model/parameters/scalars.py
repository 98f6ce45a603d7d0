"""Parameters of one plain value: text, a number, true or false, a path, a class of task."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from nbflow.core.errors import ParameterError
from nbflow.core.model.parameters.base import NO_VALUE, Parameter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Unpack

    from nbflow.core.model.parameters.base import CommonOptions, NoValue

Number = TypeVar("Number", int, float)


class StrParameter(Parameter[str]):
    """Text."""

    fast_type = str
    is_text = True
    annotation = str
    kind = "Str"
    example = "text"
    complaint = "not text"

    def parse(self, text: Any) -> str:
        return str(text)

    def validate(self, value: Any) -> str:
        if not isinstance(value, str):
            raise TypeError(value)
        return value


class IntParameter(Parameter[int]):
    """A whole number. Text may have blanks around and underscores inside (P-31)."""

    annotation = int
    fast_type = int
    example = "42"
    complaint = "not a whole number"

    def parse(self, text: Any) -> int:
        return int(text)

    def next_in_enumeration(self, value: int) -> int:
        return value + 1

    def validate(self, value: Any) -> int:
        return _int(value)


class FloatParameter(Parameter[float]):
    """A number."""

    annotation = float
    fast_type = float
    example = "0.5"
    complaint = "not a number"

    def parse(self, text: Any) -> float:
        return float(text)

    def validate(self, value: Any) -> float:
        return _float(value)


class BoolParameter(Parameter[bool]):
    """True or false; False where nothing is declared and nothing given (P-33).

    A constructor's value that is neither becomes None (Q-06).

    Parameters
    ----------
    parsing
        `IMPLICIT_PARSING`: the flag ``--name`` takes no value and means True. `EXPLICIT_PARSING`:
        ``--name`` may be followed by ``true`` or ``false``. Setting `BoolParameter.parsing` changes
        what declarations after that have.
    """

    IMPLICIT_PARSING = "implicit"
    EXPLICIT_PARSING = "explicit"

    parsing: str = IMPLICIT_PARSING

    annotation = bool
    fast_type = bool
    implicit_default: ClassVar[Any] = False
    example = "true"

    def _declare(
        self,
        default: bool | NoValue = NO_VALUE,
        parsing: str | None = None,
        **options: Unpack[CommonOptions],
    ) -> None:
        super()._declare(default, **options)
        self.parsing = type(self).parsing if parsing is None else parsing
        if self.parsing not in {self.IMPLICIT_PARSING, self.EXPLICIT_PARSING}:
            raise ParameterError(f"parsing={self.parsing!r}: choose 'implicit' or 'explicit'.")

    if TYPE_CHECKING:

        def __new__(  # type: ignore[misc]
            cls, default: bool = ..., parsing: str | None = ..., **options: Unpack[CommonOptions]
        ) -> bool: ...

    else:
        __init__ = _declare

    def choices_text(self) -> tuple[str, ...] | None:
        return ("true", "false")

    def parse(self, text: Any) -> bool:
        word = str(text).lower()
        if word not in {"true", "false"}:
            raise ValueError(f"{word!r} is neither true nor false")
        return word == "true"

    def normalize(self, value: Any) -> bool | None:
        try:
            return self.parse(value)
        except ValueError:
            return None

    def validate(self, value: Any) -> bool:
        if value is None:
            raise TypeError(value)
        return bool(value)

    def from_text(self, text: str, name: str | None = None) -> Any:
        # Luigi's `parse` refuses the digits; people who type them are clear enough.
        return super().from_text({"1": "true", "0": "false"}.get(text, text), name)


class NumericalParameter(Parameter[Number]):
    """A number between two limits. A constructor's value is not checked against them (P-49).

    Parameters
    ----------
    var_type
        `int` or `float`.
    min_value, max_value
        The limits.
    left_op, right_op
        How the limits compare with the value: ``left_op(min_value, value)`` and
        ``right_op(value, max_value)``; by default the lower one is allowed, the upper one is not.
    """

    def _declare(
        self,
        default: Number | NoValue = NO_VALUE,
        *,
        var_type: type[Number] | None = None,
        min_value: Number | None = None,
        max_value: Number | None = None,
        left_op: Callable[[Any, Any], bool] = operator.le,
        right_op: Callable[[Any, Any], bool] = operator.lt,
        **options: Unpack[CommonOptions],
    ) -> None:
        super()._declare(default, **options)
        for option, given in (
            ("var_type", var_type),
            ("min_value", min_value),
            ("max_value", max_value),
        ):
            if given is None:
                raise ParameterError(f"{type(self).__name__} needs {option}.")
        self.var_type: Any = var_type
        self.min_value: Any = min_value
        self.max_value: Any = max_value
        self.left_op = left_op
        self.right_op = right_op
        self.annotation = self.var_type
        self.kind = self.var_type.__name__.capitalize()
        self.example = str(min_value if left_op is operator.le else max_value)
        if type(self).normalize is Parameter.normalize:
            self.fast_type = self.var_type

    if TYPE_CHECKING:

        def __new__(  # type: ignore[misc]
            cls,
            default: Number = ...,
            *,
            var_type: type[Number],
            min_value: Number,
            max_value: Number,
            left_op: Callable[[Any, Any], bool] = ...,
            right_op: Callable[[Any, Any], bool] = ...,
            **options: Unpack[CommonOptions],
        ) -> Number: ...

    else:
        __init__ = _declare

    @property
    def permitted(self) -> str:
        """The values that are allowed: `1..10000`, `[0.0, 1.0)`."""
        if self.var_type is int:
            first = self.min_value + (self.left_op is operator.lt)
            return f"{first}..{self.max_value - (self.right_op is operator.lt)}"
        left = "(" if self.left_op is operator.lt else "["
        right = ")" if self.right_op is operator.lt else "]"
        return f"{left}{self.min_value}, {self.max_value}{right}"

    @property
    def type_label(self) -> str:
        return f"{self.kind} {self.permitted}"

    def parse(self, text: Any) -> Any:
        return self._in_range(self.var_type(text))

    def validate(self, value: Any) -> Any:
        return self._in_range(_int(value) if self.var_type is int else _float(value))

    def _in_range(self, value: Any) -> Any:
        if self.left_op(self.min_value, value) and self.right_op(value, self.max_value):
            return value
        raise ValueError(f"must be in {self.permitted}")

    def _reason(self, value: Any, cause: BaseException | None) -> str:
        try:
            self.var_type(value)
        except (TypeError, ValueError):
            return "not a whole number" if self.var_type is int else "not a number"
        return super()._reason(value, cause) if self.is_private else f"must be in {self.permitted}"


class PathParameter(Parameter["Path"]):
    """A path of a file or folder; the value is a `pathlib.Path`.

    Parameters
    ----------
    absolute
        Make the path absolute, from the working directory.
    exists
        Refuse a path where nothing is.
    """

    example = "data/input.csv"

    def _declare(
        self,
        default: Path | str | NoValue = NO_VALUE,
        *,
        absolute: bool = False,
        exists: bool = False,
        **options: Unpack[CommonOptions],
    ) -> None:
        from pathlib import Path  # costs more to import than all parameters together

        super()._declare(default, **options)
        self.annotation = Path
        self.absolute = absolute
        self.exists = exists

    if TYPE_CHECKING:

        def __new__(  # type: ignore[misc]
            cls,
            default: Path | str = ...,
            *,
            absolute: bool = ...,
            exists: bool = ...,
            **options: Unpack[CommonOptions],
        ) -> Path: ...

    else:
        __init__ = _declare

    def normalize(self, value: Any) -> Path:
        from pathlib import Path

        path = Path(value)
        if self.absolute:
            path = path.absolute()
        if self.exists and not path.exists():
            raise self.bad_value(value, FileNotFoundError("nothing is there"))
        return path


class TaskParameter(Parameter[type[Any]]):
    """A class of task; as text, the name of its family."""

    annotation = type
    fast_type = None

    def parse(self, text: str) -> Any:
        from nbflow.core.model import registry

        return registry.get_task_cls(text)

    def serialize(self, value: Any) -> str:
        family = getattr(value, "get_task_family", None)
        return str(value) if family is None else str(family())

    def validate(self, value: Any) -> Any:
        if not isinstance(value, type) or not hasattr(value, "get_task_family"):
            raise TypeError("not a class of task")
        return value


def _int(value: Any) -> int:
    """Give an int for what is one (of NumPy too); 5.0 and True are none."""
    if isinstance(value, bool):
        raise TypeError(value)
    return operator.index(value)


def _float(value: Any) -> float:
    if isinstance(value, (str, bool)):
        raise TypeError(value)
    return float(value)
