"""Date intervals against Luigi's, and where ours differ by intent."""

from __future__ import annotations

import datetime as dt
import pickle
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.model import interval
from tests.strategies import dates, few, intervals, outcome

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from luigi import date_interval

KINDS = ["Date", "Week", "Month", "Year"]


def twin(value: interval.DateInterval) -> Any:
    return getattr(date_interval, type(value).__name__).parse(str(value))


def bounds(value: Any) -> Any:
    return value and (type(value).__name__, str(value), repr(value), value.date_a, value.date_b)


@few
@given(value=intervals)
def test_notation_and_days_are_luigis(value: interval.DateInterval) -> None:
    theirs = twin(value)

    assert bounds(value) == bounds(theirs)
    assert bounds(type(value).parse(str(value))) == bounds(value)


@few
@given(value=intervals)
def test_neighbours_are_luigis(value: interval.DateInterval) -> None:
    theirs = twin(value)

    assert outcome(lambda each: bounds(each.next()), value) == outcome(
        lambda each: bounds(each.next()), theirs
    )
    assert outcome(lambda each: bounds(each.prev()), value) == outcome(
        lambda each: bounds(each.prev()), theirs
    )


@pytest.mark.parametrize("kind", KINDS)
@few
@given(day=dates)
def test_days_and_hours_are_luigis(kind: str, day: dt.date) -> None:
    ours = getattr(interval, kind).from_date(day)
    theirs = getattr(date_interval, kind).from_date(day)

    assert ours.dates() == theirs.dates() == list(ours)
    assert list(ours.hours()) == list(theirs.hours())
    for near in (day, ours.date_a, ours.date_b, ours.date_a - dt.timedelta(days=1)):
        assert (near in ours) == (near in theirs)


@pytest.mark.parametrize("kind", [*KINDS, "Custom"])
@few
@given(text=st.from_regex(r"[12]\d{3}(-W?\d\d?){0,5}", fullmatch=True) | st.text("0123456789-W"))
def test_text_is_read_as_luigi_reads_it(kind: str, text: str) -> None:
    def days(module: Any) -> Any:
        return lambda s: (found := getattr(module, kind).parse(s)) and (found.date_a, found.date_b)

    assert outcome(days(interval), text) == outcome(days(date_interval), text)


@pytest.mark.parametrize("kind", KINDS)
@few
@given(one=dates, other=dates)
def test_order_is_luigis(kind: str, one: dt.date, other: dt.date) -> None:
    a, b = (getattr(interval, kind).from_date(day) for day in (one, other))
    x, y = (getattr(date_interval, kind).from_date(day) for day in (one, other))

    assert (a < b, a <= b, a > b, a >= b, a == b) == (x < y, x <= y, x > y, x >= y, x == y)
    assert (hash(a) == hash(b)) or a != b


def test_kinds_are_never_equal_and_have_no_order() -> None:
    month = interval.Month(2014, 5)
    same_days = interval.Custom(dt.date(2014, 5, 1), dt.date(2014, 6, 1))

    assert month != same_days
    assert month not in [same_days, 5]
    with pytest.raises(TypeError, match="Month and Custom have no order"):
        _ = month < same_days
    with pytest.raises(TypeError):
        _ = month >= same_days


def test_custom_span_has_no_neighbours() -> None:
    span = interval.Custom(dt.date(2014, 5, 1), dt.date(2014, 5, 4))

    with pytest.raises(NotImplementedError):
        span.next()
    with pytest.raises(NotImplementedError):
        span.prev()


def test_time_is_no_day_of_an_interval() -> None:
    assert dt.datetime(2014, 5, 6, 7) not in interval.Month(2014, 5)  # noqa: DTZ001
    assert "2014-05-06" not in interval.Month(2014, 5)


def test_newline_after_the_text_is_not_read() -> None:
    assert interval.Year.parse("2014\n") is None


def test_week_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError):
        interval.Week(2014, 53)


@given(value=intervals)
@few
def test_interval_survives_pickling(value: interval.DateInterval) -> None:
    again = pickle.loads(pickle.dumps(value))

    assert again == value
    assert hash(again) == hash(value)
