"""Opening the database of runs: made, migrated, or set aside where it is damaged."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import TYPE_CHECKING

from nbflow.core.errors import SchemaVersionError
from nbflow.stores.statements import migrations

if TYPE_CHECKING:
    from nbflow.stores.notice import Notice

#: "nbfl": how a database of nbflow is told from any other.
_APPLICATION_ID = 0x6E62666C
#: Seconds of looking for damage at each opening. A file that was cut is found in any case.
_CHECK_SECONDS = 0.01
#: Every database is a multiple of so many bytes, the smallest page.
_SMALLEST = 512
#: Steps of SQLite between two looks at the clock.
_CHECK_STEPS = 5_000
#: Seconds for which SQLite waits for another process before it says "busy".
_BUSY_SECONDS = 0.2
#: File systems on which processes of several machines cannot share the memory that WAL needs.
_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "lustre", "gpfs", "beegfs", "ceph", "9p"}
    | {"fuse.sshfs", "fuse.glusterfs", "fuse.ceph"}
)

#: Answers of SQLite that do not speak of the file's content.
_NOT_DAMAGE = frozenset(
    {
        sqlite3.SQLITE_OK,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_ABORT,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_AUTH,
    }
)
#: Files that this process has looked at: damage that comes later shows when it is written to.
_checked: set[tuple[int, int]] = set()


class DamagedError(sqlite3.DatabaseError):
    """The file is not a database of nbflow, or not a whole one."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether `error` says that the file itself is broken.

    Our statements fit our schema: whatever is not due to the disk, the rights or other processes
    comes from a file that is not as it was written.
    """
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    return isinstance(error, DamagedError) or code not in _NOT_DAMAGE


def open_store(path: str, notice: Notice) -> sqlite3.Connection:
    """Open the database at `path` for writing; make it where it is missing.

    A damaged one is renamed to `<path>.corrupt-<time>`, which `notice` says, and a new one begun.
    The connection may be used by the thread that called.

    Raises
    ------
    SchemaVersionError
        A newer nbflow wrote it; it is left as it is.
    sqlite3.OperationalError
        It is busy, or cannot be read or written.
    OSError
        Its folder cannot be made.
    """
    os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
    _make_private(path)
    file = identify(path)
    try:
        return _open_whole(path, file)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        set_aside(path, file, error, notice)
    _make_private(path)
    return _open_whole(path, identify(path))


def identify(path: str) -> tuple[int, int]:
    """Device and inode of the file that lies at `path` now."""
    found = os.stat(path)
    return found.st_dev, found.st_ino


def set_aside(path: str, file: tuple[int, int], error: sqlite3.Error, notice: Notice) -> None:
    """Rename the damaged `file` and say so, unless another process has done it meanwhile."""
    with _FolderLock(os.path.dirname(path) or "."):
        if not os.path.exists(path) or identify(path) != file:
            return
        kept = f"{path}.corrupt-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        # The log of changes belongs to the damaged file, and would be replayed into a new one.
        for suffix in ("-wal", "-shm", "-journal", ""):
            if os.path.exists(path + suffix):
                os.replace(path + suffix, kept + suffix)
    notice.say(
        f"the history in {path} is damaged ({error}); it was kept as {kept} and a new one is "
        "begun. Outputs are not concerned."
    )


def _open_whole(path: str, file: tuple[int, int]) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, cached_statements=32
    )
    try:
        if file not in _checked:
            _check(connection, path)
            _checked.add(file)
        # NORMAL loses nothing when a process dies, only when the machine does.
        connection.execute("PRAGMA synchronous = NORMAL")
        journal = "DELETE" if is_on_network(os.path.dirname(os.path.abspath(path))) else "WAL"
        connection.execute(f"PRAGMA journal_mode = {journal}").fetchone()
        _migrate(connection, path)
    except UnicodeDecodeError as error:  # from SQLite's own message about a broken name
        connection.close()
        raise DamagedError("its schema is not readable") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _make_private(path: str) -> None:
    """Make an empty file that others cannot read: parameters and messages are the user's."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return


def _check(connection: sqlite3.Connection, path: str) -> None:
    """Raise DamagedError where the database is another's or has broken pages, as far as seen."""
    # SQLite takes a part of the first page for an empty database and fills up the last with zeros;
    # where there is a write-ahead log, it has what the file lacks.
    if os.path.getsize(path) % _SMALLEST and not os.path.exists(path + "-wal"):
        raise DamagedError("it was cut")
    found = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if not tables:
        return
    if found != _APPLICATION_ID:
        raise DamagedError("it is no database of nbflow")
    until = time.monotonic() + _CHECK_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > until, _CHECK_STEPS)
    try:
        answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return
    finally:
        connection.set_progress_handler(None, 0)
    if answer != "ok":
        raise DamagedError(answer)


def _version(connection: sqlite3.Connection) -> int:
    if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        return 0
    try:
        return int(connection.execute("SELECT max(version) FROM migrations").fetchone()[0])
    except (sqlite3.OperationalError, TypeError) as error:
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) != sqlite3.SQLITE_ERROR:
            raise
        raise DamagedError("its schema is not complete") from error


def _migrate(connection: sqlite3.Connection, path: str) -> None:
    known = migrations()
    newest = known[-1][0]
    version = _version(connection)
    if version > newest:
        raise SchemaVersionError(
            f"the history in {path} was written by a newer nbflow (schema {version}, this one "
            f"knows {newest}). It is left as it is and this run is not recorded: upgrade nbflow, "
            "or set NBFLOW_HOME to another folder."
        )
    if version == newest:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been first.
        version = _version(connection)
        if not version:
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(
                "CREATE TABLE migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, "
                "at REAL NOT NULL) STRICT"
            )
        for number, name, sql in known[version:]:
            for statement in sql.split(";\n"):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO migrations VALUES (?, ?, ?)", (number, name, time.time())
            )
        connection.execute("COMMIT")
    except BaseException:
        # Where the disk is full SQLite has done it already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class _FolderLock:
    """Lets one process at a time set a file aside; nothing where there is no flock."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._descriptor = -1

    def __enter__(self) -> None:
        try:
            import fcntl
        except ImportError:
            return
        self._descriptor = os.open(self._folder, os.O_RDONLY)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


def is_on_network(folder: str, mounts: str | None = None) -> bool:
    """Whether `folder` lies on a network file system; False where that cannot be known.

    Parameters
    ----------
    mounts
        Text of `/proc/self/mountinfo`; None reads it.
    """
    if mounts is None:
        try:
            with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
                mounts = file.read()
        except OSError:
            return False
    folder = os.path.realpath(folder)
    longest, kind = "", ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        point = left.split(" ")[4].replace("\\040", " ")
        inside = folder == point or folder.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(longest):
            longest, kind = point, right.split(" ")[0]
    return kind in _NETWORK
