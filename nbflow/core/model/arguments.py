"""What is given to a task class, against what it takes: from words to a task, or to an error.

The texts are those of every face; see `Parameter.from_text` for values that do not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from nbflow.core.errors import (
    MASK,
    DuplicateParameterError,
    MissingParameterError,
    ParameterError,
    UnknownParameterError,
    did_you_mean,
    shorten,
)
from nbflow.core.model import defaults
from nbflow.core.model.construction import parameters_of
from nbflow.core.model.parameters.base import NO_VALUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbflow.core.model.parameters.base import Parameter
    from nbflow.core.model.registry import Register
    from nbflow.core.model.task import BaseTask

T = TypeVar("T", bound="BaseTask")


def build_task(cls: type[T], values: Mapping[str, object] | Iterable[tuple[str, object]]) -> T:
    """Make a task of what a person, or another process, gave for its parameters.

    Parameters
    ----------
    values
        Text is parsed, other objects are checked; names may come twice where these are pairs.

    Raises
    ------
    ParameterError
        A name is unknown or given twice, a value does not fit or is missing.
    """
    register = cast("Register", cls)
    parameters = parameters_of(register)
    given: dict[str, Any] = {}
    pairs = values.items() if isinstance(values, Mapping) else values
    for name, value in pairs:
        parameter = parameters.get(name)
        if parameter is None:
            raise _unknown(register, name)
        if name in given:
            raise _twice(name, parameter, given[name], value)
        given[name] = value
    checked = {
        name: parameters[name].from_text(value, name)
        if isinstance(value, str)
        else parameters[name].from_object(value, name)
        for name, value in given.items()
    }
    return cls(**checked)


def refuse(cls: Register, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ParameterError:
    """Make the error of a call of `cls` whose arguments do not match its parameters."""
    parameters = parameters_of(cls)
    positional = [name for name, each in parameters.items() if each.positional]
    if len(args) > len(positional):
        return UnknownParameterError(
            f"{cls.task_family} takes {len(positional) or 'no'} values by position"
            f"{_listed(positional)}, and was given {len(args)}."
        )
    by_position = dict(zip(positional, args, strict=False))
    for name, value in kwargs.items():
        if name not in parameters:
            return _unknown(cls, name)
        if name in by_position:
            return _twice(name, parameters[name], by_position[name], value)
    return _missing(cls, {*by_position, *kwargs})


def _listed(names: Sequence[str]) -> str:
    return f" ({', '.join(names)})" if names else ""


def _unknown(cls: Register, name: str) -> UnknownParameterError:
    family = cls.task_family
    parameters = parameters_of(cls)
    if not parameters:
        return UnknownParameterError(f"{family} has no parameter {name!r}; it has none at all.")
    required = {each for each in parameters if _is_missing(family, each, parameters[each])}
    names = ", ".join(f"{each}*" if each in required else each for each in parameters)
    return UnknownParameterError(
        f"{family} has no parameter {name!r}.{did_you_mean(name, parameters)}  Parameters: {names}."
    )


def _twice(
    name: str, parameter: Parameter[Any], first: object, second: object
) -> DuplicateParameterError:
    shown = [MASK if parameter.is_private else shorten(each, limit=80) for each in (first, second)]
    return DuplicateParameterError(f"{name} is given twice ({', '.join(shown)}).")


def _missing(cls: Register, given: set[str]) -> MissingParameterError:
    family = cls.task_family
    parameters = parameters_of(cls)
    needed, optional = [], []
    for name, parameter in parameters.items():
        if not _is_missing(family, name, parameter):
            optional.append(name)
        elif name not in given:
            example = f", e.g. {name}={parameter.example}" if parameter.example else ""
            needed.append(f"{name} ({parameter.type_label}{example})")
    rest = f" Optional: {', '.join(optional)}." if optional else ""
    *others, last = needed
    listed = f"{', '.join(others)} and {last}" if others else last
    return MissingParameterError(f"{family} needs {listed}.{rest}")


def _is_missing(family: str, name: str, parameter: Parameter[Any]) -> bool:
    """Whether the parameter has no value where none is given."""
    return defaults.resolve(family, parameter, name) is NO_VALUE
