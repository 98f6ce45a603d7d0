"""A small pool of worker processes, each of which can be ended without harm to the others.

::

    run's thread              reader thread (one)                worker process (each)
    submit(call, task) --->   queue of its worker --- pipe --->  TaskRunner.execute
    Future  <--- set ------   outcome, progress, log <-- pipe -  outcome, progress, log
                              sentinel: the process ended

One pipe and one sentinel a worker. A process that ends without an outcome fails its task and
nothing else, and is replaced. A worker that keeps a suspended generator gets its resumption; where
that process is gone, `run()` starts again elsewhere.
"""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import sys
import threading
from collections import deque
from concurrent.futures import Future
from multiprocessing.connection import Pipe
from time import monotonic
from typing import TYPE_CHECKING, Any

from nbflow.core.call import Failed, Interrupted, Suspended
from nbflow.core.errors import ExecutorError, WorkerDiedError
from nbflow.core.failure import describe_error
from nbflow.core.model import defaults
from nbflow.executors.execute import check_timeout
from nbflow.executors.imports import in_workers
from nbflow.executors.payload import TaskPickler, load_outcome
from nbflow.executors.worker_process import WorkerSettings, start_worker

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from nbflow.core.call import Outcome, TaskCall
    from nbflow.core.context import Reporter
    from nbflow.core.interfaces import ExecutorSettings
    from nbflow.core.model.task import Task

#: Seconds between SIGTERM and SIGKILL.
KILL_GRACE = 1.0
#: Seconds that workers get to end by themselves when the pool is closed.
CLOSE_GRACE = 1.0


class _Job:
    """A call on its way: queued, or running in a worker."""

    __slots__ = ("call", "deadline", "future", "killed", "payload", "reporter", "task")

    def __init__(self, call: TaskCall, task: Task, reporter: Reporter, payload: bytes) -> None:
        self.call = call
        self.task = task
        self.reporter = reporter
        self.payload = payload
        self.future: Future[Outcome] = Future()
        self.deadline = float("inf")
        #: Why it was ended from here, as an outcome; None if it was not.
        self.killed: Outcome | None = None


class _Worker:
    """One process, its pipe, what it runs and what waits for it."""

    __slots__ = ("connection", "job", "kill_at", "known", "process", "queue", "suspended")

    def __init__(self, process: BaseProcess, connection: Connection) -> None:
        self.process = process
        self.connection = connection
        self.job: _Job | None = None
        self.queue: deque[_Job] = deque()
        #: Ids of the tasks whose generators it keeps.
        self.suspended: set[str] = set()
        self.kill_at = float("inf")
        #: Classes that it was sent by value.
        self.known: set[type] = set()


class ProcessExecutor:
    """Runs tasks in up to `workers` processes, which start when they are needed.

    `submit` raises NotPicklableError for a task that cannot be sent; the text names the attribute.
    """

    def __init__(self, settings: ExecutorSettings) -> None:
        self.slots = settings.workers
        self._log = settings.log
        self._settings = WorkerSettings(
            policy=settings.policy,
            run_id=settings.run_id,
            locks_path=settings.locks_path,
            fsync=settings.fsync,
            folder=os.getcwd(),
            path=tuple(sys.path),
            commands=defaults.commands(),
            imports=tuple(in_workers),
        )
        self._pickler = TaskPickler()
        self._lock = threading.Lock()
        self._workers: list[_Worker] = []
        self._waiting: deque[_Job] = deque()
        self._closing = False
        #: Whether something is to happen at a certain time.
        self._is_timed = False
        self._wake_reader, self._wake_writer = Pipe(duplex=False)
        # Kept, for to begin anew with each message costs as much as a small task. What becomes
        # readable belongs to a worker: its connection or its sentinel.
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        self._reader: threading.Thread | None = None

    # -- called by the run's thread --------------------------------------------------------------

    def submit(self, call: TaskCall, task: Task, reporter: Reporter) -> Future[Outcome]:
        """Send `task` to a free worker, or to the one that keeps its generator."""
        job = _Job(call, task, reporter, self._pickler.task_blob(task))
        with self._lock:
            if self._closing:
                raise ExecutorError("the worker processes were ended; start a new run.")
            keeper = next((w for w in self._workers if call.task_id in w.suspended), None)
            if keeper is not None:
                keeper.queue.append(job)
            else:
                self._waiting.append(job)
            self._dispatch()
            if self._reader is None:
                self._reader = threading.Thread(
                    target=self._read, name="nbflow-processes", daemon=True
                )
                self._reader.start()
        return job.future

    def kill(self, task_id: str) -> bool:
        """End the process group of a running task; its outcome is then Interrupted."""
        with self._lock:
            for worker in self._workers:
                job = worker.job
                if job is not None and job.call.task_id == task_id:
                    self._end(worker, Interrupted("ended"))
                    return True
        return False

    def forget(self, task_id: str) -> None:
        """Let the worker that keeps the task's generator close it."""
        with self._lock:
            for worker in self._workers:
                if task_id in worker.suspended:
                    worker.suspended.discard(task_id)
                    self._send(worker, ("forget", task_id))

    def close(self, *, wait: bool = True) -> None:
        """End every process; those that do not end in time are killed with their children."""
        with self._lock:
            self._closing = True
        self._wake()
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.join()
        workers, self._workers = self._workers, []
        for worker in workers:
            self._send(worker, ("close",))
            worker.connection.close()
        deadline = monotonic() + (CLOSE_GRACE if wait else 0)
        for worker in workers:
            worker.process.join(max(deadline - monotonic(), 0))
            if worker.process.exitcode is None:
                _signal_group(worker.process, signal.SIGKILL)
                worker.process.join()
            worker.process.close()
        self._selector.close()
        self._wake_reader.close()
        self._wake_writer.close()

    # -- under the lock --------------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Give queued jobs to idle workers; start workers while there are fewer than slots."""
        for worker in self._workers:
            if worker.job is None and worker.queue:
                self._give(worker, worker.queue.popleft())
        while self._waiting:
            idle = next((w for w in self._workers if w.job is None and not w.queue), None)
            if idle is None:
                if len(self._workers) >= self.slots:
                    return
                idle = _Worker(*start_worker(self._settings))
                self._workers.append(idle)
                self._selector.register(idle.connection, selectors.EVENT_READ, idle)
                self._selector.register(idle.process.sentinel, selectors.EVENT_READ, idle)
                self._wake()
            self._give(idle, self._waiting.popleft())

    def _give(self, worker: _Worker, job: _Job) -> None:
        worker.job = job
        if job.call.timeout is not None:
            job.deadline = monotonic() + job.call.timeout
            self._is_timed = True
            self._wake()
        worker.suspended.discard(job.call.task_id)
        cls = type(job.task)
        blob = self._pickler.class_blob(cls)
        if blob and cls not in worker.known:
            worker.known.add(cls)
            self._send(worker, ("class", blob))
        self._send(worker, ("run", job.call, job.payload))

    def _send(self, worker: _Worker, message: tuple[Any, ...]) -> None:
        try:
            worker.connection.send_bytes(pickle.dumps(message, protocol=5))
        except OSError:
            # The process is gone; its sentinel tells the reader, which fails the job.
            return

    def _end(self, worker: _Worker, outcome: Outcome) -> None:
        """Begin to end a worker on purpose: SIGTERM to its group now, SIGKILL a little later."""
        if worker.job is not None and worker.job.killed is None:
            worker.job.killed = outcome
            worker.kill_at = monotonic() + KILL_GRACE
            self._is_timed = True
            _signal_group(worker.process, signal.SIGTERM)
            self._wake()

    def _wake(self) -> None:
        if not self._wake_writer.closed:
            self._wake_writer.send_bytes(b"")

    # -- the reader thread -----------------------------------------------------------------------

    def _read(self) -> None:
        while True:
            with self._lock:
                if self._closing:
                    return
                timeout = self._next_deadline() if self._is_timed else None
            ended: list[_Worker] = []
            for key, _ in self._selector.select(timeout):
                worker: _Worker | None = key.data
                if worker is None:
                    self._wake_reader.recv_bytes()
                elif key.fileobj is not worker.connection or not self._receive(worker):
                    ended.append(worker)
            for worker in dict.fromkeys(ended):
                self._drain(worker)
                self._bury(worker)
            if self._is_timed:
                self._expire()

    def _next_deadline(self) -> float | None:
        times = [min(w.kill_at, w.job.deadline if w.job else float("inf")) for w in self._workers]
        earliest = min(times, default=float("inf"))
        return None if earliest == float("inf") else max(earliest - monotonic(), 0)

    def _receive(self, worker: _Worker) -> bool:
        """Take what the worker has sent next; False where its end of the pipe is closed."""
        try:
            self._take(worker, pickle.loads(worker.connection.recv_bytes()))  # noqa: S301
        except (EOFError, OSError):
            return False
        return True

    def _drain(self, worker: _Worker) -> None:
        """Take all that a worker whose process has ended left in its pipe."""
        try:
            while worker.connection.poll() and self._receive(worker):
                pass
        except OSError:  # broken, so there is nothing
            return

    def _take(self, worker: _Worker, message: tuple[Any, ...]) -> None:
        kind = message[0]
        job = worker.job
        if kind == "log":
            self._log.write(*message[1:])
        elif job is None:
            return
        elif kind == "progress":
            job.reporter.report_progress(**message[1])
        elif kind == "resources":
            job.reporter.decrease_resources(message[1])
        else:
            self._settle(worker, job, load_outcome(message[1]))

    def _settle(self, worker: _Worker, job: _Job, outcome: Outcome) -> None:
        with self._lock:
            worker.job = None
            if isinstance(outcome, Suspended):
                worker.suspended.add(job.call.task_id)
            if job.killed is not None:
                # It was done before the signal came: what it says is what happened.
                worker.kill_at = min(worker.kill_at, monotonic())
            elif not self._closing:
                self._dispatch()
        job.future.set_result(outcome)

    def _expire(self) -> None:
        now = monotonic()
        with self._lock:
            self._is_timed = self._next_deadline() is not None
            for worker in self._workers:
                job = worker.job
                if job is not None and job.killed is None and job.deadline <= now:
                    assert job.call.timeout is not None
                    error = check_timeout(job.call.timeout, job.task)
                    self._end(worker, Failed(describe_error(error), job.call.timeout))
                if worker.kill_at <= now:
                    worker.kill_at = float("inf")
                    _signal_group(worker.process, signal.SIGKILL)

    def _bury(self, worker: _Worker) -> None:
        """A process ended: fail what it ran, let the rest go elsewhere, kill its children."""
        worker.process.join()
        _signal_group(worker.process, signal.SIGKILL)
        with self._lock:
            if worker in self._workers:
                self._workers.remove(worker)
            self._selector.unregister(worker.connection)
            self._selector.unregister(worker.process.sentinel)
            job, worker.job = worker.job, None
            self._waiting.extendleft(reversed(worker.queue))
            worker.queue.clear()
            if not self._closing:
                self._dispatch()
        worker.connection.close()
        if job is not None:
            job.future.set_result(job.killed or _died(job, worker.process.exitcode))
        worker.process.close()


def _died(job: _Job, exit_code: int | None) -> Failed:
    if exit_code is not None and exit_code < 0:
        try:
            cause = f"was killed by {signal.Signals(-exit_code).name}"
        except ValueError:
            cause = f"was killed by signal {-exit_code}"
        if exit_code == -signal.SIGKILL:
            cause += " (often the system's: too little memory)"
    else:
        cause = f"ended with exit code {exit_code}"
    error = WorkerDiedError(
        f"{job.task}: its process {cause} before run() was over. The other tasks go on."
    )
    return Failed(describe_error(error))


def _signal_group(process: BaseProcess, number: int) -> None:
    """Send a signal to the process and all its children that have not left its group."""
    if process.pid is None:
        return
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        # The group is empty; or the worker has not made it yet, and then has no children either.
        if process.exitcode is None:
            os.kill(process.pid, number)
