"""What a worker process does: take a call from its pipe, run it, answer; and how it is started.

It leads its own session, so that an interrupt at the keyboard does not reach it and that it can be
ended with all its children. An interrupt that its parent sends is raised in the user's code, and
nothing is begun afterwards. It ends with its parent, however the parent ends: a thread waits for
the end of the pipe and then kills the group.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Pipe, wait
from time import monotonic
from typing import TYPE_CHECKING, Any

from nbflow.core.call import Failed
from nbflow.core.failure import describe_error
from nbflow.executors.framing import FrameReader, FrameWriter
from nbflow.executors.payload import TaskUnpickler, dump_outcome, load_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from nbflow.core.call import Outcome, TaskCall
    from nbflow.core.model.defaults import Overrides
    from nbflow.core.policy import RunPolicy

#: Modules that the server process loads once, so that workers have them from the start.
PRELOAD = (
    "multiprocessing.popen_forkserver",
    "nbflow.core.interrupt",
    "nbflow.core.policy",
    "nbflow.executors.capture",
    "nbflow.executors.execute",
    "nbflow.executors.forkserver",
    "nbflow.executors.framing",
    "nbflow.executors.payload",
    "nbflow.executors.worker_process",
    "nbflow.targets.local",
)
#: Characters of output that are collected before they are sent.
LOG_CHUNK = 60_000
#: Seconds for which output is collected before it is sent.
LOG_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker process is told when it starts; plain data."""

    policy: RunPolicy
    run_id: str
    #: Lock file of the project; empty: no locks.
    locks_path: str = ""
    fsync: bool = False
    #: The parent's working directory and import path.
    folder: str = ""
    path: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    #: What the command says of tasks that are made without a value.
    commands: tuple[Overrides, ...] = ()
    imports: tuple[str, ...] = ()


def start_worker(settings: WorkerSettings) -> tuple[BaseProcess, Connection]:
    """Start a process; never a fork of this one, and this one's main module is not run again."""
    ours, theirs = Pipe()
    process = _new_process(settings, theirs)
    process.start()
    theirs.close()
    return process, ours


def _new_process(settings: WorkerSettings, connection: Connection) -> BaseProcess:
    arguments = (settings, connection)
    if sys.platform == "win32":
        return get_context("spawn").Process(target=work, args=arguments, daemon=False)
    from nbflow.executors.forkserver import new_process

    return new_process(work, arguments, preload=(*PRELOAD, *settings.preload))


def work(settings: WorkerSettings, connection: Connection) -> None:
    """Serve one pipe until it ends. Runs in the worker process."""
    # Until it leads its own session it gets those of the keyboard, which are not for it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(os, "setsid"):
        os.setsid()
    _end_with_parent()
    if settings.folder:
        os.chdir(settings.folder)
    sys.path[:] = settings.path or sys.path
    from importlib import import_module

    from nbflow.core.model.defaults import commanded

    for module in settings.imports:
        import_module(module)
    with commanded(*settings.commands):
        _Server(settings, connection).serve()


def _end_with_parent() -> None:
    """Kill this process and its children as soon as the parent is gone, busy or not."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="nbflow-watch", daemon=True).start()


class _Server:
    """Takes calls from the pipe one after another; everything else it sends is about them."""

    def __init__(self, settings: WorkerSettings, connection: Connection) -> None:
        from nbflow.core.interrupt import InterruptGuard
        from nbflow.executors.execute import TaskRunner
        from nbflow.executors.locks import Locks, NoLocks

        self._connection = connection  # closed with the last reference to it
        self._reader = FrameReader(connection.fileno())
        self._writer = FrameWriter(connection.fileno())
        self._unpickler = TaskUnpickler()
        guard = InterruptGuard()
        self._runner = TaskRunner(
            policy=settings.policy,
            locks=Locks(settings.locks_path) if settings.locks_path else NoLocks(),
            guard=guard,
            fsync=settings.fsync,
        )
        self._run_id = settings.run_id
        self._reporter = _PipeReporter(self._send)
        signal.signal(signal.SIGINT, guard.on_signal)

    def serve(self) -> None:
        from nbflow.executors.capture import Capture

        spool = _Spool(self._send)
        with Capture(spool, run_id=self._run_id):
            self._send(("up",))
            for message in self._messages():
                if message[0] == "run":
                    self._run(load_call(message[1]), message[2], spool)
                elif message[0] == "class":
                    self._unpickler.take_class(message[1])
                elif message[0] == "forget":
                    self._runner.forget(message[1])
                else:
                    break
        self._runner.close()

    def _messages(self) -> Iterator[tuple[Any, ...]]:
        """What the parent sends, until it sends no more."""
        while True:
            try:
                messages = self._reader.read()
            except (EOFError, OSError):
                return
            yield from map(pickle.loads, messages)

    def _run(self, call: TaskCall, payload: bytes, spool: _Spool) -> None:
        try:
            task = self._unpickler.load(payload)
        except Exception as error:  # noqa: BLE001 - importing the user's module may raise anything
            self._answer(Failed(describe_error(error)))
            return
        outcome = self._runner.execute(call, task, self._reporter)
        spool.flush()
        self._answer(outcome)

    def _answer(self, outcome: Outcome) -> None:
        self._send(("outcome", dump_outcome(outcome)))

    def _send(self, message: tuple[Any, ...]) -> None:
        try:
            self._writer.write(pickle.dumps(message, protocol=5))
        except ConnectionError:
            # The parent is gone, or has closed us; the watch thread ends this process.
            return


class _PipeReporter:
    """Sends what a task says of itself to the parent."""

    __slots__ = ("_send",)

    def __init__(self, send: Callable[[tuple[Any, ...]], None]) -> None:
        self._send = send

    def report_progress(self, **said: Any) -> None:
        """See `nbflow.core.context.Reporter`."""
        self._send(("progress", said))

    def decrease_resources(self, amounts: Mapping[str, int]) -> None:
        """See `nbflow.core.context.Reporter`."""
        self._send(("resources", dict(amounts)))


class _Spool:
    """Collects what a task prints and sends it in pieces: when much has come, or 0.2 s later."""

    def __init__(self, send: Callable[[tuple[Any, ...]], None]) -> None:
        self._send = send
        #: Reentrant, for the handler of a signal may print in the middle of a print.
        self._lock = threading.RLock()
        self._parts: list[str] = []
        self._size = 0
        self._key = ("", 0)
        self._sent = monotonic()

    def write(self, task_id: str, attempt: int, text: str) -> None:
        """See `nbflow.core.interfaces.LogSink`."""
        with self._lock:
            if self._key != (task_id, attempt):
                self._flush()
                self._key = (task_id, attempt)
            self._parts.append(text)
            self._size += len(text)
            if self._size >= LOG_CHUNK or monotonic() - self._sent >= LOG_SECONDS:
                self._flush()

    def flush(self) -> None:
        """Send what is left."""
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        self._sent = monotonic()
        if self._parts:
            parts, self._parts, self._size = self._parts, [], 0
            self._send(("log", *self._key, "".join(parts)))
