"""A small pool of worker processes, each of which can be ended without harm to the others.

::

    run's thread              reader thread (one)                worker process (each)
    submit(call, task) --->   queue of its worker --- pipe --->  TaskRunner.execute
    Future  <--- set ------   outcome, progress, log <-- pipe -  outcome, progress, log
                              sentinel: the process ended

One pipe and one sentinel a worker. A process that ends without an outcome fails its task and
nothing else, and is replaced; so is one that closes its pipe or writes into it what is no message;
one that ends before it is up has touched no task. A worker that keeps a suspended generator gets
its resumption; where that process is gone, `run()` starts again elsewhere.

To wake a process costs more than a task of a millisecond. Tasks of a family whose last tasks were
quick are therefore sent ahead: a worker finds the next in its pipe when it is through with one.
Such a task counts as pending until it is through, or has run for a while.
"""

from __future__ import annotations

import logging
import os
import pickle
import selectors
import signal
import sys
import threading
from collections import deque
from concurrent.futures import Future
from multiprocessing.connection import Pipe
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, cast

import msgspec

from nbflow.core.call import Done, Failed, Interrupted, Missing, Suspended
from nbflow.core.errors import ExecutorError, WorkerDiedError
from nbflow.core.failure import describe_error, placed_here
from nbflow.core.model import defaults
from nbflow.core.model.nested import flatten
from nbflow.executors.execute import check_timeout
from nbflow.executors.framing import FrameReader, FrameWriter, FramingError
from nbflow.executors.imports import in_workers
from nbflow.executors.locks import LockBusy
from nbflow.executors.payload import TaskPickler, dump_call, load_outcome
from nbflow.executors.worker_process import WorkerSettings, start_worker

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from nbflow.core.call import Outcome, TaskCall
    from nbflow.core.context import Reporter
    from nbflow.core.interfaces import ExecutorSettings
    from nbflow.core.model.task import Task

logger = logging.getLogger("nbflow.executors")

#: Seconds between SIGTERM and SIGKILL.
KILL_GRACE = 0.5
#: Seconds that workers get to end by themselves when the pool is closed.
CLOSE_GRACE = 1.0
#: Seconds between the end of a pipe and the end of its process, which is else killed.
END_GRACE = 0.2
#: Seconds within which the last tasks of a family ran, if others are sent ahead, and how many.
QUICK_SECONDS = 0.005
QUICK_RUNS = 8
#: Seconds after which it is told of a task that was sent ahead that it runs by now.
TOLD_SECONDS = 0.05
#: Tasks in a pipe behind the one that runs, and the bytes of each: what fits in is sent at once.
AHEAD = 8
AHEAD_BYTES = 8_192
#: Workers in a row that end before they are up, after which a task waits for no further one.
STARTS = 3
#: Seconds for which outcomes are left to gather while every worker has enough to do.
NAP_SECONDS = 0.0005


class _Job:
    """A call on its way: queued, or running in a worker."""

    __slots__ = (
        "begun",
        "call",
        "deadline",
        "future",
        "is_told",
        "killed",
        "payload",
        "reporter",
        "task",
    )

    def __init__(self, call: TaskCall, task: Task, reporter: Reporter, payload: bytes) -> None:
        self.call = call
        self.task = task
        self.reporter = reporter
        self.payload = payload
        self.future: Future[Outcome] = Future()
        self.deadline = float("inf")
        #: When its turn came in its worker.
        self.begun = 0.0
        #: False where it waited for its turn, and nobody knows yet that that is over.
        self.is_told = True
        #: Why it was ended from here, as an outcome; None if it was not.
        self.killed: Outcome | None = None


class _Worker:
    """One process, its pipe, what it runs and what waits for it."""

    __slots__ = (
        "ahead",
        "connection",
        "frames",
        "is_doomed",
        "is_up",
        "job",
        "kill_at",
        "known",
        "messages",
        "process",
        "queue",
        "suspended",
    )

    def __init__(self, process: BaseProcess, connection: Connection) -> None:
        self.process = process
        self.connection = connection
        self.messages = FrameReader(connection.fileno())
        #: None once the connection is closed.
        self.frames: FrameWriter | None = FrameWriter(connection.fileno())
        self.job: _Job | None = None
        #: What it was sent beside `job`; it runs them in this order.
        self.ahead: deque[_Job] = deque()
        #: What only it can do; sent when it is idle.
        self.queue: deque[_Job] = deque()
        #: It is ended on purpose.
        self.is_doomed = False
        #: It takes tasks; before, it only has been sent some.
        self.is_up = False
        #: Ids of the tasks whose generators it keeps.
        self.suspended: set[str] = set()
        self.kill_at = float("inf")
        #: Classes that it was sent by value.
        self.known: set[type] = set()

    def disconnect(self) -> None:
        """Close the connection; what is sent from now on goes nowhere."""
        self.frames = None
        self.connection.close()


class ProcessExecutor:
    """Runs tasks in up to `workers` processes, which start when they are needed.

    `submit` raises NotPicklableError for a task that cannot be sent; the text names the attribute.
    """

    def __init__(self, settings: ExecutorSettings) -> None:
        self._size = settings.workers
        #: By family, how many of its last tasks were quick, up to QUICK_RUNS.
        self._quick: dict[str, int] = {}
        self._locks = settings.locks
        self._log = settings.log
        self._name_file = settings.name_file
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
        #: Nothing is begun any more.
        self._interrupted = False
        #: Workers that ended before they were up, since the last one that was.
        self._failed_starts = 0
        #: Whether something is to happen at a certain time.
        self._is_timed = False
        self._wake_reader, self._wake_writer = Pipe(duplex=False)
        # Kept, for to begin anew with each message costs as much as a small task. What becomes
        # readable belongs to a worker: its connection or its sentinel.
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        self._reader: threading.Thread | None = None

    # -- called by the run's thread --------------------------------------------------------------

    @property
    def slots(self) -> int:
        """Calls that it takes at once: one a process, and more while all that runs is quick."""
        jobs = [worker.job for worker in tuple(self._workers)]
        is_quick = all(job is not None and self._is_quick(job) for job in jobs)
        if self._waiting or len(jobs) < self._size or not is_quick:
            return self._size
        return self._size * (1 + AHEAD)

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
            job.is_told = any(worker.job is job for worker in self._workers)
            if self._reader is None:
                self._reader = threading.Thread(
                    target=self._read, name="nbflow-processes", daemon=True
                )
                self._reader.start()
        return job.future

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in what runs; what has not begun is over."""
        with self._lock:
            self._interrupted = True
            waiting = [*self._waiting]
            self._waiting.clear()
            for worker in self._workers:
                waiting += worker.queue
                worker.queue.clear()
                if not worker.is_up:
                    self._end(worker, Interrupted())
                else:
                    _signal_group(worker.process, signal.SIGINT)
        for job in waiting:
            job.future.set_result(Interrupted())

    def kill(self, task_id: str) -> bool:
        """End the process group of a running task; its outcome is then Interrupted."""
        outcome = Interrupted("ended")
        with self._lock:
            for worker in self._workers:
                job = worker.job
                if job is not None and job.call.task_id == task_id:
                    self._end(worker, outcome)
                    return True
                for job in worker.ahead:
                    if job.call.task_id == task_id:
                        job.killed = outcome
                        return True
            for job in self._waiting:
                if job.call.task_id == task_id:
                    self._waiting.remove(job)
                    job.future.set_result(outcome)
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
            worker.disconnect()
        deadline = monotonic() + (CLOSE_GRACE if wait else 0)
        for worker in workers:
            worker.process.join(max(deadline - monotonic(), 0))
            if worker.process.exitcode is None or self._interrupted:  # then with what it started
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
                if len(self._workers) >= self._size:
                    break
                idle = _Worker(*start_worker(self._settings))
                self._workers.append(idle)
                self._selector.register(idle.connection, selectors.EVENT_READ, idle)
                self._selector.register(idle.process.sentinel, selectors.EVENT_READ, idle)
                self._wake()
            self._give(idle, self._waiting.popleft())
        while self._waiting and self._is_quick(self._waiting[0]):
            job = self._waiting[0]
            open_ones = [worker for worker in self._workers if self._may_follow(worker, job)]
            if not open_ones:
                return
            worker = min(open_ones, key=lambda worker: len(worker.ahead))
            self._waiting.popleft()
            worker.ahead.append(job)
            self._send_job(worker, job)

    def _is_quick(self, job: _Job) -> bool:
        return job.call.timeout is None and self._quick.get(job.call.family, 0) >= QUICK_RUNS

    def _may_follow(self, worker: _Worker, next_job: _Job) -> bool:
        """Whether what the worker does will soon be over, and little waits for it."""
        job = worker.job
        if job is None or worker.is_doomed or worker.queue or len(worker.ahead) >= AHEAD:
            return False
        return self._is_quick(job) and self._fits(worker, next_job)

    def _fits(self, worker: _Worker, job: _Job) -> bool:
        """Whether the pipe holds it, for a busy worker reads nothing and may itself be writing."""
        cls = type(job.task)
        is_known = cls in worker.known or not self._pickler.class_blob(cls)
        return is_known and len(job.payload) <= AHEAD_BYTES

    def _give(self, worker: _Worker, job: _Job) -> None:
        worker.job = job
        job.begun = monotonic()
        if job.call.timeout is not None:
            job.deadline = monotonic() + job.call.timeout
            self._is_timed = True
            self._wake()
        worker.suspended.discard(job.call.task_id)
        self._send_job(worker, job)

    def _send_job(self, worker: _Worker, job: _Job) -> None:
        cls = type(job.task)
        blob = self._pickler.class_blob(cls)
        if blob and cls not in worker.known:
            worker.known.add(cls)
            self._send(worker, ("class", blob))
        self._send(worker, ("run", dump_call(job.call), job.payload))

    def _send(self, worker: _Worker, message: tuple[Any, ...]) -> None:
        if worker.frames is None:
            return
        try:
            worker.frames.write(pickle.dumps(message, protocol=5))
        except OSError:
            # The process is gone; its sentinel tells the reader, which fails the job.
            return

    def _end(self, worker: _Worker, outcome: Outcome) -> None:
        """Begin to end a worker on purpose: SIGTERM to its group now, SIGKILL a little later."""
        if worker.job is not None and not worker.is_doomed:
            worker.job.killed = outcome
            worker.is_doomed = True
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
                if any(w.job is not None and not w.job.is_told for w in self._workers):
                    timeout = TOLD_SECONDS if timeout is None else min(timeout, TOLD_SECONDS)
                is_supplied = all(len(worker.ahead) >= AHEAD // 2 for worker in self._workers)
            if is_supplied and self._workers:
                sleep(NAP_SECONDS)
            ready = self._selector.select(timeout)
            while ready and self._handle(ready):
                ready = self._selector.select(0)
            self._tell_begun()
            if self._is_timed:
                self._expire()

    def _handle(self, ready: list[tuple[selectors.SelectorKey, int]]) -> bool:
        """Take what each has sent; False where that is not all that happened."""
        ended: list[_Worker] = []
        is_woken = False
        for key, _ in ready:
            worker: _Worker | None = key.data
            if worker is None:
                self._wake_reader.recv_bytes()
                is_woken = True
            elif key.fileobj is not worker.connection or not self._receive(worker):
                ended.append(worker)
        for worker in dict.fromkeys(ended):
            self._drain(worker)
            self._bury(worker)
        return not (ended or is_woken)

    def _next_deadline(self) -> float | None:
        times = [min(w.kill_at, w.job.deadline if w.job else float("inf")) for w in self._workers]
        earliest = min(times, default=float("inf"))
        return None if earliest == float("inf") else max(earliest - monotonic(), 0)

    def _receive(self, worker: _Worker) -> bool:
        """Take what the worker has sent by now; False where no message will come any more."""
        try:
            for message in worker.messages.read():
                self._take(worker, pickle.loads(message))  # noqa: S301 - from our own worker
        except (EOFError, OSError, FramingError):
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
        if kind == "up":
            worker.is_up, self._failed_starts = True, 0
        elif kind == "log":
            self._log.write(*message[1:])
        elif job is None:
            return
        elif kind == "progress":
            job.reporter.report_progress(**message[1])
        elif kind == "resources":
            job.reporter.decrease_resources(message[1])
        else:
            self._settle(worker, job, self._load_outcome(worker, job, message[1]))

    def _load_outcome(self, worker: _Worker, job: _Job, blob: bytes) -> Outcome:
        try:
            outcome = load_outcome(blob)
        except Exception as error:  # noqa: BLE001 - the user's classes are called here
            self._send(worker, ("forget", job.call.task_id))
            return Failed(describe_error(_not_made(job, error)))
        if isinstance(outcome, Failed | Missing) and self._name_file is not None:
            placed = placed_here(outcome.error, self._name_file)
            return msgspec.structs.replace(outcome, error=placed)
        return outcome

    def _settle(self, worker: _Worker, job: _Job, outcome: Outcome) -> None:
        with self._lock:
            worker.job = next_job = worker.ahead.popleft() if worker.ahead else None
            if isinstance(outcome, Suspended):
                worker.suspended.add(job.call.task_id)
            if next_job is not None:
                next_job.begun = monotonic()
            family = job.call.family
            is_quick = isinstance(outcome, Done) and outcome.seconds < QUICK_SECONDS
            self._quick[family] = min(self._quick.get(family, 0) + 1, QUICK_RUNS) * is_quick
            if worker.is_doomed:
                # It was done before the signal came: what it says is what happened.
                worker.kill_at = min(worker.kill_at, monotonic())
            elif next_job is not None and next_job.killed is not None:
                self._end(worker, next_job.killed)
            elif not self._closing:
                self._dispatch()
        job.future.set_result(outcome)

    def _tell_begun(self) -> None:
        """Tell of tasks that waited for their turn, and by now run for a while, that they do."""
        now = monotonic()
        with self._lock:
            jobs = [worker.job for worker in self._workers if worker.job is not None]
            begun = [job for job in jobs if not job.is_told and now - job.begun >= TOLD_SECONDS]
            for job in begun:
                job.is_told = True
        for job in begun:
            job.reporter.report_progress()

    def _expire(self) -> None:
        now = monotonic()
        with self._lock:
            self._is_timed = self._next_deadline() is not None
            for worker in self._workers:
                job = worker.job
                if job is not None and not worker.is_doomed and job.deadline <= now:
                    assert job.call.timeout is not None
                    error = check_timeout(job.call.timeout, job.task)
                    self._end(worker, Failed(describe_error(error), job.call.timeout))
                if worker.kill_at <= now:
                    worker.kill_at = float("inf")
                    _signal_group(worker.process, signal.SIGKILL)

    def _bury(self, worker: _Worker) -> None:
        """A process ended: fail what it ran, let the rest go elsewhere, kill its children."""
        worker.process.join(END_GRACE)
        is_cut_off = worker.process.exitcode is None
        _signal_group(worker.process, signal.SIGKILL)
        worker.process.join()
        with self._lock:
            if worker in self._workers:
                self._workers.remove(worker)
            self._selector.unregister(worker.connection)
            self._selector.unregister(worker.process.sentinel)
            self._failed_starts += not worker.is_up
            job, worker.job = worker.job, None
            # It was ended for the sake of a job before this one, or had not begun: Ctrl-C reaches
            # a process that has no session of its own yet.
            is_untouched = worker.is_doomed or (not worker.is_up and self._failed_starts < STARTS)
            if job is not None and job.killed is None and is_untouched:
                worker.ahead.appendleft(job)
                job = None
            if self._interrupted:
                for each in worker.ahead:
                    each.killed = each.killed or Interrupted()
            ended = [each for each in worker.ahead if each.killed is not None]
            again = [each for each in worker.ahead if each.killed is None]
            self._waiting.extendleft(reversed([*again, *worker.queue]))
            worker.ahead.clear()
            worker.queue.clear()
            if not self._closing:
                self._dispatch()
        worker.disconnect()
        if job is not None:
            self._clean_up(job, worker.process.pid)
            died = _cut_off(job) if is_cut_off else _died(job, worker.process.exitcode)
            job.future.set_result(job.killed or died)
        for each in ended:
            each.future.set_result(cast("Outcome", each.killed))
        worker.process.close()

    def _clean_up(self, job: _Job, process: int | None) -> None:
        """Undo what the process that ended left unfinished of the job's outputs."""
        try:
            with self._locks.hold(job.call.task_id):
                for target in flatten(job.task.output()):
                    undo = getattr(target, "clean_up_after", None)
                    if undo is not None:
                        undo(process)
        except LockBusy:  # somebody else runs the task by now
            return
        except Exception:
            logger.exception("what %s left unfinished could not be removed", job.task)


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


def _cut_off(job: _Job) -> Failed:
    error = WorkerDiedError(
        f"{job.task}: its process closed the connection to the run, or wrote to it, and was ended. "
        "The other tasks go on. Let run() close and write only to files that it opened."
    )
    return Failed(describe_error(error))


def _not_made(job: _Job, error: Exception) -> ExecutorError:
    return ExecutorError(
        f"{job.task}: run() yielded a task that cannot be made outside of its worker process "
        f"({type(error).__name__}: {error}). Define its class in a module or a cell, or use "
        "--executor thread."
    )


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
