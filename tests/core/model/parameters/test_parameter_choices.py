"""Choices and enums, one or several."""

from __future__ import annotations

import enum
from typing import Any, Literal

import pytest

from nbflow.core.errors import BadValueError, ParameterError
from nbflow.core.model import parameters as p


class Color(enum.Enum):
    RED = 1
    GREEN = 2


def named(parameter: Any, name: str = "base") -> Any:
    parameter.__set_name__(type, name)
    return parameter


def currencies(**options: Any) -> Any:
    return named(p.ChoiceParameter(choices=["EUR", "USD", "GBP"], **options))


def test_wrong_choice_is_refused_by_constructor_and_doors_alike() -> None:
    base = currencies()

    for refuse in (base.normalize, base.from_text, base.from_object, base.parse):
        with pytest.raises(BadValueError) as caught:
            refuse("EURO")
        assert str(caught.value) == "base=EURO — choose one of EUR, USD, GBP. Did you mean EUR?"


def test_private_choice_is_not_guessed() -> None:
    secret = currencies(visibility=p.ParameterVisibility.PRIVATE)

    with pytest.raises(BadValueError, match=r"^base=•••• — choose one of EUR, USD, GBP\.$"):
        secret.from_text("EURO")


def test_choices_keep_their_order_and_say_their_type() -> None:
    base = currencies()

    assert base.type_label == "Choice EUR|USD|GBP"
    assert base.choices_text() == ("EUR", "USD", "GBP")
    assert base.annotation == Literal["EUR", "USD", "GBP"]


def test_choices_of_another_type_are_read_by_how_they_are_written() -> None:
    rate = p.ChoiceParameter(choices=[0.1, 0.2], var_type=float)
    flag = p.ChoiceParameter(choices=[True, False], var_type=bool)
    mixed = p.ChoiceParameter(choices=[1, "auto"], var_type=None)

    assert rate.from_text("0.10") == 0.1
    assert flag.from_text("False") is False
    assert (mixed.from_text("1"), mixed.from_text("auto")) == (1, "auto")
    with pytest.raises(BadValueError):
        mixed.from_text("2")


def test_many_choices_are_not_all_listed() -> None:
    many = named(p.ChoiceParameter(choices=[str(n) for n in range(1000)]))

    with pytest.raises(BadValueError, match=r"18, 19, … \(1000 in all\)\."):
        many.from_text("x")


@pytest.mark.parametrize("options", [{}, {"choices": [1]}, {"choices": ["a", 1]}])
def test_declaration_without_proper_choices_is_refused(options: Any) -> None:
    with pytest.raises(ParameterError):
        p.ChoiceParameter(**options)


def test_unhashable_value_is_no_choice() -> None:
    with pytest.raises(BadValueError):
        currencies().normalize(["EUR"])


def test_list_of_choices_is_a_tuple_and_takes_types_other_than_text() -> None:
    days = named(p.ChoiceListParameter(var_type=int, choices=[1, 2, 3]))

    assert days.normalize([1, 3]) == (1, 3)
    assert days.serialize((1, 3)) == "1,3"
    assert days.from_text("1,3") == (1, 3)
    assert days.from_text("") == ()
    assert days.annotation == tuple[Literal[1, 2, 3], ...]


def test_wrong_one_of_several_choices_is_named() -> None:
    base = named(p.ChoiceListParameter(choices=["EUR", "USD"]))

    with pytest.raises(BadValueError) as caught:
        base.from_text("USD,EURO")

    assert str(caught.value) == (
        "base=USD,EURO — 'EURO' is not allowed: choose among EUR, USD, joined by commas. "
        "Did you mean EUR?"
    )


def test_enum_is_read_by_name_in_its_own_case() -> None:
    color = named(p.EnumParameter(enum=Color), "color")

    assert color.from_text("RED") is Color.RED
    assert color.serialize(Color.RED) == "RED"
    assert color.serialize(None) == "None"
    assert color.fast_type is Color
    assert color.type_label == "Enum RED|GREEN"
    with pytest.raises(
        BadValueError, match=r"^color=red — choose one of RED, GREEN\. Did you mean RED\?$"
    ):
        color.from_text("red")


def test_member_of_another_enum_is_refused_at_the_door() -> None:
    class Other(enum.Enum):
        RED = 1

    with pytest.raises(BadValueError, match="<Other>"):
        p.EnumParameter(enum=Color).from_object(Other.RED)


def test_several_enum_members_are_a_tuple() -> None:
    colors = named(p.EnumListParameter(enum=Color), "colors")

    assert colors.from_text("RED,GREEN") == (Color.RED, Color.GREEN)
    assert colors.from_text("") == ()
    assert colors.serialize((Color.RED, Color.GREEN)) == "RED,GREEN"
    assert colors.from_object([Color.RED]) == (Color.RED,)
    with pytest.raises(BadValueError, match="'BLUE' is not allowed: choose among RED, GREEN"):
        colors.from_text("RED,BLUE")


@pytest.mark.parametrize("cls", [p.EnumParameter, p.EnumListParameter])
def test_enum_needs_its_class(cls: Any) -> None:
    with pytest.raises(ParameterError, match="needs enum"):
        cls()


def test_object_that_is_no_choice_is_not_printed() -> None:
    class Frame:
        def __str__(self) -> str:
            raise RuntimeError("slow")

    with pytest.raises(BadValueError, match=r"^base=<Frame> — choose one of EUR, USD, GBP\.$"):
        currencies().from_object(Frame())
