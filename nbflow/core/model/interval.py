"""Spans of days with the arithmetic of calendars: a day, ISO week, month, year, or any span.

Half open: `date_a` is the first day, `date_b` the first one after it.

Source: notation and behaviour are Luigi's `date_interval` (P-38, P-39).
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import ClassVar, Self

_DAY = timedelta(days=1)


class DateInterval:
    """The days from `date_a` to before `date_b`; `Custom` is the class for any such span.

    Intervals of two kinds are never equal and have no order, whatever days they have (Q-46).
    """

    #: A regular expression; compiled on first use, since importing must be cheap.
    _notation: ClassVar[str]

    def __init__(self, date_a: date, date_b: date) -> None:
        self.date_a = date_a
        self.date_b = date_b

    @classmethod
    def from_date(cls, d: date) -> DateInterval:
        """Give the interval of this kind that has the day `d`."""
        raise NotImplementedError(f"{cls.__name__} has no length of its own")

    @classmethod
    def parse(cls, s: str) -> Self | None:
        """Read the notation of this kind; None for other text.

        Raises
        ------
        ValueError
            The notation is right, but there is no such day, week or month.
        """
        match = re.fullmatch(cls._notation, s)
        return None if match is None else cls._from_numbers(*map(int, match.groups()))

    @classmethod
    def _from_numbers(cls, *numbers: int) -> Self:
        return cls(*numbers)  # type: ignore[arg-type]

    def dates(self) -> list[date]:
        """Give all days, in order."""
        return list(self)

    def hours(self) -> Iterator[datetime]:
        """Yield all full hours of all days, in order."""
        for day in self:
            for hour in range(24):
                yield datetime.combine(day, time(hour))

    def prev(self) -> DateInterval:
        """Give the interval of this kind just before."""
        return self.from_date(self.date_a - _DAY)

    def next(self) -> DateInterval:
        """Give the interval of this kind just after."""
        return self.from_date(self.date_b)

    def to_string(self) -> str:
        """Give the notation that `parse` reads."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.to_string()

    def __repr__(self) -> str:
        return self.to_string()

    def __iter__(self) -> Iterator[date]:
        day = self.date_a
        while day < self.date_b:
            yield day
            day += _DAY

    def __contains__(self, day: object) -> bool:
        if not isinstance(day, date) or isinstance(day, datetime):
            return False
        return self.date_a <= day < self.date_b

    def __hash__(self) -> int:
        return hash((type(self), self.date_a, self.date_b))

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return False
        return (self.date_a, self.date_b) == (other.date_a, other.date_b)

    def __lt__(self, other: DateInterval) -> bool:
        mine, other_bounds = self._comparable(other)
        return mine < other_bounds

    def __le__(self, other: DateInterval) -> bool:
        mine, other_bounds = self._comparable(other)
        return mine <= other_bounds

    def __gt__(self, other: DateInterval) -> bool:
        return not self <= other

    def __ge__(self, other: DateInterval) -> bool:
        return not self < other

    def _comparable(self, other: DateInterval) -> tuple[tuple[date, date], tuple[date, date]]:
        if type(other) is not type(self):
            raise TypeError(
                f"{type(self).__name__} and {type(other).__name__} have no order between them"
            )
        return (self.date_a, self.date_b), (other.date_a, other.date_b)


class Date(DateInterval):
    """One day, `2026-08-22`."""

    _notation = r"(\d{4})-(\d\d)-(\d\d)"

    def __init__(self, y: int, m: int, d: int) -> None:
        day = date(y, m, d)
        super().__init__(day, day + _DAY)

    @classmethod
    def from_date(cls, d: date) -> Date:
        return cls(d.year, d.month, d.day)

    def to_string(self) -> str:
        return self.date_a.isoformat()


class Week(DateInterval):
    """An ISO week, `2026-W31`, from Monday; near New Year its year may not be that of its days."""

    _notation = r"(\d{4})-W(\d\d)"

    def __init__(self, y: int, w: int) -> None:
        monday = date.fromisocalendar(y, w, 1)
        super().__init__(monday, monday + 7 * _DAY)

    @classmethod
    def from_date(cls, d: date) -> Week:
        year, week, _ = d.isocalendar()
        return cls(year, week)

    def to_string(self) -> str:
        year, week, _ = self.date_a.isocalendar()
        return f"{year}-W{week:02d}"


class Month(DateInterval):
    """A month, `2026-08`."""

    _notation = r"(\d{4})-(\d\d)"

    def __init__(self, y: int, m: int) -> None:
        super().__init__(date(y, m, 1), date(y + m // 12, m % 12 + 1, 1))

    @classmethod
    def from_date(cls, d: date) -> Month:
        return cls(d.year, d.month)

    def to_string(self) -> str:
        return self.date_a.isoformat()[:7]


class Year(DateInterval):
    """A year, `2026`."""

    _notation = r"(\d{4})"

    def __init__(self, y: int) -> None:
        super().__init__(date(y, 1, 1), date(y + 1, 1, 1))

    @classmethod
    def from_date(cls, d: date) -> Year:
        return cls(d.year)

    def to_string(self) -> str:
        return self.date_a.isoformat()[:4]


class Custom(DateInterval):
    """Any span, `2026-08-01-2026-08-22`; it has no neighbours."""

    _notation = r"(\d{4})-(\d\d)-(\d\d)-(\d{4})-(\d\d)-(\d\d)"

    @classmethod
    def _from_numbers(cls, *numbers: int) -> Self:
        return cls(date(*numbers[:3]), date(*numbers[3:]))

    def to_string(self) -> str:
        return f"{self.date_a.isoformat()}-{self.date_b.isoformat()}"


#: In the order in which text is tried.
_KINDS = (Year, Month, Week, Date, Custom)


def parse(text: str) -> DateInterval:
    """Read any of the notations.

    Raises
    ------
    ValueError
        It is none of them, or there is no such day, week or month.
    """
    for kind in _KINDS:
        found: DateInterval | None = kind.parse(text)
        if found is not None:
            return found
    raise ValueError("not a year, month, week, day or span of days")
