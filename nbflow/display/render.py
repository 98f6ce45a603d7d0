"""Send live cards to the page: seldom, from one thread, and the last state for certain.

Cards are told of events and drawn by the thread `nbflow-render`, at most twice a second each and
ten times a second together; what costs much to draw is drawn more seldom. It ends when no card is
left. Messages are addressed by display id, so that they reach their cell whichever runs.

A server drops messages of a kernel that sends too many; after such a burst the last state is sent
once more.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from typing import TYPE_CHECKING, Protocol

from nbflow.core.events import RunFinished, RunStarted, TaskFailed
from nbflow.core.summary import RunSummary
from nbflow.display import live, text
from nbflow.display.drawing import run_picture
from nbflow.display.html import run_html
from nbflow.display.layout import find_engine
from nbflow.display.remaining import Estimate, remaining_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nbflow.core.events import RunEvent
    from nbflow.core.graph import TaskGraph
    from nbflow.display.drawing import DrawingOptions

logger = logging.getLogger("nbflow.display")

#: Seconds between two drawings of one card, at least and at most.
INTERVAL = 0.5
LONGEST_INTERVAL = 2.0
#: A card whose drawing took so much CPU time waits so many times that long; the layout engine is
#: another process, and takes nothing from the tasks of this one.
PATIENCE = 50
#: Seconds after which a card is drawn although nothing happened: its clock goes on.
HEARTBEAT = 1.0
SLOW_HEARTBEAT = 10.0
#: Seconds without an event after which the slow heartbeat is enough.
QUIET = 60.0
#: Messages of all cards within `WINDOW` seconds that make a burst.
BURST = 30
WINDOW = 3.0
#: Seconds after the end of a card in a burst at which its last state is sent again.
RESEND = 4.0
_URGENT = (RunStarted, TaskFailed)
#: Errors of sending after which a card is only shown at its end.
ERRORS = 3


class Publish(Protocol):
    """Sends a bundle to an output of a cell."""

    def __call__(self, data: dict[str, str], *, display_id: str, update: bool) -> None:
        """Send `data`; without `update`, as a new output of the cell."""
        ...


class Drawable(Protocol):
    """What the renderer draws: a card in a cell, or a widget."""

    #: Seconds between two drawings, at least.
    interval: float

    def draw(self) -> None:
        """Send what has changed."""
        ...

    def finish(self) -> None:
        """Send the last state."""
        ...

    def resend(self) -> None:
        """Send the last state again."""
        ...

    def is_due(self, now: float, drawn_at: float, interval: float) -> bool:
        """Whether it is time to draw."""
        ...


class LiveCard:
    """One run in two outputs of a cell; a subscriber of the run's events.

    Parameters
    ----------
    publish
        Called from the cell's thread by `show`, from the thread of who tells of the run's end by
        `finish`, else from the render thread.
    usual
        See `remaining.Estimate`; called in the render thread.
    output
        Gives the last lines that a task, or for "" the run, wrote.
    catch_up
        Lets the card have the events that wait to be handed out: else the end of one task would
        often be drawn without the beginning of the next.
    """

    interval = INTERVAL

    def __init__(
        self,
        publish: Publish,
        options: DrawingOptions,
        *,
        ascii: bool = False,
        usual: Callable[[Iterable[str]], Mapping[str, float]] = lambda _families: {},
        output: Callable[[str], Sequence[str]] = lambda _task_id: (),
        catch_up: Callable[[], None] = lambda: None,
    ) -> None:
        self._publish = publish
        self._options = options
        self._ascii = ascii
        self._estimate = Estimate(usual)
        self._output = output
        self._catch_up = catch_up
        self._scope = f"nbf{uuid.uuid4().hex[:8]}"
        self._graph = live.LiveGraph(
            self._scope, find_engine(options.engine, stable=options.stable)
        )
        self._summary = RunSummary()
        #: The graph, and the number of the last event that is in it.
        self._latest: tuple[int, TaskGraph] | None = None
        self._lock = threading.Lock()
        self._drawing = threading.Lock()
        self._errors = 0
        self._last_event = time.monotonic()
        self.ended = False
        self.urgent = False
        self.changed = False

    def __call__(self, events: Sequence[RunEvent]) -> None:
        """Take events; drawn when it is time."""
        with self._lock:
            self._summary.apply_all(events)
            self._last_event = time.monotonic()
            self.changed = True
            self.urgent = self.urgent or any(isinstance(each, _URGENT) for each in events)
        if any(isinstance(each, RunFinished) for each in events):
            renderer.end(self)
        elif self.urgent:
            renderer.wake()

    def show(self, summary: RunSummary | None = None) -> None:
        """Put the card into the cell; called once, by the cell.

        Parameters
        ----------
        summary
            How the run stands, if it has begun before; the card's own from now on.
        """
        self._summary = summary or self._summary
        self._send("p", live.pulse(self._summary, now=time.time(), ascii=self._ascii), update=False)
        self._send("g", {"text/plain": ""}, update=False)
        renderer.add(self)

    def draw(self) -> None:
        """Send what has changed."""
        self._catch_up()  # it may end the card
        with self._drawing:
            if self.ended or self._errors >= ERRORS:
                return
            self._draw_graph()
            with self._lock:
                families = {task.record.family for task in self._summary.tasks.values()}
            self._estimate.prepare(families)
            self._send("p", self._pulse())

    def _pulse(self) -> dict[str, str]:
        now = time.time()
        with self._lock:
            self.changed = self.urgent = False
            summary = self._summary
            # Before the first task runs, the plan may not be whole.
            has_begun = summary.running or summary.ran
            seconds = self._estimate.seconds(summary, now=now) if has_begun else None
            is_recoloured = self._graph.is_recoloured
            return live.pulse(
                summary,
                now=now,
                # Of this moment: the boxes must say what the words say.
                style=self._graph.style(self._graph_now()) if is_recoloured else "",
                left=remaining_words(seconds),
                output=self._output,
                ascii=self._ascii,
            )

    def _draw_graph(self) -> None:
        """Send the picture where it is due; to lay it out may take seconds."""
        with self._lock:
            if self._summary.total > live.DRAWN_LIMIT:
                return
            graph = self._graph_now()
        drawn = self._graph.due(graph)
        if drawn is not None:
            self._send("g", {"text/html": drawn, "text/plain": ""})

    def _graph_now(self) -> TaskGraph:
        """The graph as the summary stands; the caller holds the lock."""
        seq = self._summary.last_seq
        if self._latest is None or self._latest[0] != seq:
            self._latest = (seq, live.live_graph(self._summary))
        return self._latest[1]

    def finish(self) -> None:
        """Put the static card in the place of the live one; more is not drawn."""
        with self._drawing, self._lock:
            if self.ended:
                return
            self.ended = True
            summary = self._summary
            bundle = {
                "text/html": run_html(
                    summary,
                    picture=run_picture(summary, self._options),
                    log=self._output(""),
                ),
                "text/plain": text.run_text(summary, ascii=self._ascii),
            }
            self._send("g", bundle)
            self._send("p", {})

    def withdraw(self) -> None:
        """Take the card out of the cell: there was no run."""
        renderer.forget(self)
        with self._drawing:
            self.ended = True
            self._send("p", {})
            self._send("g", {})

    def resend(self) -> None:
        """Send the last state again: the server may have dropped it."""
        with self._drawing:
            self.ended = False
        self.finish()

    def is_due(self, now: float, drawn_at: float, interval: float) -> bool:
        """Whether it is time to draw; all in seconds of the monotonic clock."""
        if self.urgent:
            return True
        quiet = now - self._last_event > QUIET
        beat = SLOW_HEARTBEAT if quiet else HEARTBEAT
        return now - drawn_at >= (interval if self.changed else max(interval, beat))

    def _send(self, part: str, data: dict[str, str], *, update: bool = True) -> None:
        try:
            self._publish(data, display_id=self._scope + part, update=update)
        except Exception:
            self._errors += 1
            logger.exception("a card could not be sent")
        renderer.count()


class Renderer:
    """Draws all live cards of this process in one thread, which lives as long as there are any."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        #: Card to (time of the last drawing, seconds until the next).
        self._cards: dict[Drawable, tuple[float, float]] = {}
        #: Cards that have ended, with the time at which their last state is sent again.
        self._again: dict[Drawable, float] = {}
        self._sent: deque[float] = deque()
        self._thread: threading.Thread | None = None

    def add(self, card: Drawable) -> None:
        """Draw `card` from now on."""
        with self._condition:
            self._cards.setdefault(card, (time.monotonic(), card.interval))
            self._start()

    def end(self, card: Drawable) -> None:
        """Send the last state of `card` and draw it no more."""
        with self._condition:
            self._cards.pop(card, None)
        card.finish()
        with self._condition:
            if self._is_burst():
                self._again[card] = time.monotonic() + RESEND
                self._start()
            self._condition.notify_all()

    def forget(self, card: Drawable) -> None:
        """Draw `card` no more."""
        with self._condition:
            self._cards.pop(card, None)

    @property
    def is_running(self) -> bool:
        """False where nothing is drawn, or the platform has no threads."""
        return self._thread is not None

    def wake(self) -> None:
        """Let the thread look now."""
        with self._condition:
            self._condition.notify_all()

    def count(self) -> None:
        """Take note of a message."""
        self._sent.append(time.monotonic())

    def stop(self) -> None:
        """Draw nothing more, and return when the thread has ended."""
        with self._condition:
            self._cards.clear()
            self._again.clear()
            self._condition.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _start(self) -> None:
        if self._thread is not None:
            return
        thread = threading.Thread(target=self._run, name="nbflow-render", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # a platform without threads: the card is shown at its end
            return
        self._thread = thread

    def _is_burst(self) -> bool:
        now = time.monotonic()
        while self._sent and now - self._sent[0] > WINDOW:
            self._sent.popleft()
        return len(self._sent) >= BURST

    def _run(self) -> None:
        while True:
            with self._condition:
                if not self._cards and not self._again:
                    self._thread = None
                    return
                task = self._next()
                if task is None:
                    self._condition.wait(INTERVAL / 5)
                    continue
            task()

    def _next(self) -> Callable[[], None] | None:
        """What is to be done now, under the lock; None where nothing is."""
        if self._is_burst():
            return None
        now = time.monotonic()
        for card, at in tuple(self._again.items()):
            if now >= at:
                del self._again[card]
                return card.resend
        for card, (drawn_at, interval) in tuple(self._cards.items()):
            if card.is_due(now, drawn_at, interval):
                return lambda: self._draw(card)
        return None

    def _draw(self, card: Drawable) -> None:
        began = time.thread_time()
        try:
            card.draw()
        except Exception:
            logger.exception("a live card could not be drawn")
            with self._condition:
                self._cards.pop(card, None)
            return
        cost = time.thread_time() - began
        interval = min(max(card.interval, PATIENCE * cost), LONGEST_INTERVAL)
        with self._condition:
            if card in self._cards:
                self._cards[card] = (time.monotonic(), interval)


#: The one of this process.
renderer = Renderer()
