"""An invocation to the task that it names, with its values checked by the task's parameters."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from nbflow import config
from nbflow.core.errors import (
    MASK,
    BadValueError,
    DuplicateParameterError,
    NotATaskError,
    UnknownParameterError,
    UnknownTaskError,
    did_you_mean,
    shorten,
)
from nbflow.core.model import arguments, defaults, registry
from nbflow.core.model.parameters import BoolParameter
from nbflow.core.model.task import BaseTask
from nbflow.invocation.commands import find_command
from nbflow.invocation.grammar import Invocation, Repeated, unknown_flag
from nbflow.invocation.sources import load_module, load_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from nbflow.core.model.parameters.base import Parameter
    from nbflow.core.model.task import Task


@contextmanager
def task_of(invocation: Invocation, *, change_folder: bool = True) -> Iterator[Task]:
    """Give the task that an invocation names, its source being loaded first.

    Inside the `with` block the values given as `Task.parameter=value` hold for every task that is
    made without them; the run or plan belongs inside.

    Raises
    ------
    SourceError
        The source cannot be loaded.
    RegistryError
        The name leads to no task, to several, or to something else.
    ParameterError
        A value is missing, unknown, given twice or refused.
    UnknownFlagError
        `--name` is neither a flag nor a parameter.
    """
    found = find_task(invocation, change_folder=change_folder)
    with defaults.override(_upstream_values(invocation)):
        yield make_task(found, invocation)


def find_task(invocation: Invocation, *, change_folder: bool = True) -> type[Task] | Task:
    """The class, or the instance where one was given, that an invocation names.

    Raises
    ------
    SourceError, RegistryError
        See `task_of`.
    """
    module = load_source(invocation, change_folder=change_folder)
    target = invocation.target
    if isinstance(target, str):
        return _class_named(target, module)
    if isinstance(target, BaseTask):
        return cast("Task", target)
    if _is_task_class(target):
        return target
    written = shorten(invocation.origins.get("", ""))
    what = f"the class {target.__name__}" if isinstance(target, type) else _a(type(target).__name__)
    raise NotATaskError(f"{written} is {what}; expected a Task class or instance.")


def make_task(found: type[Task] | Task, invocation: Invocation) -> Task:
    """The task of a class, or a changed copy of an instance, with the invocation's values.

    Raises
    ------
    ParameterError, UnknownFlagError
        See `task_of`.
    ConfigError
        `[tasks.<Family>]` of the configuration has a value for no parameter of the class.
    """
    cls = found if isinstance(found, type) else type(found)
    config.check_task_defaults(cls.task_family, cls.get_param_names(include_significant=True))
    if isinstance(found, type):
        return arguments.build_task(found, _pairs(found, invocation))
    if not invocation.values:
        return found
    kept = [pair for pair in found.param_kwargs.items() if pair[0] not in invocation.values]
    return arguments.build_task(type(found), [*kept, *_pairs(type(found), invocation)])


def resolved(invocation: Invocation, task: Task) -> Invocation:
    """The same invocation with every given value as its parameter writes it.

    Objects that were named by `$name` or `{expression}` become text, so that the line means the
    same in a terminal. Private values are masked.
    """
    from dataclasses import replace

    parameters = dict(type(task).get_params())
    given = invocation.values if isinstance(invocation.target, str | type) else task.param_kwargs
    values = {name: _as_text(parameters[name], getattr(task, name)) for name in given}
    upstream = {}
    for written, value in invocation.upstream.items():
        parameter = _upstream_parameter(written)[1]
        upstream[written] = _as_text(parameter, _read(parameter, written, value))
    return replace(invocation, target=type(task).task_family, values=values, upstream=upstream)


def _class_named(name: str, module: ModuleType | None) -> type[Task]:
    own = getattr(module, name, None) if module is not None else None
    if _is_task_class(own):
        return own
    try:
        return registry.get_task_cls(name)
    except UnknownTaskError:
        home, _, last = name.rpartition(".")
        if module is None and not home and not registry.task_classes():
            raise UnknownTaskError(
                f"no task named {name!r}: no task is defined yet. Name the notebook, file or "
                f"module before it (sales.ipynb {name}), or run the cell that defines it."
            ) from None
        if module is not None or not home:
            raise
    found = getattr(load_module(home), last, None)
    if _is_task_class(found):
        return found
    return registry.get_task_cls(name)


def _is_task_class(value: object) -> TypeGuard[type[Task]]:
    return isinstance(value, type) and issubclass(value, BaseTask)


def _pairs(cls: type[Task], invocation: Invocation) -> list[tuple[str, object]]:
    """Name and value of everything given, also what was given twice."""
    parameters = dict(cls.get_params())
    pairs: list[tuple[str, object]] = []
    for name, value in invocation.values.items():
        dashed = invocation.is_dashed(name)
        if dashed and name not in parameters:
            raise unknown_flag(invocation.origins[name], find_command(invocation.command))
        if dashed and value is True and not isinstance(parameters[name], BoolParameter):
            raise BadValueError(f"--{name} needs a value: --{name} VALUE, or {name}=VALUE.")
        values = value if isinstance(value, Repeated) else (value,)
        for each in values:
            _refuse_mask(parameters.get(name), name, each)
        pairs += [(name, each) for each in values]
    return pairs


def _upstream_values(invocation: Invocation) -> dict[str, dict[str, object]]:
    """Checked values of other tasks, by family and name."""
    found: dict[str, dict[str, object]] = {}
    for written, value in invocation.upstream.items():
        cls, parameter = _upstream_parameter(written)
        name = written.rpartition(".")[2]
        found.setdefault(cls.task_family, {})[name] = _read(parameter, written, value)
    return found


def _upstream_parameter(written: str) -> tuple[type[Task], Parameter[Any]]:
    """The class and the parameter that `Task.parameter` names."""
    family, _, name = written.rpartition(".")
    cls = _class_named(family, None)
    parameters = dict(cls.get_params())
    if name not in parameters:
        raise UnknownParameterError(
            f"{cls.task_family} has no parameter {name!r}.{did_you_mean(name, parameters)}  "
            f"Parameters: {', '.join(parameters) or 'none'}."
        )
    return cls, parameters[name]


def _read(parameter: Parameter[Any], written: str, value: object) -> object:
    if isinstance(value, Repeated):
        given = MASK if parameter.is_private else ", ".join(shorten(v, limit=40) for v in value)
        raise DuplicateParameterError(f"{written} is given {len(value)} times ({given}).")
    _refuse_mask(parameter, written, value)
    if isinstance(value, str):
        return parameter.from_text(value, written)
    return parameter.from_object(value, written)


def _refuse_mask(parameter: Parameter[Any] | None, written: str, value: object) -> None:
    """Refuse what stands for a private value in a line that was shown, and is now pasted."""
    if parameter is not None and parameter.is_private and value == MASK:
        raise BadValueError(
            f"{written}={MASK} stands for a value that is not shown; write the value itself, or "
            "$name of a variable that has it.",
            parameter=written,
            value=MASK,
        )


def _as_text(parameter: Parameter[Any], value: object) -> str:
    return parameter.shown(value) if parameter.is_private else parameter.serialize(value)


def _a(noun: str) -> str:
    return f"an {noun}" if noun[:1].lower() in "aeiou" else f"a {noun}"
