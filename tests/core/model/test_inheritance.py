"""Parameters and requirements that are taken over, held against Luigi's util."""

from __future__ import annotations

import datetime as dt
import warnings

import pytest

from nbflow.core.model import inheritance, interval, parameters, registry
from nbflow.core.model import task as ours
from nbflow.core.model.inheritance import (
    common_params,
    copies,
    delegates,
    get_previous_completed,
    inherits,
    previous,
    requires,
)
from nbflow.core.model.parameters import (
    DateHourParameter,
    DateIntervalParameter,
    DateMinuteParameter,
    DateParameter,
    DateSecondParameter,
    IntParameter,
    MonthParameter,
    Parameter,
    YearParameter,
)
from nbflow.core.model.registry import build_task
from nbflow.core.model.task import Task, requirements_of
from nbflow.targets.mock import MockTarget

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import luigi
    import luigi.util


class Source(Task):
    date = DateParameter()
    base = Parameter(default="EUR")

    def output(self):
        return MockTarget(f"source-{self.date}-{self.base}")


class Second(Task):
    n = IntParameter(default=3)
    base = Parameter(default="USD")


DAY = dt.date(2024, 1, 2)


def sides():
    """The same words in both libraries."""
    yield ours.Task, parameters, inheritance
    yield luigi.Task, luigi, luigi.util


def both(define):
    one, other = (define(*side) for side in sides())
    assert one == other
    return one


def test_inherits_gives_what_luigis_gives():
    def define(task, kinds, util):
        class A(task):
            x = kinds.IntParameter(default=1)
            y = kinds.IntParameter(default=2)

        class B(task):
            y = kinds.IntParameter(default=3)
            z = kinds.IntParameter(default=4)

        @util.inherits(A, B)
        class C(task):
            own = kinds.IntParameter(default=5)
            z = None

        @util.inherits(B)
        @util.inherits(A)
        class D(task):
            x = kinds.IntParameter(default=9)

        @util.inherits(a=A, b=B)
        class E(task):
            pass

        return (
            C.get_param_names(True),
            C().param_kwargs,
            D.get_param_names(True),
            D().param_kwargs,
            repr(C(x=7).clone_parent()),
            repr(C(x=7).clone_parents(y=8)),
            repr(E(y=6).clone_parents()),
            hasattr(E, "clone_parent"),
        )

    names, values, *_ = both(define)

    assert names == ["x", "y", "own"]
    assert values == {"x": 1, "y": 2, "own": 5}


def test_requires_gives_the_shape_that_luigis_gives():
    def define(task, kinds, util):
        class A(task):
            x = kinds.IntParameter(default=1)

        class B(task):
            z = kinds.IntParameter(default=4)

        @util.requires(A)
        class One(task):
            pass

        @util.requires(A, B)
        class Two(task):
            pass

        @util.requires(a=A)
        class Named(task):
            pass

        return tuple(repr(cls(x=5).requires()) for cls in (One, Two, Named))

    assert both(define) == ("A(x=5)", "[A(x=5), B(z=4)]", "{'a': A(x=5)}")


@pytest.mark.parametrize("decorate", [inherits, requires])
def test_tasks_are_named_in_one_way(decorate):
    with pytest.raises(TypeError, match="by position or all by keyword"):
        decorate()
    with pytest.raises(TypeError, match="by position or all by keyword"):
        decorate(Source, second=Second)


def test_what_is_no_task_cannot_be_inherited_from():
    with pytest.raises(TypeError, match="not a class of tasks"):
        inherits(int)(Second)
    with pytest.raises(TypeError, match="not a class of tasks"):
        common_params(Source(DAY), int)


def test_parameter_object_is_shared():
    @inherits(Source)
    class Heir(Task):
        pass

    assert Heir.date is Source.date
    assert Heir(DAY).task_id.startswith("Heir_EUR_2024_01_02_")


def test_annotated_parameter_of_the_same_name_stays():
    @inherits(Source)
    class Annotated(Task):
        base: str = "CHF"
        date: dt.date

    assert Annotated(date=DAY).param_kwargs == {"date": DAY, "base": "CHF"}
    assert Annotated.date is not Source.date


def test_inheriting_from_an_annotated_task():
    class Annotated(Task):
        n: int
        m: int = 2

    @inherits(Annotated)
    class Heir(Task):
        pass

    assert Heir(1).param_kwargs == {"n": 1, "m": 2}


def test_common_parameters_are_normalized_by_the_target():
    class Monthly(Task):
        date = MonthParameter()

    assert common_params(Source(DAY), Monthly) == {"date": dt.date(2024, 1, 1)}
    assert common_params(Source(DAY), Second) == {"base": "EUR"}


def test_copies_copies_lines_and_takes_over_the_name():
    @copies(Source)
    class Copied(Task):
        """What it is."""

        def output(self):
            return MockTarget("copied")

    with Source(DAY).output().open("w") as file:
        file.write("a\nb\n")

    task = Copied(DAY)
    task.run()

    with task.output().open() as file:
        assert file.read() == "a\nb\n"
    assert registry.get_task_cls("Copied") is Copied
    assert (Copied.__doc__, Copied.__module__) == ("What it is.", __name__)
    assert task.requires() == Source(DAY)


def test_delegates_does_the_work_of_its_subtasks():
    done = []

    class Part(Task):
        i = IntParameter()

        def requires(self):
            return Source(DAY)

        def run(self):
            done.append(self.i)

    @delegates
    class Whole(Task):
        def requires(self):
            return Second()

        def subtasks(self):
            return [Part(1), Part(2)]

        def run(self):
            done.append("whole")

    Whole().run()

    assert done == [1, 2, "whole"]
    assert requirements_of(Whole()) == [Second(), Source(DAY), Source(DAY)]
    assert registry.get_task_cls("Whole") is Whole


def test_delegates_needs_subtasks():
    with pytest.raises(AttributeError, match="subtasks"):
        delegates(Second)


# The task before ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        (DateParameter, dt.date(2024, 3, 1), dt.date(2024, 2, 29)),
        (MonthParameter, dt.date(2024, 3, 1), dt.date(2024, 2, 1)),
        (YearParameter, dt.date(2024, 1, 1), dt.date(2023, 1, 1)),
        (DateHourParameter, "2024-03-01T00", "2024-02-29T23"),
        (DateMinuteParameter, "2024-03-01T0000", "2024-02-29T2359"),
        (DateSecondParameter, "2024-03-01T000000", "2024-02-29T235959"),
        (DateIntervalParameter, interval.Month(2024, 1), interval.Month(2023, 12)),
    ],
)
def test_previous_goes_one_step_back(parameter, value, expected):
    class Dated(Task):
        when = parameter()
        other = Parameter(default="x")

    task = build_task(Dated, {"when": value, "other": "y"})
    assert previous(task) is build_task(Dated, {"when": expected, "other": "y"})


def test_previous_needs_one_date():
    class Twice(Task):
        a = DateParameter(default=DAY)
        b = DateParameter(default=DAY)

    with pytest.raises(NotImplementedError, match=r"several \(a, b\)"):
        previous(Twice())
    with pytest.raises(NotImplementedError, match="none"):
        previous(Second())


def test_latest_complete_task_before():
    class Daily(Task):
        date = DateParameter()

        def complete(self):
            return self.date.day == 1

    task = Daily(dt.date(2024, 1, 5))

    assert get_previous_completed(task) is Daily(dt.date(2024, 1, 1))
    assert get_previous_completed(task, max_steps=3) is None
