"""Work that takes a while, out of the way of the page and of the renderer."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("nbflow.widgets")


class Background:
    """Does the newest of what was asked for; its thread lives while there is something to do.

    What is asked for while something else is done takes the place of what waits: of a word that is
    typed letter by letter, the last one counts.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._next: Callable[[], None] | None = None
        self._busy = False

    @property
    def busy(self) -> bool:
        """Whether something is being done."""
        return self._busy

    def ask(self, work: Callable[[], None]) -> None:
        """Let `work` be done soon; without threads, now."""
        with self._lock:
            self._next = work
            if self._busy:
                return
            self._busy = True
        try:
            threading.Thread(target=self._run, name=self._name, daemon=True).start()
        except RuntimeError:
            self._run()

    def _run(self) -> None:
        while True:
            with self._lock:
                work, self._next = self._next, None
                if work is None:
                    self._busy = False
                    return
            try:
                work()
            except Exception:
                logger.exception("%s failed", self._name)
