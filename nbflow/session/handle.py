"""One run: the only place where scheduler, worker, executor, store, log and locks meet."""

from __future__ import annotations

import atexit
import os
import threading
import time
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from nbflow import config, plugins
from nbflow.core.errors import NotSupportedHereError, RunInterrupted
from nbflow.core.events import RetryPolicy
from nbflow.core.interfaces import ExecutorSettings
from nbflow.core.interrupt import InterruptGuard
from nbflow.core.scheduler.policy import SchedulerConfig
from nbflow.core.scheduler.state import SchedulerState
from nbflow.core.stream import EventStream
from nbflow.core.summary import RunSummary
from nbflow.display.environment import name_file
from nbflow.executors.capture import Capture
from nbflow.executors.execute import record_target
from nbflow.executors.inline import InlineExecutor
from nbflow.executors.locks import Locks
from nbflow.runtime.plan import Planner
from nbflow.runtime.service import SchedulerService
from nbflow.runtime.worker import Worker
from nbflow.session.provenance import describe_run, new_run_id
from nbflow.session.result import RunResult
from nbflow.session.snapshot import SnapshotCheck
from nbflow.stores.memory import MemoryStore
from nbflow.stores.run_log import RunLog, remove_old_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from concurrent.futures import Future
    from typing import TextIO

    from nbflow.core.interfaces import Executor, Recorder, Subscriber
    from nbflow.core.model.task import Task
    from nbflow.session.options import RunOptions

T = TypeVar("T")

#: Lines of the tasks' output that are echoed where a person watches.
ECHO_LINES = 200
#: Runs in the background at once.
BACKGROUND_LIMIT = 4
#: Seconds that background runs get when the process ends.
EXIT_GRACE = 5.0

_background: WeakSet[Run] = WeakSet()
#: Runs that go on, by id.
_active: dict[str, Run] = {}
_last: list[RunResult] = []
#: Called with each run when it begins and when it has ended.
_watchers: list[Callable[[Run], None]] = []


class Run:
    """A run, in the foreground of this thread or in the background; the handle a person holds.

    A foreground run happens inside `wait` or `result`; a background run has begun when it is
    returned, goes on after the cell that started it, and can be awaited.

    Attributes
    ----------
    summary
        How the run stands; changes while it runs.
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
        self._background = background
        self._begun = threading.Lock()
        self._settling = threading.Lock()
        self._ended = threading.Event()
        self._result: RunResult | None = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[], None]] = []
        if background:
            self._start_thread()

    def __repr__(self) -> str:
        names = ", ".join(str(task) for task in self.tasks)
        return f"<Run {self.run_id} {self.summary.status} {names}>"

    # -- for the person who holds it -------------------------------------------------------------

    def done(self) -> bool:
        """Whether the run has ended."""
        return self._ended.is_set()

    def cancel(self) -> None:
        """Ask the run to stop; the running task of an inline run is waited for. Thread-safe."""
        self._guard.request()

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
        if not self._background and self._begun.acquire(blocking=False):
            self._execute()
        elif not self._ended.wait(timeout):
            raise TimeoutError(f"{self.run_id} is still running after {timeout:g} s")
        if self._error is not None:
            raise self._error
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
        if sum(not run.done() for run in _background) >= BACKGROUND_LIMIT:
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
        try:
            thread.start()
        except RuntimeError as error:
            raise NotSupportedHereError("--bg needs threads, and there are none here.") from error
        _background.add(self)

    def _execute(self) -> None:
        """Do the whole run in this thread; never raises, but keeps what is to be raised."""
        worker: Worker | None = None
        stored = False
        log_folder = ""
        _active[self.run_id] = self
        _tell_watchers(self)
        try:
            with ExitStack() as stack:
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
                locks = Locks(os.path.join(project.home, "locks"))
                stack.callback(locks.close)
                stack.enter_context(Capture(log, self._tee(), run_id=self.run_id))
                stack.enter_context(self._guard)
                worker = self._compose(project, locks, log, stack)
                worker.run(self.tasks)
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            self._error = RunInterrupted() if type(error) is KeyboardInterrupt else error
        self._result = RunResult(
            self.summary,
            tasks=worker.planner.tasks if worker else {},
            exceptions=worker.exceptions if worker else {},
            log_folder=log_folder,
            stored=stored,
            run_again=self._again,
        )
        _last[:] = [self._result]
        with self._settling:
            self._ended.set()
        del _active[self.run_id]
        _tell_watchers(self)
        for callback in self._callbacks:
            callback()

    def _again(self, failed_only: bool) -> RunResult:
        options = self.options if failed_only else replace(self.options, force=("*",))
        return Run(self.tasks, options).wait()

    def _compose(
        self, project: config.Project, locks: Locks, log: RunLog, stack: ExitStack
    ) -> Worker:
        options = self.options
        numbers = options.scheduler or SchedulerConfig(resources=config.resources())
        service = SchedulerService(self._stream, state=SchedulerState(numbers))
        info = describe_run(self.tasks, options, project.root if options.store != "memory:" else "")
        done: set[str] = set()
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
            done=done,
            look=record_target,
            fail_fast=options.fail_fast,
            last_seq=lambda: service.last_seq,
        )

    def _tee(self) -> Callable[[str, str, TextIO], None] | bool:
        if self.options.tee is not None:
            return self.options.tee
        return False if self._background else _Echo()


class _Echo:
    """Writes the tasks' output where it would have gone, up to a number of lines."""

    def __init__(self) -> None:
        self._lines = 0

    def __call__(self, _task_id: str, text: str, stream: TextIO) -> None:
        if self._lines > ECHO_LINES:
            return
        self._lines += text.count("\n")
        stream.write(text)
        if self._lines > ECHO_LINES:
            stream.write(f"… more than {ECHO_LINES} lines: see nbflow log\n")


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


def last_result() -> RunResult | None:
    """The result of the run of this process that ended last; None before the first."""
    return _last[0] if _last else None


def active_runs() -> list[Run]:
    """Runs of this process that go on, in the foreground too, the latest first."""
    runs = tuple(_active.values())  # other threads add and remove
    return sorted(runs, key=lambda run: run.run_id, reverse=True)


def watch_runs(watcher: Callable[[Run], None]) -> Callable[[], None]:
    """Call `watcher` with each run of this process when it begins and when it has ended.

    It is called in the run's thread, must not raise, and must not take long.

    Returns
    -------
    Callable
        What ends that.
    """
    _watchers.append(watcher)

    def end() -> None:
        if watcher in _watchers:
            _watchers.remove(watcher)

    return end


def _tell_watchers(run: Run) -> None:
    for watcher in tuple(_watchers):
        watcher(run)


def background_runs() -> list[Run]:
    """Runs of this process that were started in the background and are still held."""
    return sorted(_background, key=lambda run: run.run_id)


@atexit.register
def _end_background_runs() -> None:
    """Stop what still runs when the process ends, so that its end is recorded."""
    runs = [run for run in _background if not run.done()]
    for run in runs:
        run.cancel()
    deadline = time.monotonic() + EXIT_GRACE
    for run in runs:
        run._ended.wait(max(deadline - time.monotonic(), 0))
