"""Tasks and targets in lists, dicts and generators: as one flat list, or as their outputs.

Source: the rules are Luigi's (contract T-45 to T-47).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from nbflow.core.errors import NotARequirementError, shorten
from nbflow.core.model.registry import Register, rebind

if TYPE_CHECKING:
    from nbflow.core.model.target import Target
    from nbflow.core.model.task import BaseTask


def flatten(struct: Any) -> list[Any]:
    """Values of a nested structure as one list, in order, duplicates kept.

    None is nothing, of a mapping the values count, text and whatever cannot be iterated is one
    value. A generator is consumed.
    """
    kind = type(struct)
    # Most are one target or task, or a list of tasks; asking abstract classes costs more than
    # all the rest, and so does an attribute that is not there: tasks and targets have a None.
    if getattr(kind, "__iter__", None) is None:
        return [] if struct is None else [struct]
    if kind is not list and kind is not tuple:
        if isinstance(kind, Register) or isinstance(struct, (str, bytes)):
            return [struct]
        if isinstance(struct, Mapping):
            struct = struct.values()
    flat: list[Any] = []
    for value in struct:
        if getattr(type(value), "__iter__", None) is not None:
            flat += flatten(value)
        elif value is not None:
            flat.append(value)
    return flat


def getpaths(struct: Any) -> Any:
    """Put its `output()` in the place of each task, on its newest definition; keep the structure.

    Mappings, lists and tuples keep their types; other iterables become lists; None becomes an
    empty list.

    Raises
    ------
    NotARequirementError
        Something is neither a task nor a structure of tasks.
    """
    cls = type(struct)
    if isinstance(cls, Register):
        return (rebind(struct) if cls._nbflow_record.is_outdated else struct).output()
    if isinstance(struct, Mapping):
        pairs = ((key, getpaths(value)) for key, value in struct.items())
        return cls(pairs)
    if struct is None:
        return []
    if isinstance(struct, (str, bytes)) or not isinstance(struct, Iterable):
        raise NotARequirementError(
            f"expected a task, or a list, tuple or dict of tasks, but found "
            f"{shorten(repr(struct))} ({cls.__name__})."
        )
    outputs = [getpaths(value) for value in struct]
    if not isinstance(struct, (list, tuple)):
        return outputs
    make = getattr(struct, "_make", cls)
    return make(outputs)


def flatten_output(task: BaseTask) -> list[Target]:
    """Targets of `task`; in place of a task that has none, those of its requirements."""
    found: list[Target] = []
    seen = {task}
    waiting = [task]
    for current in waiting:
        outputs = flatten(current.output())
        found += outputs
        if not outputs:
            new = [each for each in dict.fromkeys(flatten(current.requires())) if each not in seen]
            seen.update(new)
            waiting += new
    return found
