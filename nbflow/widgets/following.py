"""Panels that stand for a run: they change while it goes on, and are HTML when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.events import RunFinished, TaskFailed
from nbflow.display.render import renderer
from nbflow.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbflow.core.events import RunEvent
    from nbflow.display.environment import DisplaySettings
    from nbflow.widgets.control import RunHandle

_URGENT = (RunFinished, TaskFailed)


class Following(Panel):
    """A panel of one run.

    Parameters
    ----------
    stays
        It remains a widget after the run's end; else the static form takes its place.
    """

    def __init__(
        self, run: RunHandle | None, settings: DisplaySettings | None = None, *, stays: bool = False
    ) -> None:
        super().__init__(settings)
        self.run: RunHandle | None = None
        self._ended: RunHandle | None = None
        self._on_done: list[Callable[[RunHandle], None]] = []
        self.stays = stays
        if run is not None:
            self.follow(run)

    def on_done(self, callback: Callable[[RunHandle], None]) -> None:
        """Call `callback` with the run when it has ended; in the renderer's thread."""
        self._on_done.append(callback)

    def follow(self, run: RunHandle) -> None:
        """Show `run` from now on."""
        self.run = run
        run.subscribe(lambda events: self._hear(run, events))
        self.touch()

    @property
    def follows(self) -> bool:
        """See `Panel`."""
        return self.run is not None and not self.run.done()

    def draw(self) -> None:
        """See `Panel`; the last state is certain to arrive."""
        run = self.run
        has_ended = run is not None and run.done()
        super().draw()
        if run is not None and has_ended and run is not self._ended:
            self._ended = run
            self.end()
            for callback in tuple(self._on_done):
                callback(run)

    def end(self) -> None:
        """The run has ended, and its last state was sent; called once a run, by the renderer."""
        if self.stays:
            renderer.end(self)
        else:
            self.close()

    @property
    def is_live(self) -> bool:
        """See `Panel`; a run that has ended needs no widget, unless it stays."""
        return super().is_live and (self.stays or self.run is None or not self.run.done())

    def _hear(self, run: RunHandle, events: Sequence[RunEvent]) -> None:
        # Called while the stream hands out: only flags, no lock.
        if run is self.run:
            self.touch(urgent=any(isinstance(event, _URGENT) for event in events))
