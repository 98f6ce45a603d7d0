"""The output of a run's tasks: one file a run, and an index of whose each part is.

`<run_id>.log` has the text as it came; `<run_id>.index` has one JSON line a part: task id, attempt,
offset and length in bytes. Both are only appended to, the text first. A line that a killed process
left unfinished is skipped: each line begins with its newline, so that the next one is whole.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from nbflow.stores.notice import Notice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType
    from typing import Self

#: Characters that are collected before they are written at once.
_COLLECT_CHARACTERS = 65_536
#: Seconds after which collected text is written in any case; who follows the log sees it by then.
_COLLECT_SECONDS = 0.5
_MEGABYTE = 1_000_000


class _Part(NamedTuple):
    """Where a piece of one execution's output lies. A line of the index."""

    task_id: str
    attempt: int
    offset: int
    length: int


class RunLog:
    """Takes the output of one run's tasks; see `nbflow.core.interfaces.LogSink`. Thread-safe.

    Nothing is opened, made or started before the first text. What cannot be written is lost with
    one StoreWarning, and the run goes on.

    Parameters
    ----------
    folder
        Where logs lie; made when needed.
    cap_bytes
        Size from which on the output of the run is dropped; the log says so once.
    """

    def __init__(self, folder: str, run_id: str, *, cap_bytes: int = 50 * _MEGABYTE) -> None:
        self._folder = folder
        self._run_id = run_id
        self._cap = cap_bytes
        self._notice = Notice()
        #: Appending and taking from the left need no lock.
        self._waiting: deque[tuple[str, int, str]] = deque()
        self._characters = 0
        #: Reentrant, for the handler of a signal may print in the middle of a print.
        self._writing = threading.RLock()
        self._is_writing = False
        self._due = threading.Event()
        #: Writes what waits when it is due, until its event is set.
        self._timer: tuple[threading.Thread, threading.Event] | None = None
        self._log = self._index = -1
        self._size = 0
        self._is_cut = False

    @property
    def is_silent(self) -> bool:
        """True while nothing was written to the disk."""
        return self._size == 0

    def write(self, task_id: str, attempt: int, text: str) -> None:
        """Append `text` to the output of that execution, within half a second."""
        self._waiting.append((task_id, attempt, text))
        self._characters += len(text)
        if self._characters >= _COLLECT_CHARACTERS:
            self._write_waiting()
        elif not self._due.is_set():
            self._start_timer()

    def flush(self) -> None:
        """Write what was collected so far."""
        self._write_waiting()
        self._notice.raise_if_refused()

    def close(self) -> None:
        """Write the rest, end the thread and close the files; a later text opens them again."""
        with self._writing:
            timer, self._timer = self._timer, None
        if timer is not None:
            thread, closed = timer
            closed.set()
            self._due.set()
            thread.join()
            self._due.clear()
        self._write_waiting()
        with self._writing:
            for descriptor in (self._log, self._index):
                if descriptor >= 0:
                    os.close(descriptor)
            self._log = self._index = -1
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

    def read(self, task_id: str, attempt: int | None = None, tail: int | None = None) -> str:
        """Output of a task so far; see `read_log`."""
        self.flush()
        return read_log(self._folder, self._run_id, task_id, attempt=attempt, tail=tail)

    def read_all(self) -> str:
        """Output of all tasks so far, as it came."""
        self.flush()
        return read_log(self._folder, self._run_id)

    def _start_timer(self) -> None:
        self._due.set()
        with self._writing:
            if self._timer is None:
                # Of its own: a text that comes while the log is closed must not keep the last
                # thread from ending.
                closed = threading.Event()
                thread = threading.Thread(
                    target=self._write_when_due, args=(closed,), name="nbflow-log", daemon=True
                )
                try:
                    thread.start()
                except RuntimeError:  # a platform without threads: it is written at the end
                    return
                self._timer = (thread, closed)

    def _write_when_due(self, closed: threading.Event) -> None:
        while not closed.is_set():
            self._due.wait()
            closed.wait(_COLLECT_SECONDS)
            self._due.clear()
            self._write_waiting()

    def _write_waiting(self) -> None:
        failure = None
        with self._writing:
            if self._is_writing:  # what waits now is taken there
                return
            self._is_writing = True
            try:
                while self._waiting:
                    for (task_id, attempt), text in self._collect():
                        self._append(task_id, attempt, text)
            except OSError as error:
                failure = error
            finally:
                self._is_writing = False
        if failure is not None:
            # Outside of the lock: the warning itself may be output of a task.
            self._notice.say(
                f"the log of the run in {self._folder} cannot be written ({failure}). The run goes "
                "on; this output of its tasks is lost."
            )

    def _collect(self) -> Iterator[tuple[tuple[str, int], str]]:
        """Take what waits, each execution's text in one piece, in the order of their first."""
        texts: dict[tuple[str, int], list[str]] = {}
        for _ in range(len(self._waiting)):
            task_id, attempt, text = self._waiting.popleft()
            texts.setdefault((task_id, attempt), []).append(text)
        self._characters = 0
        return ((execution, "".join(parts)) for execution, parts in texts.items())

    def _append(self, task_id: str, attempt: int, text: str) -> None:
        if self._is_cut:
            return
        content = text.encode("utf-8", "backslashreplace")
        if self._log < 0:
            self._open()
        if self._size + len(content) > self._cap:
            self._is_cut = True
            kept = content[: max(0, self._cap - self._size)].decode("utf-8", "ignore")
            content = (
                f"{kept}\n[output cut: the log of this run reached {self._cap:,} bytes]\n".encode()
            )
        offset = self._size
        try:
            _write_whole(self._log, content)
            self._size += len(content)
            line = msgspec.json.encode((task_id, attempt, offset, len(content)))
            _write_whole(self._index, b"\n" + line)
        except BaseException:  # an interrupt, too, must not put the next part in a wrong place
            self._size = os.lseek(self._log, 0, os.SEEK_END)
            raise

    def _open(self) -> None:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        log, index = _paths(self._folder, self._run_id)
        self._index = os.open(index, flags, 0o600)
        self._log = os.open(log, flags, 0o600)
        self._size = os.lseek(self._log, 0, os.SEEK_END)


def _paths(folder: str, run_id: str) -> tuple[str, str]:
    return os.path.join(folder, f"{run_id}.log"), os.path.join(folder, f"{run_id}.index")


def _write_whole(descriptor: int, content: bytes) -> None:
    written = os.write(descriptor, content)
    while written < len(content):
        written += os.write(descriptor, content[written:])


def read_log(
    folder: str,
    run_id: str,
    task_id: str | None = None,
    *,
    attempt: int | None = None,
    tail: int | None = None,
) -> str:
    """Output of a run's tasks, from any process, also while it runs.

    Parameters
    ----------
    task_id
        Whose; None: all, as it came.
    attempt
        Which execution of the task; None: all.
    tail
        At most this many lines, the last ones; None: all.

    Returns
    -------
    str
        Empty where nothing was printed. Bytes that are no UTF-8 are replaced.
    """
    log, _ = _paths(folder, run_id)
    try:
        file = open(log, "rb")  # noqa: SIM115 - closed below, opened apart for its error
    except FileNotFoundError:
        return ""
    with file:
        size = os.fstat(file.fileno()).st_size
        parts: Sequence[_Part] = [_Part("", 0, 0, size)]
        if task_id is not None:
            parts = [
                part
                for part in read_index(folder, run_id)
                if part.task_id == task_id and attempt in (None, part.attempt)
            ]
        pieces: list[bytes] = []
        lines = 0
        for part in reversed(parts):
            file.seek(part.offset)
            pieces.append(file.read(part.length))
            lines += pieces[-1].count(b"\n")
            if tail is not None and lines > tail:
                break
    text = b"".join(reversed(pieces)).decode("utf-8", "replace")
    return text if tail is None else "".join(text.splitlines(keepends=True)[-tail:] if tail else [])


def read_index(folder: str, run_id: str) -> Iterator[_Part]:
    """Parts of a run's log, in the order of writing; lines that are not whole are left out."""
    _, index = _paths(folder, run_id)
    try:
        with open(index, "rb") as file:
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return
    for line in lines:
        try:
            yield msgspec.json.decode(line, type=_Part)
        except msgspec.DecodeError:
            # Empty, or cut when its process was killed or the disk was full.
            continue


def remove_old_logs(folder: str, *, keep: int) -> int:
    """Remove all but the logs of the `keep` runs that wrote last; says how many runs' were removed.

    A log that another process removes meanwhile, or that cannot be removed, is passed over.
    """
    try:
        with os.scandir(folder) as entries:
            logs = [
                (entry.stat().st_mtime, entry.name.removesuffix(".log"))
                for entry in entries
                if entry.name.endswith(".log")
            ]
    except FileNotFoundError:
        return 0
    old = [run_id for _, run_id in sorted(logs, reverse=True)[keep:]]
    return sum(_remove(folder, run_id) for run_id in old)


def _remove(folder: str, run_id: str) -> bool:
    log, index = _paths(folder, run_id)
    try:
        os.unlink(log)
        os.unlink(index)
    except OSError:
        return False
    return True
