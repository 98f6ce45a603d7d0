"""Waiting for what other threads do."""

from __future__ import annotations

import threading
import time


def until(condition, seconds=30.0):
    """Wait until `condition()` is true and give it; an error after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come about"
        threading.Event().wait(0.005)
