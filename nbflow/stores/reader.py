"""A short look into the database of runs."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from nbflow.core.errors import SchemaVersionError, StoreError
from nbflow.stores.statements import migrations, query

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds for which a reader waits for a writer that has the whole database.
_BUSY_SECONDS = 5.0


class Reader:
    """A connection for the length of a `with` block that writes nothing; none for no database."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        if not os.path.exists(self._path):
            return self
        # Opened for writing it can clean up the write-ahead log when it is the last to close.
        for mode in ("mode=rw", "mode=ro", "immutable=1"):
            self._connection = sqlite3.connect(
                f"file:{quote(self._path)}?{mode}", uri=True, timeout=_BUSY_SECONDS
            )
            try:
                self._connection.execute("PRAGMA query_only = ON")
                self._check_version()
            except sqlite3.OperationalError as error:
                self._connection.close()
                if mode == "immutable=1" or error.sqlite_errorcode != sqlite3.SQLITE_CANTOPEN:
                    raise self._unreadable(error) from error
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                self._connection.close()
                raise self._unreadable(error) from error
            else:
                break
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def rows(self, name: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Rows of the statement `name`, one by one."""
        if self._connection is None:
            return
        try:
            yield from self._connection.execute(query(name), values)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise self._unreadable(error) from error

    def all(self, name: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of the statement `name`."""
        return list(self.rows(name, *values))

    def _check_version(self) -> None:
        assert self._connection is not None, "only called where there is one"
        if not self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            # Made by a process that has not yet come to its tables.
            self._connection.close()
            self._connection = None
            return
        version = self._connection.execute("SELECT max(version) FROM migrations").fetchone()[0]
        if version > migrations()[-1][0]:
            self._connection.close()
            raise SchemaVersionError(
                f"the history in {self._path} was written by a newer nbflow. Upgrade nbflow, or "
                "set NBFLOW_HOME to another folder."
            )

    def _unreadable(self, error: Exception) -> StoreError:
        return StoreError(
            f"the history in {self._path} cannot be read ({error}). If it is damaged, the next run "
            "keeps it under another name and begins a new one."
        )
