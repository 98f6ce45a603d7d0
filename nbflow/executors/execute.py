"""One execution of one task: lock, ask once more, run, verify what it declared.

The rules (decisions D3): a task is complete by `complete()`; one that declares no output is done
for this run when `run()` ends; only a declared output that is missing afterwards is a failure, of
its producer. A generator in `run()` is kept alive while its requirements run, with its lock.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from time import perf_counter
from typing import TYPE_CHECKING, Any, NoReturn

from msgspec import Struct

from nbflow.core.call import (
    Busy,
    Done,
    Failed,
    FileRecord,
    FoundComplete,
    Interrupted,
    Missing,
    Suspended,
)
from nbflow.core.context import TaskContext, enter, leave, running
from nbflow.core.errors import (
    IncompleteOutputError,
    NotARequirementError,
    TaskTimeoutError,
    UnfulfilledDependenciesError,
)
from nbflow.core.failure import describe_error
from nbflow.core.model.callbacks import Event
from nbflow.core.model.nested import flatten
from nbflow.core.model.task import DynamicRequirements, Task, WrapperTask, private_texts
from nbflow.executors.locks import LockBusy

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from nbflow.core.call import Outcome, TaskCall
    from nbflow.core.context import Reporter
    from nbflow.core.interfaces import TaskLocks
    from nbflow.core.interrupt import InterruptGuard
    from nbflow.core.policy import RunPolicy

logger = logging.getLogger("nbflow.task")


class _Traits:
    """What a class says about the execution of its tasks, looked up once a run."""

    __slots__ = (
        "does_nothing",
        "hears_failure",
        "hears_success",
        "is_wrapper",
        "overrides_complete",
        "overrides_trigger",
    )

    def __init__(self, cls: type[Task]) -> None:
        self.is_wrapper = issubclass(cls, WrapperTask)
        #: A wrapper without a `run()` of its own: it is done as soon as its requirements are.
        self.does_nothing = self.is_wrapper and cls.run is WrapperTask.run
        self.hears_success = cls.on_success is not Task.on_success
        self.hears_failure = cls.on_failure is not Task.on_failure
        self.overrides_complete = cls.complete is not Task.complete and not self.is_wrapper
        self.overrides_trigger = cls.trigger_event is not Task.trigger_event


class _Execution(Struct, eq=False):
    """A task between the moment its lock is taken and the moment its outcome is known."""

    context: TaskContext
    hold: AbstractContextManager[None]
    traits: _Traits
    generator: Generator[Any, Any, Any] | None = None
    #: What the generator is waiting to be sent.
    value: Any = None
    seconds: float = 0.0
    #: Old outputs of a forced task, moved aside.
    asides: list[Any] = []
    #: Old outputs that cannot be moved aside.
    left: list[str] = []


class TaskRunner:
    """Runs tasks in the calling thread; keeps suspended ones until they are resumed or forgotten.

    Parameters
    ----------
    policy, locks, guard
        The run's rules, its locks across processes, and its stop requests.
    fsync
        Flush outputs to the disk before they are published.
    name_file
        See `describe_error`.
    """

    def __init__(
        self,
        *,
        policy: RunPolicy,
        locks: TaskLocks,
        guard: InterruptGuard,
        fsync: bool = False,
        name_file: Callable[[str], str] | None = None,
    ) -> None:
        self._policy = policy
        self._locks = locks
        self._guard = guard
        self._fsync = fsync
        self._name_file = name_file
        self._suspended: dict[str, _Execution] = {}
        self._traits: dict[type[Task], _Traits] = {}
        self._rechecks = policy.recheck_under_lock
        self._checks_dependencies = policy.check_dependencies_before_run

    def execute(self, call: TaskCall, task: Task, reporter: Reporter) -> Outcome:
        """Run `task` to its end or to its next requirement; never raises for the task's failure."""
        try:
            if self._suspended:
                execution = self._suspended.pop(call.task_id, None)
                if execution is not None:
                    execution.context = self._context(call, reporter)
                    return self._run(call, task, execution)
            return self._begin(call, task, reporter)
        except KeyboardInterrupt:
            return Interrupted()

    def forget(self, task_id: str) -> None:
        """Close what is kept of a suspended task and give back its lock."""
        execution = self._suspended.pop(task_id, None)
        if execution is not None:
            self._abandon(execution)

    def close(self) -> None:
        """Forget every suspended task."""
        for task_id in tuple(self._suspended):
            self.forget(task_id)

    # -- before run() --------------------------------------------------------------------------

    def _context(self, call: TaskCall, reporter: Reporter) -> TaskContext:
        return TaskContext(
            call.task_id,
            call.run_id,
            attempt=call.attempt,
            token=call.token,
            reporter=reporter,
            fsync=self._fsync,
        )

    def _begin(self, call: TaskCall, task: Task, reporter: Reporter) -> Outcome:
        cls = type(task)
        traits = self._traits.get(cls)
        if traits is None:
            traits = self._traits[cls] = _Traits(cls)
        if traits.does_nothing and not self._checks_dependencies:
            if _is_heard(traits, task):
                task.trigger_event(Event.START, task)
                task.trigger_event(Event.SUCCESS, task)
            return Done()
        hold = self._locks.hold(call.task_id)
        try:
            hold.__enter__()
        except LockBusy as busy:
            return Busy(pid=busy.pid)
        execution = _Execution(self._context(call, reporter), hold, traits)
        try:
            early = self._look_again(call, task, execution)
        except KeyboardInterrupt:
            self._abandon(execution)
            raise
        except BaseException as error:  # noqa: BLE001 - the user's complete() may raise anything
            early = self._fail(task, error, execution)
        if early is not None:
            self._abandon(execution)
            return early
        return self._run(call, task, execution)

    def _look_again(self, call: TaskCall, task: Task, execution: _Execution) -> Outcome | None:
        """What the task is by now: done by somebody else, robbed of its inputs, or to be run."""
        guard = self._guard
        guard.inside = True
        try:
            if call.forced:
                _set_aside(task, execution)
            elif self._rechecks and not execution.traits.is_wrapper and task.complete():
                return FoundComplete()
            if self._checks_dependencies:
                return self._missing(task)
        finally:
            guard.inside = False
        return None

    def _missing(self, task: Task) -> Missing | None:
        lost = [dep for dep in task.deps() if not dep.complete()]
        if not lost:
            return None
        error = UnfulfilledDependenciesError(
            f"{task}: not complete at run time, although they were: "
            + ", ".join(str(dep) for dep in lost[:5])
            + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
        )
        return Missing(tuple(dep.task_id for dep in lost), describe_error(error, self._name_file))

    # -- run() ---------------------------------------------------------------------------------

    def _run(self, call: TaskCall, task: Task, execution: _Execution) -> Outcome:
        guard = self._guard
        started = perf_counter()
        requirements: list[Task] | None = None
        try:
            before = enter(execution.context)
            try:
                guard.inside = True
                try:
                    if guard.requests:  # one that came when nothing was there to be interrupted
                        raise KeyboardInterrupt
                    if _is_heard(execution.traits, task):
                        task.trigger_event(Event.START, task)
                    requirements = self._step(call, task, execution)
                finally:
                    guard.inside = False
                    execution.seconds += perf_counter() - started
                    execution.context.flush()
                if requirements is None:
                    done = self._finish(task, execution)
            finally:
                leave(before)
        except KeyboardInterrupt:
            self._abandon(execution)
            raise
        except BaseException as error:  # noqa: BLE001 - the user's code may raise anything
            outcome = self._fail(task, error, execution)
            self._abandon(execution)
            return outcome
        if requirements is not None:
            if self._policy.keep_generators:
                self._suspended[call.task_id] = execution
            else:
                self._abandon(execution)
            return Suspended(tuple(requirements), execution.seconds)
        self._settle(execution)
        return done

    def _step(self, call: TaskCall, task: Task, execution: _Execution) -> list[Task] | None:
        """Run until the end (None) or until requirements are needed that are not complete."""
        generator = execution.generator
        if generator is None:
            result = task.run()
            # None first: most give it, and to ask an abstract class is slow.
            if result is None or not isinstance(result, Generator):
                return None
            generator = execution.generator = result
        satisfied = frozenset(call.satisfied)

        def is_complete(dep: Task) -> bool:
            return dep.task_id in satisfied or dep.complete()

        while True:
            try:
                yielded = generator.send(execution.value)
            except StopIteration:
                return None
            if isinstance(yielded, DynamicRequirements):
                dynamic = yielded
            else:
                dynamic = DynamicRequirements(yielded)
            tasks = dynamic.flat_requirements
            for dep in tasks:
                if not isinstance(dep, Task):
                    _reject(task, dep)
            execution.value = dynamic.paths
            if not dynamic.complete(is_complete):
                return tasks

    # -- after run() ---------------------------------------------------------------------------

    def _finish(self, task: Task, execution: _Execution) -> Done:
        """Verify the declared outputs and call the hooks; raises where something is missing."""
        guard = self._guard
        guard.inside = True
        try:
            traits = execution.traits
            outputs, note = self._verify(task, traits)
            is_heard = _is_heard(traits, task)
            if is_heard:
                task.trigger_event(Event.PROCESSING_TIME, task, execution.seconds)
            if traits.hears_success:
                task.on_success()
            if is_heard:
                task.trigger_event(Event.SUCCESS, task)
        finally:
            guard.inside = False
        if execution.left:
            note = f"its old output was left in place: {', '.join(execution.left)}"
        return Done(execution.seconds, outputs, (), note)

    def _verify(self, task: Task, traits: _Traits) -> tuple[tuple[FileRecord, ...], str]:
        if self._policy.check_complete_after_run and not task.complete():
            raise IncompleteOutputError(f"{task}: run() ended, but it is not complete.")
        targets = flatten(task.output())
        if not targets:
            if traits.overrides_complete and not task.complete():
                return (), "complete() still says no"
            return (), ""
        records = [record_target(target) for target in targets]
        if None not in records:
            return tuple(records), ""  # type: ignore[arg-type]
        missing = [target for target, record in zip(targets, records, strict=True) if not record]
        if self._policy.check_output_after_run:
            names = ", ".join(str(target) for target in missing[:5])
            raise IncompleteOutputError(
                f"{task}: run() ended, but its output does not exist: {names}. "
                "Write it in run(), or declare in output() what run() does write."
            )
        return tuple([record for record in records if record is not None]), ""

    def _fail(self, task: Task, error: BaseException, execution: _Execution) -> Failed:
        if _is_heard(execution.traits, task):
            task.trigger_event(Event.FAILURE, task, error)
        if execution.traits.hears_failure:
            self._guard.inside = True
            try:
                task.on_failure(error)
            except BaseException as second:  # noqa: BLE001 - the user's hook may raise anything
                error.add_note(f"on_failure() raised too: {type(second).__name__}: {second}")
            finally:
                self._guard.inside = False
        # The traceback ends in the user's frame, so that a debugger opens there.
        info = describe_error(error, self._name_file, private=private_texts(task))
        return Failed(info, execution.seconds, error)

    def _settle(self, execution: _Execution) -> None:
        """The task succeeded: its old outputs may go, its lock too."""
        if execution.asides:
            asides, execution.asides = execution.asides, []
            for aside in asides:
                aside.discard()
        execution.hold.__exit__(None, None, None)

    def _abandon(self, execution: _Execution) -> None:
        """The task did not succeed: close its generator, put old outputs back, free its lock."""
        generator, execution.generator = execution.generator, None
        try:
            if generator is not None:
                self._guard.inside = True
                with running(execution.context):
                    generator.close()
        except BaseException:
            # The generator's own clean-up failed; what it belongs to has been reported already.
            logger.exception("closing the generator of %s failed", execution.context.task_id)
        finally:
            self._guard.inside = False
            asides, execution.asides = execution.asides, []
            for aside in asides:
                aside.restore()
            execution.hold.__exit__(None, None, None)


def record_target(target: Any) -> FileRecord | None:
    """What is known of `target` by one look at it, None where it does not exist."""
    look = getattr(target, "file_record", None)
    if look is not None:
        record: FileRecord | None = look()
        return record
    return FileRecord(str(target)[:1000]) if target.exists() else None


def check_timeout(seconds: float, task: Task) -> TaskTimeoutError:
    """The error of a task that ran longer than `seconds`."""
    return TaskTimeoutError(
        f"{task} ran longer than its limit of {seconds:g} s and was stopped. "
        "Raise --timeout or the task's worker_timeout if it needs more."
    )


def _set_aside(task: Task, execution: _Execution) -> None:
    for target in flatten(task.output()):
        move = getattr(target, "set_aside", None)
        if move is not None:
            aside = move()
            if aside is not None:
                execution.asides.append(aside)
        elif target.exists():
            execution.left.append(str(target))


def _reject(task: Task, found: object) -> NoReturn:
    raise NotARequirementError(
        f"{task}: run() yielded {type(found).__name__} {found!r:.200}; "
        "yield Tasks (or lists and dicts of them), not targets or values."
    )


def _is_heard(traits: _Traits, task: Task) -> bool:
    """Whether anybody listens to events of the task by now."""
    return traits.overrides_trigger or type(task)._event_handlers is not None
