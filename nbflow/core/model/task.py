"""What a task is: parameters that name it, what it requires, what it makes, how it runs.

Source: behaviour and names are Luigi's (contract T-01 to T-95).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, TypeVar, dataclass_transform

from nbflow.core import context
from nbflow.core.errors import MASK, NotARequirementError, shorten
from nbflow.core.model import callbacks
from nbflow.core.model import parameters as kinds
from nbflow.core.model.construction import (
    TASK_ID_INCLUDE_PARAMS,
    TASK_ID_TRUNCATE_HASH,
    TASK_ID_TRUNCATE_PARAMS,
    initialize,
    parameters_of,
    plan_of,
    resolve_arguments,
    task_id_str,
)
from nbflow.core.model.definitions import newest, rebind, version_of
from nbflow.core.model.nested import flatten, flatten_output, getpaths
from nbflow.core.model.registry import UNSET_NAMESPACE, Register, resolve_namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from nbflow.core.model.parameters import Parameter

__all__ = [
    "TASK_ID_INCLUDE_PARAMS",
    "TASK_ID_TRUNCATE_HASH",
    "TASK_ID_TRUNCATE_PARAMS",
    "BaseTask",
    "BulkCompleteNotImplementedError",
    "Config",
    "DynamicRequirements",
    "ExternalTask",
    "MixinNaiveBulkComplete",
    "Task",
    "WrapperTask",
    "externalize",
    "flatten",
    "flatten_output",
    "getpaths",
    "is_external",
    "private_texts",
    "requirements_of",
    "task_id_str",
]

#: Characters below which a private value is too common to be masked in what others say.
_SECRET_LENGTH = 4

C = TypeVar("C", bound="Callable[..., Any]")
T = TypeVar("T", bound="BaseTask")


class BulkCompleteNotImplementedError(NotImplementedError):
    """A class of tasks cannot say for many at once which are complete."""


class BaseTask(metaclass=Register):
    """All that tasks do; `Task` adds what type checkers need to know of constructors."""

    # Filled late, and therefore no keys of the `__dict__`s that instances of a class share.
    __slots__ = ("__dict__", "__weakref__", "_params_json", "_task_id", "_values")

    if TYPE_CHECKING:
        _params_json: str
        _task_id: str
        _values: tuple[Any, ...]

    _visible_in_registry = True
    #: See `callbacks`; None on every class that has no handlers of its own or inherited.
    _event_handlers: callbacks.Handlers | None = None
    #: Not iterable, and quickly seen not to be (see `flatten`).
    __iter__ = None

    #: Part of the family before the class's name; inherited. Read it by `get_task_namespace`.
    task_namespace: str | None = UNSET_NAMESPACE
    #: Ready tasks of a higher one run first; handed down to what they require.
    priority: float = 0
    #: How much of which resource the task holds while it runs.
    resources: Mapping[str, int] = MappingProxyType({})
    #: Its requirements are planned, itself never runs.
    disabled: bool = False
    #: Seconds that it may run; None: what the run says; 0: as long as it likes.
    worker_timeout: float | None = None
    #: Most tasks in a batch.
    max_batch_size: float = float("inf")
    #: How often it may fail; None: what the run says.
    retry_count: int | None = None
    #: Seconds after the first failure from which on the next one disables it.
    disable_hard_timeout: float | None = None
    #: Seconds in which failures are counted.
    disable_window: float | None = None
    #: Who is told of its failures: addresses, as a list or with commas between.
    owner_email: str | Sequence[str] | None = None
    #: Whether `scheduler_messages` are wanted.
    accepts_messages: bool = False
    #: Whether the flags of a Config begin with its name.
    use_cmdline_section: bool = True

    if TYPE_CHECKING:

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    else:
        __init__ = initialize

    # What a task says of itself -----------------------------------------------------------

    def requires(self) -> Any:
        """Tasks that must be complete before this one runs: one, or a structure of them."""
        return []

    def output(self) -> Any:
        """Targets that `run` makes: one, or a structure of them."""
        return []

    def input(self) -> Any:
        """Outputs of what the task requires, in the structure of `requires()`."""
        return getpaths(self.requires())

    def run(self) -> Any:
        """Make the outputs. A generator yields tasks that it needs, and gets their outputs."""

    def complete(self) -> bool:
        """Whether all outputs exist. A task that declares none is never complete by itself."""
        outputs = flatten(self.output())
        for output in outputs:
            if not output.exists():
                return False
        return bool(outputs)

    def has_output(self) -> bool:
        """Whether the task declares any output; without, it is done when `run()` ends."""
        return bool(flatten(self.output()))

    def on_failure(self, exception: BaseException) -> Any:
        """Called where the task ran after `run()` raised; gives what is told of the failure."""
        import traceback

        return f"Runtime error:\n{''.join(traceback.format_exception(exception))}"

    def on_success(self) -> Any:
        """Called where the task ran after `run()` ended; gives what is told of the success."""

    @classmethod
    def bulk_complete(cls, parameter_tuples: Iterable[Any]) -> Iterable[Any]:
        """Give those of `parameter_tuples` whose tasks are complete, in one look."""
        del parameter_tuples
        raise BulkCompleteNotImplementedError(f"{cls.get_task_family()} has no bulk_complete()")

    def process_resources(self) -> Mapping[str, int]:
        """Give the resources that the scheduler is told of."""
        return self.resources

    def _requires(self) -> list[Any]:
        # Templates override it to require more than what is the task's input.
        return flatten(self.requires())

    def deps(self) -> list[Any]:
        """Give the flat list of required tasks."""
        return flatten(self._requires())

    # Names --------------------------------------------------------------------------------

    @classmethod
    def get_task_namespace(cls) -> str:
        """Give the part of the family before the class's name; '' where there is none (T-09)."""
        return resolve_namespace(cls)

    @classmethod
    def get_task_family(cls) -> str:
        """Give the name by which the class is known: namespace, dot, class name (T-08)."""
        namespace = cls.get_task_namespace()
        return f"{namespace}.{cls.__name__}" if namespace else cls.__name__

    if TYPE_CHECKING:
        # The metaclass has this property too, which type checkers do not find through `type`.
        task_family: str
    else:

        @property
        def task_family(self) -> str:
            """The name by which the class is known."""
            return self.get_task_family()

    @property
    def task_module(self) -> str:
        """The module that defines the class."""
        return type(self).__module__

    @property
    def task_id(self) -> str:
        """The task's name, which follows from its family and its significant parameters."""
        try:
            return self._task_id
        except AttributeError:
            return self._identify()

    @property
    def params_json(self) -> str:
        """JSON object of all but private parameters, serialized, in the order of positions."""
        if getattr(self, "_task_id", None) is None:
            self._identify()
        return self._params_json

    def _identify(self) -> str:
        describe = plan_of(type(self)).describe
        assert describe is not None
        self._task_id, self._params_json = describe(self._values)
        return self._task_id

    def initialized(self) -> bool:
        """Whether `__init__` was called; an override may have forgotten it (Luigi T-15)."""
        return hasattr(self, "_values")

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(other) is not type(self):
            return NotImplemented
        return self.task_id == other.task_id

    def __hash__(self) -> int:
        return hash(self.task_id)

    def describe(self) -> str:
        """`Family(a=1, b=x)` of the significant parameters; never raises.

        Private values are masked, hidden parameters are left out.
        """
        return self._named(with_hidden=False)

    def _named(self, *, with_hidden: bool) -> str:
        family = type(self).__name__
        try:
            family = self.task_family
            pairs = zip(parameters_of(type(self)).items(), self._values, strict=True)
            shown = [
                f"{name}={_shown(parameter, value)}"
                for (name, parameter), value in pairs
                if parameter.significant
                and (with_hidden or parameter.visibility is not kinds.ParameterVisibility.HIDDEN)
            ]
        except Exception as error:  # noqa: BLE001 - what the user overrode may raise anything
            return f"{family}(<{type(error).__name__}>)"
        return f"{family}({', '.join(shown)})"

    def __repr__(self) -> str:
        text = self._named(with_hidden=True)
        cls = type(self)
        if not cls._nbflow_record.is_outdated:
            return text
        version = version_of(cls)
        if version is None:
            return f"{text} (outdated)"
        return text if version == version_of(newest(cls)) else f"{text} (v{version}, outdated)"

    # Parameters ---------------------------------------------------------------------------

    @classmethod
    def get_params(cls) -> list[tuple[str, Parameter[Any]]]:
        """Give names and parameters, in the order in which they were declared (T-16)."""
        return list(parameters_of(cls).items())

    @classmethod
    def get_param_names(cls, include_significant: bool = False) -> list[str]:
        """Give the names of the significant parameters, or of all (T-17: the flag is misnamed)."""
        return [name for name, each in cls.get_params() if include_significant or each.significant]

    @classmethod
    def batch_param_names(cls) -> list[str]:
        """Give the names of parameters with a `batch_method`."""
        return [name for name, each in cls.get_params() if each.batch_method is not None]

    @classmethod
    def get_param_values(
        cls, params: Sequence[tuple[str, Any]], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> list[tuple[str, Any]]:
        """Give names and values of `params` in a call with these arguments (T-19)."""
        values = dict(zip(parameters_of(cls), resolve_arguments(cls, args, kwargs), strict=True))
        return [(name, values[name]) for name, _ in params]

    @property
    def param_kwargs(self) -> dict[str, Any]:
        """All parameters with the values that the task was made with."""
        return dict(zip(parameters_of(type(self)), self._values, strict=True))

    @property
    def param_args(self) -> tuple[Any, ...]:
        """Deprecated: the values alone."""
        warnings.warn("param_args is deprecated: use param_kwargs", DeprecationWarning, 2)
        return self._values

    @property
    def batchable(self) -> bool:
        """Whether several of these tasks may run as one."""
        return bool(self.batch_param_names())

    @classmethod
    def from_str_params(cls, params_str: Mapping[str, Any]) -> Self:
        """Make a task of serialized parameters; lists are batches, unknown names are ignored."""
        return cls(
            **{
                name: each.parse_list(text) if isinstance(text, list) else each.parse(text)
                for name, each in cls.get_params()
                if (text := params_str.get(name)) is not None
            }
        )

    def to_str_params(
        self, only_significant: bool = False, only_public: bool = False
    ) -> dict[str, str]:
        """Give the serialized parameters, always without private ones (T-58)."""
        values = self.param_kwargs
        return {
            name: each.serialize(values[name])
            for name, each in self.get_params()
            if not each.is_private
            and (each.significant or not only_significant)
            and (each.visibility is kinds.ParameterVisibility.PUBLIC or not only_public)
        }

    def _get_param_visibilities(self) -> dict[str, int]:
        return {
            name: each.visibility.serialize()
            for name, each in self.get_params()
            if not each.is_private
        }

    def clone(self, cls: Any = None, **kwargs: Any) -> Any:
        """Make another task, of `cls` or the same class, with what this one has (T-55).

        For each parameter: the keyword, else this task's attribute of that name, else what it is
        when it is not given. Other keywords are ignored.
        """
        cls = type(self) if cls is None else newest(cls)
        given = {}
        for name in parameters_of(cls):
            if name in kwargs:
                given[name] = kwargs[name]
            elif hasattr(self, name):
                given[name] = getattr(self, name)
        return cls(**given)

    def _owner_list(self) -> list[str]:
        owners = self.owner_email
        if owners is None:
            return []
        return owners.split(",") if isinstance(owners, str) else list(owners)

    @property
    def disable_window_seconds(self) -> float | None:
        """Deprecated spelling of `disable_window`."""
        warnings.warn("use disable_window", DeprecationWarning, 2)
        return self.disable_window

    # Callbacks ----------------------------------------------------------------------------

    @classmethod
    def event_handler(cls, event: Hashable) -> Callable[[C], C]:
        """Decorate a function that is called for `event` of these tasks and of subclasses'."""
        return lambda callback: callbacks.add_handler(cls, event, callback)

    @classmethod
    def remove_event_handler(cls, event: Hashable, callback: Callable[..., Any]) -> None:
        """Call `callback` no longer; KeyError where it is not registered for this very class."""
        callbacks.remove_handler(cls, event, callback)

    def trigger_event(self, event: Hashable, *args: Any, **kwargs: Any) -> None:
        """Call the handlers of `event`; what they raise is logged."""
        callbacks.trigger(self, event, *args, **kwargs)

    # While it runs ------------------------------------------------------------------------

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """Say how far `run()` is: `done` of `total`, or the fraction `done` from 0 to 1.

        At most some ten a second are passed on, and always the last. Nothing happens outside of a
        run.
        """
        if total is not None:
            message = f"{done:g}/{total:g}{f' {message}' if message else ''}"
        fraction = done if total is None else done / total if total else 0.0
        _report(fraction=min(max(fraction, 0.0), 1.0), message=message)

    def status(self, text: str) -> None:
        """Say what `run()` does now. Nothing happens outside of a run."""
        _report(message=str(text))

    def set_progress_percentage(self, percentage: float) -> None:
        """Say how far `run()` is, from 0 to 100 (Luigi's spelling)."""
        self.progress(percentage / 100)

    def set_status_message(self, message: str) -> None:
        """Say what `run()` does now (Luigi's spelling)."""
        self.status(message)

    def set_tracking_url(self, url: str) -> None:
        """Say where the work of `run()` can be watched."""
        _report(tracking_url=url)

    def decrease_running_resources(self, decrease_resources: Mapping[str, int]) -> None:
        """Give back a part of the resources that the task holds while it runs."""
        current = context.current()
        if current is not None and current.reporter is not None:
            current.reporter.decrease_resources(decrease_resources)

    @property
    def scheduler_messages(self) -> Any:
        """Queue of messages to the running task; None if it takes none, or does not run."""
        current = context.current()
        return None if current is None else current.messages

    @contextmanager
    def no_unpicklable_properties(self) -> Iterator[None]:
        """Do nothing: a task holds nothing that cannot be pickled (kept for Luigi's T-77)."""
        yield


@dataclass_transform(
    eq_default=False,
    kw_only_default=True,
    # Without BoolParameter and the optional ones: what is no specifier counts as having a default,
    # and these have one that is not written.
    field_specifiers=(
        kinds.Parameter,
        kinds.ChoiceListParameter,
        kinds.ChoiceParameter,
        kinds.DateHourParameter,
        kinds.DateIntervalParameter,
        kinds.DateMinuteParameter,
        kinds.DateParameter,
        kinds.DateSecondParameter,
        kinds.DictParameter,
        kinds.EnumListParameter,
        kinds.EnumParameter,
        kinds.FloatParameter,
        kinds.IntParameter,
        kinds.ListParameter,
        kinds.MonthParameter,
        kinds.NumericalParameter,
        kinds.PathParameter,
        kinds.StrParameter,
        kinds.TaskParameter,
        kinds.TimeDeltaParameter,
        kinds.TupleParameter,
        kinds.YearParameter,
    ),
)
class Task(BaseTask):
    """A unit of work: subclass it, declare parameters, override `requires`, `output` and `run`.

    Two calls with equal values give one instance, as long as somebody holds it.
    """


class ExternalTask(Task):
    """Something that others make; it has an output and no `run`."""

    run: Any = None


class WrapperTask(Task):
    """A task that stands for others, and is complete when they are."""

    def complete(self) -> bool:
        """Whether all that it requires is complete."""
        return all(task.complete() for task in flatten(self.requires()))


class Config(Task):
    """A section of the configuration with types; never run."""


class DynamicRequirements:
    """Requirements that `run` yields, with a way to ask for their completeness at once.

    Parameters
    ----------
    custom_complete
        Called with a function that says whether one task is complete.
    """

    def __init__(
        self,
        requirements: Any,
        custom_complete: Callable[[Callable[[Any], bool]], bool] | None = None,
    ) -> None:
        self.requirements = requirements
        self.custom_complete = custom_complete
        self._flat: list[Any] | None = None
        self._paths: Any = None

    @property
    def flat_requirements(self) -> list[Any]:
        """The yielded tasks as one list."""
        if self._flat is None:
            self._flat = flatten(self.requirements)
        return self._flat

    @property
    def paths(self) -> Any:
        """Their outputs, in the structure in which they were yielded."""
        if self._paths is None:
            self._paths = getpaths(self.requirements)
        return self._paths

    def complete(self, complete_fn: Callable[[Any], bool] | None = None) -> bool:
        """Whether all are complete; `complete_fn` says it for one, by default the task itself."""
        if complete_fn is None:
            complete_fn = _complete
        if self.custom_complete is not None:
            return self.custom_complete(complete_fn)
        return all(complete_fn(task) for task in self.flat_requirements)


class MixinNaiveBulkComplete:
    """Gives a class of tasks a `bulk_complete` that asks one after the other."""

    @classmethod
    def bulk_complete(cls, parameter_tuples: Iterable[Any]) -> list[Any]:
        """Give those of `parameter_tuples` whose tasks are complete."""
        return [each for each in parameter_tuples if _called_with(cls, each).complete()]


def externalize(task_or_class: Any) -> Any:
    """Make an external copy: the same task, or class of tasks, without its `run` (T-52).

    The class that is made cannot be found by name; the original still can.
    """
    if isinstance(task_or_class, Register):
        return derive(task_or_class, {"run": None, "_visible_in_registry": False})
    from copy import copy

    external = copy(task_or_class)
    external.run = None
    return external


def derive(cls: Register, body: Mapping[str, Any]) -> Any:
    """Make a subclass of `cls` that stands under the same name."""
    same = {
        "__doc__": cls.__doc__,
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "_namespace_at_class_time": cls._namespace_at_class_time,
    }
    return type(cls)(cls.__name__, (cls,), {**same, **body})


def is_external(task_or_class: Any) -> bool:
    """Whether there is no `run`: somebody else makes what the task stands for (T-51)."""
    run = task_or_class.run
    return run is None or run is NotImplemented


def requirements_of(task: BaseTask) -> list[Task]:
    """Give the tasks that `task` requires, each on the newest definition of its class.

    Raises
    ------
    NotARequirementError
        `requires()` gave something that is not a task.
    StaleInstanceError
        A required task no longer fits the newest definition of its class.
    """
    cls = type(task)
    if cls.deps is BaseTask.deps and cls._requires is BaseTask._requires:
        required = task.requires()
        if type(required) is list and not required:  # many tasks require nothing
            return required
        found = flatten(required)
    else:
        found = task.deps()
    for index, dep in enumerate(found):
        kind = type(dep)
        if not isinstance(kind, Register):
            raise NotARequirementError(
                f"{task.describe()} requires {shorten(repr(dep))}, which is a {kind.__name__} and "
                "no task. Return the task that makes it; for a file that is simply there, an "
                "ExternalTask whose output() it is."
            )
        if kind._nbflow_record.is_outdated:
            found[index] = rebind(dep)
    return found


def private_texts(task: Task) -> list[str]:
    """The values of private parameters as text, without those too short to be secrets; no error.

    The longest come first, so that none is masked in part.
    """
    waiting: list[Any] = [
        getattr(task, name, None) for name, parameter in task.get_params() if parameter.is_private
    ]
    texts: set[str] = set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple, set, frozenset)):
            waiting.extend(value)
        elif value is not None:
            text = str(value)
            # As it stands in a repr too, where a quote or a line's end is escaped.
            texts.update((text, repr(text)[1:-1]))
    return sorted((text for text in texts if len(text) >= _SECRET_LENGTH), key=len, reverse=True)


def _shown(parameter: Parameter[Any], value: Any) -> str:
    return MASK if parameter.is_private else shorten(parameter.serialize(value))


def _report(**news: Any) -> None:
    current = context.current()
    if current is not None:
        current.report(**news)


def _complete(task: Any) -> bool:
    return bool(task.complete())


def _called_with(cls: Any, given: Any) -> Any:
    if isinstance(given, (list, tuple)):
        return cls(*given)
    return cls(**given) if isinstance(given, dict) else cls(given)
