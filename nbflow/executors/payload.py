"""Tasks on their way to a worker process and outcomes on their way back.

A class that can be imported travels by name; one of the main module or of a notebook by value, with
cloudpickle, once a run: its functions, and the globals that they use, as they are when the run
begins. The values of a task's parameters travel with it, private ones too: they stay on the
machine.
"""

from __future__ import annotations

import io
import json
import pickle
import sys
import warnings
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import PosixPath
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from msgspec import msgpack

from nbflow.core.call import Failed, ReportedOutcome, Suspended, TaskCall, TaskRef
from nbflow.core.errors import NotPicklableError, shorten
from nbflow.core.model.registry import load_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nbflow.core.call import Outcome
    from nbflow.core.model.task import Task

#: Bytes of one class by value above which the user is told what makes it large.
LARGE = 50 * 1024 * 1024
#: What a pickle begins with. To MessagePack it is an empty map, which no outcome is.
_PICKLE = pickle.PROTO[0]
#: Types whose values mean the same in every process.
_PLAIN = frozenset({str, int, float, bool, type(None), bytes, date, datetime, timedelta, PosixPath})


# A tenth of what pickle takes for these.
_encode = msgpack.Encoder().encode
_decode_call = msgpack.Decoder(TaskCall).decode
_decode_outcome = msgpack.Decoder(ReportedOutcome).decode


class PayloadWarning(UserWarning):
    """A task drags much data along to its worker."""


def travels_by_value(cls: type) -> bool:
    """Whether a worker process could not import `cls` by its name."""
    module = sys.modules.get(cls.__module__)
    return (
        cls.__module__ == "__main__"
        or module is None
        or hasattr(module, "__nbflow_notebook__")
        or "<locals>" in cls.__qualname__
    )


class TaskPickler:
    """Makes bytes of tasks; each class by value only once.

    A worker needs `class_blob` of a class that travels by value before the first of its tasks.
    """

    def __init__(self) -> None:
        self._blobs: dict[type, bytes] = {}

    def class_blob(self, cls: type[Task]) -> bytes:
        """`cls` by value; empty where its name is enough.

        Raises
        ------
        NotPicklableError
            Something that the class uses cannot be sent.
        """
        blob = self._blobs.get(cls)
        if blob is None:
            blob = _dump_class(cls) if travels_by_value(cls) else b""
            self._blobs[cls] = blob
            if len(blob) > LARGE:
                _warn_large(cls, len(blob))
        return blob

    def task_blob(self, task: Task) -> bytes:
        """The instance: its class's key and everything in its `__dict__`.

        Raises
        ------
        NotPicklableError
            With the name of the attribute that cannot be sent.
        """
        state = task.__dict__
        plain = all(type(value) in _PLAIN for value in state.values())
        key = _key(type(task)) if self.class_blob(type(task)) else type(task)
        try:
            return (pickle.dumps if plain else _dump_by_value)((key, state))
        except Exception as error:
            raise _not_picklable(task, state, error) from error


class TaskUnpickler:
    """Makes tasks of bytes, in a worker process."""

    def __init__(self) -> None:
        self._classes: dict[str, type[Task]] = {}
        self._names: dict[type[Task], list[str]] = {}

    def take_class(self, blob: bytes) -> None:
        """Learn a class by value; the newest of one name counts."""
        key, cls = pickle.loads(blob)  # noqa: S301 - from our own parent
        self._classes[key] = cls

    def load(self, blob: bytes) -> Task:
        """The task, made by its class as usual, with the attributes it had."""
        key, state = pickle.loads(blob)  # noqa: S301 - from our own parent
        cls = self._classes[key] if isinstance(key, str) else key
        names = self._names.get(cls)
        if names is None:
            names = self._names[cls] = cls.get_param_names(include_significant=True)
        task: Task = cls(**{name: state[name] for name in names})
        task.__dict__.update(state)
        return task


def dump_call(call: TaskCall) -> bytes:
    """A call as bytes."""
    return _encode(call)


def load_call(blob: bytes) -> TaskCall:
    """The call that `dump_call` made bytes of."""
    return _decode_call(blob)


def dump_outcome(outcome: Outcome) -> bytes:
    """An outcome without what cannot leave the process; private values of requirements go along."""
    if isinstance(outcome, Suspended):
        refs = tuple(_reference(task) for task in outcome.requirements)  # type: ignore[arg-type]
        return pickle.dumps((Suspended((), outcome.seconds), refs))
    if isinstance(outcome, Failed) and outcome.exception is not None:
        outcome = Failed(outcome.error, outcome.seconds)
    try:
        return _encode(outcome)
    except UnicodeEncodeError:  # a file name or a message with bytes that are no UTF-8
        return pickle.dumps((outcome, ()))


def load_outcome(blob: bytes) -> Outcome:
    """An outcome from a worker; yielded requirements are made anew by their names here."""
    if blob[0] != _PICKLE:
        decoded: Outcome = _decode_outcome(blob)
        return decoded
    outcome, refs = pickle.loads(blob)  # noqa: S301 - from our own worker
    if not refs:
        return outcome  # type: ignore[no-any-return]
    tasks = []
    for ref, private in refs:
        values = {**json.loads(ref.params), **private}
        tasks.append(load_task(ref.family, values, module=ref.module))
    return Suspended(tuple(tasks), outcome.seconds)


def _reference(task: Task) -> tuple[TaskRef, dict[str, str]]:
    cls = type(task)
    ref = TaskRef(cls.__module__, cls.get_task_family(), task.params_json, task.task_id)
    shown = json.loads(task.params_json)
    private = {
        name: parameter.serialize(task.__dict__[name])
        for name, parameter in cls.get_params()
        if name not in shown
    }
    return ref, private


def _key(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


@cache
def _pickler() -> Any:
    """cloudpickle's, which from 3.1.3 on leaves out in which file, or cell, code was written."""
    import cloudpickle

    reduce_code = cloudpickle.Pickler.dispatch_table[CodeType]

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        dispatch_table = cloudpickle.Pickler.dispatch_table.new_child(
            {CodeType: lambda code: (_make_code, (*reduce_code(code), code.co_filename))}
        )

    return Pickler


def _make_code(make: Callable[..., CodeType], arguments: tuple[Any, ...], file: str) -> CodeType:
    return make(*arguments).replace(co_filename=file)


def _dump_by_value(value: Any) -> bytes:
    """A pickle by which functions and classes travel whole where their name is not enough."""
    buffer = io.BytesIO()
    _pickler()(buffer).dump(value)
    return buffer.getvalue()


def _dump_class(cls: type) -> bytes:
    import cloudpickle

    module = sys.modules.get(cls.__module__)
    by_value = module is not None and hasattr(module, "__nbflow_notebook__")
    if by_value:
        cloudpickle.register_pickle_by_value(module)
    try:
        blob = _dump_by_value((_key(cls), cls))
    except Exception as error:
        name, value = _first_failing(_parts_of(cls), _dump_by_value)
        what = f"its {name} is a {_type_name(value)}" if name else str(error)
        raise NotPicklableError(
            f"{cls.__name__} cannot be sent to a worker process: {what}. "
            "Make it in run(), or use --executor thread."
        ) from error
    finally:
        if by_value:
            cloudpickle.unregister_pickle_by_value(module)
    return blob


def _warn_large(cls: type, size: int) -> None:
    sizes = {name: _size(value) for name, value in _parts_of(cls) if not isinstance(value, type)}
    name = max(sizes, key=sizes.__getitem__, default="")
    blame = f"; most of it is the {name}" if name else ""
    code = next((f.__code__ for f in map(_function, vars(cls).values()) if f is not None), None)
    warnings.warn_explicit(
        f"{cls.__name__} takes {size / 2**20:.0f} MB to each worker process{blame}. "
        "Pass it as a target, or load it in run().",
        PayloadWarning,
        code.co_filename if code else cls.__module__,
        code.co_firstlineno if code else 0,
    )


def _size(value: Any) -> int:
    try:
        return len(_dump_by_value(value))
    except Exception:  # noqa: BLE001 - it was told already, or is not to blame
        return 0


def _parts_of(cls: type) -> list[tuple[str, Any]]:
    """What travels with `cls`, by what it is called: attributes, globals, defaults of arguments.

    What functions use stands for them, where they travel by value too.
    """
    bases = [base for base in cls.__mro__ if travels_by_value(base)]
    modules = {base.__module__ for base in bases}
    found: dict[str, Any] = {}
    waiting = []
    for base in bases:
        for name, value in vars(base).items():
            waiting.append(value)
            if not name.startswith(("__", "_abc_")):
                found.setdefault(f"attribute {name}", value)
    followed = set()
    while waiting:
        function = _function(waiting.pop())
        if function is None or function.__module__ not in modules or function in followed:
            continue
        followed.add(function)
        for kind, name, value in _uses_of(function):
            found.setdefault(f"{kind} {name}", value)
            waiting.append(value)
    return [(name, value) for name, value in found.items() if _function(value) is None]


def _function(value: Any) -> FunctionType | None:
    """The function of a method, a property or a function; None for anything else."""
    found = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
    return found if isinstance(found, FunctionType) else None


def _uses_of(function: FunctionType) -> Iterator[tuple[str, str, Any]]:
    code = function.__code__
    for name in code.co_names:
        if name in function.__globals__:
            yield "global", name, function.__globals__[name]
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # not assigned yet
            yield "variable", name, cell.cell_contents
    defaults = function.__defaults__ or ()
    arguments = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    for name, value in zip(arguments, defaults, strict=True):
        yield "default of", name, value


def _not_picklable(task: Task, state: dict[str, Any], error: Exception) -> NotPicklableError:
    name, value = _first_failing(state.items(), _dump_by_value)
    what = f"attribute self.{name} is a {_type_name(value)}" if name else str(error)
    return NotPicklableError(
        f"{type(task).__name__} cannot be sent to a worker process: {shorten(what)}. "
        "Open it in run(), or use --executor thread."
    )


def _first_failing(
    items: Iterable[tuple[str, Any]], dumps: Callable[[Any], bytes]
) -> tuple[str, Any]:
    for name, value in items:
        try:
            dumps(value)
        except Exception:  # noqa: BLE001 - finding it is the purpose
            return name, value
    return "", None


def _type_name(value: object) -> str:
    kind = type(value)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
