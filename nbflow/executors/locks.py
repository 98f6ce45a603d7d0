"""Locks that keep two processes of a project from running one task at the same time.

All locks of a project lie in one file: an exclusive lock on the single byte at the task's 63-bit
hash. The system gives them back when their process ends, however it ends, so nothing is ever left
to clean up. On Linux they are open file description locks, which belong to the descriptor; where
those are missing they are POSIX locks, which belong to the process. Neither sees two threads of
one process, so each process keeps a table of what its threads hold.

The process id of a holder is written into the same file as a hint for people, in one of 65,536
slots: it may be out of date, or another task's.
"""

from __future__ import annotations

import errno
import os
import threading
import warnings
from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    #: Lock the byte at a position of a file at once (OSError where it is taken or cannot be
    #: locked), and give it back: each is called with the descriptor and the position.
    _SystemLocks = tuple[Callable[[int, int], None], Callable[[int, int], None]]

_SLOTS = 65_536
_SLOT = Struct("<q")
_SLOT_SIZE = _SLOT.size
#: `struct flock` of 64-bit Linux: type, whence (0: from the beginning), start, length, pid (0 as
#: the kernel demands).
_FLOCK = Struct("hhqqi4x")
#: The byte at which a new file is tried.
_TRIAL = 2**63 - 1
#: Answers of the system that mean "somebody else has it".
_TAKEN = frozenset({errno.EAGAIN, errno.EACCES})


class LockBusy(Exception):  # noqa: N818 - it becomes an outcome, it is not an error
    """Another process or thread holds the task's lock; `pid` is its hint, 0 where unknown."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"held by process {pid}" if pid else "held by another process")
        self.pid = pid


class LockWarning(UserWarning):
    """Tasks cannot be locked; two processes may run the same one."""


def _description_locks() -> _SystemLocks:
    """Open file description locks (Linux)."""
    import fcntl

    lock, command, pack = fcntl.fcntl, fcntl.F_OFD_SETLK, _FLOCK.pack
    exclusive, none = fcntl.F_WRLCK, fcntl.F_UNLCK

    def acquire(descriptor: int, position: int) -> None:
        lock(descriptor, command, pack(exclusive, 0, position, 1, 0))

    def release(descriptor: int, position: int) -> None:
        lock(descriptor, command, pack(none, 0, position, 1, 0))

    return acquire, release


def _process_locks() -> _SystemLocks:
    """POSIX locks: any close of the file by the process drops them all, hence one descriptor."""
    import fcntl

    lock = fcntl.lockf
    exclusive, none = fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_UN

    def acquire(descriptor: int, position: int) -> None:
        lock(descriptor, exclusive, 1, position)

    def release(descriptor: int, position: int) -> None:
        lock(descriptor, none, 1, position)

    return acquire, release


def _system_locks() -> _SystemLocks:
    """The best kind of locks that this system has; ImportError where it has none."""
    import fcntl

    if os.uname().sysname == "Linux" and hasattr(fcntl, "F_OFD_SETLK"):
        return _description_locks()
    return _process_locks()


class _LockFile:
    """The one descriptor that this process has on a lock file, and what its threads hold."""

    __slots__ = ("acquire", "descriptor", "held", "hint", "path", "release", "users")

    def __init__(self, path: str) -> None:
        self.path = path
        self.acquire, self.release = _system_locks()
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.held: dict[int, object] = {}
        self.hint = _SLOT.pack(os.getpid())
        self.users = 0

    def is_current(self) -> bool:
        """False where the file was deleted under us: others would lock another one."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return False
        return os.path.samestat(found, os.fstat(self.descriptor))

    def read_hint(self, position: int) -> int:
        slot = os.pread(self.descriptor, _SLOT_SIZE, _slot_of(position))
        return int(_SLOT.unpack(slot)[0]) if len(slot) == _SLOT_SIZE else 0

    def try_locking(self) -> None:
        """Close and raise OSError where the file system refuses locks (NFS without its service)."""
        try:
            self.acquire(self.descriptor, _TRIAL)
            self.release(self.descriptor, _TRIAL)
        except OSError as error:
            # Taken: another process tries at this very moment, so locks do work.
            if error.errno not in _TAKEN:
                os.close(self.descriptor)
                raise

    def close_if_unused(self) -> None:
        """Close once nobody holds or may hold a lock; the caller holds `_opening`."""
        if not self.users and not self.held and self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
            if _files.get(self.path) is self:
                del _files[self.path]


_files: dict[str, _LockFile] = {}
_opening = threading.Lock()


def _slot_of(position: int) -> int:
    return _SLOT_SIZE * (1 + position % _SLOTS)


def _open_file(path: str) -> _LockFile:
    """Give the one file at `path`, proven to take locks; the caller holds `_opening`."""
    file = _files.get(path)
    if file is None or not file.is_current():
        file = _LockFile(path)
        file.try_locking()
        _files[path] = file
    file.users += 1
    return file


def _forget_after_fork() -> None:
    """A child has none of its parent's locks, and must not keep their descriptions open."""
    global _opening  # noqa: PLW0603 - the parent's other threads may have held it
    _opening = threading.Lock()
    for file in _files.values():
        os.close(file.descriptor)
        file.descriptor = -1
    _files.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


class _Hold:
    """One lock for the length of a `with` block."""

    __slots__ = ("_file", "_position")

    def __init__(self, file: _LockFile, position: int) -> None:
        self._file = file
        self._position = position

    def __enter__(self) -> None:
        file, position = self._file, self._position
        if file.held.setdefault(position, self) is not self:
            raise LockBusy(os.getpid())
        try:
            file.acquire(file.descriptor, position)
        except BaseException as error:  # an interrupt, too, must not leave the table's entry
            del file.held[position]
            if isinstance(error, OSError) and error.errno in _TAKEN:
                raise LockBusy(file.read_hint(position)) from None
            raise
        try:
            os.pwrite(file.descriptor, file.hint, _slot_of(position))
        except OSError:
            # A full disk: the lock holds all the same, its holder is merely not named.
            return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        file, position = self._file, self._position
        # In a forked child the lock is the parent's.
        if file.descriptor >= 0:
            file.release(file.descriptor, position)
        del file.held[position]
        if not file.users:
            with _opening:
                file.close_if_unused()


class _NoHold:
    """A block that holds nothing."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


_no_hold = _NoHold()


class NoLocks:
    """Locks nothing; for runs that cannot or must not lock."""

    __slots__ = ()

    def hold(self, task_id: str) -> _NoHold:  # noqa: ARG002 - the protocol's
        """Hold nothing."""
        return _no_hold

    def close(self) -> None:
        """Nothing to give back."""


class Locks:
    """The task locks of a project, in the file `path`. Thread-safe.

    The file is opened with the first `hold`. Where it cannot be written, or its file system has no
    locks, one LockWarning is given and nothing is locked. After a fork the child opens it anew.

    Parameters
    ----------
    path
        The lock file; it and its folder are made when needed, and are never removed.
    """

    def __init__(self, path: str) -> None:
        self._path = os.path.realpath(path)
        self._file: _LockFile | None = None
        self._usable = True

    @property
    def path(self) -> str:
        """The lock file."""
        return self._path

    def hold(self, task_id: str) -> _Hold | _NoHold:
        """Hold the task's lock inside the block; raises LockBusy at its start when it is taken."""
        file = self._file
        if file is None or file.descriptor < 0:
            file = self._open()
            if file is None:
                return _no_hold
        digest = blake2b(task_id.encode(), digest_size=8).digest()
        return _Hold(file, int.from_bytes(digest, "little") >> 1)

    def close(self) -> None:
        """Give the file back; locks that are still held stay until their blocks end."""
        file, self._file = self._file, None
        if file is not None and file.descriptor >= 0:
            with _opening:
                file.users -= 1
                file.close_if_unused()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> _LockFile | None:
        with _opening:
            if self._usable and (self._file is None or self._file.descriptor < 0):
                try:
                    self._file = _open_file(self._path)
                except (OSError, ImportError) as error:
                    self._usable = False
                    self._file = None
                    self._warn(error)
            return self._file

    def _warn(self, error: OSError | ImportError) -> None:
        warnings.warn(
            f"tasks cannot be locked in {self._path} ({error}): another process may run the same "
            "task at the same time. Make the folder writable, or set NBFLOW_HOME to one that is.",
            LockWarning,
            stacklevel=4,
        )
