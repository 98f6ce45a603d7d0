"""How a task takes parameters and requirements over from others, and finds the one before it.

Source: Luigi's `luigi.util` (contract P-60 to P-66). One rule differs: a parent that was redefined
since is cloned on its newest definition.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from nbflow.core.model.construction import parameters_of
from nbflow.core.model.nested import flatten
from nbflow.core.model.parameters import (
    DateHourParameter,
    DateIntervalParameter,
    DateMinuteParameter,
    DateParameter,
    DateSecondParameter,
)
from nbflow.core.model.registry import Register
from nbflow.core.model.task import derive

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.model.task import BaseTask

C = TypeVar("C", bound="type[Any]")
T = TypeVar("T", bound="BaseTask")

#: How far `previous` goes back, by the kind of parameter.
_STEPS: tuple[tuple[type[Any], timedelta | None], ...] = (
    (DateParameter, timedelta(days=1)),
    (DateHourParameter, timedelta(hours=1)),
    (DateMinuteParameter, timedelta(minutes=1)),
    (DateSecondParameter, timedelta(seconds=1)),
    (DateIntervalParameter, None),
)


def common_params(task_instance: BaseTask, task_cls: type[Any]) -> dict[str, Any]:
    """Values of the parameters that `task_cls` has too, as that class normalizes them."""
    wanted = parameters_of(_register(task_cls))
    return {
        name: wanted[name].normalize(value)
        for name, value in task_instance.param_kwargs.items()
        if name in wanted
    }


def inherits(*tasks: type[Any], **named_tasks: type[Any]) -> Callable[[C], C]:
    """Decorate a class of tasks that gets the parameters of others.

    An attribute of the class, whatever it is, keeps the parameter of its name out. Adds
    `clone_parent(**values)`, which makes the first of `tasks` with this task's values, and
    `clone_parents(**values)`, which makes all: a list, or a dict where they were named.

    Raises
    ------
    TypeError
        Neither, or both, of `tasks` and `named_tasks` were given.
    """
    if bool(tasks) == bool(named_tasks):
        raise TypeError("name the tasks either all by position or all by keyword")
    parents = tasks or tuple(named_tasks.values())

    def decorate(cls: C) -> C:
        for parent in parents:
            for name, parameter in parameters_of(_register(parent)).items():
                if not _declares(cls, name):
                    setattr(cls, name, parameter)
        if tasks:
            cls.clone_parent = _clone_parent(tasks[0])
        cls.clone_parents = _clone_parents(tasks or named_tasks)
        return cls

    return decorate


def requires(*tasks: type[Any], **named_tasks: type[Any]) -> Callable[[C], C]:
    """Decorate a class of tasks that inherits from others, and requires them.

    `requires()` gives one task for one class by position, a list for several, a dict for named
    ones.
    """
    inherit = inherits(*tasks, **named_tasks)

    def decorate(cls: C) -> C:
        cls = inherit(cls)

        def requires(self: Any) -> Any:
            return self.clone_parent() if len(tasks) == 1 else self.clone_parents()

        cls.requires = requires
        return cls

    return decorate


def copies(task: type[Any]) -> Callable[[C], C]:
    """Decorate a class of tasks that requires `task` and copies its output, line by line."""
    require = requires(task)

    def decorate(cls: C) -> C:
        def run(self: Any) -> None:
            with self.input().open("r") as source, self.output().open("w") as copy:
                for line in source:
                    copy.write(line)

        derived: C = derive(_register(require(cls)), {"run": run})
        return derived

    return decorate


def delegates(cls: C) -> C:
    """Decorate a class of tasks that does the work of others, its `subtasks()`, before its own.

    What these require it requires too.

    Raises
    ------
    AttributeError
        The class has no `subtasks`.
    """
    if not hasattr(cls, "subtasks"):
        raise AttributeError(f"{cls.__name__} delegates, and has no method subtasks()")

    def deps(self: Any) -> list[Any]:
        return flatten([cls.deps(self), [task.deps() for task in flatten(self.subtasks())]])

    def run(self: Any) -> Any:
        for task in flatten(self.subtasks()):
            task.run()
        return cls.run(self)

    derived: C = derive(_register(cls), {"deps": deps, "run": run})
    return derived


def previous(task: T) -> T:
    """Give the task of the day, hour, minute, second or interval before.

    Of a month or year it is the one that the day before its first belongs to.

    Raises
    ------
    NotImplementedError
        The task has no such parameter, or several.
    """
    steps = {
        name: step
        for name, parameter in task.get_params()
        for kind, step in _STEPS
        if isinstance(parameter, kind)
    }
    if len(steps) != 1:
        found = f"several ({', '.join(steps)})" if steps else "none"
        raise NotImplementedError(f"previous() needs one date parameter; {task} has {found}")
    ((name, step),) = steps.items()
    value = getattr(task, name)
    earlier: T = task.clone(**{name: value.prev() if step is None else value - step})
    return earlier


def get_previous_completed(task: T, max_steps: int = 10) -> T | None:
    """Give the latest complete task before `task`, at most `max_steps` back; None without one."""
    earlier = task
    for _ in range(max_steps):
        earlier = previous(earlier)
        if earlier.complete():
            return earlier
    return None


def _register(cls: type[Any]) -> Register:
    if not isinstance(cls, Register):
        raise TypeError(f"{cls!r} is not a class of tasks")
    return cast("Register", cls)


def _declares(cls: type, name: str) -> bool:
    """Whether the class has the name, if only as an annotation that is to become a parameter."""
    return hasattr(cls, name) or any(
        name in getattr(base, "__annotations__", ()) for base in cls.__mro__
    )


def _clone_parent(parent: type[Any]) -> Callable[..., Any]:
    def clone_parent(self: Any, **values: Any) -> Any:
        return self.clone(cls=parent, **values)

    return clone_parent


def _clone_parents(parents: Any) -> Callable[..., Any]:
    def clone_parents(self: Any, **values: Any) -> Any:
        if isinstance(parents, dict):
            return {name: self.clone(cls=parent, **values) for name, parent in parents.items()}
        return [self.clone(cls=parent, **values) for parent in parents]

    return clone_parents
