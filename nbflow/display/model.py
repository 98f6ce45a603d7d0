"""What is drawn, as plain data: cards of tasks, tables of parameters and tasks.

Whoever knows the tasks (the session) fills the cards; text, HTML and widgets draw them. A private
value is never part of a card.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbflow.core.status import TaskState


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterRow:
    """One parameter of a task, as text.

    Attributes
    ----------
    type
        As people write it: `Date`, `Choice: EUR|USD`, `Int 1..100`.
    value, default
        None where there is none; a private one is never here.
    example
        Something that may stand after `name=`.
    source
        Another task's family where the parameter belongs to it.
    """

    name: str
    type: str
    value: str | None = None
    default: str | None = None
    required: bool = False
    private: bool = False
    choices: tuple[str, ...] = ()
    example: str = ""
    meaning: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRow:
    """One declared output. `exists` None: it was not looked at (a remote target)."""

    text: str
    exists: bool | None = None
    #: Bytes; None where it is not known.
    size: int | None = None
    #: Unix seconds of the last change; None where it is not known.
    modified: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCard:
    """A task as a person asks about it.

    Attributes
    ----------
    name
        `Family(a=1)` of the shown parameters.
    state
        COMPLETE, PENDING or MISSING as far as that may be asked; None where it was not.
    requires
        Name and state of each requirement, in the order of `requires()`.
    defined_in
        `cell In[9]`, a module, or a file.
    outdated
        The class was defined again since this instance was made.
    seconds
        Of the last run; None without one.
    note
        One more sentence, such as "made by an older definition".
    """

    name: str
    family: str
    state: TaskState | None = None
    meaning: str = ""
    parameters: tuple[ParameterRow, ...] = ()
    outputs: tuple[OutputRow, ...] = ()
    requires: tuple[tuple[str, TaskState | None], ...] = ()
    defined_in: str = ""
    version: int = 1
    outdated: bool = False
    runs: int = 0
    seconds: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterTable:
    """The parameters of a task class, those of its requirements after its own."""

    family: str
    meaning: str = ""
    defined_in: str = ""
    version: int = 1
    rows: tuple[ParameterRow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """A registered task class."""

    family: str
    defined_in: str = ""
    version: int = 1
    #: Names; required ones end with `*`.
    parameters: tuple[str, ...] = ()
    meaning: str = ""
