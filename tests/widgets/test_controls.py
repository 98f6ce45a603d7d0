"""Each type of parameter has its control, and its value survives the way through the page."""

from __future__ import annotations

import datetime as dt
import enum
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbflow
from nbflow.core.errors import BadValueError
from nbflow.core.model.interval import parse as interval
from nbflow.core.model.parameters import ParameterVisibility
from nbflow.widgets.controls import ControlKind, field_of, read, written


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


class Other(nbflow.Task):
    pass


MANY = [f"c{n}" for n in range(30)]

#: The declaration, its control, and some values.
CONTROLS = [
    (nbflow.DateParameter(), ControlKind.DATE, [dt.date(2026, 8, 1)]),
    (
        nbflow.DateHourParameter(),
        ControlKind.DATETIME,
        [dt.datetime.fromisoformat("2026-08-01T14")],
    ),
    (
        nbflow.DateMinuteParameter(),
        ControlKind.DATETIME,
        [dt.datetime.fromisoformat("2026-08-01T14:05")],
    ),
    (
        nbflow.DateSecondParameter(),
        ControlKind.DATETIME,
        [dt.datetime.fromisoformat("2026-08-01T14:05:09")],
    ),
    (nbflow.MonthParameter(), ControlKind.TEXT, [dt.date(2026, 8, 1)]),
    (nbflow.YearParameter(), ControlKind.TEXT, [dt.date(2026, 1, 1)]),
    (nbflow.DateIntervalParameter(), ControlKind.TEXT, [interval("2026-W31")]),
    (nbflow.TimeDeltaParameter(), ControlKind.TEXT, [dt.timedelta(hours=3, minutes=5)]),
    (nbflow.IntParameter(), ControlKind.INTEGER, [-3, 0]),
    (nbflow.FloatParameter(), ControlKind.NUMBER, [0.1, -1e-9]),
    (
        nbflow.NumericalParameter(var_type=int, min_value=1, max_value=9),
        ControlKind.INTEGER,
        [1, 8],
    ),
    (nbflow.BoolParameter(), ControlKind.CHECKBOX, [True, False]),
    (nbflow.OptionalBoolParameter(), ControlKind.SELECT, [True, False, None]),
    (nbflow.ChoiceParameter(choices=["a", "b c"]), ControlKind.SELECT, ["b c"]),
    (nbflow.ChoiceParameter(choices=MANY), ControlKind.COMBOBOX, ["c29"]),
    (nbflow.EnumParameter(enum=Colour), ControlKind.SELECT, [Colour.GREEN]),
    (
        nbflow.EnumListParameter(enum=Colour),
        ControlKind.MULTIPLE,
        [(Colour.RED, Colour.GREEN), ()],
    ),
    (nbflow.ChoiceListParameter(choices=["a", "b"]), ControlKind.MULTIPLE, [("b", "a")]),
    (nbflow.ListParameter(), ControlKind.JSON, [(1, "a", (2,))]),
    (nbflow.TupleParameter(), ControlKind.JSON, [((1, 2), (3, 4))]),
    (nbflow.DictParameter(), ControlKind.JSON, [{"a": 1}]),
    (nbflow.PathParameter(), ControlKind.TEXT, ["data/in.csv"]),
    (nbflow.TaskParameter(), ControlKind.COMBOBOX, [Other]),
    (nbflow.StrParameter(), ControlKind.TEXT, ["a b", ""]),
    (nbflow.Parameter(), ControlKind.TEXT, ["text"]),
    (nbflow.OptionalIntParameter(), ControlKind.INTEGER, [5, None]),
    (nbflow.OptionalDateParameter(), ControlKind.DATE, [dt.date(2026, 8, 1), None]),
]


@pytest.mark.parametrize(
    ("parameter", "kind", "values"), CONTROLS, ids=lambda p: type(p).__name__.lower()
)
def test_control_and_values_of_each_type(parameter, kind, values):
    field = field_of(parameter)
    assert field.kind is kind
    for value in values:
        normal = parameter.from_object(value)
        raw = json.loads(json.dumps(written(parameter, normal)))
        assert read(parameter, raw) == normal
    json.dumps(field.as_json())


def test_every_parameter_class_is_covered():
    declared = {type(parameter) for parameter, *_ in CONTROLS}
    names = [name for name in nbflow.__all__ if name.endswith("Parameter")]
    plain = {getattr(nbflow, name) for name in names if not name.startswith("Optional")}

    assert plain - declared == set()


def test_private_parameter_is_a_password_without_example():
    field = field_of(nbflow.IntParameter(visibility=ParameterVisibility.PRIVATE))

    assert (field.kind, field.example) == (ControlKind.PASSWORD, "")


def test_texts_of_a_list_are_tags():
    class Tagged(nbflow.Task):
        tags: list[str] = ("a", "b,c")

    parameter = dict(Tagged.get_params())["tags"]

    assert field_of(parameter).kind is ControlKind.TAGS
    assert written(parameter, parameter.default) == ["a", "b,c"]
    assert read(parameter, ["x y", '"']) == ("x y", '"')


def test_limits_are_told_to_the_page():
    field = field_of(nbflow.NumericalParameter(var_type=float, min_value=0.0, max_value=1.0))

    assert (field.least, field.most, field.step) == ("0.0", "1.0", "any")


def test_error_is_the_parameters_own():
    parameter = nbflow.DateParameter()
    parameter.name = "date"

    with pytest.raises(BadValueError) as form:
        read(parameter, "2026-13-01")
    with pytest.raises(BadValueError) as line:
        parameter.from_text("2026-13-01")
    assert str(form.value) == str(line.value)


@given(st.one_of(st.text(), st.booleans(), st.lists(st.text()), st.none()))
def test_whatever_the_page_sends_is_a_value_or_a_bad_value(raw):
    for parameter, *_ in CONTROLS:
        with suppress(BadValueError):
            read(parameter, raw)
