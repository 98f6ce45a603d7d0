"""The loop that asks for work, has it done, and reports how it ended.

It knows a Scheduler and an Executor by their protocols only: the same loop runs against the
scheduler in this process and against one behind a wire that answers late, twice, or not at all.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, cast

from msgspec import Struct
from msgspec.structs import replace

from nbflow.core.call import (
    Busy,
    Done,
    Failed,
    FileRecord,
    FoundComplete,
    Interrupted,
    Missing,
    Suspended,
    TaskRef,
)
from nbflow.core.errors import (
    ExecutorError,
    InvariantError,
    RequirementLoopError,
    SchedulerError,
    SchedulerUnreachableError,
    TaskTimeoutError,
    WorkerDiedError,
)
from nbflow.core.failure import describe_error
from nbflow.core.model.callbacks import Event
from nbflow.core.model.nested import flatten
from nbflow.core.model.registry import get_task_cls, load_task
from nbflow.core.scheduler.commands import (
    AddBatcher,
    Assignment,
    BatchAssignment,
    CancelRun,
    ClaimBatch,
    DecreaseResources,
    EndRun,
    FinishTask,
    Heartbeat,
    JoinWorker,
    LeaveWorker,
    NothingReady,
    Progress,
    Refused,
    RequestTask,
    StartRun,
    SuspendTask,
)
from nbflow.core.status import ExitCode, RunStatus
from nbflow.runtime.plan import record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future

    from nbflow.core.call import Outcome, ReportedOutcome, TaskCall
    from nbflow.core.events import RunInfo
    from nbflow.core.interfaces import Executor, Scheduler
    from nbflow.core.interrupt import InterruptGuard
    from nbflow.core.model.task import Task
    from nbflow.core.scheduler.commands import AddTask, Command, Reply
    from nbflow.runtime.plan import Planner

#: Seconds between two looks at a stop request while nothing happens.
SLICE = 0.05
#: Inputs of a task that are recorded.
INPUT_LIMIT = 16
#: How often requirements that got lost are planned again for one task.
RESCHEDULE_LIMIT = 1
#: What is told of a task that was ended from outside, by the type of its error.
_EVENTS = {
    describe_error(TaskTimeoutError()).type: Event.TIMEOUT,
    describe_error(WorkerDiedError()).type: Event.PROCESS_FAILURE,
}
# Exact types are asked for on the way of each task: `isinstance` of a Struct that is another one
# costs 0.3 us, and 1 us for a tuple of them.
OUTCOMES = frozenset({Done, FoundComplete, Suspended, Failed, Missing, Busy, Interrupted})


class Worker:
    """One run, driven to its end in the calling thread.

    Parameters
    ----------
    look
        Gives the record of a target, None if it does not exist.
    fail_fast
        Hand out nothing more once a task has failed for good.
    grace
        Seconds that running tasks are given when the run is stopped.
    heartbeat
        Seconds between two signs of life.
    session
        Makes reports and requests idempotent, for a scheduler behind a wire; "" for one in this
        process, where no answer gets lost.

    Attributes
    ----------
    done
        The outputs, as far as they are known, of each task that was done or found complete in this
        run, by its id.
    exceptions
        The live exception of each task that failed in this process.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        executor: Executor,
        planner: Planner,
        guard: InterruptGuard,
        *,
        info: RunInfo,
        look: Callable[[object], FileRecord | None],
        fail_fast: bool = False,
        grace: float = 5.0,
        heartbeat: float = 5.0,
        last_seq: Callable[[], int] = lambda: 0,
        session: str = "",
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.scheduler = scheduler
        self.executor = executor
        self.planner = planner
        self.guard = guard
        self.info = info
        self.run_id = planner.run_id
        self.worker_id = planner.worker_id
        self.done: dict[str, tuple[FileRecord, ...]] = {}
        self.exceptions: dict[str, BaseException] = {}
        self._look = look
        self._fail_fast = fail_fast
        self._grace = grace
        self._heartbeat = heartbeat
        self._last_seq = last_seq
        self._session = session
        self._clock = clock
        self._sleep = sleep
        self._sequence = 0
        self._batchers: set[str] = set()
        self._pending: dict[Future[Outcome], TaskCall] = {}
        # Not a SimpleQueue: its `get` with a limit waits for ever where a signal's handler outlasts
        # the limit (in C the rest is negative then, and that means no limit).
        self._ended: deque[Future[Outcome]] = deque()
        self._has_ended = threading.Event()
        #: What was seen of tasks that were complete before.
        self._seen: dict[str, tuple[FileRecord, ...]] = {}
        self._lost: dict[str, int] = {}
        self._yielded: dict[str, list[tuple[str, ...]]] = {}
        self._beaten = 0.0
        self._idle_since: float | None = None
        self._stopping = False

    # -- the whole run -------------------------------------------------------------------------

    def run(self, roots: Iterable[Task]) -> None:
        """Plan the roots, run what is not complete, end the run.

        Raises
        ------
        CycleError, NotARequirementError
            Nothing ran; the run is ended as failed.
        SchedulerError
            The scheduler refuses or cannot be reached.
        """
        slots = self.executor.slots
        self._ask(JoinWorker(worker_id=self.worker_id, slots=slots, pid=self.info.pid))
        self._ask(StartRun(run_id=self.run_id, info=self.info))
        status: RunStatus | None = None
        code: int | None = None
        try:
            try:
                self._plan(roots)
                self._loop()
            except KeyboardInterrupt:
                self.guard.requests += 1
            if self.guard.is_set:
                self._stop()
                cancelled = self.guard.cancelled
                status = RunStatus.CANCELLED if cancelled else RunStatus.INTERRUPTED
                code = ExitCode.INTERRUPTED
            elif self._stopping:
                status, code = RunStatus.FAILED, ExitCode.TASK_FAILED
        except SchedulerUnreachableError:
            raise
        except BaseException:
            self._end(RunStatus.FAILED, ExitCode.NOT_PLANNED)
            raise
        self._end(status, code)

    def _plan(self, roots: Iterable[Task]) -> None:
        self._add(self.planner.expand(*roots))

    def _add(self, commands: Iterable[AddTask]) -> None:
        self.planner.as_of = self._last_seq()
        guard = self.guard
        handle = self.scheduler.handle
        for command in commands:
            if command.batchable and command.task.family not in self._batchers:
                self._add_batcher(command)
            handle(command)
            if guard.requests:
                return

    def _add_batcher(self, command: AddTask) -> None:
        cls = type(self.planner.tasks[command.task.task_id])
        self._batchers.add(command.task.family)
        size = cls.max_batch_size
        self._ask(
            AddBatcher(
                worker_id=self.worker_id,
                family=command.task.family,
                parameters=tuple(cls.batch_param_names()),
                max_batch_size=None if size == float("inf") else int(size),
            )
        )

    def _loop(self) -> None:
        handle = self.scheduler.handle
        guard = self.guard
        pending = self._pending
        executor = self.executor
        # The same each time, as long as nothing runs elsewhere.
        request = self._request()
        while not guard.requests:
            if pending and len(pending) >= executor.slots:
                self._wait(None)
                continue
            reply = handle(self._request() if pending or self._session else request)
            if isinstance(reply, Assignment):
                self._start(reply.call)
            elif isinstance(reply, BatchAssignment):
                self._start_batch(reply)
            elif not self._idle(reply):
                return

    def _request(self) -> RequestTask:
        return RequestTask(
            run_id=self.run_id,
            worker_id=self.worker_id,
            running=tuple([call.task_id for call in self._pending.values()]),
            ahead=bool(self._pending) and len(self._pending) >= self.info.workers,
            session=self._session,
            sequence=self._next(),
        )

    def _idle(self, reply: Reply) -> bool:
        """Wait as the reply advises; False where nothing is left to wait for."""
        if isinstance(reply, Refused):
            raise SchedulerError(f"the scheduler refused to give work: {reply.reason}")
        if not isinstance(reply, NothingReady):
            raise InvariantError(f"the scheduler answered a request for work with {reply!r:.200}")
        if self._pending:
            self._wait(reply.wake_at)
            return True
        if reply.worker_disabled or not reply.pending:
            return False
        if reply.wake_at is None and not reply.running and not reply.paused:
            return False
        if self._has_waited_enough(reply.wake_at):
            return False
        self._nap(reply.wake_at)
        return True

    def _has_waited_enough(self, wake_at: float | None) -> bool:
        """Whether nothing has run here for as long as the policy allows."""
        limit = self.planner.policy.idle_seconds
        now = self._clock()
        if limit is None or (wake_at is not None and wake_at <= now):
            return False
        if self._idle_since is None:
            self._idle_since = now
        return now - self._idle_since >= limit

    # -- one task ------------------------------------------------------------------------------

    def _start(self, call: TaskCall) -> None:
        self._idle_since = None
        task = self.planner.tasks.get(call.task_id)
        if task is None:
            task = self._load(call)
            if task is None:
                return
        forced = self.planner.forced
        if (forced or self._yielded) and (call.task_id in forced or call.task_id in self._yielded):
            call = replace(
                call,
                forced=call.task_id in forced,
                satisfied=self._satisfied(call.task_id),
            )
        try:
            outcome = self.executor.submit(call, task, _Reporter(self, call))
        except ExecutorError as error:
            outcome = Failed(describe_error(error), 0.0, error)
        if type(outcome) is Done:  # first, for it is what most tasks come to
            self._succeed(call, outcome)
        elif type(outcome) in OUTCOMES:
            self._finish(call, cast("Outcome", outcome))
        else:
            future = cast("Future[Outcome]", outcome)
            self._pending[future] = call
            future.add_done_callback(self._note_ended)

    def _load(self, call: TaskCall) -> Task | None:
        """Make a task that this process did not plan; it fails alone where that cannot be done."""
        try:
            task = load_task(call.family, json.loads(call.params), module=call.module)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the user's module may raise anything
            self._report(call, Failed(describe_error(error)))
            return None
        self.planner.tasks[call.task_id] = task
        return task

    def _start_batch(self, batch: BatchAssignment) -> None:
        cls = get_task_cls(batch.family)
        try:
            task = cls.from_str_params(json.loads(batch.params))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a batch method may raise anything
            self._fail_batch(batch, error)
            return
        self.planner.tasks.setdefault(task.task_id, task)
        reply = self._ask(
            ClaimBatch(
                run_id=self.run_id,
                worker_id=self.worker_id,
                batch_id=batch.batch_id,
                task=record_of(task),
            )
        )
        if isinstance(reply, Assignment):
            self._start(reply.call)

    def _fail_batch(self, batch: BatchAssignment, error: BaseException) -> None:
        """No task could be made of the members: claim the first and fail it for all."""
        first = self.planner.tasks[batch.members[0]]
        reply = self._ask(
            ClaimBatch(
                run_id=self.run_id,
                worker_id=self.worker_id,
                batch_id=batch.batch_id,
                task=record_of(first),
            )
        )
        if isinstance(reply, Assignment):
            self._report(reply.call, Failed(describe_error(error)))

    def _finish(self, call: TaskCall, outcome: Outcome) -> None:
        match outcome:
            case Done():
                self._succeed(call, outcome)
            case Suspended():
                self._suspend(call, outcome)
            case Failed():
                self._fail(call, outcome)
            case Missing():
                self._reschedule(call, outcome)
            case FoundComplete():
                self.done[call.task_id] = ()
                self._report(call, outcome)
            case Interrupted():
                self.guard.requests += 1
                self._report(call, outcome)
            case Busy():
                self._report(call, outcome)

    def _succeed(self, call: TaskCall, outcome: Done) -> None:
        deps = self.planner.deps.get(call.task_id)
        if deps:
            outcome = replace(outcome, inputs=self._inputs(deps))
        self.done[call.task_id] = outcome.outputs
        if call.members:
            self.done.update(dict.fromkeys(call.members, ()))
        self._report(call, outcome)

    def _inputs(self, deps: tuple[str, ...]) -> tuple[FileRecord, ...]:
        """The files that the requirements left behind, at most `INPUT_LIMIT`."""
        found: list[FileRecord] = []
        for dep in deps:
            files = self.done.get(dep) or self._seen.get(dep)
            if files is None:
                files = self._seen[dep] = self._look_at(dep)
            found.extend(files)
            if len(found) >= INPUT_LIMIT:
                break
        return tuple(found[:INPUT_LIMIT])

    def _look_at(self, dep: str) -> tuple[FileRecord, ...]:
        task = self.planner.tasks.get(dep)
        if task is None:
            return ()
        try:
            records = [self._look(target) for target in flatten(task.output())]
        except Exception:  # noqa: BLE001 - only a record of what was there; the task itself is done
            return ()
        return tuple(record for record in records if record is not None)

    def _fail(self, call: TaskCall, outcome: Failed) -> None:
        if outcome.exception is not None:
            self.exceptions[call.task_id] = outcome.exception
            outcome = replace(outcome, exception=None)
        event = _EVENTS.get(outcome.error.type)
        if event is not None:
            task = self.planner.tasks[call.task_id]
            task.trigger_event(event, task, outcome.error.message)
        self._report(call, outcome)
        if self._fail_fast and not self._stopping:
            self._stopping = True
            self._ask(CancelRun(run_id=self.run_id))

    def _suspend(self, call: TaskCall, outcome: Suspended) -> None:
        try:
            tasks = [self._resolve(item) for item in outcome.requirements]
            new_deps = tuple(task.task_id for task in tasks)
            self._check_loop(call, new_deps)
            for task in tasks:
                # Done in this run yet not complete: it is asked anew, or it would never run again.
                self._add(self.planner.expand(task))
        except Exception as error:  # noqa: BLE001 - one task's requirements must not end the run
            self.executor.forget(call.task_id)
            self._report(call, Failed(describe_error(error), outcome.seconds))
            return
        self._yielded.setdefault(call.task_id, []).append(new_deps)
        self.planner.deps[call.task_id] = (*self.planner.deps.get(call.task_id, ()), *new_deps)
        self._send(
            SuspendTask(
                run_id=self.run_id,
                worker_id=self.worker_id,
                task_id=call.task_id,
                attempt=call.attempt,
                token=call.token,
                new_deps=new_deps,
                session=self._session,
                sequence=self._next(),
            )
        )

    def _satisfied(self, task_id: str) -> tuple[str, ...]:
        yielded = self._yielded.get(task_id, ())
        return tuple(dep for deps in yielded for dep in deps if dep in self.done)

    def _resolve(self, item: Task | TaskRef) -> Task:
        if isinstance(item, TaskRef):
            return load_task(item.family, json.loads(item.params), module=item.module)
        return item

    def _check_loop(self, call: TaskCall, new_deps: tuple[str, ...]) -> None:
        if self.done.keys() >= set(new_deps) and new_deps in self._yielded.get(call.task_id, ()):
            names = ", ".join(str(self.planner.tasks[dep]) for dep in new_deps[:3])
            raise RequirementLoopError(
                f"{call.family} yields {names} again and again: it ran and still is not complete. "
                "Let it declare the output that it writes, or override complete()."
            )

    def _reschedule(self, call: TaskCall, outcome: Missing) -> None:
        """Plan lost requirements again, once; afterwards the task fails."""
        times = self._lost[call.task_id] = self._lost.get(call.task_id, 0) + 1
        if times > RESCHEDULE_LIMIT:
            self._fail(call, Failed(outcome.error))
            return
        self._report(call, outcome)
        wanted = (*outcome.task_ids, call.task_id)
        tasks = [self.planner.tasks[task_id] for task_id in wanted if task_id in self.planner.tasks]
        self._add(self.planner.expand(*tasks, again=True))

    def _report(self, call: TaskCall, outcome: ReportedOutcome) -> None:
        self._sequence += 1
        self._send(
            FinishTask(
                run_id=self.run_id,
                worker_id=self.worker_id,
                task_id=call.task_id,
                attempt=call.attempt,
                token=call.token,
                outcome=outcome,
                session=self._session,
                sequence=self._sequence,
            )
        )

    # -- waiting and stopping ------------------------------------------------------------------

    def _wait(self, wake_at: float | None) -> None:
        """Wait for a running task, a stop request, or the time `wake_at`."""
        while not self.guard.requests:
            ended = self._take_ended()
            self._beat()
            if ended or (wake_at is not None and self._clock() >= wake_at):
                return

    def _note_ended(self, future: Future[Outcome]) -> None:
        """Let the run's thread know; called in whichever thread the future was settled."""
        self._ended.append(future)
        if not self._has_ended.is_set():
            self._has_ended.set()

    def _take_ended(self) -> bool:
        """Finish what has ended, after a while if nothing has yet; False where nothing did."""
        # Not concurrent.futures.wait, which asks every future again each time.
        ended = self._ended
        if not ended and not self._has_ended.wait(SLICE):
            return False
        self._has_ended.clear()
        is_any = bool(ended)
        while ended:
            future = ended.popleft()
            self._finish(self._pending.pop(future), future.result())
        return is_any

    def _nap(self, wake_at: float | None) -> None:
        """Sleep until `wake_at`, at most one slice, so that a stop request is seen."""
        seconds = SLICE if wake_at is None else wake_at - self._clock()
        if seconds > 0:
            self._sleep(min(seconds, SLICE))
        self._beat()

    def _beat(self) -> None:
        now = self._clock()
        if now - self._beaten >= self._heartbeat:
            self._beaten = now
            self.scheduler.handle(Heartbeat(worker_id=self.worker_id))

    def _stop(self) -> None:
        """Ask running tasks to end; after `grace` seconds, or at a second request, end them."""
        from concurrent.futures import FIRST_COMPLETED, wait

        if not self._stopping:
            self._ask(CancelRun(run_id=self.run_id))
        self.executor.interrupt()
        deadline = self._clock() + self._grace
        asked = self.guard.requests
        while (
            self._pending
            and self._clock() < deadline
            and self.guard.requests == asked
            and not self.guard.is_urgent
        ):
            ended, _ = wait(self._pending, timeout=SLICE, return_when=FIRST_COMPLETED)
            for future in ended:
                self._finish(self._pending.pop(future), future.result())
                asked = self.guard.requests
        for call in list(self._pending.values()):
            self.executor.kill(call.task_id)
        for future, call in list(self._pending.items()):
            wait([future], timeout=self._grace)
            outcome = future.result() if future.done() else Interrupted()
            del self._pending[future]
            self._finish(call, Interrupted() if isinstance(outcome, Failed) else outcome)

    def _end(self, status: RunStatus | None, code: int | None) -> None:
        self._ask(EndRun(run_id=self.run_id, status=status, exit_code=code))
        self._ask(LeaveWorker(worker_id=self.worker_id))

    # -- talking to the scheduler --------------------------------------------------------------

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _ask(self, command: Command) -> Reply:
        return self.scheduler.handle(command)

    def _send(self, command: Command) -> None:
        """Report; a refusal means that somebody else has taken the task over: nothing to undo."""
        reply = self.scheduler.handle(command)
        if type(reply) is Refused and reply.code not in {"stale_token", "unknown_task"}:
            raise SchedulerError(f"the scheduler refused a report: {reply.reason}")


class _Reporter(Struct, frozen=True, eq=False):
    """Sends what a running task says of itself to the scheduler."""

    _worker: Worker
    _call: TaskCall

    def report_progress(
        self,
        *,
        fraction: float | None = None,
        message: str | None = None,
        tracking_url: str | None = None,
    ) -> None:
        """See `nbflow.core.context.Reporter`."""
        self._worker.scheduler.handle(
            Progress(
                run_id=self._call.run_id,
                task_id=self._call.task_id,
                token=self._call.token,
                fraction=fraction,
                message=message,
                tracking_url=tracking_url,
            )
        )

    def decrease_resources(self, amounts: Mapping[str, int]) -> None:
        """See `nbflow.core.context.Reporter`."""
        self._worker.scheduler.handle(
            DecreaseResources(
                task_id=self._call.task_id, token=self._call.token, amounts=dict(amounts)
            )
        )
