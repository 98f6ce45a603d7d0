"""A stop request that reaches the user's code at once and nbflow's own code at a safe point.

Python raises KeyboardInterrupt wherever the main thread happens to be, also between "the output is
there" and "the scheduler knows". While a run is in the foreground, its SIGINT handler raises only
inside the user's code; elsewhere it leaves a mark that the worker reads at its next turn.
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class InterruptGuard:
    """Stop requests of one run.

    Used as a context manager it holds the SIGINT handler, if this is the main thread and Python
    answers SIGINT at all; afterwards the handler is what it was.

    Attributes
    ----------
    inside
        True while the user's code runs; set and cleared around each call of it.
    requests
        How often a stop was asked for.
    is_urgent
        What runs gets no time to end by itself.
    """

    __slots__ = ("_previous", "cancelled", "inside", "is_urgent", "requests")

    def __init__(self) -> None:
        self.inside = False
        self.is_urgent = False
        self.requests = 0
        #: Stopped by `cancel`, not by a signal.
        self.cancelled = False
        self._previous: Any = None

    @property
    def is_set(self) -> bool:
        """True once a stop was asked for."""
        return self.requests > 0

    @property
    def holds_signal(self) -> bool:
        """True while this guard answers SIGINT, and can so reach what runs in the main thread."""
        return self._previous is not None

    def request(self, *, now: bool = False) -> None:
        """Cancel the run at its next turn (thread-safe).

        Parameters
        ----------
        now
            Running tasks are ended at once, where that can be done: in processes of their own,
            and in the main thread while this guard holds its SIGINT handler.
        """
        self.cancelled = True
        self.stop(now=now)
        if now and self.holds_signal:
            _signal_main_thread()

    def stop(self, *, now: bool = False) -> None:
        """Interrupt the run at its next turn (thread-safe): nobody cancelled it, its place ends."""
        self.is_urgent = self.is_urgent or now
        self.requests += 1

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            previous = signal.getsignal(signal.SIGINT)
            # Ignored, or owned by code outside of Python: not ours to take.
            if previous not in {signal.SIG_IGN, None}:
                self._previous = previous
                signal.signal(signal.SIGINT, self.on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._previous = None

    def on_signal(self, _number: int, _frame: Any) -> None:
        """Take a request that comes as a signal; a handler for `signal.signal`."""
        self.requests += 1
        if self.inside:
            raise KeyboardInterrupt


def _signal_main_thread() -> None:
    """Interrupt the main thread, from whichever thread, also where it sleeps."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)
