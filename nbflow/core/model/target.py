"""What a task leaves behind: something that exists or not, and how a file appears atomically.

Source: the rules are Luigi's (contract G-01 to G-14). Two differ by intent: targets of one type
and path are equal, and a finished temporary file replaces what stands at its destination.
"""

from __future__ import annotations

import itertools
import os
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbflow.core.errors import TargetExistsError, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Starts at the process's own microsecond, so that a restarted process with the same pid never
#: meets the litter of its predecessor.
_numbers = itertools.count(time.time_ns() // 1000)


#: Between a path and the number of the process that writes what shall appear there.
UNFINISHED = "-nbflow-tmp-"


def temporary_name(path: str) -> str:
    """Name beside `path` for what is still being written; a trailing slash stays.

    Unique in this process and, by its pid, among those of the machine.
    """
    unique = f"{UNFINISHED}{os.getpid()}-{next(_numbers)}"
    if path[-1:] != "/":
        return path + unique
    stem = path.rstrip("/")
    return stem + unique + path[len(stem) :]


class Target(ABC):
    """Something that a task makes and that exists, or not yet."""

    #: Not iterable, and quickly seen not to be (see `nested.flatten`).
    __iter__ = None

    @abstractmethod
    def exists(self) -> bool:
        """Whether it is there, whole."""


class FileSystem(ABC):
    """Operations on the paths of one file system."""

    @abstractmethod
    def exists(self, path: str) -> bool:
        """Whether there is a file or folder at `path`."""

    @abstractmethod
    def remove(self, path: str, recursive: bool = True, skip_trash: bool = True) -> None:
        """Remove the file or folder at `path`."""

    def mkdir(self, path: str, parents: bool = True, raise_if_exists: bool = False) -> None:
        """Make the folder `path`.

        Raises
        ------
        TargetExistsError
            It is there, and `raise_if_exists` is set.
        MissingParentDirectoryError
            Its parent is not there, and `parents` is not set.
        NotADirectoryTargetError
            A file stands at `path`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no mkdir()")

    def isdir(self, path: str) -> bool:
        """Whether `path` is a folder."""
        raise NotImplementedError(f"{type(self).__name__} has no isdir()")

    def listdir(self, path: str) -> Iterable[str]:
        """Paths of all files below the folder `path`, at any depth."""
        raise NotImplementedError(f"{type(self).__name__} has no listdir()")

    def move(self, path: str, dest: str) -> None:
        """Move `path` to `dest`."""
        raise NotImplementedError(f"{type(self).__name__} has no move()")

    def copy(self, path: str, dest: str) -> None:
        """Copy the file `path` to `dest`."""
        raise NotImplementedError(f"{type(self).__name__} has no copy()")

    def rename(self, *args: Any, **kwargs: Any) -> None:
        """Do the same as `move`."""
        self.move(*args, **kwargs)

    def rename_dont_move(self, path: str, dest: str) -> None:
        """Rename `path` to `dest`, which must not exist; not atomic unless overridden.

        Raises
        ------
        TargetExistsError
            `dest` is there; `path` stays.
        """
        if self.exists(dest):
            raise TargetExistsError(f"cannot rename {path} to {dest}: the destination exists.")
        self.move(path, dest)

    def publish(self, temporary: str, path: str) -> None:
        """Make the finished `temporary` appear as `path`, replacing what is there.

        A file system that can replace in one step overrides this; the local one publishes through
        `nbflow.core.context`.
        """
        if self.exists(path):
            self.remove(path)
        self.rename_dont_move(temporary, path)


class FileSystemTarget(Target):
    """A path on a file system. Two of one type and path are equal.

    Parameters
    ----------
    path
        Text or path object; `path` keeps its text. Neither expanded nor made absolute.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = str(path)

    @property
    @abstractmethod
    def fs(self) -> FileSystem:
        """The file system that has the path."""

    @abstractmethod
    def open(self, mode: str) -> Any:
        """Open for reading (`"r"`) or for writing (`"w"`), which publishes on close."""

    def exists(self) -> bool:
        """Whether the path is there. A wildcard in it is taken literally, and said in the log."""
        path = self.path
        if "*" in path or "?" in path or "[" in path or "{" in path:
            import logging

            logging.getLogger("nbflow").warning(
                "exists() takes the wildcard in %s literally: a target is one path",
                printable(path),
            )
        return self.fs.exists(path)

    def remove(self) -> None:
        """Remove the path and all that is below it."""
        self.fs.remove(self.path)

    def publish(self, temporary: str) -> None:
        """Make the finished file or folder `temporary` appear at this target's path."""
        self.fs.publish(temporary, self.path)

    @contextmanager
    def temporary_path(self) -> Iterator[str]:
        """Path to write to inside the block; it appears at the target's path when that ends.

        The folder above is made. What stands at the path already is replaced. When the block
        raises, what it wrote is removed and the path stays as it was.
        """
        folder = os.path.dirname(self.path.rstrip("/"))
        if folder:
            self.fs.mkdir(folder, parents=True, raise_if_exists=False)
        temporary = temporary_name(self.path)
        try:
            yield temporary
            self.publish(temporary)
        except BaseException:
            if self.fs.exists(temporary):
                self.fs.remove(temporary)
            raise

    def _touchz(self) -> None:
        with self.open("w"):
            pass

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.path == other.path

    def __hash__(self) -> int:
        return hash((type(self), self.path))

    def __str__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"
