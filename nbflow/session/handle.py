"""One run: the only place where scheduler, worker, executor, store, log and locks meet."""

from __future__ import annotations

import os
import threading
import time
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from nbflow import config, plugins
from nbflow.core.errors import NotSupportedHereError, RunInterrupted
from nbflow.core.events import RetryPolicy
from nbflow.core.interfaces import ExecutorSettings
from nbflow.core.interrupt import InterruptGuard
from nbflow.core.scheduler.policy import SchedulerConfig
from nbflow.core.scheduler.state import SchedulerState
from nbflow.core.stream import EventStream
from nbflow.core.summary import RunSummary
from nbflow.core.watching import tell_watchers
from nbflow.display.environment import name_file
from nbflow.executors.capture import Capture
from nbflow.executors.execute import record_target
from nbflow.executors.inline import InlineExecutor
from nbflow.executors.locks import Locks
from nbflow.runtime.plan import Planner
from nbflow.runtime.service import SchedulerService
from nbflow.runtime.worker import Worker
from nbflow.session import running
from nbflow.session.provenance import describe_run, new_run_id
from nbflow.session.result import RunResult
from nbflow.session.snapshot import SnapshotCheck
from nbflow.session.tail import OutputTail
from nbflow.stores.memory import MemoryStore
from nbflow.stores.run_log import RunLog, remove_old_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from concurrent.futures import Future
    from typing import TextIO

    from nbflow.core.interfaces import Executor, LogSink, Recorder, Subscriber
    from nbflow.core.model.task import Task
    from nbflow.session.options import RunOptions

T = TypeVar("T")

#: Lines of the tasks' output that are echoed where a person watches.
ECHO_LINES = 200
ECHO_CHARACTERS = 100_000
#: Runs in the background at once.
BACKGROUND_LIMIT = 4


class Run:
    """A run, in the foreground of this thread or in the background; the handle a person holds.

    A foreground run happens inside `wait` or `result`; a background run has begun when it is
    returned, goes on after the cell that started it, and can be awaited.

    Attributes
    ----------
    summary
        How the run stands; changes while it runs.
    is_background
        Whether it goes on in a thread of its own.
    error
        What ended the run other than its tasks; raised by `wait`. None: nothing did.
    has_card
        A card shows what the tasks write; echoed besides is only a task that is alone in the run.
    """

    def __init__(
        self,
        tasks: tuple[Task, ...],
        options: RunOptions,
        subscribers: Sequence[Subscriber] = (),
        *,
        background: bool = False,
    ) -> None:
        options.check()
        self._make_executor = _executor_factory(options.executor_name)
        self.tasks = tasks
        self.options = options
        self.run_id = new_run_id(time.time())
        self.summary = RunSummary()
        self.summary.run_id = self.run_id
        self._guard = InterruptGuard()
        self._stream = EventStream([self.summary.apply_all, *subscribers])
        self.is_background = background
        self.has_card = False
        self._log: RunLog | None = None
        self._tail: OutputTail | None = None
        self._planned: Mapping[str, Task] = {}
        self._begun = threading.Lock()
        self._settling = threading.Lock()
        self._ended = threading.Event()
        self._result: RunResult | None = None
        self.error: BaseException | None = None
        self._callbacks: list[Callable[[], None]] = []
        if background:
            self._start_thread()

    def __repr__(self) -> str:
        return f"<Run {self.run_id} {self.summary.status} {self.title}>"

    # -- for the person who holds it -------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"run_id": self.run_id, "root": self.title, "status": str(self.summary.status)}

    @property
    def title(self) -> str:
        """`Family(a=1)` of the tasks that it was asked for."""
        return ", ".join(str(task) for task in self.tasks)

    @property
    def is_killable(self) -> bool:
        """Whether running tasks can be ended before they end themselves."""
        return self.options.executor_name == "process" or self._guard.holds_signal

    def done(self) -> bool:
        """Whether the run has ended."""
        return self._ended.is_set()

    def is_over(self, *, within: float) -> bool:
        """Whether the run ends within so many seconds; waits for it no longer."""
        return self._ended.wait(max(within, 0.0))

    def cancel(self, *, now: bool = False) -> None:
        """Ask the run to stop. Thread-safe.

        Tasks that run in processes get a KeyboardInterrupt, and some seconds to end.

        Parameters
        ----------
        now
            End running tasks at once. Those that run in a thread of this process are waited for
            all the same: a thread cannot be ended.
        """
        self._guard.request(now=now)

    def interrupt(self, *, now: bool = False) -> None:
        """As `cancel`, for a run that must stop because its place ends. Thread-safe."""
        self._guard.stop(now=now)

    def wait(self, timeout: float | None = None) -> RunResult:
        """Wait for the end and return the result, also where tasks failed.

        Parameters
        ----------
        timeout
            Seconds to wait for a background run; the run itself goes on.

        Raises
        ------
        TimeoutError
            The run has not ended in time.
        CycleError, NotARequirementError
            The tasks do not form a graph; nothing ran.
        """
        if not self.is_background and self._begun.acquire(blocking=False):
            self._execute()
        elif not self._ended.wait(timeout):
            raise TimeoutError(f"{self.run_id} is still running after {timeout:g} s")
        if self.error is not None:
            raise self.error
        assert self._result is not None
        return self._result

    def result(self, timeout: float | None = None) -> RunResult:
        """Like `wait`, and raise RunFailedError or RunInterrupted unless every root is complete."""
        result = self.wait(timeout)
        result.raise_for_status()
        return result

    def subscribe(self, subscriber: Subscriber) -> None:
        """Let `subscriber` have every further event."""
        self._stream.subscribe(subscriber)

    def follow(self, begin: Callable[[RunSummary], Subscriber]) -> None:
        """Let a subscriber have every event that is not in the summary which `begin` gets.

        `begin` is called while nothing is handed out; the summary stays the run's own.
        """
        self._stream.look(lambda: self._stream.subscribe(begin(self.summary)))

    def tail(self, task_id: str = "") -> tuple[str, ...]:
        """The last lines that a task, or the run, wrote and that were not echoed. Thread-safe.

        Of a single task only where one runs at a time, in this process.
        """
        tail = self._tail
        if tail is None or self.options.tee is not None or self._is_echoed():
            return ()
        is_inline = self.options.executor_name == "inline"
        return tail.lines(task_id) if is_inline or not task_id else ()

    def catch_up(self) -> None:
        """Return when all that has happened so far is told to every subscriber. Thread-safe."""
        self._stream.flush()

    def flush(self) -> None:
        """As `catch_up`, and what was written so far can be read in the log. Thread-safe."""
        self.catch_up()
        log = self._log
        if log is not None:
            log.flush()

    def look(self, read: Callable[[RunSummary], T]) -> T:
        """Give what `read` makes of the summary, which stands still meanwhile. Thread-safe."""
        return self._stream.look(lambda: read(self.summary))

    def __await__(self) -> Generator[Any, None, RunResult]:
        """The result, raising as `result` does; the loop goes on meanwhile."""
        import asyncio

        return asyncio.wrap_future(self._future()).__await__()

    def _future(self) -> Future[RunResult]:
        from concurrent.futures import Future

        future: Future[RunResult] = Future()

        def settle() -> None:
            try:
                future.set_result(self.result(0))
            except BaseException as error:  # noqa: BLE001 - handed on to who awaits
                future.set_exception(error)

        with self._settling:
            if not self._ended.is_set():
                self._callbacks.append(settle)
                return future
        settle()
        return future

    # -- the run itself --------------------------------------------------------------------------

    def _start_thread(self) -> None:
        if sum(not run.done() for run in running.background_runs()) >= BACKGROUND_LIMIT:
            raise NotSupportedHereError(
                f"{BACKGROUND_LIMIT} runs are in the background already; wait for one, "
                "or cancel one."
            )
        # In this context: what the command says of upstream tasks holds until the run's end.
        thread = threading.Thread(
            target=copy_context().run,
            args=(self._execute,),
            name=f"nbflow-{self.run_id}",
            daemon=True,
        )
        running.note_begun(self)
        try:
            thread.start()
        except RuntimeError as error:
            running.note_ended(self)
            raise NotSupportedHereError("--bg needs threads, and there are none here.") from error

    def _execute(self) -> None:
        """Do the whole run in this thread; never raises, but keeps what is to be raised."""
        worker: Worker | None = None
        stored = False
        log_folder = ""
        running.note_begun(self)
        tell_watchers(self)
        try:
            with ExitStack() as stack:
                # First, so that an interrupt at the end does not keep the rest from being recorded.
                stack.enter_context(self._guard)
                project = config.find_project()
                recorder = _open_recorder(self.options.store)
                stored = not isinstance(recorder, MemoryStore)
                stack.callback(recorder.close)
                stack.callback(self._stream.close)
                self._stream.subscribe(recorder)
                self._stream.start()
                log_folder = os.path.join(project.home, "logs")
                log = RunLog(log_folder, self.run_id, cap_bytes=config.value("log_cap"))
                stack.callback(_close_log, log, log_folder)
                self._log, self._tail = log, OutputTail(log)
                locks = Locks(os.path.join(project.home, "locks"))
                stack.callback(locks.close)
                stack.enter_context(Capture(self._tail, self._tee(), run_id=self.run_id))
                worker = self._compose(project, locks, self._tail, stack)
                self._planned = worker.planner.tasks
                worker.run(self.tasks)
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            self.error = RunInterrupted() if type(error) is KeyboardInterrupt else error
        self._result = RunResult(
            self.summary,
            tasks=worker.planner.tasks if worker else {},
            exceptions=worker.exceptions if worker else {},
            log_folder=log_folder,
            stored=stored,
            run_again=self._again,
        )
        running.note_ended(self, self._result)
        with self._settling:
            self._ended.set()
        tell_watchers(self)
        for callback in self._callbacks:
            callback()

    def _again(self, failed_only: bool) -> RunResult:
        options = self.options if failed_only else replace(self.options, force=("*",))
        return Run(self.tasks, options).wait()

    def _compose(
        self, project: config.Project, locks: Locks, log: LogSink, stack: ExitStack
    ) -> Worker:
        options = self.options
        numbers = options.scheduler or SchedulerConfig(resources=config.resources())
        service = SchedulerService(self._stream, state=SchedulerState(numbers))
        info = describe_run(self.tasks, options, project.root if options.store != "memory:" else "")
        planner = Planner(
            run_id=self.run_id,
            worker_id=f"{info.host}:{info.pid}:{self.run_id}",
            policy=options.policy,
            check=SnapshotCheck(),
            force=options.forces(self.tasks),
            descend=options.forces_others,
            retry=_retry_policy(options.retry) or numbers.retry,
            timeout=options.timeout,
            guard=self._guard,
            name_file=name_file,
        )
        settings = ExecutorSettings(
            workers=options.workers,
            run_id=self.run_id,
            policy=options.policy,
            guard=self._guard,
            locks=locks,
            locks_path=locks.path,
            log=log,
            fsync=config.value("fsync") == "full",
            name_file=name_file,
        )
        executor = self._make_executor(settings)
        stack.callback(executor.close)
        return Worker(
            service,
            executor,
            planner,
            self._guard,
            info=info,
            look=record_target,
            fail_fast=options.fail_fast,
            last_seq=lambda: service.last_seq,
        )

    def _tee(self) -> Callable[[str, str, TextIO], None] | bool:
        if self.options.tee is not None:
            return self.options.tee
        return False if self.is_background else _Echo(self._is_echoed)

    def _is_echoed(self) -> bool:
        return not self.is_background and (not self.has_card or len(self._planned) == 1)


class _Echo:
    """Writes the tasks' output where it would have gone, up to a number of lines or characters."""

    def __init__(self, is_wanted: Callable[[], bool]) -> None:
        self._is_wanted = is_wanted
        self._lines = self._characters = 0
        self._limit = ""

    def __call__(self, _task_id: str, text: str, stream: TextIO) -> None:
        if self._limit or not self._is_wanted():
            return
        self._lines += text.count("\n")
        # What returns to the beginning of its line, as a bar does, takes no more room.
        self._characters += 0 if "\r" in text else len(text)
        if self._lines > ECHO_LINES:
            self._limit = f"{ECHO_LINES} lines"
        elif self._characters > ECHO_CHARACTERS:
            self._limit = f"{ECHO_CHARACTERS:,} characters"
        stream.write(text[:ECHO_CHARACTERS])
        if self._limit:
            end = "" if text.endswith("\n") else "\n"
            stream.write(f"{end}… more than {self._limit}: see nbflow log\n")


def _close_log(log: RunLog, folder: str) -> None:
    """Close the log of a run; the oldest logs go when there are too many."""
    log.close()
    if not log.is_silent:
        remove_old_logs(folder, keep=config.value("logs_kept"))


def _retry_policy(times: int) -> RetryPolicy | None:
    """A failed task is tried again at once, `times` times."""
    return RetryPolicy(retry_count=times + 1, retry_delay=0.0) if times else None


def store_path(store: str) -> str:
    """Path of the database that `store` (see `RunOptions`) means; "" for "memory:"."""
    if store == "memory:":
        return ""
    return store.removeprefix("sqlite:///") or os.path.join(config.find_project().home, "nbflow.db")


def _open_recorder(store: str) -> Recorder:
    path = store_path(store)
    if not path:
        return MemoryStore()
    from nbflow.stores.sqlite import SqliteRecorder

    return SqliteRecorder(path)


def _executor_factory(name: str) -> Callable[[ExecutorSettings], Executor]:
    """What makes the executor; raises before anything has begun.

    Raises
    ------
    PluginError
        There is no executor of that name.
    NotSupportedHereError
        It needs threads, and there are none here.
    """
    if name == "inline":
        return InlineExecutor
    try:
        threading.Thread().start()  # it ends at once
    except RuntimeError as error:
        raise NotSupportedHereError(
            "--workers and --executor need threads, and there are none here; leave them out."
        ) from error
    factory: Callable[[ExecutorSettings], Executor] = plugins.load("executors", name)
    return factory
