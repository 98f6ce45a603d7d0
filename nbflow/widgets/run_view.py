"""A run while it goes on: how far it is, what it does, what it writes, and the way to stop it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from nbflow.display import html, live, text
from nbflow.widgets.background import Background
from nbflow.widgets.following import Following

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbflow.core.summary import RunSummary
    from nbflow.widgets.control import Control, RunHandle

#: Last lines of output that are shown, and characters of them in one update.
_LINES = 200
_CHARACTERS = 16_000
#: Seconds between two looks into the log.
_LOG_INTERVAL = 1.0


class RunView(Following):
    """A run with Cancel, all its tasks, and its log.

    Parameters
    ----------
    stays
        It remains a widget after the run's end; else the static card takes its place.
    """

    view = "run"
    fields: ClassVar[tuple[str, ...]] = ("said", "html", "running", "shows_all", "log", "read_only")

    def __init__(
        self, run: RunHandle, control: Control, *, stays: bool = False, read_only: bool = False
    ) -> None:
        super().__init__(run, control.settings, stays=stays)
        self.control = control
        self.read_only = read_only
        self._shows_all = False
        self._log: str | None = None
        self._reading = Background("nbflow-log")
        self._read_at = 0.0
        self._on_cancel: list[Callable[[], None]] = []

    @property
    def run_id(self) -> str:
        """Id of the run."""
        assert self.run is not None
        return self.run.run_id

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Call `callback` when somebody cancels the run here; in any thread."""
        self._on_cancel.append(callback)

    def act(self, action: str, message: Mapping[str, Any]) -> None:
        assert self.run is not None
        if action == "cancel" and not self.read_only:
            self.run.cancel()
            for callback in tuple(self._on_cancel):
                callback()
        elif action == "all":
            self._shows_all = bool(message.get("on"))
        elif action == "log":
            self._log = "" if message.get("on") else None
            self._read_log()

    def state(self) -> dict[str, Any]:
        assert self.run is not None
        said, card = self.run.look(self._card)
        if self._log is not None and time.monotonic() - self._read_at > _LOG_INTERVAL:
            self._read_log()
        return {
            "said": said,
            "html": card,
            "running": not self.run.done(),
            "shows_all": self._shows_all,
            "log": self._log,
            "read_only": self.read_only,
        }

    def html(self) -> str:
        assert self.run is not None
        return self.run.look(lambda s: html.run_html(s, stable=self.settings.stable))

    def text(self) -> str:
        assert self.run is not None
        here = self.settings
        return self.run.look(lambda s: text.run_text(s, stable=here.stable, ascii=here.ascii))

    def _card(self, summary: RunSummary) -> tuple[str, str]:
        return text.run_line(summary), run_card(summary, shows_all=self._shows_all)

    def _read_log(self) -> None:
        if self._log is None:
            return
        self._read_at = time.monotonic()

        def read() -> None:
            found = read_log(self.control, self.run_id)
            if self._log is not None and found != self._log:
                self._log = found
                self.touch(urgent=False)

        self._reading.ask(read)


def run_card(summary: RunSummary, *, shows_all: bool = False) -> str:
    """A run as it stands: what runs now, or all of its tasks, or what became of it."""
    if summary.status.is_final or shows_all:
        return html.run_html(summary)
    return live.pulse(summary, now=time.time())["text/html"]


def read_log(control: Control, word: str | None, grep: str | None = None) -> str:
    """The end of a log, or the sentence that says why there is none."""
    from nbflow.core.errors import NbflowError

    try:
        return control.log(word, tail=_LINES, grep=grep or None)[-_CHARACTERS:]
    except NbflowError as error:
        return f"{error.title}: {error}"
