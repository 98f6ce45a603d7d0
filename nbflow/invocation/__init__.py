"""Words to tasks and options: the grammar that `%nbflow` and `nbflow` share."""

from __future__ import annotations

from nbflow.invocation.commands import COMMANDS, Command, Flag, Kind, find_command, help_text
from nbflow.invocation.grammar import Invocation, Repeated, format, parse

__all__ = [
    "COMMANDS",
    "Command",
    "Flag",
    "Invocation",
    "Kind",
    "Repeated",
    "find_command",
    "format",
    "help_text",
    "parse",
]
