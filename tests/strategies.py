"""Hypothesis strategies for parameters: a declaration of each class, its values, its texts."""

# ruff: noqa: DTZ001 - parameters are naive

from __future__ import annotations

import datetime as dt
import enum
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st

from nbflow.core.model import interval
from nbflow.core.model import parameters as p

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy


#: For a rule that is tried with each of the many cases.
few = settings(max_examples=20, deadline=None)


class Color(enum.Enum):
    RED = 1
    GREEN = 2
    BLUE = "b"


class Case(NamedTuple):
    """One way to declare a parameter."""

    #: Name of the class, the same in Luigi.
    name: str
    #: What it is given.
    options: dict[str, Any]
    #: Values that a constructor may be given.
    values: SearchStrategy[Any]
    #: Texts, right and wrong ones.
    texts: SearchStrategy[str]

    def make(self, library: Any = p) -> Any:
        """Declare it, with the classes of `library`."""
        parameter = getattr(library, self.name)(**self.options)
        parameter.__set_name__(type, "x")
        return parameter

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(self.options)})"


#: Four digits are what Luigi's formats write on every system.
dates = st.dates(dt.date(1001, 1, 1), dt.date(9900, 1, 1))
datetimes = st.datetimes(dt.datetime(1001, 1, 1), dt.datetime(9900, 1, 1))
durations = st.timedeltas(dt.timedelta(-1000), dt.timedelta(100_000)).map(
    lambda value: value - dt.timedelta(microseconds=value.microseconds)
)

json_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
)
json_values = st.recursive(
    json_scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
json_lists = st.lists(json_values, max_size=4)
json_mappings = st.dictionaries(st.text(max_size=4), json_values, max_size=4)

intervals: SearchStrategy[interval.DateInterval] = st.one_of(
    st.builds(
        lambda day, kind: kind.from_date(day),
        dates,
        st.sampled_from([interval.Date, interval.Week, interval.Month, interval.Year]),
    ),
    st.builds(interval.Custom, dates, dates),
)

_words = st.sampled_from(["w", " week", "d", " days", "h", " hours ", "m", " minute", "s", " "])
_durations_as_text = st.lists(st.tuples(st.integers(0, 99), _words), max_size=5).map(
    lambda parts: "".join(f"{number}{unit}" for number, unit in parts)
)
_iso_durations = st.from_regex(
    r"P(\d{1,3}W)?(\d{1,3}D)?(T(\d{1,2}H)?(\d\d?M)?(\d\d?S)?)?", fullmatch=True
)

_noise = st.text(max_size=12) | st.text("0123456789-:TWHM eE.+_,", max_size=20)


def _texts(*sources: SearchStrategy[str]) -> SearchStrategy[str]:
    return st.one_of(*sources, _noise)


def _formatted(values: SearchStrategy[Any], pattern: str) -> SearchStrategy[str]:
    return values.map(lambda value: value.strftime(pattern))


def _json(values: SearchStrategy[Any]) -> SearchStrategy[str]:
    import json

    return values.map(json.dumps)


def _joined(words: list[str]) -> SearchStrategy[str]:
    return st.lists(st.sampled_from(words), max_size=4).map(",".join)


_numbers = _texts(st.integers().map(str), st.floats().map(str), st.sampled_from(["1_000", " 7 "]))
_day = _texts(
    _formatted(dates, "%Y-%m-%d"),
    _formatted(dates, "%Y-%m"),
    _formatted(dates, "%Y"),
    st.from_regex(r"[12]\d{3}-\d{1,2}-\d{1,2}", fullmatch=True),
)
_moment = _texts(
    *(
        _formatted(datetimes, pattern)
        for pattern in ("%Y-%m-%dT%H", "%Y-%m-%dT%H%M", "%Y-%m-%dT%H%M%S", "%Y-%m-%d")
    ),
    st.from_regex(r"[12]\d{3}-\d\d-\d\dT\d{1,6}", fullmatch=True),
)

_START = dt.date(2013, 2, 3)
_START_TIME = dt.datetime(2013, 2, 3, 4)
_RANGE = {"var_type": int, "min_value": -3, "max_value": 7}

CASES: list[Case] = [
    Case("Parameter", {}, st.text(), st.text()),
    Case("StrParameter", {}, st.text(), st.text()),
    Case("IntParameter", {}, st.integers(), _numbers),
    Case("FloatParameter", {}, st.floats(), _numbers),
    Case(
        "BoolParameter",
        {},
        st.booleans() | st.none() | st.sampled_from(["true", "False", "yes", "", 0, 1, 2.5]),
        _texts(st.sampled_from(["true", "FALSE", "True", "yes", "1", "0", " true"])),
    ),
    Case("NumericalParameter", _RANGE, st.integers(), _numbers),
    Case(
        "NumericalParameter",
        {"var_type": float, "min_value": 0.0, "max_value": 1.0},
        st.floats(),
        _texts(st.floats(-1, 2).map(str)),
    ),
    Case("PathParameter", {}, st.text(st.characters(exclude_characters="\0")), st.text()),
    *(
        Case(name, options, dates | datetimes | st.none(), _day)
        for name in ("DateParameter", "MonthParameter", "YearParameter")
        for options in ({}, {"interval": 7}, {"interval": 4, "start": _START})
    ),
    *(
        Case(name, options, datetimes | dates | st.none(), _moment)
        for name in ("DateHourParameter", "DateMinuteParameter", "DateSecondParameter")
        for options in ({}, {"interval": 7}, {"interval": 4, "start": _START_TIME})
    ),
    Case(
        "TimeDeltaParameter",
        {},
        durations,
        _texts(_durations_as_text, _iso_durations, st.integers(-9999, 9999).map(str)),
    ),
    Case("DateIntervalParameter", {}, intervals, _texts(_day, intervals.map(str))),
    Case(
        "ChoiceParameter",
        {"choices": ["EUR", "USD", "GBP"]},
        st.sampled_from(["EUR", "USD", "GBP", "EURO", "", 3]),
        _texts(st.sampled_from(["EUR", "USD", "eur"])),
    ),
    Case(
        "ChoiceParameter",
        {"choices": [1, 2, 5], "var_type": int},
        st.integers(0, 6),
        _texts(st.integers(0, 6).map(str)),
    ),
    Case(
        "ChoiceListParameter",
        {"choices": ["EUR", "USD", "GBP"]},
        st.lists(st.sampled_from(["EUR", "USD", "GBP", "EURO"])),
        _texts(_joined(["EUR", "USD", "GBP", "EURO", ""])),
    ),
    Case(
        "EnumParameter",
        {"enum": Color},
        st.sampled_from(Color),
        _texts(st.sampled_from(["RED", "red", "GREEN"])),
    ),
    Case(
        "EnumListParameter",
        {"enum": Color},
        st.lists(st.sampled_from(Color)).map(tuple),
        _texts(_joined(["RED", "GREEN", "red", ""])),
    ),
    Case("DictParameter", {}, json_mappings, _texts(_json(json_mappings), _json(json_values))),
    Case("ListParameter", {}, json_lists, _texts(_json(json_lists), _json(json_values))),
    Case("TupleParameter", {}, json_lists.map(tuple), _texts(_json(st.lists(st.integers())))),
    Case("OptionalParameter", {}, st.text() | st.none(), st.text()),
    Case("OptionalStrParameter", {}, st.text() | st.none(), st.text()),
    Case("OptionalIntParameter", {}, st.integers() | st.none(), _numbers),
    Case("OptionalFloatParameter", {}, st.floats() | st.none(), _numbers),
    Case(
        "OptionalBoolParameter", {}, st.booleans() | st.none(), st.sampled_from(["", "true", "x"])
    ),
    Case("OptionalDateParameter", {}, dates | st.none(), _day),
    Case("OptionalDictParameter", {}, json_mappings | st.none(), _texts(_json(json_mappings))),
    Case("OptionalListParameter", {}, json_lists | st.none(), _texts(_json(json_lists))),
    Case("OptionalTupleParameter", {}, json_lists | st.none(), _texts(_json(st.lists(st.text())))),
    Case(
        "OptionalPathParameter",
        {},
        st.text(st.characters(exclude_characters="\0")) | st.none(),
        st.text(),
    ),
    Case(
        "OptionalChoiceParameter",
        {"choices": ["a", "b"]},
        st.sampled_from(["a", "b", "c", None]),
        st.sampled_from(["a", "", "c"]),
    ),
    Case("OptionalNumericalParameter", _RANGE, st.integers() | st.none(), _numbers),
]


def id_of(case: Any) -> str:
    """Name of a case in a test's id."""
    return repr(case)


def outcome(function: Callable[[Any], Any], value: Any) -> tuple[str, Any]:
    """What a function gives, or that it raised."""
    try:
        return "value", function(value)
    except Exception:
        return "raised", None


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same, not being a number included."""
    return bool(one == other) or (repr(one), repr(other)) == ("nan", "nan")
