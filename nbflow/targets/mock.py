"""Files in the memory of this process, for tests of pipelines.

Source: Luigi G-30, G-31. By intent otherwise: no second process holds the data, so tasks that run
in worker processes do not share it.
"""

from __future__ import annotations

import io
import sys
import threading
from typing import IO, TYPE_CHECKING, Any, ClassVar

from nbflow.core.errors import TargetExistsError
from nbflow.core.model.target import FileSystem, FileSystemTarget
from nbflow.targets.atomic import write_atomically
from nbflow.targets.format import Format, get_default_format

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from _typeshed import ReadableBuffer

    from nbflow.core.call import FileRecord


class MockFileSystem(FileSystem):
    """One file system for the whole process; a folder is a beginning that paths share."""

    _data: ClassVar[dict[str, bytes]] = {}
    _lock: ClassVar[threading.RLock] = threading.RLock()

    def get_all_data(self) -> dict[str, bytes]:
        """Every path and its bytes; the live dict."""
        return self._data

    def get_data(self, fn: str) -> bytes:
        """Bytes of `fn`. Raises KeyError where there are none."""
        return self._data[fn]

    def put(self, path: str, data: bytes) -> None:
        """Let `data` be what is at `path`."""
        with self._lock:
            self._data[path] = data

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._data.clear()

    def exists(self, path: str) -> bool:
        """Whether something was written to exactly `path`."""
        return path in self._data

    def exists_many(self, paths: Iterable[str]) -> set[str]:
        """Those of `paths` that exist."""
        return {path for path in paths if path in self._data}

    def remove(self, path: str, recursive: bool = True, skip_trash: bool = True) -> None:  # noqa: ARG002 - Luigi's signature
        """Remove `path` or, if `recursive`, every path that begins so."""
        with self._lock:
            for each in self.listdir(path) if recursive else [path]:
                self._data.pop(each, None)

    def move(self, path: str, dest: str, raise_if_exists: bool = False) -> None:
        """Move `path` to `dest`. Raises KeyError if it is not there, TargetExistsError if asked."""
        with self._lock:
            self._refuse_existing(dest, raise_if_exists)
            self._data[dest] = self._data.pop(path)

    def copy(self, path: str, dest: str, raise_if_exists: bool = False) -> None:
        """Copy `path` to `dest`. Raises KeyError if it is not there, TargetExistsError if asked."""
        with self._lock:
            self._refuse_existing(dest, raise_if_exists)
            self._data[dest] = self._data[path]

    def publish(self, temporary: str, path: str) -> None:
        """Move `temporary` to `path`, replacing it."""
        self.move(temporary, path)

    def mkdir(self, path: str, parents: bool = True, raise_if_exists: bool = False) -> None:
        """Do nothing: there are no folders to make."""

    def isdir(self, path: str) -> bool:
        """Whether any path begins so."""
        return bool(self.listdir(path))

    def listdir(self, path: str) -> list[str]:
        """Every path that begins with `path`."""
        with self._lock:
            return [each for each in self._data if each.startswith(path)]

    def _refuse_existing(self, dest: str, raise_if_exists: bool) -> None:
        if raise_if_exists and dest in self._data:
            raise TargetExistsError(f"the destination {dest} exists.")


class MockTarget(FileSystemTarget):
    """A file in memory.

    Parameters
    ----------
    fn
        Its path.
    is_tmp
        Without effect.
    mirror_on_stderr
        Also print what is written, with the path before it.
    format
        As for `LocalTarget`.
    """

    fs = MockFileSystem()

    def __init__(
        self,
        fn: str | os.PathLike[str],
        is_tmp: bool | None = None,  # noqa: ARG002 - Luigi's signature
        mirror_on_stderr: bool = False,
        format: Format | None = None,
    ) -> None:
        super().__init__(fn)
        self.mirror_on_stderr = mirror_on_stderr
        self.format = get_default_format() if format is None else format

    def open(self, mode: str = "r") -> IO[Any]:
        """Open for reading (`"r"`) or writing (`"w"`), with `LocalTarget`'s rules.

        Raises
        ------
        KeyError
            There is nothing to read.
        """
        kind = mode.replace("b", "").replace("t", "")
        if kind == "w":
            return write_atomically(MockDraft(self), self.format)
        if kind != "r":
            raise ValueError(f"{self.path} can be opened with 'r' or 'w', not with {mode!r}.")
        return self.format.pipe_reader(self.open_bytes())

    def open_bytes(self) -> IO[bytes]:
        """Open for reading the bytes as they are stored, whatever the format."""
        return io.BytesIO(self.fs.get_data(self.path))

    def file_record(self) -> FileRecord | None:
        """Size of the file as it is now; None if it is not there."""
        from nbflow.core.call import FileRecord

        data = self.fs.get_all_data().get(self.path)
        if data is None or (type(self) is not MockTarget and not self.exists()):
            return None
        return FileRecord(self.path, len(data))

    def move(self, path: str, raise_if_exists: bool = False) -> None:
        """Move the file to `path`; this target still names the old one."""
        self.fs.move(self.path, path, raise_if_exists)

    def rename(self, path: str, raise_if_exists: bool = False) -> None:
        """Do the same as `move`."""
        self.move(path, raise_if_exists)


class MockDraft(io.BytesIO):
    """An unfinished file in memory."""

    def __init__(self, target: MockTarget) -> None:
        super().__init__()
        self.path = target.path
        self._fs = target.fs
        self._mirrored = target.mirror_on_stderr
        self._whole: bytes | None = None

    @property
    def raw(self) -> MockDraft:
        """Itself."""
        return self

    def write(self, data: ReadableBuffer) -> int:
        """Take bytes."""
        count = super().write(data)
        if self._mirrored:
            sys.stderr.write(f"{self.path}: {bytes(data).decode('utf-8', 'replace')}")
        return count

    def close(self) -> None:
        """Keep the bytes for `publish`."""
        if not self.closed:
            self._whole = self.getvalue()
            super().close()

    def publish(self) -> None:
        """Show the whole file."""
        if self._whole is not None:
            self._fs.put(self.path, self._whole)

    def discard(self) -> None:
        """Forget the bytes."""
        super().close()
        self._whole = None
