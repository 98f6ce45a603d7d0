"""Callbacks of a task's life: Luigi's event names, who listens, and how they are called.

Handlers live on the class that they were registered for, so that a replaced class takes them with
it when it goes. Source: contract T-80 to T-89. One rule differs: a KeyboardInterrupt in a handler
is not swallowed, for it is the user's wish to stop the run.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, TypeVar

from nbflow.core.model.code_hash import is_notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    C = TypeVar("C", bound=Callable[..., Any])

#: Attribute of a class that has its own handlers.
_ATTRIBUTE = "_event_handlers"
_numbers = itertools.count()


class Event:
    """Names of the events that happen to a task; any other hashable name may be used beside."""

    #: (task, dependency), for each pair while a run is planned.
    DEPENDENCY_DISCOVERED = "event.core.dependency.discovered"
    #: (task): an external task is not complete, or `complete()` raised.
    DEPENDENCY_MISSING = "event.core.dependency.missing"
    #: (task): complete when the run was planned.
    DEPENDENCY_PRESENT = "event.core.dependency.present"
    #: (task, exception): `requires()` raised.
    BROKEN_TASK = "event.core.task.broken"
    #: (task), just before `run()`, where it runs.
    START = "event.core.start"
    #: Never fired by nbflow; for the user's own progress.
    PROGRESS = "event.core.progress"
    #: (task, exception), before `on_failure`.
    FAILURE = "event.core.failure"
    #: (task), after `on_success`.
    SUCCESS = "event.core.success"
    #: (task, seconds), before `on_success`.
    PROCESSING_TIME = "event.core.processing_time"
    #: (task, message): the task ran longer than it may.
    TIMEOUT = "event.core.timeout"
    #: (task, message): the task's process died.
    PROCESS_FAILURE = "event.core.process_failure"


class Handlers:
    """The callbacks of one class by event. Does not travel with a pickled class."""

    __slots__ = ("by_event", "number")

    def __init__(self) -> None:
        #: Rises with each class that registers its first handler.
        self.number = next(_numbers)
        #: Callbacks by their key (see `_key`), in the order of registration.
        self.by_event: dict[Hashable, dict[Hashable, Callable[..., Any]]] = {}

    def __reduce__(self) -> tuple[type[Handlers], tuple[()]]:
        return (Handlers, ())


def add_handler(cls: type, event: Hashable, callback: C) -> C:
    """Call `callback` for `event` of tasks of `cls` and its subclasses; gives it back.

    A top-level function of a notebook replaces the one of its name, since its cell ran again.
    """
    handlers = cls.__dict__.get(_ATTRIBUTE)
    if handlers is None:
        handlers = Handlers()
        type.__setattr__(cls, _ATTRIBUTE, handlers)
    handlers.by_event.setdefault(event, {})[_key(callback)] = callback
    return callback


def remove_handler(cls: type, event: Hashable, callback: Callable[..., Any]) -> None:
    """Call `callback` no longer; KeyError where it is not registered for `cls` itself."""
    handlers = cls.__dict__.get(_ATTRIBUTE)
    if handlers is None:
        raise KeyError(event)
    del handlers.by_event[event][_key(callback)]


def carry_handlers(old: type, new: type) -> None:
    """Let the class `new` keep the notebook's handlers of `old`, which it replaces.

    Those without a name of their own (lambdas, inner functions) stay behind: when their cell runs
    again nothing says that they are the same.
    """
    handlers = old.__dict__.get(_ATTRIBUTE)
    if handlers is None:
        return
    for event, callbacks in handlers.by_event.items():
        for key, callback in callbacks.items():
            if key is not callback:
                add_handler(new, event, callback)


def has_handlers(cls: type) -> bool:
    """Whether anybody listens to events of tasks of `cls`."""
    # Tasks inherit a None: to find no attribute costs four times as much as to find one.
    return getattr(cls, _ATTRIBUTE, None) is not None


def trigger(task: object, event: Hashable, *args: Any, **kwargs: Any) -> None:
    """Call each handler of `event` that the class of `task` or a base of it has.

    Classes come in the order in which they registered their first handler. What a handler raises
    is logged and goes no further, except a KeyboardInterrupt.
    """
    cls = type(task)
    if not has_handlers(cls):
        return
    for callback in _callbacks(cls, event):
        try:
            callback(*args, **kwargs)
        except KeyboardInterrupt:
            raise
        except BaseException:  # handlers are user code and never fail a task (Luigi Q-18)
            import logging

            logging.getLogger("nbflow").exception("handler %r of %s failed", callback, event)


def _callbacks(cls: type, event: Hashable) -> Iterator[Callable[..., Any]]:
    found = [base.__dict__.get(_ATTRIBUTE) for base in cls.__mro__]
    owners = [handlers for handlers in found if handlers is not None]
    if len(owners) > 1:
        owners.sort(key=lambda handlers: handlers.number)
    for handlers in owners:
        # A copy, for a handler may remove itself.
        yield from tuple(handlers.by_event.get(event, {}).values())


def _key(callback: Callable[..., Any]) -> Hashable:
    """What makes a callback the same one: itself, or its name where cells are run again."""
    qualname = getattr(callback, "__qualname__", "")
    module = getattr(callback, "__module__", None)
    if not qualname.isidentifier() or module is None or not is_notebook(module):
        return callback
    return (module, qualname)
