"""What ranges have in common: which points they want, and what they tell of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from warnings import warn

from nbflow.core.errors import ParameterError, shorten
from nbflow.core.model.callbacks import Event
from nbflow.core.model.parameters import (
    BoolParameter,
    DictParameter,
    IntParameter,
    Parameter,
    TaskParameter,
)
from nbflow.core.model.task import Task, WrapperTask

if TYPE_CHECKING:
    from collections.abc import Sequence


#: None as the default of a parameter that, to a type checker, has no None.
NOT_GIVEN: Any = None


class RangeEvent(Event):
    """What a range says when it is planned; handlers get (family of the tasks, value)."""

    #: How many points are complete.
    COMPLETE_COUNT = "event.tools.range.complete.count"
    #: The same as a fraction.
    COMPLETE_FRACTION = "event.tools.range.complete.fraction"
    #: How many points there are from the first that is missing.
    DELAY = "event.tools.range.delay"


class _NameParameter(Parameter[Any]):
    """A name, or None; it does not warn of None."""


class RangeBase(WrapperTask):
    """A task that requires another one at each point of a span where it is not complete.

    Subclasses say which points there are, and what each is called.
    """

    of = TaskParameter(description="family of the recurring task")
    of_params = DictParameter(default={}, description="its other parameters, as JSON")
    start: Any = Parameter(description="first point")
    stop: Any = Parameter(description="first point that is not wanted any more")
    reverse = BoolParameter(default=False, description="the latest points first")
    task_limit = IntParameter(default=50, description="most tasks that are required at once")
    now: Any = IntParameter(default=NOT_GIVEN, description="Unix seconds that count as the present")
    param_name = _NameParameter(
        default=None,
        positional=False,
        description="parameter that takes the point; by default the first by position",
    )

    # What a kind of range says ------------------------------------------------------------

    def datetime_to_parameter(self, dt: datetime) -> Any:
        """Give the parameter's value for a point."""
        raise NotImplementedError(f"{type(self).__name__} has no datetime_to_parameter()")

    def parameter_to_datetime(self, p: Any) -> datetime:
        """Give the point of a parameter's value."""
        raise NotImplementedError(f"{type(self).__name__} has no parameter_to_datetime()")

    def moving_start(self, now: datetime) -> datetime:
        """Give the earliest point that is looked at."""
        raise NotImplementedError(f"{type(self).__name__} has no moving_start()")

    def moving_stop(self, now: datetime) -> datetime:
        """Give the time from which on points are not looked at."""
        raise NotImplementedError(f"{type(self).__name__} has no moving_stop()")

    def finite_datetimes(self, finite_start: datetime, finite_stop: datetime) -> list[datetime]:
        """Give the points from `finite_start` to before `finite_stop`, in order."""
        raise NotImplementedError(f"{type(self).__name__} has no finite_datetimes()")

    def datetime_to_parameters(self, dt: datetime) -> dict[str, Any]:
        """Give the parameters of the task at a point."""
        return self._task_parameters(dt)

    def parameters_to_datetime(self, p: dict[str, Any]) -> datetime:
        """Give the point of a task's parameters."""
        return self.parameter_to_datetime(p[self._param_name])

    def missing_datetimes(self, finite_datetimes: Sequence[datetime]) -> list[datetime]:
        """Give those points at which the task is not complete."""
        return [
            point for point in finite_datetimes if not self._instantiate_task_cls(point).complete()
        ]

    # What all have in common --------------------------------------------------------------

    @property
    def of_cls(self) -> type[Task]:
        """Deprecated: the class of the recurring task."""
        warn("of_cls is deprecated: use of", DeprecationWarning, stacklevel=2)
        return self._of

    def requires(self) -> list[Task]:
        """Give the tasks that are not complete, at most `task_limit`; asked for once.

        Raises
        ------
        ParameterError
            `start` or `stop` is missing, or they are the wrong way round.
        """
        found: list[Task] | None = self.__dict__.get("_required")
        if found is None:
            found = self._required = [self._instantiate_task_cls(point) for point in self._points()]
        return found

    def _points(self) -> list[datetime]:
        """The missing points within reach, in the order in which they are wanted."""
        self._check_span()
        begin, end = self._reach()
        missing = sorted(self._missing(self.finite_datetimes(begin, end)))
        self._tell(missing, begin, end)
        if self.reverse:
            return missing[: -self.task_limit - 1 : -1]
        return missing[: self.task_limit]

    def _check_span(self) -> None:
        if not self.start and not self.stop:
            raise ParameterError(f"{self.task_family} needs start, stop or both.")
        if not self.start and not self.reverse:
            raise ParameterError(f"{self.task_family} without start needs reverse=True.")
        if self.start and self.stop and self.start > self.stop:
            raise ParameterError(
                f"{self.task_family}: start={self.start} lies after stop={self.stop}."
            )

    def _reach(self) -> tuple[datetime, datetime]:
        if self.now is None:
            now = datetime.now(UTC).replace(tzinfo=None)
        else:
            now = datetime.fromtimestamp(self.now, UTC).replace(tzinfo=None)
        begin, end = self.moving_start(now), self.moving_stop(now)
        if self.start:
            begin = max(begin, self.parameter_to_datetime(self.start))
        if self.stop:
            end = min(end, self.parameter_to_datetime(self.stop))
        return begin, end

    def _missing(self, points: list[datetime]) -> list[datetime]:
        try:
            return self.missing_datetimes(points)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise
            warn(
                f"{type(self).__name__}.missing_datetimes() takes the points alone",
                DeprecationWarning,
                stacklevel=2,
            )
            return self.missing_datetimes(self._of, points)  # type: ignore[call-arg, arg-type]

    def _tell(self, missing: list[datetime], begin: datetime, end: datetime) -> None:
        """Fire the events; they count the whole span as far as it is closed."""
        if self.start:
            begin = min(begin, self.parameter_to_datetime(self.start))
        if self.stop:
            end = max(end, self.parameter_to_datetime(self.stop))
        points = self.finite_datetimes(begin, end)
        family = self._of.task_family
        delay = len(points) - points.index(missing[0]) if points and missing else 0
        complete = len(points) - len(missing)
        self.trigger_event(RangeEvent.DELAY, family, delay)
        self.trigger_event(RangeEvent.COMPLETE_COUNT, family, complete)
        fraction = complete / len(points) if points else 1.0
        self.trigger_event(RangeEvent.COMPLETE_FRACTION, family, fraction)

    @property
    def _of(self) -> type[Task]:
        of: Any = self.of
        if isinstance(of, str):
            raise ParameterError(f"of={shorten(of)}: in code, give the class itself.")
        return self.of

    @property
    def _param_name(self) -> str:
        if self.param_name is not None:
            return str(self.param_name)
        for name, parameter in self._of.get_params():
            if parameter.positional:
                return name
        raise ParameterError(f"{self._of.task_family} takes no value by position; give param_name.")

    def _task_parameters(self, point: datetime) -> dict[str, Any]:
        return {**self.of_params, self._param_name: self.datetime_to_parameter(point)}

    def _instantiate_task_cls(self, point: datetime) -> Task:
        return self._of(**self.datetime_to_parameters(point))
