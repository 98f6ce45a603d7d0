"""The walk over `requires()` and `complete()` that says what a run consists of.

Every task is asked once; requirements come before what requires them; what lies under a complete
task is not walked. An error in one task leaves the others alone: only what depends on it waits.

Source: the decision table is Luigi's (W-10 to W-24); naming a cycle is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from nbflow.core.errors import CycleError, NotARequirementError, shorten
from nbflow.core.events import RetryPolicy, TaskRecord
from nbflow.core.failure import describe_error
from nbflow.core.interrupt import InterruptGuard
from nbflow.core.model.callbacks import Event, has_handlers
from nbflow.core.model.nested import flatten
from nbflow.core.model.registry import definition_of
from nbflow.core.model.task import (
    Task,
    WrapperTask,
    is_external,
    private_texts,
    requirements_of,
)
from nbflow.core.policy import NATIVE
from nbflow.core.scheduler.commands import AddTask
from nbflow.core.status import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbflow.core.call import ErrorInfo
    from nbflow.core.policy import RunPolicy

    Predicate = Callable[[Task], bool]


# To find a member on its enumeration costs 0.17 us, twenty times as much as to find a variable.
PENDING = TaskStatus.PENDING
DONE = TaskStatus.DONE
DISABLED = TaskStatus.DISABLED
UNKNOWN = TaskStatus.UNKNOWN


class _Frame:
    """A task whose requirements are being walked."""

    __slots__ = ("deps", "facts", "index", "task")

    def __init__(self, task: Task, deps: list[Task], facts: _Facts) -> None:
        self.task = task
        self.deps = deps
        self.facts = facts
        self.index = 0


class _Facts:
    """What is the same for all tasks of one class, looked up once a plan."""

    __slots__ = ("batchable", "definition", "has_output", "is_answered", "own_resources", "retries")

    def __init__(self, cls: type[Task]) -> None:
        self.definition = definition_of(cls)
        #: A WrapperTask with the inherited `complete()`: the answers for its requirements do.
        self.is_answered = issubclass(cls, WrapperTask) and (cls.complete is WrapperTask.complete)
        #: None: each task says by itself.
        inherited = cls.batchable is Task.batchable
        self.batchable = bool(cls.batch_param_names()) if inherited else None
        self.has_output = cls.output is not Task.output
        #: Whether tasks work out by themselves what they hold.
        self.own_resources = cls.process_resources is not Task.process_resources
        #: Whether tasks say by themselves how they are retried.
        self.retries = any(
            getattr(cls, name) is not getattr(Task, name)
            for name in ("retry_count", "disable_hard_timeout", "disable_window")
        )


class Planner:
    """Plans tasks for one run; remembers what it has seen, so that each is asked once.

    Parameters
    ----------
    run_id, worker_id
        Stamped on the commands.
    check
        Is this task complete? By default its own `complete()`; may answer from a listing.
    force
        Tasks that run although they are complete.
    descend
        Walk also what lies under complete tasks (a forced task may lie there).
    retry
        For tasks that do not say by themselves.
    timeout
        Seconds for tasks that do not say by themselves; None: no limit.
    seen
        Number of the last event when the walk starts; see `AddTask.as_of`.

    Attributes
    ----------
    tasks
        Every task that was planned, by id; the worker runs these objects.
    forced
        Ids of those that run although they are complete.
    """

    def __init__(
        self,
        *,
        run_id: str = "",
        worker_id: str = "",
        policy: RunPolicy = NATIVE,
        check: Predicate | None = None,
        force: Predicate | None = None,
        descend: bool = False,
        retry: RetryPolicy | None = None,
        timeout: float | None = None,
        guard: InterruptGuard | None = None,
        name_file: Callable[[str], str] | None = None,
    ) -> None:
        self.run_id = run_id
        self.worker_id = worker_id
        self.policy = policy
        self.tasks: dict[str, Task] = {}
        self.deps: dict[str, tuple[str, ...]] = {}
        self.forced: set[str] = set()
        self.as_of = 0
        self._check = check
        self._force = force
        self._descend = descend
        self._retry = retry
        self._timeout = timeout
        self._guard = guard or InterruptGuard()
        self._name_file = name_file
        #: Ids of those that are complete and need not run.
        self._complete: set[str] = set()
        self._facts: dict[type[Task], _Facts] = {}
        self._roots: set[str] = set()

    def expand(self, *roots: Task, again: bool = False) -> Iterator[AddTask]:
        """Walk from `roots`, requirements first.

        Parameters
        ----------
        again
            Ask the roots anew even if they were planned before (a requirement got lost).

        Yields
        ------
        AddTask
            One for each task that was not planned before. A task whose `complete()` or
            `requires()` raises comes as UNKNOWN with the error, without its requirements.

        Raises
        ------
        CycleError
            A task requires itself through others, unless the policy lets it pass.
        NotARequirementError
            Only where the policy says that a bad requirement stops the plan.
        """
        path: list[_Frame] = []
        self._roots.update(root.task_id for root in roots)
        for root in roots:
            if again:
                self._complete.discard(root.task_id)
                self.tasks.pop(root.task_id, None)
            if root.task_id not in self.tasks:
                yield from self._walk(root, path)

    def _walk(self, root: Task, path: list[_Frame]) -> Iterator[AddTask]:
        on_path: set[str] = set()
        tasks = self.tasks
        found: AddTask | _Frame = self._enter(root)
        while True:
            if type(found) is _Frame:
                path.append(found)
                on_path.add(found.task.task_id)
            else:
                yield found  # type: ignore[misc]
            while path:
                frame = path[-1]
                if frame.index == len(frame.deps):
                    path.pop()
                    on_path.discard(frame.task.task_id)
                    yield self._leave(frame)
                    continue
                dep = frame.deps[frame.index]
                frame.index += 1
                dep_id = dep.task_id
                if dep_id not in tasks:
                    found = self._enter(dep)
                    break
                if dep_id in on_path:
                    self._meet_cycle(dep, path)
            else:
                return

    def _enter(self, task: Task) -> AddTask | _Frame:
        """Ask `task`: the command if it is settled at once, a frame if requirements come first."""
        task_id = task.task_id
        self.tasks[task_id] = task
        cls = type(task)
        facts = self._facts.get(cls)
        if facts is None:
            facts = self._facts[cls] = _Facts(cls)
        complete = False
        if not facts.is_answered:
            answer = self._ask_complete(task)
            if type(answer) is not bool:
                _trigger(task, Event.DEPENDENCY_MISSING)
                return self._unplanned(task, facts, answer)
            external = is_external(task)
            if answer or self._force is not None:
                complete = self._settle(task, answer)
                if complete:
                    self._complete.add(task_id)
                    if external or not self._descend:
                        return self._add(task, facts, DONE)
            if external:
                _trigger(task, Event.DEPENDENCY_MISSING)
                return self._add(task, facts, PENDING, runnable=False)
        guard = self._guard
        guard.inside = True
        try:
            deps = requirements_of(task)
        except NotARequirementError as error:
            if self.policy.bad_requirement_stops_plan:
                raise
            return self._broken(task, facts, error)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the user's requires() may raise anything
            return self._broken(task, facts, error)
        finally:
            guard.inside = False
        if deps and has_handlers(cls):
            for dep in deps:
                _trigger(task, Event.DEPENDENCY_DISCOVERED, dep)
        if not deps and not facts.is_answered:
            return self._add(task, facts, DONE if complete else PENDING)
        return _Frame(task, deps, facts)

    def _leave(self, frame: _Frame) -> AddTask:
        """The command for a task whose requirements are planned."""
        task = frame.task
        deps = tuple(dict.fromkeys([dep.task_id for dep in frame.deps]))
        self.deps[task.task_id] = deps
        if frame.facts.is_answered:
            complete = self._settle(task, self._complete.issuperset(deps))
            if complete:
                self._complete.add(task.task_id)
        else:
            complete = task.task_id in self._complete
        status = DONE if complete else PENDING
        return self._add(task, frame.facts, status, deps=deps)

    def _settle(self, task: Task, complete: bool) -> bool:
        """The answer that counts: False where `task` is forced to run all the same."""
        if self._force is not None and self._force(task):
            if complete:
                self.forced.add(task.task_id)
            return False
        if complete:
            _trigger(task, Event.DEPENDENCY_PRESENT)
        return complete

    def _ask_complete(self, task: Task) -> bool | BaseException:
        guard = self._guard
        guard.inside = True
        try:
            answer: Any = self._check(task) if self._check is not None else task.complete()
            if answer is True or answer is False:
                return answer
            if answer in {1, 0}:  # a number, or NumPy's
                return bool(answer)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the user's complete() may raise anything
            return _no_target(task, error) if isinstance(error, AttributeError) else error
        finally:
            guard.inside = False
        return TypeError(f"complete() of {task} returned {answer!r}; it must return True or False")

    def _meet_cycle(self, dep: Task, path: list[_Frame]) -> None:
        if self.policy.cycle_is_error:
            tasks = [frame.task for frame in path]
            names = [str(task) for task in tasks[tasks.index(dep) :]]
            raise CycleError([*names, str(dep)])

    def _broken(self, task: Task, facts: _Facts, error: BaseException) -> AddTask:
        _trigger(task, Event.BROKEN_TASK, error)
        return self._unplanned(task, facts, error)

    def _unplanned(self, task: Task, facts: _Facts, error: BaseException) -> AddTask:
        info = describe_error(error, self._name_file, private=private_texts(task))
        return self._add(task, facts, UNKNOWN, runnable=False, error=info)

    def _add(
        self,
        task: Task,
        facts: _Facts,
        status: TaskStatus,
        *,
        deps: tuple[str, ...] = (),
        runnable: bool = True,
        error: ErrorInfo | None = None,
    ) -> AddTask:
        if status is PENDING and task.disabled:
            status = DISABLED
        timeout = task.worker_timeout
        record = _record(task, facts)
        # Where nobody will report the outputs and people ask for them.
        if (not runnable and status is PENDING) or (
            status is DONE and record.task_id in self._roots
        ):
            record = _try_outputs(record, task)
        return AddTask(
            run_id=self.run_id,
            worker_id=self.worker_id,
            task=record,
            status=status,
            deps=deps,
            runnable=runnable,
            retry=self._retry_of(task) if facts.retries else self._retry,
            timeout=self._timeout if timeout is None else timeout or None,
            batchable=bool(task.batchable) if facts.batchable is None else facts.batchable,
            as_of=self.as_of,
            error=error,
        )

    def _retry_of(self, task: Task) -> RetryPolicy | None:
        own = (task.retry_count, task.disable_hard_timeout, task.disable_window)
        base = self._retry or RetryPolicy()
        return RetryPolicy(
            retry_count=base.retry_count if own[0] is None else own[0],
            retry_delay=base.retry_delay if base.retry_delay is not None else 0.0,
            disable_hard_timeout=own[1],
            disable_window=own[2],
        )


def record_of(task: Task, *, describe: bool = False) -> TaskRecord:
    """`task` as data; with `describe` also its declared outputs, at most three."""
    record = _record(task, _Facts(type(task)))
    return _with_outputs(record, task) if describe else record


def _no_target(task: Task, error: AttributeError) -> Exception:
    """What to say where `complete()` failed for something in `output()` that is no target."""
    try:
        wrong = [each for each in flatten(task.output()) if not hasattr(each, "exists")]
    except Exception:  # noqa: BLE001 - then the first error is the one to tell
        return error
    if not wrong:
        return error
    found = shorten(repr(wrong[0]))
    return TypeError(
        f"output() of {task} returned {found}, which is a {type(wrong[0]).__name__} and no target. "
        f"Return nbflow.LocalTarget({found}), or another target."
    )


def _with_outputs(record: TaskRecord, task: Task) -> TaskRecord:
    targets = flatten(task.output())
    outputs = tuple(str(target) for target in targets[:3])
    return replace(record, has_output=bool(targets), outputs=outputs)


def _try_outputs(record: TaskRecord, task: Task) -> TaskRecord:
    try:
        return _with_outputs(record, task)
    except Exception:  # noqa: BLE001 - the user's output() may raise anything; it was asked
        return record


def _record(task: Task, facts: _Facts) -> TaskRecord:
    definition = facts.definition
    resources = task.process_resources() if facts.own_resources else task.resources
    return TaskRecord(
        task_id=task.task_id,
        family=definition.family,
        module=definition.module,
        params=task.params_json,
        unshown=definition.unshown,
        priority=task.priority,
        resources=dict(resources) if resources else None,
        is_external=definition.is_external or is_external(task),
        is_wrapper=definition.is_wrapper,
        has_output=facts.has_output,
        code_hash=definition.code_hash,
        code_version=definition.version,
    )


def _trigger(task: Task, event: str, *arguments: object) -> None:
    """Tell of an event, where anybody listens."""
    cls = type(task)
    if has_handlers(cls) or cls.trigger_event is not Task.trigger_event:
        task.trigger_event(event, task, *arguments)
