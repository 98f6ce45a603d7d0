"""Optional parameters: None, "", and warnings."""

from __future__ import annotations

import datetime as dt
import enum
from pathlib import Path
from typing import Any

import pytest

from nbflow.core.errors import BadValueError
from nbflow.core.model import parameters as p


class Color(enum.Enum):
    RED = 1


ALL: list[Any] = [
    p.OptionalParameter(),
    p.OptionalStrParameter(),
    p.OptionalIntParameter(),
    p.OptionalFloatParameter(),
    p.OptionalBoolParameter(),
    p.OptionalNumericalParameter(var_type=int, min_value=1, max_value=5),
    p.OptionalPathParameter(),
    p.OptionalDateParameter(),
    p.OptionalDateSecondParameter(),
    p.OptionalTimeDeltaParameter(),
    p.OptionalDateIntervalParameter(),
    p.OptionalChoiceParameter(choices=["a"]),
    p.OptionalChoiceListParameter(choices=["a"]),
    p.OptionalEnumParameter(enum=Color),
    p.OptionalEnumListParameter(enum=Color),
    p.OptionalDictParameter(),
    p.OptionalListParameter(),
    p.OptionalTupleParameter(),
    p.OptionalTaskParameter(),
]


@pytest.mark.parametrize("parameter", ALL, ids=lambda each: type(each).__name__)
def test_none_is_the_default_and_the_empty_text(parameter: Any) -> None:
    assert parameter.default is None
    assert parameter.normalize(None) is None
    assert parameter.serialize(None) == ""
    assert parameter.parse("") is None
    assert parameter.from_text("") is None
    assert parameter.from_object(None) is None
    assert parameter.from_source("") is None
    assert parameter.next_in_enumeration(1) is None
    assert parameter.type_label.startswith("Optional ")
    assert type(None) in parameter.annotation.__args__


@pytest.mark.parametrize("parameter", ALL, ids=lambda each: type(each).__name__)
def test_wrong_type_warns_and_none_does_not(parameter: Any) -> None:
    parameter._warn_on_wrong_param_type("x", None)
    with pytest.warns(p.OptionalParameterTypeWarning, match="'x' is of type .* or None"):
        parameter._warn_on_wrong_param_type("x", 1j)


def test_values_are_those_of_the_inner_class() -> None:
    assert p.OptionalIntParameter().from_text("5") == 5
    assert p.OptionalDateParameter(interval=7).normalize(dt.date(2024, 1, 5)) == dt.date(2024, 1, 4)
    assert p.OptionalPathParameter().normalize("") == Path()
    assert p.OptionalIntParameter().parse(5) == 5
    assert p.OptionalBoolParameter(default=True).default is True


def test_error_speaks_of_the_inner_kind() -> None:
    with pytest.raises(BadValueError, match=r"^x=a — not a whole number\. Int parameters look"):
        p.OptionalIntParameter().from_text("a", "x")


def test_order_of_an_optional_choices_options_is_luigis() -> None:
    choice = p.OptionalChoiceParameter("b", str, ["a", "b"])

    assert (choice.default, choice.choices) == ("b", ("a", "b"))


def test_own_optional_class_is_made_with_the_mixin() -> None:
    class Even(p.IntParameter):
        def __init__(self, *args: Any, step: int = 2, **options: Any) -> None:
            super().__init__(*args, **options)
            self.step = step

        def normalize(self, value: int) -> int:
            return value // self.step * self.step

    class OptionalEven(p.OptionalParameterMixin[int], Even):
        expected_type = int

    even = OptionalEven(step=4, description="d")

    assert (even.default, even.description, even.normalize(None)) == (None, "d", None)
    assert even.from_text("7") == 4
    assert even.annotation == int | None
    assert OptionalEven.fast_type is None
