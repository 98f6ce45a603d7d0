"""The one warning of a store that cannot do its work."""

from __future__ import annotations

import threading
import warnings


class StoreWarning(UserWarning):
    """Something of a run is not kept; the run itself goes on."""


class Notice:
    """Warns once, from whichever thread sees the trouble first. Thread-safe.

    Where warnings are errors the thread that saw the trouble goes on, and `raise_if_refused` raises
    in a thread of the user.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: StoreWarning | None = None
        #: What was said; empty while all is well.
        self.text = ""

    def say(self, text: str) -> None:
        """Warn with `text`, unless something was said already."""
        with self._lock:
            if self.text:
                return
            self.text = text
        try:
            warnings.warn(text, StoreWarning, stacklevel=2)
        except StoreWarning as refused:
            self._refused = refused

    def raise_if_refused(self) -> None:
        """Raise the warning here, once, if a filter made it an error."""
        with self._lock:
            refused, self._refused = self._refused, None
        if refused is not None:
            raise refused
