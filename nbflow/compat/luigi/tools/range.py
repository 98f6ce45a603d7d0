"""`luigi.tools.range`: require a recurring task for each day, hour, minutes or month of a span.

The span is half open; points that lie too far from now are left out. The `...Base` classes ask
each task whether it is complete, the others ask for all at once: by the class's `bulk_complete`,
else by one listing of the files that the tasks declare.

Source: contract X-01 to X-21. Ours reads existence from the targets' file systems, for which no
pattern of the path has to be guessed (X-15, X-18); what declares other targets is asked task by
task.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nbflow.compat.luigi.tools.bulk import infer_bulk_complete_from_fs, missing_in_bulk
from nbflow.compat.luigi.tools.range_base import NOT_GIVEN, RangeBase, RangeEvent
from nbflow.core.errors import ParameterError
from nbflow.core.model.parameters import (
    DateHourParameter,
    DateMinuteParameter,
    DateParameter,
    IntParameter,
    MonthParameter,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "RangeBase",
    "RangeByMinutes",
    "RangeByMinutesBase",
    "RangeDaily",
    "RangeDailyBase",
    "RangeEvent",
    "RangeHourly",
    "RangeHourlyBase",
    "RangeMonthly",
    "infer_bulk_complete_from_fs",
]


class RangeDailyBase(RangeBase):
    """A task for each day."""

    start: Any = DateParameter(default=NOT_GIVEN, description="first day")
    stop: Any = DateParameter(
        default=NOT_GIVEN, description="first day that is not wanted any more"
    )
    days_back = IntParameter(default=100, description="how far back from now days are looked at")
    days_forward = IntParameter(default=0, description="how far ahead days are looked at")

    def datetime_to_parameter(self, dt: datetime) -> date:
        return dt.date()

    def parameter_to_datetime(self, p: date) -> datetime:
        return datetime(p.year, p.month, p.day)  # noqa: DTZ001 - naive by contract

    def moving_start(self, now: datetime) -> datetime:
        return now - timedelta(days=self.days_back)

    def moving_stop(self, now: datetime) -> datetime:
        return now + timedelta(days=self.days_forward)

    def finite_datetimes(self, finite_start: datetime, finite_stop: datetime) -> list[datetime]:
        return _multiples(timedelta(days=1), finite_start, finite_stop)


class RangeHourlyBase(RangeBase):
    """A task for each hour."""

    start: Any = DateHourParameter(default=NOT_GIVEN, description="first hour")
    stop: Any = DateHourParameter(
        default=NOT_GIVEN, description="first hour that is not wanted any more"
    )
    hours_back = IntParameter(default=2400, description="how far back from now hours are looked at")
    hours_forward = IntParameter(default=0, description="how far ahead hours are looked at")

    def datetime_to_parameter(self, dt: datetime) -> datetime:
        return dt

    def parameter_to_datetime(self, p: datetime) -> datetime:
        return p

    def moving_start(self, now: datetime) -> datetime:
        return now - timedelta(hours=self.hours_back)

    def moving_stop(self, now: datetime) -> datetime:
        return now + timedelta(hours=self.hours_forward)

    def finite_datetimes(self, finite_start: datetime, finite_stop: datetime) -> list[datetime]:
        return _multiples(timedelta(hours=1), finite_start, finite_stop)


class RangeByMinutesBase(RangeBase):
    """A task for each so many minutes of an hour."""

    start: Any = DateMinuteParameter(default=NOT_GIVEN, description="first minute")
    stop: Any = DateMinuteParameter(
        default=NOT_GIVEN, description="first minute that is not wanted any more"
    )
    minutes_back = IntParameter(
        default=1440, description="how far back from now minutes are looked at"
    )
    minutes_forward = IntParameter(default=0, description="how far ahead minutes are looked at")
    minutes_interval = IntParameter(
        default=1, description="minutes from one task to the next; divides 60"
    )

    def datetime_to_parameter(self, dt: datetime) -> datetime:
        return dt

    def parameter_to_datetime(self, p: datetime) -> datetime:
        return p

    def moving_start(self, now: datetime) -> datetime:
        return now - timedelta(minutes=self.minutes_back)

    def moving_stop(self, now: datetime) -> datetime:
        return now + timedelta(minutes=self.minutes_forward)

    def finite_datetimes(self, finite_start: datetime, finite_stop: datetime) -> list[datetime]:
        interval = self.minutes_interval
        if not 0 < interval < 60 or 60 % interval:
            raise ParameterError(
                f"minutes_interval={interval}: choose a divisor of 60 that is below it."
            )
        return _multiples(timedelta(minutes=interval), finite_start, finite_stop)


class RangeDaily(RangeDailyBase):
    """A task for each day; asks for all at once."""

    def missing_datetimes(self, finite_datetimes: Sequence[datetime]) -> list[datetime]:
        return missing_in_bulk(self, finite_datetimes)


class RangeHourly(RangeHourlyBase):
    """A task for each hour; asks for all at once."""

    def missing_datetimes(self, finite_datetimes: Sequence[datetime]) -> list[datetime]:
        return missing_in_bulk(self, finite_datetimes)


class RangeByMinutes(RangeByMinutesBase):
    """A task for each so many minutes of an hour; asks for all at once."""

    def missing_datetimes(self, finite_datetimes: Sequence[datetime]) -> list[datetime]:
        return missing_in_bulk(self, finite_datetimes)


class RangeMonthly(RangeBase):
    """A task for each month."""

    start: Any = MonthParameter(default=NOT_GIVEN, description="first month")
    stop: Any = MonthParameter(
        default=NOT_GIVEN, description="first month that is not wanted any more"
    )
    months_back = IntParameter(default=13, description="how far back from now months are looked at")
    months_forward = IntParameter(default=0, description="how far ahead months are looked at")

    def datetime_to_parameter(self, dt: datetime) -> date:
        return dt.date()

    def parameter_to_datetime(self, p: date) -> datetime:
        return datetime(p.year, p.month, 1)  # noqa: DTZ001 - naive by contract

    def moving_start(self, now: datetime) -> datetime:
        return _month(now, -self.months_back)

    def moving_stop(self, now: datetime) -> datetime:
        return _month(now, self.months_forward)

    def finite_datetimes(self, finite_start: datetime, finite_stop: datetime) -> list[datetime]:
        first = _month(finite_start, 0)
        if first < finite_start:
            first = _month(first, 1)
        points = []
        while first < finite_stop:
            points.append(first)
            first = _month(first, 1)
        return points


def _multiples(step: timedelta, begin: datetime, end: datetime) -> list[datetime]:
    """Points at whole multiples of `step` from midnight, from `begin` to before `end`."""
    midnight = datetime(begin.year, begin.month, begin.day)  # noqa: DTZ001 - naive by contract
    point = midnight + -((midnight - begin) // step) * step
    points = []
    while point < end:
        points.append(point)
        point += step
    return points


def _month(moment: datetime, months: int) -> datetime:
    """The beginning of the month that lies `months` after that of `moment`."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return datetime(year, month + 1, 1)  # noqa: DTZ001 - naive by contract
