"""Which definition of a task class is the newest, and what became of the others.

A definition is known by its module and qualified name. When new code defines the same again (a
cell that is run again, a module that is reloaded), it takes the older one's place; when the same
code only runs once more (a function that makes classes), there is one definition more. A subclass
that takes over the name of its base does not make the base outdated.

Whether the code of a new definition differs is found out when somebody asks, by `settle`: while a
cell runs, the functions that the class needs may not be there yet. Replaced definitions are held
weakly, but for the one that the newest has still to be compared with.
"""

from __future__ import annotations

import types
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from nbflow.core.errors import ParameterError, StaleInstanceError
from nbflow.core.model.construction import parameters_of
from nbflow.core.model.parameters.base import ParameterVisibility

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType

    from nbflow.core.model.parameters.base import Parameter
    from nbflow.core.model.registry import Register
    from nbflow.core.model.task import BaseTask

    Key = tuple[str, str]

B = TypeVar("B", bound="BaseTask")


class Definition(NamedTuple):
    """What is known of one definition of a task class."""

    family: str
    module: str
    qualname: str
    #: 1 for the first definition in this process, rising with each that has other code.
    version: int
    #: Hash of all code that the class consists of.
    code_hash: str
    #: Names of insignificant or hidden parameters, which are recorded and not shown.
    unshown: tuple[str, ...]
    #: Cell that defines it, `In[3]` or `report.ipynb:cell 5`; None outside of notebooks.
    cell: str | None
    #: Its `run` is None: something else makes what it stands for.
    is_external: bool
    is_wrapper: bool
    #: In the order of positions.
    parameters: tuple[Parameter[Any], ...]


class Redefinition(NamedTuple):
    """A definition took the place of one with other code."""

    cls: Register
    previous_version: int
    version: int
    #: What differs: `run()`, `threshold`.
    changed: tuple[str, ...]


class Record:
    """What is kept with each class; lies in its `__dict__`. A pickle carries an empty one."""

    __slots__ = (
        "cell",
        "code",
        "definition",
        "is_empty",
        "is_outdated",
        "key",
        "parts",
        "version",
    )

    def __init__(self) -> None:
        self.key: Key = ("", "")
        #: The code that executed the class statement.
        self.code: weakref.ref[CodeType] | None = None
        self.cell: str | None = None
        self.version: int | None = 1
        self.is_outdated = False
        #: cloudpickle has made it and not filled it yet.
        self.is_empty = False
        self.definition: Definition | None = None
        #: Hashes of its code by label, as they were when somebody asked first.
        self.parts: dict[str, str] | None = None

    def __reduce__(self) -> tuple[type[Record], tuple[()]]:
        return (Record, ())


#: Module of the classes that are there to be subclassed, and have no names of their own.
_BASES = "nbflow.core.model.task"

#: The newest definition of each key.
newest_by_key: dict[Key, Register] = {}
#: What the same code made before it made the newest of its key.
_siblings: dict[Key, list[weakref.ref[Register]]] = {}
#: The definition that was in force when a key was last settled, where a newer one is there.
_unsettled: dict[Key, Register] = {}
_listeners: dict[object, Callable[[Redefinition], None]] = {}


def enter(cls: Register, frame: FrameType) -> None:
    """Take note of a class that the statement in `frame` has just made."""
    record = cls._nbflow_record
    record.key = (cls.__module__, cls.__qualname__)
    record.code = weakref.ref(frame.f_code)
    record.cell = _cell(frame)
    # cloudpickle makes an empty class even where it then takes the one that it made before.
    maker = frame.f_back
    record.is_empty = (
        frame.f_code is types.new_class.__code__
        and maker is not None
        and maker.f_globals.get("__name__") == "cloudpickle.cloudpickle"
    )
    if not record.is_empty:
        _take_place(cls, record, frame.f_code)


def fill(cls: Register) -> None:
    """Take note that an unpickled class gets its attributes.

    It is found by its name if no other is; what was defined in this process stays what it is.
    """
    record = cls._nbflow_record
    record.is_empty = False
    there = newest_by_key.get(record.key)
    code = types.new_class.__code__
    if there is None or there._nbflow_record.code == weakref.ref(code):
        _take_place(cls, record, code)


def _take_place(cls: Register, record: Record, code: CodeType) -> None:
    key = record.key
    if not cls._visible_in_registry or cls.__module__ == _BASES:
        return
    old = newest_by_key.get(key)
    newest_by_key[key] = cls
    if old is None:
        return
    old_record = old._nbflow_record
    record.version = old_record.version
    if old in cls.__mro__:
        record.cell = record.cell or old_record.cell
    elif old_record.code is not None and old_record.code() is code:
        alive = [each for each in _siblings.get(key, ()) if each() is not None]
        _siblings[key] = [*alive, weakref.ref(old)]
    else:
        _replace(old, cls)


def visible_classes() -> Iterator[Register]:
    """The newest definition of each key and its living siblings, oldest key first."""
    for key, cls in tuple(newest_by_key.items()):
        for reference in _siblings.get(key, ()):
            sibling = reference()
            if sibling is not None:
                yield sibling
        yield cls


def newest(cls: Register) -> Register:
    """Give the definition that stands for `cls` now: itself, or what replaced it."""
    record = cls._nbflow_record
    return newest_by_key.get(record.key, cls) if record.is_outdated else cls


def version_of(cls: Register) -> int | None:
    """Version of the definition `cls`; None where it was replaced before anybody asked."""
    record = cls._nbflow_record
    if record.key in _unsettled:
        _settle(record.key)
    if record.version is None and not record.is_outdated:
        record.version = newest_by_key[record.key]._nbflow_record.version
    return record.version


def definition_of(cls: Register) -> Definition:
    """All that is known of the definition `cls`; made once for each class."""
    record = cls._nbflow_record
    if record.definition is None:
        record.definition = _define(cls, record)
    return record.definition


def settle_redefinitions() -> None:
    """Compare every new definition with the one that it replaced, and tell of what differs.

    To be called after a cell was executed and before a run is planned: it also lets the code
    hashes of notebook tasks be computed anew, since a helper function may have been redefined.
    """
    from nbflow.core.model.code_hash import is_notebook

    for key in tuple(_unsettled):
        _settle(key)
    for cls in tuple(newest_by_key.values()):
        record = cls._nbflow_record
        if is_notebook(cls.__module__):
            record.definition = None
            record.parts = _parts(cls)


def on_redefinition(callback: Callable[[Redefinition], None]) -> Callable[[], None]:
    """Call `callback` for each redefinition that is found from now on; give what ends that."""
    token = object()
    _listeners[token] = callback

    def unsubscribe() -> None:
        _listeners.pop(token, None)

    return unsubscribe


def forget(cls: Register) -> None:
    """Let a class no longer be found by its name (its cell was deleted)."""
    key = cls._nbflow_record.key
    if newest_by_key.get(key) is cls:
        del newest_by_key[key]
        _siblings.pop(key, None)
        _unsettled.pop(key, None)


def rebind(task: B) -> B:
    """Give the task with the same parameters on the newest definition of its class.

    Raises
    ------
    StaleInstanceError
        The newest definition takes other parameters, or is one of several that one function made.
    """
    cls = type(task)
    current = newest(cls)
    if current is cls:
        return task
    values = task.param_kwargs
    misfit: ParameterError | None = None
    siblings = _siblings.get(current._nbflow_record.key, ())
    is_one = all(reference() is None for reference in siblings)
    if is_one and values.keys() <= parameters_of(current).keys():
        try:
            return cast("B", current(**values))
        except ParameterError as error:
            misfit = error
    needed = [f"{name}=…" for name, each in parameters_of(current).items() if not each.has_default]
    version = version_of(cls)
    raise StaleInstanceError(
        f"{task.describe()} was created from {cls.task_family}{f' v{version}' if version else ''}; "
        f"make it again: {current.task_family}({', '.join(needed)})"
    ) from misfit


def _replace(old: Register, new: Register) -> None:
    from nbflow.core.model.callbacks import carry_handlers

    key = new._nbflow_record.key
    new._nbflow_record.version = None
    _unsettled.setdefault(key, old)
    replaced: list[Any] = [base for base in old.__mro__ if _key_of(base) == key]
    replaced += [reference() for reference in _siblings.pop(key, ())]
    for each in replaced:
        if each is not None:
            each._nbflow_record.is_outdated = True
            each._nbflow_plan.cache.clear()
    carry_handlers(old, new)


def all_classes() -> Iterator[Register]:
    """Every living class of tasks, in whatever state."""
    from nbflow.core.model.task import BaseTask

    waiting: list[Register] = [BaseTask]
    for cls in waiting:
        yield cls
        waiting += cast("list[Register]", cls.__subclasses__())


def _key_of(cls: type) -> Key | None:
    record: Record | None = cls.__dict__.get("_nbflow_record")
    return None if record is None else record.key


def _settle(key: Key) -> None:
    old, new = _unsettled.pop(key), newest_by_key[key]
    before = old._nbflow_record.parts or _parts(old)
    after = _parts(new)
    previous = old._nbflow_record.version or 1
    record = new._nbflow_record
    record.parts = after
    record.version = previous
    changed = {label for label, _ in before.items() ^ after.items()}
    if not changed:
        return
    record.version = previous + 1
    redefinition = Redefinition(new, previous, previous + 1, tuple(sorted(changed)))
    for callback in tuple(_listeners.values()):
        callback(redefinition)


def _parts(cls: Register) -> dict[str, str]:
    from nbflow.core.model.code_hash import code_parts

    # Parameters that are declared by annotations are put on the class by this; what is wrong
    # with them is said when the class is used.
    with suppress(ParameterError):
        parameters_of(cls)
    return code_parts(cls)


def _define(cls: Register, record: Record) -> Definition:
    from nbflow.core.model.code_hash import hash_parts
    from nbflow.core.model.task import WrapperTask, is_external

    version = version_of(cls)
    if record.parts is None:
        record.parts = _parts(cls)
    parameters = parameters_of(cls)
    return Definition(
        family=cls.task_family,
        module=cls.__module__,
        qualname=cls.__qualname__,
        version=version or 1,
        code_hash=hash_parts(record.parts),
        unshown=tuple(
            name
            for name, parameter in parameters.items()
            if not parameter.significant or parameter.visibility is ParameterVisibility.HIDDEN
        ),
        cell=record.cell,
        is_external=is_external(cls),
        is_wrapper=issubclass(cls, WrapperTask),
        parameters=tuple(parameters.values()),
    )


def _cell(frame: FrameType) -> str | None:
    filename = frame.f_code.co_filename
    if ".ipynb:cell " in filename:
        return filename.partition(" (id ")[0]
    # IPython's history of inputs, as it lies in the namespace of the cells.
    inputs = frame.f_globals.get("_ih")
    return f"In[{len(inputs) - 1}]" if isinstance(inputs, list) and inputs else None
