"""Days, times, intervals and durations: Luigi's vectors, and what is wrong with a date."""

# ruff: noqa: DTZ001 - parameters are naive

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbflow.core.errors import BadValueError, ParameterError
from nbflow.core.model import interval
from nbflow.core.model import parameters as p


def named(parameter: Any, name: str = "date") -> Any:
    parameter.__set_name__(type, name)
    return parameter


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-13-01", "month must be in 1..12"),
        ("2026-02-30", "day must be in 1..28"),
        ("2024-02-30", "day must be in 1..29"),
        ("2026-12-32", "day must be in 1..31"),
        ("0000-01-01", "year must be in 1..9999"),
        ("01.02.2026", "not of the form YYYY-MM-DD"),
        ("", "not of the form YYYY-MM-DD"),
        ("2026-01-01T24", "hour must be in 0..23"),
    ],
)
def test_error_says_what_is_wrong_with_the_date(text: str, reason: str) -> None:
    with pytest.raises(BadValueError) as caught:
        named(p.DateParameter()).from_text(text)

    assert str(caught.value) == f"date={text} — {reason}. Date parameters look like 2026-08-22."


@pytest.mark.parametrize(
    ("parameter", "text", "reason"),
    [
        (p.MonthParameter(), "2026-13", "month must be in 1..12"),
        (p.DateMinuteParameter(), "2026-01-01T1260", "minute must be in 0..59"),
        (p.DateSecondParameter(), "2026-01-01", "not of the form YYYY-MM-DDThhmmss"),
        (p.YearParameter(), "26", "not of the form YYYY"),
    ],
)
def test_every_granularity_says_what_is_wrong(parameter: Any, text: str, reason: str) -> None:
    with pytest.raises(BadValueError, match=f"— {reason}\\."):
        parameter.from_text(text)


def test_text_given_to_the_constructor_is_refused_with_the_line_to_write() -> None:
    with pytest.raises(
        BadValueError,
        match=r"^date=2026-02-20 — expected a datetime.date, got str; "
        r"write datetime.date\(2026, 2, 20\)\.",
    ):
        named(p.DateParameter()).normalize("2026-02-20")


@pytest.mark.parametrize(
    "parameter", [p.DateParameter(), p.MonthParameter(), p.YearParameter(), p.DateHourParameter()]
)
def test_aware_times_are_refused(parameter: Any) -> None:
    with pytest.raises(BadValueError, match="time zone"):
        parameter.normalize(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        (p.DateParameter(interval=7), dt.date(2024, 1, 5), dt.date(2024, 1, 4)),
        (p.DateParameter(), dt.datetime(2024, 1, 5, 6), dt.date(2024, 1, 5)),
        (p.MonthParameter(interval=3), dt.date(2024, 5, 17), dt.date(2024, 4, 1)),
        (p.MonthParameter(), interval.Month(2024, 5), dt.date(2024, 5, 1)),
        (p.YearParameter(interval=4), dt.date(2023, 5, 1), dt.date(2022, 1, 1)),
        (p.YearParameter(), interval.Year(2024), dt.date(2024, 1, 1)),
        (
            p.DateMinuteParameter(interval=15),
            dt.datetime(2024, 1, 1, 17, 44, 3),
            dt.datetime(2024, 1, 1, 17, 30),
        ),
        (
            p.DateSecondParameter(interval=10),
            dt.datetime(2024, 1, 1, 1, 1, 37, 5),
            dt.datetime(2024, 1, 1, 1, 1, 30),
        ),
        (
            p.DateHourParameter(interval=6),
            dt.datetime(2024, 1, 1, 17, 5),
            dt.datetime(2024, 1, 1, 12),
        ),
        (p.DateHourParameter(), dt.date(2024, 1, 1), dt.datetime(2024, 1, 1)),
        (p.DateHourParameter(), None, None),
    ],
)
def test_values_are_floored(parameter: Any, value: Any, expected: Any) -> None:
    found = parameter.normalize(value)

    assert found == expected
    assert type(found) is type(expected)


def test_interval_of_days_needs_its_floor_for_plain_dates_too() -> None:
    assert p.DateParameter().fast_type is dt.date
    assert p.DateParameter(interval=7).fast_type is None
    assert p.MonthParameter().fast_type is None


def test_interval_must_be_positive() -> None:
    with pytest.raises(ParameterError, match="interval=0"):
        p.DateParameter(interval=0)


def test_old_form_of_minutes_is_read_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="leave it out"):
        value = p.DateMinuteParameter().parse("2013-07-10T19H07")

    assert value == dt.datetime(2013, 7, 10, 19, 7)


def test_year_of_three_digits_is_read_back() -> None:
    day = p.DateParameter()

    assert day.parse(day.serialize(dt.date(812, 1, 2))) == dt.date(812, 1, 2)


def test_pandas_and_numpy_times_become_python_ones() -> None:
    moment = p.DateSecondParameter().from_object(pd.Timestamp("2026-01-02 03:04:05.6"))
    day = p.DateParameter().from_object(np.datetime64("2026-01-02T03", "ns"))
    length = p.TimeDeltaParameter().from_object(pd.Timedelta("1h"))

    assert (moment, type(moment)) == (dt.datetime(2026, 1, 2, 3, 4, 5), dt.datetime)
    assert (day, type(day)) == (dt.date(2026, 1, 2), dt.date)
    assert (length, type(length)) == (dt.timedelta(hours=1), dt.timedelta)


@pytest.mark.parametrize(
    ("text", "seconds", "written"),
    [
        ("1 week 2 days", 9 * 86400, "1 w 2 d 0 h 0 m 0 s"),
        ("PT1H30M", 5400, "0 w 0 d 1 h 30 m 0 s"),
        ("1d2h", 93600, "0 w 1 d 2 h 0 m 0 s"),
        ("P1W", 604800, "1 w 0 d 0 h 0 m 0 s"),
        ("-5", -5, "-1 w 6 d 23 h 59 m 55 s"),
        ("0", 0, "0 w 0 d 0 h 0 m 0 s"),
        ("PT0S", 0, "0 w 0 d 0 h 0 m 0 s"),
        ("1.5", 1.5, "0 w 0 d 0 h 0 m 1.5 s"),
        ("0.000001", 0.000001, "0 w 0 d 0 h 0 m 0.000001 s"),
    ],
)
def test_durations_are_read_and_written(text: str, seconds: float, written: str) -> None:
    duration = p.TimeDeltaParameter()
    value = duration.parse(text)

    assert value == dt.timedelta(seconds=seconds)
    assert duration.serialize(value) == written
    assert duration.from_text(written) == value


def test_two_durations_have_two_texts() -> None:
    duration = p.TimeDeltaParameter()

    assert duration.serialize(dt.timedelta(seconds=1)) != duration.serialize(
        dt.timedelta(seconds=1, microseconds=1)
    )


def test_rest_of_a_duration_is_ignored_by_parse_and_refused_from_people() -> None:
    duration = named(p.TimeDeltaParameter(), "wait")

    assert duration.parse("P1W2D") == dt.timedelta(days=7)
    with pytest.raises(BadValueError, match=r"^wait=30 m 1 h — '1 h' is not understood"):
        duration.from_text("30 m 1 h")


@pytest.mark.parametrize(
    "text", ["soon", "", "inf", "nan", "9e99", "99999999999 w", "99999999999 w 1 s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ParameterError):
        p.TimeDeltaParameter().parse(text)


def test_wrong_type_of_a_duration_warns_and_can_be_written() -> None:
    duration = p.TimeDeltaParameter()

    with pytest.warns(UserWarning, match="'wait' is of type timedelta, and got 90"):
        duration._warn_on_wrong_param_type("wait", 90)
    assert duration.serialize(90) == "90"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2014", interval.Year(2014)),
        ("2014-05", interval.Month(2014, 5)),
        ("2014-W05", interval.Week(2014, 5)),
        ("2014-05-06", interval.Date(2014, 5, 6)),
        ("2014-05-06-2014-06-07", interval.Custom(dt.date(2014, 5, 6), dt.date(2014, 6, 7))),
    ],
)
def test_intervals_are_read_by_their_form(text: str, expected: interval.DateInterval) -> None:
    parameter = p.DateIntervalParameter()

    assert parameter.from_text(text) == expected
    assert parameter.serialize(expected) == text


@pytest.mark.parametrize("text", ["2014-W5", "2014-13", "2014-W54", "x", ""])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(BadValueError, match=r"DateInterval parameters look like 2026-W31\.$"):
        p.DateIntervalParameter().from_text(text)
