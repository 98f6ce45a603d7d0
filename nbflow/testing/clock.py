"""Time that passes only when somebody says so."""

from __future__ import annotations


class Clock:
    """A clock to be passed in where `time.time` and `time.sleep` would be.

    >>> clock = Clock(1000.0)
    >>> clock.sleep(2.5)
    >>> clock()
    1002.5
    """

    def __init__(self, now: float = 0.0) -> None:
        #: Seconds.
        self.now = now

    def __call__(self) -> float:
        """The time in seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass instead of waiting."""
        self.now += seconds
