"""The live cards of runs in the cells of one notebook, and what a person must hear of runs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from nbflow.core.context import current
from nbflow.core.errors import NbflowError, RunInterrupted
from nbflow.core.status import RunStatus
from nbflow.display.render import LiveCard, renderer
from nbflow.session import usual_seconds
from nbflow.session.display import display_settings, drawing_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nbflow.core.interfaces import Subscriber
    from nbflow.core.summary import RunSummary
    from nbflow.display.render import Publish
    from nbflow.session import Run


class RunCards:
    """Cards that follow runs, each in the cell that showed it; what is called is thread-safe.

    Parameters
    ----------
    publish
        Sends to the cell of the calling thread; updates, from any thread, to where their id is.
    """

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._lock = threading.Lock()
        #: Cards of runs that go on, by the run's id.
        self._cards: dict[str, list[LiveCard]] = {}
        #: What failed in the background and was not said, by the run's id.
        self._failures: dict[str, str] = {}

    def note_begun(self, run: Run) -> bool:
        """Show a card for a run that the cell of this thread waits for; whether one was shown.

        A run within a task of another has none: the other's card tells of that task.
        """
        if run.is_background or current() is not None:
            return False
        self.attach(run)
        return True

    def attach(self, run: Run) -> None:
        """Show a card in the cell of this thread that follows `run` from how it stands now."""
        here = display_settings()
        card = LiveCard(
            self._publish,
            drawing_options(),
            ascii=here.ascii,
            usual=lambda families: _usual(families, run.options.store),
            output=run.tail,
            catch_up=run.catch_up,
        )
        run.has_card = True

        def begin(summary: RunSummary) -> Subscriber:
            card.show(summary.copy())
            return card

        with self._lock:
            self._cards.setdefault(run.run_id, []).append(card)
        run.follow(begin)
        if run.done():
            self._end_cards(run)

    def note_ended(self, run: Run) -> None:
        """See to it that cards of `run` are final, and keep what must be said of it."""
        if run.is_background:
            failure = _failure(run)
            if failure:
                with self._lock:
                    self._failures[run.run_id] = failure
        self._end_cards(run)

    def _end_cards(self, run: Run) -> None:
        with self._lock:
            cards = self._cards.pop(run.run_id, [])
        for card in cards:
            if run.error is not None and (not run.is_background or not card.ended):
                card.withdraw()
            elif not card.ended:
                renderer.end(card)

    def take_failures(self) -> list[str]:
        """What failed in the background since this was asked last, a sentence each."""
        with self._lock:
            failures, self._failures = self._failures, {}
        return list(failures.values())

    def forget_failure(self, run_id: str) -> None:
        """Say nothing of the run: it was told otherwise."""
        with self._lock:
            self._failures.pop(run_id, None)


def _usual(families: Iterable[str], store: str) -> Mapping[str, float]:
    try:
        return usual_seconds(families, store=store)
    except (NbflowError, OSError):  # the recorder, which needs the same file, says what is wrong
        return {}


def _failure(run: Run) -> str:
    """What must be said of a background run that has ended; empty where nothing must be."""
    if run.summary.status in {RunStatus.INTERRUPTED, RunStatus.CANCELLED}:
        return ""
    try:
        run.result(0)
    except (Exception, RunInterrupted) as error:  # noqa: BLE001 - whatever ended it is told
        names = ", ".join(run.summary.info.root_names if run.summary.info else map(str, run.tasks))
        return f"{names} failed in the background: {error}  (%nbflow log {run.run_id})"
    return ""
