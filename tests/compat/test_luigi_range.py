"""Ranges of recurring tasks, against Luigi's own."""

# ruff: noqa: DTZ001 - parameters are naive

from __future__ import annotations

import datetime as dt
import itertools
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.compat import luigi as ours
from nbflow.compat.luigi.tools import range as mine
from nbflow.core.errors import ParameterError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import luigi as real
    from luigi.tools import range as theirs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:Parameter .* is not of type string:UserWarning")
NOW = dt.datetime(2014, 1, 17, 5, 20, 34, tzinfo=dt.UTC)
_numbers = itertools.count()


def classes(library: Any) -> dict[str, Any]:
    class EveryDay(library.Task):
        at = library.DateParameter()
        x = library.IntParameter(default=1)

        def complete(self) -> bool:
            return self.at.day % 3 == 0

    class EveryHour(library.Task):
        at = library.DateHourParameter()

        def complete(self) -> bool:
            return self.at.hour % 3 == 0

    class EveryMinute(library.Task):
        at = library.DateMinuteParameter()

        def complete(self) -> bool:
            return self.at.minute % 3 == 0

    class EveryMonth(library.Task):
        at = library.MonthParameter()

        def complete(self) -> bool:
            return self.at.month % 3 == 0

    class AskedInBulk(EveryDay):
        @classmethod
        def bulk_complete(cls, values: list[Any]) -> list[Any]:
            return [value for value in values if cls(value).complete()]

    found = (EveryDay, EveryHour, EveryMinute, EveryMonth, AskedInBulk)
    return {cls.__name__: cls for cls in found}


MINE, THEIRS = classes(ours), classes(real)
KINDS = {
    "RangeDailyBase": ("EveryDay", "days", st.dates(dt.date(2013, 9, 1), dt.date(2014, 3, 1))),
    "RangeDaily": ("AskedInBulk", "days", st.dates(dt.date(2013, 9, 1), dt.date(2014, 3, 1))),
    "RangeHourlyBase": (
        "EveryHour",
        "hours",
        st.datetimes(dt.datetime(2014, 1, 1), dt.datetime(2014, 1, 20)),
    ),
    "RangeByMinutesBase": (
        "EveryMinute",
        "minutes",
        st.datetimes(dt.datetime(2014, 1, 16, 20), dt.datetime(2014, 1, 17, 8)),
    ),
    "RangeMonthly": ("EveryMonth", "months", st.dates(dt.date(2012, 1, 1), dt.date(2014, 9, 1))),
}


def asked(tools: Any, kind: str, of: Any, options: dict[str, Any]) -> Any:
    """What a range requires and tells, or that it raised."""
    events: dict[str, Any] = {}
    cls = getattr(tools, kind)
    for event in ("COMPLETE_COUNT", "COMPLETE_FRACTION", "DELAY"):
        constant = getattr(tools.RangeEvent, event)
        cls.event_handler(constant)(lambda *given, event=event: events.__setitem__(event, given))
    task = cls(of=of, now=int(NOW.timestamp()), **options)
    try:
        required = task.requires()
    except Exception as error:
        return str(task), task.task_id, type(error).__name__.removesuffix("Exception")
    assert task.requires() is required
    return str(task), task.task_id, [str(each) for each in required], sorted(events.items())


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_ranges_require_and_tell_what_luigis_do(kind: str, data: st.DataObject) -> None:
    """T-05, X-01 to X-09, X-12, X-14, X-21."""
    of, unit, points = KINDS[kind]
    options: dict[str, Any] = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "start": points,
                "stop": points,
                "reverse": st.booleans(),
                "task_limit": st.integers(1, 60),
                f"{unit}_back": st.integers(0, 200),
                f"{unit}_forward": st.integers(0, 50),
                **({"of_params": st.just({"x": 5})} if of == "EveryDay" else {}),
                **(
                    {"minutes_interval": st.sampled_from([1, 2, 5, 7, 15, 30, 0, 60])}
                    if unit == "minutes"
                    else {}
                ),
            },
        )
    )
    real.task_register.Register.clear_instance_cache()
    found = asked(mine, kind, MINE[of], options)
    expected = asked(theirs, kind, THEIRS[of], options)
    if isinstance(expected[-1], str):
        assert (found[:2], found[-1]) == (expected[:2], f"{expected[-1]}Error")
    else:
        assert found == expected


def test_files_are_listed_together_where_a_class_has_no_bulk_complete(project: Path) -> None:
    """X-15, X-18: existence of files counts, not complete(); each folder is listed, not each file."""

    class Filed(ours.Task):
        at = ours.DateParameter()

        def output(self) -> Any:
            return ours.LocalTarget(f"out/{self.at:%Y/%m}/{self.at:%d}.txt")

        def complete(self) -> bool:
            raise AssertionError("nobody asks a single task")

    for day in (2, 3, 5):
        with Filed(dt.date(2014, 1, day)).output().open("w"):
            pass
    task = mine.RangeDaily(of=Filed, start=dt.date(2014, 1, 1), now=int(NOW.timestamp()))
    missing = [each.at.day for each in task.requires()]
    assert missing == [1, 4, *range(6, 18)]


def test_tasks_without_files_are_asked_one_by_one() -> None:
    """X-15: where Luigi gives up, ours asks each task."""
    task = mine.RangeDaily(
        of=MINE["EveryDay"], start=dt.date(2014, 1, 1), stop=dt.date(2014, 1, 5), now=1389936034
    )
    assert [each.at.day for each in task.requires()] == [1, 2, 4]


def test_the_point_may_go_to_a_parameter_by_name() -> None:
    """X-03, X-09, X-14: `param_name`, also in bulk."""

    class Second(ours.Task):
        x = ours.IntParameter()
        at = ours.DateParameter()

        @classmethod
        def bulk_complete(cls, values: list[Any]) -> list[Any]:
            return [value for value in values if cls(at=value).x == 5 and value.day == 2]

    task = mine.RangeDaily(
        of=Second,
        of_params={"x": 5},
        param_name="at",
        start=dt.date(2014, 1, 1),
        stop=dt.date(2014, 1, 4),
        now=1389936034,
    )
    assert task.requires() == [Second(5, dt.date(2014, 1, day)) for day in (1, 3)]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "needs start, stop or both"),
        ({"stop": dt.date(2014, 1, 1)}, "needs reverse=True"),
        ({"start": dt.date(2014, 2, 1), "stop": dt.date(2014, 1, 1)}, "lies after stop"),
        ({"start": dt.date(2014, 1, 1), "of": "Name"}, "give the class itself"),
    ],
)
def test_a_span_that_is_none_is_refused(options: dict[str, Any], text: str) -> None:
    """X-06, X-10."""
    task = mine.RangeDailyBase(**{"of": MINE["EveryDay"], **options})
    with pytest.raises(ParameterError, match=text):
        task.requires()


def test_a_range_runs_what_is_missing(project: Path) -> None:
    """X-02, X-44: it is complete when its tasks are, and its hooks may be overridden (X-11)."""

    class Made(ours.Task):
        at = ours.DateParameter()

        def output(self) -> Any:
            return ours.LocalTarget(f"made/{self.at}.txt")

        def run(self) -> None:
            with self.output().open("w") as file:
                file.write("x")

    class Weekdays(mine.RangeDaily):
        def finite_datetimes(self, finite_start: Any, finite_stop: Any) -> Any:
            days = super().finite_datetimes(finite_start, finite_stop)
            return [day for day in days if day.weekday() < 5]

    task = Weekdays(of=Made, start=dt.date(2014, 1, 1), stop=dt.date(2014, 1, 8), now=1389936034)
    assert ours.build([task], local_scheduler=True, log_level="CRITICAL")
    assert task.complete()
    assert len(list((project / "made").iterdir())) == 5
