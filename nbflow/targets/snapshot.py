"""What exists in many places, asked with few system calls."""

from __future__ import annotations

import os

#: Questions about one folder that are asked one by one, before its names are read at once.
QUESTIONS_BEFORE_LISTING = 16
#: A listing is given up when it holds more names than this for each question asked so far.
NAMES_PER_QUESTION = 64


class ExistenceSnapshot:
    """What existed when it was first asked about: for planning a run, never for verifying one.

    After 16 questions about a folder its names are read in one go, and later questions are
    answered from these, also when the folder has changed since. Folders with very many more names
    than questions are asked name by name.
    """

    __slots__ = ("_asked", "_listings", "_thresholds")

    def __init__(self) -> None:
        self._asked: dict[str, int] = {}
        self._listings: dict[str, set[str]] = {}
        self._thresholds: dict[str, int] = {}

    def exists(self, path: str) -> bool:
        """Whether there was a file or folder at `path`; a link to nothing is not there."""
        folder, _, name = path.rpartition("/")
        if not folder and path[:1] == "/":
            folder = "/"
        listing = self._listings.get(folder)
        if listing is None:
            asked = self._asked[folder] = self._asked.get(folder, 0) + 1
            if asked <= self._thresholds.get(folder, QUESTIONS_BEFORE_LISTING):
                return os.path.exists(path)
            listing = self._list(folder, asked)
            if listing is None:
                return os.path.exists(path)
        if name in listing:
            return True
        # "", "." and ".." are in no listing, and other characters mean more than themselves.
        return (name in ("", ".", "..") or "\0" in name) and os.path.exists(path)

    def _list(self, folder: str, asked: int) -> set[str] | None:
        names: set[str] = set()
        limit = asked * NAMES_PER_QUESTION
        try:
            with os.scandir(folder or ".") as entries:
                for entry in entries:
                    if not entry.is_symlink() or os.path.exists(entry.path):
                        names.add(entry.name)
                    limit -= 1
                    if limit < 0:
                        self._thresholds[folder] = 4 * asked
                        return None
        except (FileNotFoundError, NotADirectoryError):
            names.clear()
        except OSError:
            # May be entered but not read: each name can still be asked.
            self._thresholds[folder] = 4 * asked
            return None
        self._listings[folder] = names
        return names
