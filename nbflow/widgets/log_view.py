"""What tasks and runs wrote, found by name, with what comes in while they run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from nbflow.display.escape import markup, visible_line
from nbflow.widgets.background import Background
from nbflow.widgets.panel import Panel
from nbflow.widgets.run_view import read_log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbflow.widgets.control import Control

#: Seconds between two looks while something runs.
_INTERVAL = 1.0
_WORD_LENGTH = 500


class LogView(Panel):
    """A log: of the task or run that `word` names, else of the last run.

    Parameters
    ----------
    grep
        Only lines with this text.
    follow
        What is written meanwhile comes in by itself.
    """

    view = "log"
    fields: ClassVar[tuple[str, ...]] = ("word", "grep", "log", "following")

    def __init__(
        self, control: Control, word: str = "", *, grep: str = "", follow: bool = True
    ) -> None:
        super().__init__(control.settings)
        self.control = control
        self.word = word
        self.grep = grep
        self.follow = follow
        self._log = ""
        self._read_at = 0.0
        self._reading = Background("nbflow-log")
        self._end_watching = control.watch(self._read_soon)

    @property
    def follows(self) -> bool:
        """See `Panel`."""
        return self.follow and bool(self.control.runs())

    def close(self, *, replace: bool = True) -> None:
        self._end_watching()
        super().close(replace=replace)

    def show(self, word: str) -> None:
        """Show the log of another task or run."""
        self.word = word
        self._read_soon()

    def act(self, action: str, message: Mapping[str, Any]) -> None:
        value = message.get("value")
        if action == "word" and isinstance(value, str):
            self.word = value.strip()[:_WORD_LENGTH]
        elif action == "grep" and isinstance(value, str):
            self.grep = value[:_WORD_LENGTH]
        elif action == "follow":
            self.follow = bool(message.get("on"))
        self._read_soon()

    def state(self) -> dict[str, Any]:
        is_due = self.follows and time.monotonic() - self._read_at > _INTERVAL
        if is_due or not self._read_at:
            self._read_soon()
        return {
            "word": self.word,
            "grep": self.grep,
            "log": self._log,
            "following": self.follow,
        }

    def html(self) -> str:
        lines = "\n".join(markup(visible_line(line), limit=500) for line in self._lines())
        return f'<div data-nbflow="log"><pre style="white-space:pre-wrap">{lines}</pre></div>'

    def text(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        return (self._log or read_log(self.control, self.word or None, self.grep)).splitlines()

    def _read_soon(self) -> None:
        self._read_at = time.monotonic()
        self._reading.ask(self._read)

    def _read(self) -> None:
        found = read_log(self.control, self.word or None, self.grep)
        if found != self._log:
            self._log = found
            self.touch(urgent=False)
