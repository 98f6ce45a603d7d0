"""Parameters of time: a day, month, year, hour, minute, second, an interval, a duration.

All are naive; an aware datetime is refused. Values are floored to every `interval`-th unit from
`start` on (P-34 to P-37).

Source: formats and flooring are Luigi's (P-34 to P-40).
"""

from __future__ import annotations

import re
import warnings
from datetime import MINYEAR, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from nbflow.core.errors import ParameterError
from nbflow.core.model import interval as intervals
from nbflow.core.model.parameters.base import NO_VALUE, Parameter

if TYPE_CHECKING:
    from typing import Unpack

    from nbflow.core.model.interval import DateInterval
    from nbflow.core.model.parameters.base import CommonOptions, NoValue

D = TypeVar("D", date, datetime)

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - all values are naive

#: How `isoformat` writes what a format of `strftime` says, several times faster.
_TIMESPECS: Final = {
    "%Y-%m-%dT%H": "hours",
    "%Y-%m-%dT%H%M": "minutes",
    "%Y-%m-%dT%H%M%S": "seconds",
}

# Regular expressions are compiled on first use: importing must be cheap.

#: Year to second of a text that has the form of a date but is none.
_FIELDS: Final = r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d)(?:(\d\d)(?:(\d\d))?)?)?)?)?"


class _TimeParameter(Parameter[D]):
    """What days and times have in common: a format, an interval, a start."""

    #: Format of `strftime` and `strptime`; a subclass may have its own.
    date_format: str
    _type: type[date]

    def _declare(
        self,
        default: D | NoValue = NO_VALUE,
        interval: int = 1,
        start: D | None = None,
        **options: Unpack[CommonOptions],
    ) -> None:
        super()._declare(default, **options)
        if interval < 1:
            raise ParameterError(f"interval={interval}: at least 1 is needed.")
        self.interval = interval
        self.start: Any = self._epoch() if start is None else start

    if TYPE_CHECKING:

        def __new__(  # type: ignore[misc]
            cls,
            default: D = ...,
            interval: int = ...,
            start: D | None = ...,
            **options: Unpack[CommonOptions],
        ) -> D: ...

    else:
        __init__ = _declare

    def _epoch(self) -> date:
        return _EPOCH

    def validate(self, value: Any) -> Any:
        if not isinstance(value, self._type):
            raise TypeError(value)
        return value

    def _require_time(self, value: Any) -> None:
        """Raise unless `value` is a naive date or datetime."""
        if not isinstance(value, date):
            raise self.bad_value(value, TypeError(self._expected(value)))
        if isinstance(value, datetime) and value.tzinfo is not None:
            reason = "it has a time zone, and parameters are naive; .replace(tzinfo=None) drops it"
            raise self.bad_value(value, TypeError(reason))

    def _expected(self, value: Any) -> str:
        expected = f"expected a datetime.{self._type.__name__}, got {type(value).__name__}"
        try:
            return f"{expected}; write {self.parse(value)!r}"
        except (TypeError, ValueError):
            return expected

    def _reason(self, value: Any, cause: BaseException | None) -> str:
        if self.is_private or not isinstance(value, str):
            return super()._reason(value, cause)
        if isinstance(cause, TypeError):
            return str(cause)
        fields = re.fullmatch(_FIELDS, value)
        return (fields and _misfit(fields)) or f"not of the form {self._form()}"

    def _form(self) -> str:
        form = self.date_format
        for code, letters in (
            ("%Y", "YYYY"),
            ("%m", "MM"),
            ("%d", "DD"),
            ("%H", "hh"),
            ("%M", "mm"),
            ("%S", "ss"),
        ):
            form = form.replace(code, letters)
        return form


class _DateParameterBase(_TimeParameter[date]):
    """A day; a granularity of your own is a subclass with another `date_format` (P-55)."""

    annotation = date
    _type = date

    def _epoch(self) -> date:
        return _EPOCH.date()

    def parse(self, text: str) -> date:
        return datetime.strptime(text, self.date_format).date()  # noqa: DTZ007

    def serialize(self, value: Any) -> str:
        if type(value) is date and self.date_format == "%Y-%m-%d":
            return value.isoformat()
        # glibc's %Y does not pad years below 1000, and cannot read what it wrote.
        if not isinstance(value, date):
            return str(value)
        return value.strftime(self.date_format.replace("%Y", f"{value.year:04}"))

    def validate(self, value: Any) -> date:
        if isinstance(value, datetime):
            return value.date()
        day: date = super().validate(value)
        return day


class DateParameter(_DateParameterBase):
    """A day, `YYYY-MM-DD`; a datetime given to the constructor loses its time.

    Parameters
    ----------
    interval
        Keep only every `interval`-th day: others are floored to it.
    start
        The day from which is counted; 1970-01-01 if omitted.
    """

    date_format = "%Y-%m-%d"
    fast_type: type | None = date
    example = "2026-08-22"

    def _declare(
        self,
        default: date | NoValue = NO_VALUE,
        interval: int = 1,
        start: date | None = None,
        **options: Unpack[CommonOptions],
    ) -> None:
        super()._declare(default, interval, start, **options)
        if interval != 1:
            self.fast_type = None

    if not TYPE_CHECKING:
        __init__ = _declare

    def normalize(self, value: Any) -> Any:
        if value is None:
            return None
        self._require_time(value)
        day = value.date() if isinstance(value, datetime) else value
        excess = (day - self.start).days % self.interval
        return day - timedelta(days=excess) if excess else day

    def next_in_enumeration(self, value: date) -> date:
        return value + timedelta(days=self.interval)


class MonthParameter(DateParameter):
    """A month, `YYYY-MM`, as its first day; takes any day of it and `interval.Month`.

    `interval` counts months from `start`.
    """

    date_format = "%Y-%m"
    example = "2026-08"

    def normalize(self, value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, intervals.Month):
            value = value.date_a
        self._require_time(value)
        months = value.year * 12 + value.month - 1
        return _month(months - (months - self._first_month()) % self.interval)

    def next_in_enumeration(self, value: date) -> date:
        return _month(value.year * 12 + value.month - 1 + self.interval)

    def _first_month(self) -> int:
        months: int = self.start.year * 12 + self.start.month - 1
        return months


class YearParameter(DateParameter):
    """A year, `YYYY`, as its first day; takes any day of it and `interval.Year`.

    `interval` counts years from the year of `start`.
    """

    date_format = "%Y"
    example = "2026"

    def normalize(self, value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, intervals.Year):
            value = value.date_a
        self._require_time(value)
        return date(value.year - (value.year - self.start.year) % self.interval, 1, 1)

    def next_in_enumeration(self, value: date) -> date:
        return value.replace(year=value.year + self.interval)


class _DatetimeParameterBase(_TimeParameter[datetime]):
    """A time; a granularity of your own has its own `date_format` and `_timedelta` (P-55)."""

    annotation = datetime
    _type = datetime
    #: One unit.
    _timedelta: timedelta

    def _declare(
        self,
        default: datetime | NoValue = NO_VALUE,
        interval: int = 1,
        start: datetime | None = None,
        **options: Unpack[CommonOptions],
    ) -> None:
        super()._declare(default, interval, start, **options)
        self._step = round(self._timedelta.total_seconds()) * interval

    if not TYPE_CHECKING:
        __init__ = _declare

    def parse(self, text: str) -> datetime:
        return datetime.strptime(text, self.date_format)  # noqa: DTZ007

    def serialize(self, value: Any) -> str:
        if not isinstance(value, date):
            return str(value)
        timespec = _TIMESPECS.get(self.date_format)
        if timespec is None or type(value) is not datetime or value.tzinfo is not None:
            return value.strftime(self.date_format)
        return value.isoformat(timespec=timespec).replace(":", "")

    def normalize(self, value: Any) -> Any:
        if value is None:
            return None
        self._require_time(value)
        if not isinstance(value, datetime):
            value = datetime.combine(value, time.min)
        since = value - self.start
        excess = (since.days * 86400 + since.seconds) % self._step
        if excess or value.microsecond:
            return value - timedelta(seconds=excess, microseconds=value.microsecond)
        return value

    def next_in_enumeration(self, value: datetime) -> datetime:
        return value + self._timedelta * self.interval

    def validate(self, value: Any) -> datetime:
        moment: datetime = super().validate(value)
        # A pandas.Timestamp would need pandas wherever the task runs.
        if type(moment) is datetime:
            return moment
        return datetime.combine(moment.date(), moment.time())


class DateHourParameter(_DatetimeParameterBase):
    """An hour, `YYYY-MM-DDThh`; `interval` counts hours from `start`, 1970-01-01 if omitted."""

    date_format = "%Y-%m-%dT%H"
    _timedelta = timedelta(hours=1)
    example = "2026-08-22T14"


class DateMinuteParameter(_DatetimeParameterBase):
    """A minute, `YYYY-MM-DDThhmm`; `interval` counts minutes. `hhHmm` is read too, deprecated."""

    date_format = "%Y-%m-%dT%H%M"
    _timedelta = timedelta(minutes=1)
    example = "2026-08-22T1405"

    def parse(self, text: str) -> datetime:
        try:
            value = datetime.strptime(text, "%Y-%m-%dT%HH%M")  # noqa: DTZ007
        except ValueError:
            return super().parse(text)
        warnings.warn(
            f"{text}: the H between hours and minutes is deprecated, leave it out",
            DeprecationWarning,
            stacklevel=2,
        )
        return value


class DateSecondParameter(_DatetimeParameterBase):
    """A second, `YYYY-MM-DDThhmmss`; `interval` counts seconds."""

    date_format = "%Y-%m-%dT%H%M%S"
    _timedelta = timedelta(seconds=1)
    example = "2026-08-22T140530"


class DateIntervalParameter(Parameter[intervals.DateInterval]):
    """A span of days: `2026`, `2026-08`, `2026-W31`, `2026-08-22` or `2026-08-01-2026-08-22`."""

    annotation = intervals.DateInterval
    fast_type = None
    example = "2026-W31"

    def parse(self, text: str) -> DateInterval:
        return intervals.parse(text)

    def validate(self, value: Any) -> DateInterval:
        if not isinstance(value, intervals.DateInterval):
            raise TypeError("not a date interval")
        return value


_WORDS: Final = (
    r"(?:(?P<weeks>-?\d+) ?w(?:eek)?s? ?)?"
    r"(?:(?P<days>\d+) ?d(?:ay)?s? ?)?"
    r"(?:(?P<hours>\d+) ?h(?:our)?s? ?)?"
    r"(?:(?P<minutes>\d+) ?m(?:inute)?s? ?)?"
    r"(?:(?P<seconds>\d+(?:\.\d{1,6})?) ?s(?:econd)?s? ?)?"
)
_ISO_8601: Final = (
    r"P(?:(?P<weeks>\d+)W|(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?)"
)


class TimeDeltaParameter(Parameter[timedelta]):
    """A duration: seconds (`90`), words from weeks down (`1 week 2 days`, `1h30m`) or ISO 8601.

    `parse` ignores what follows the part that it understands, as Luigi's does; people's text
    (`from_text`) is refused then.
    """

    annotation = timedelta
    fast_type = timedelta
    example = "1h 30m"

    def parse(self, text: Any) -> timedelta:
        return self._split(text)[0]

    def serialize(self, value: Any) -> str:
        if not isinstance(value, timedelta):
            return str(value)
        weeks, days = divmod(value.days, 7)
        hours, rest = divmod(value.seconds, 3600)
        minutes, seconds = divmod(rest, 60)
        # Luigi drops the fraction, and two values share an id.
        fraction = f".{value.microseconds:06d}".rstrip("0") if value.microseconds else ""
        return f"{weeks} w {days} d {hours} h {minutes} m {seconds}{fraction} s"

    def validate(self, value: Any) -> timedelta:
        if not isinstance(value, timedelta):
            raise TypeError("not a duration")
        # A pandas.Timedelta would need pandas wherever the task runs.
        return timedelta(value.days, value.seconds, value.microseconds)

    def from_text(self, text: str, name: str | None = None) -> Any:
        def understand() -> Any:
            value, rest = self._split(text)
            if rest.strip():
                raise ParameterError(
                    f"{rest.strip()!r} is not understood; units go from weeks down to seconds"
                )
            return self.validate(self.normalize(value))

        return self.checked(understand, text, name)

    def _split(self, text: Any) -> tuple[timedelta, str]:
        """The duration at the beginning of `text`, and what follows it."""
        try:
            return timedelta(seconds=float(text)), ""
        except OverflowError as error:
            raise ParameterError("too long for a duration") from error
        except ValueError:
            match = re.match(_ISO_8601, text)
            if match is None or not any(match.groups()):
                match = re.match(_WORDS, text)
        if match is None or not any(match.groups()):
            raise ParameterError("not a duration")
        return _duration(match), text[match.end() :]

    def _warn_on_wrong_param_type(self, name: str, value: Any) -> None:
        if type(self) is TimeDeltaParameter and not isinstance(value, timedelta):
            self._warn(f"parameter {name!r} is of type timedelta, and got {self._described(value)}")


def _duration(match: re.Match[str]) -> timedelta:
    amounts = {unit: text for unit, text in match.groupdict(default="0").items() if text != "0"}
    seconds = float(amounts.pop("seconds", "0"))
    try:
        return timedelta(seconds=seconds, **{unit: int(text) for unit, text in amounts.items()})
    except OverflowError as error:
        raise ParameterError("too long for a duration") from error


def _month(months: int) -> date:
    """First day of a month that is counted from January of year 0."""
    return date(months // 12, months % 12 + 1, 1)


def _misfit(fields: re.Match[str]) -> str | None:
    """Which part of a date is out of range, or None."""
    year, month, day, *clock = (int(text) if text else None for text in fields.groups())
    if year is not None and year < MINYEAR:
        return f"year must be in {MINYEAR}..9999"
    if month is not None and not 1 <= month <= 12:
        return "month must be in 1..12"
    if day is not None and year is not None and month is not None:
        last = (_month(year * 12 + month) - timedelta(days=1)).day if month < 12 else 31
        if not 1 <= day <= last:
            return f"day must be in 1..{last}"
    for unit, number, limit in zip(("hour", "minute", "second"), clock, (23, 59, 59), strict=True):
        if number is not None and number > limit:
            return f"{unit} must be in 0..{limit}"
    return None
