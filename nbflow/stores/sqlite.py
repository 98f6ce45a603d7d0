"""The recorder that writes a run's events to the project's SQLite database.

The run hands over events and goes on; one thread writes them, in batches. Other processes writing
to the same file are the normal case: while one of them has it, rows wait in memory. Nothing that
goes wrong here stops a run: it gives one StoreWarning.

Source: multi-row VALUES and one writer thread are the outcome of measurements: `executemany` gives
up the GIL at each row and wants it back.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from itertools import chain, groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from nbflow.core.errors import SchemaVersionError
from nbflow.core.events import RunInfo, RunStarted
from nbflow.core.status import RunStatus
from nbflow.stores.notice import Notice
from nbflow.stores.rows import Rows, RunFold, as_json, settle
from nbflow.stores.schema import identify, is_damage, open_store, set_aside
from nbflow.stores.statements import insert, query, widths

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    from nbflow.core.events import RunEvent

#: Seconds for which events are collected before they are written; readers see them by then.
_COLLECT_SECONDS = 0.15
#: Events of one transaction: other processes get their turn in between.
_BATCH = 4_096
#: Seconds between two tries once the store is known to be busy or full.
_RETRY_SECONDS = 0.5
#: Seconds between two tries before that.
_SHORT_SECONDS = 0.01
#: How a disk says that it is full; where the file of shared memory does not fit, as the second.
_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
#: What may pass by itself.
_PASSING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, *_FULL})


class SqliteRecorder:
    """Records runs in the database at `path`; see `nbflow.core.interfaces.Recorder`.

    Events about no run are not kept: without a central scheduler nothing outlives a run.

    Parameters
    ----------
    path
        The database; it and its folder are made with the first events.
    patience
        Seconds for which a busy database is waited for before that is said, and before `flush` and
        `close` give up.
    """

    def __init__(self, path: str, *, patience: float = 10.0) -> None:
        self.path = path
        self._patience = patience
        self._notice = Notice()
        self._writer = _Writer(path, self._notice)
        self._queue: deque[RunEvent] = deque()
        self._state = threading.Condition()
        self._taken = 0
        self._settled = 0
        self._is_stuck = False
        self._awake = threading.Event()
        self._hurry = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        #: No thread can be had; who flushes or closes writes.
        self._is_alone = False

    @property
    def problem(self) -> str:
        """What keeps the run from being recorded whole; empty while all is well."""
        return self._notice.text

    @property
    def waiting(self) -> int:
        """Events that are not written yet."""
        return self._taken - self._settled

    def __call__(self, events: Sequence[RunEvent]) -> None:
        """Take `events`; they are written within a fraction of a second."""
        with self._state:
            self._queue.extend(events)
            self._taken += len(events)
            if self._thread is None and not self._is_alone:
                self._start()
        if not self._awake.is_set():
            self._awake.set()

    def flush(self) -> None:
        """Return when all that was taken so far is written, or cannot be now."""
        if self._is_alone:
            self._write_here()
        with self._state:
            taken = self._taken
            self._hurry.set()
            self._awake.set()
            self._state.wait_for(
                lambda: self._settled >= taken or self._is_stuck or self._thread is None
            )
        self._notice.raise_if_refused()

    def close(self) -> None:
        """Write what waits, end the thread and close the file; events taken later begin anew."""
        with self._state:
            thread = self._thread
            if thread is not None:
                self._closing.set()
                self._hurry.set()
                self._awake.set()
        if thread is not None:
            thread.join()
        elif self._is_alone:
            self._closing.set()
            self._write_here()
            self._writer.close()
        self._notice.raise_if_refused()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _start(self) -> None:
        """Begin to write in a new thread; the caller holds `_state`."""
        self._closing.clear()
        thread = threading.Thread(target=self._work, name="nbflow-recorder", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # a platform without threads: what was taken is written at the end
            self._is_alone = True
        else:
            self._thread = thread

    def _work(self) -> None:
        try:
            while not (self._closing.is_set() and not self._queue):
                self._awake.wait()
                self._hurry.wait(_COLLECT_SECONDS)
                self._awake.clear()
                self._write_here()
                if not self._closing.is_set():
                    self._hurry.clear()
        finally:
            self._writer.close()
            with self._state:
                self._thread = None
                if self._queue:  # events came while the file was being closed
                    self._start()
                self._state.notify_all()

    def _write_here(self) -> None:
        while self._queue:
            self._write_some()

    def _write_some(self) -> None:
        queue, writer = self._queue, self._writer
        batch = [queue.popleft() for _ in range(min(len(queue), _BATCH))]
        for run_id, of_run in groupby(batch, attrgetter("run_id")):
            if run_id and not writer.knows(run_id):
                self._persist(writer.open_run, next(of_run))
        self._persist(writer.write, writer.fold(batch))
        with self._state:
            self._settled += len(batch)
            self._state.notify_all()

    def _persist(self, write: Callable[[Any], None], what: Any) -> None:
        """Write in a transaction; try again while the store is busy or full, unless closing."""
        since = time.monotonic()
        while not self._writer.has_given_up:
            try:
                self._writer.transact(write, what)
            except (sqlite3.Error, OSError) as error:
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                if code not in _PASSING:
                    self._writer.give_up(error)
                elif code in _FULL or time.monotonic() - since > self._patience:
                    self._say_stuck(error)
                if not self._is_stuck:
                    # SQLite has waited, but for some of its locks it does not.
                    time.sleep(_SHORT_SECONDS)
                elif self._closing.wait(_RETRY_SECONDS):
                    self._writer.forsake()
            else:
                self._is_stuck = False
                return

    def _say_stuck(self, error: Exception) -> None:
        self._notice.say(
            f"the history in {self.path} cannot be written now ({error}). The run goes on, and it "
            "is tried again; what is not written when the run ends is lost."
        )
        with self._state:
            self._is_stuck = True
            self._state.notify_all()


class _Writer:
    """The connection, used by the recorder's thread alone, and the runs that it writes."""

    def __init__(self, path: str, notice: Notice) -> None:
        self._path = path
        self._notice = notice
        self._connection: sqlite3.Connection | None = None
        self._file = (0, 0)
        #: By run_id; None for a run that has ended or is not recorded any more.
        self._folds: dict[str, RunFold | None] = {}
        self.has_given_up = False

    def knows(self, run_id: str) -> bool:
        return run_id in self._folds

    def give_up(self, error: Exception) -> None:
        """Record nothing of these runs any more, and say why."""
        self.forsake()
        if isinstance(error, sqlite3.Error) and is_damage(error):
            self._disconnect()
            set_aside(self._path, self._file, error, self._notice)
        self._notice.say(
            str(error)
            if isinstance(error, SchemaVersionError)
            else f"the history in {self._path} cannot be written ({error}). The run goes on and is "
            "not recorded. Make the folder writable, or set NBFLOW_HOME to one that is."
        )

    def forsake(self) -> None:
        """Record nothing of these runs any more."""
        self.has_given_up = True
        self._folds = dict.fromkeys(self._folds)

    def close(self) -> None:
        self._disconnect()
        self.has_given_up = False

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def transact(self, write: Callable[[Any], None], what: Any) -> None:
        """Call `write(what)` in a transaction; the database is opened if it is not yet."""
        if self._connection is None:
            self._connection = open_store(self._path, self._notice)
            self._file = identify(self._path)
        connection = self._connection
        # Not a deferred one: that is refused at once, without waiting, when it comes to write.
        connection.execute("BEGIN IMMEDIATE")
        try:
            write(what)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def open_run(self, event: RunEvent) -> None:
        info = event.info if isinstance(event, RunStarted) else RunInfo(roots=())
        values = (
            event.run_id,
            RunStatus.RUNNING.value,
            event.at,
            as_json(info.roots),
            as_json(info.root_names),
            info.name,
            info.invocation,
            info.where,
            info.user,
            info.host,
            info.pid,
            info.workers,
            info.executor,
            info.policy,
            info.nbflow,
            info.python,
            info.git_commit,
            info.git_dirty,
        )
        opened = self._execute(query("open_run"), values)
        # A run that the database knows already is another recorder's.
        self._folds[event.run_id] = RunFold(opened[0][0]) if opened else None

    def fold(self, events: Sequence[RunEvent]) -> Rows:
        rows = Rows()
        for run_id, of_run in groupby(events, attrgetter("run_id")):
            fold = self._folds.get(run_id)
            if fold is not None:
                fold.fold(of_run, rows)
                if fold.has_ended:
                    self._folds[run_id] = None
        return rows

    def write(self, rows: Rows) -> None:
        for table, content in rows.tables():
            self._insert(table, content)
        for run, event, *counts, unfinished in rows.finished:
            if unfinished:
                self._settle(run, event.at)
            values = (event.status.value, event.exit_code, event.at, *counts, run)
            self._execute(query("finish_run"), values)

    def _settle(self, run: int, at: float) -> None:
        settled = settle(self._execute(query("states_of_run"), (run,)))
        unchanged = (-1.0, 0, 0, "", -1.0, "", "", "", "", "")
        self._insert(
            "task_runs",
            [(run, n, state.value, 0.0, at, *unchanged) for n, state in settled.items()],
        )

    def _insert(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        start = 0
        for width in widths(len(rows)):
            part = rows[start : start + width]
            self._execute(insert(f"write_{table}", width), list(chain.from_iterable(part)))
            start += width

    def _execute(self, sql: str, values: Sequence[Any]) -> list[Any]:
        assert self._connection is not None, "transact() opens the database"
        try:
            return self._connection.execute(sql, values).fetchall()
        except UnicodeEncodeError:
            # A file name or a message with bytes that are no UTF-8.
            return self._connection.execute(sql, [_encodable(value) for value in values]).fetchall()


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return value
