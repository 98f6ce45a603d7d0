"""JSON parameters: freezing, forms, schemas."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Any

import jsonschema
import pytest

from nbflow.core.errors import BadValueError
from nbflow.core.model import parameters as p
from nbflow.core.model.frozen import FrozenOrderedDict

SCHEMA = {"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 1}


def named(parameter: Any, name: str = "x") -> Any:
    parameter.__set_name__(type, name)
    return parameter


def test_mapping_is_frozen_all_through_and_keeps_its_order() -> None:
    filters = p.DictParameter()
    value = filters.from_text('{"b": {"c": [1]}, "a": 2}')

    assert value == {"b": {"c": (1,)}, "a": 2}
    assert isinstance(value["b"], FrozenOrderedDict)
    assert filters.serialize(value) == '{"b": {"c": [1]}, "a": 2}'
    assert hash(value) == hash(filters.normalize({"a": 2, "b": {"c": [1]}}))


def test_list_is_a_tuple() -> None:
    assert p.ListParameter().normalize([1, [2]]) == (1, (2,))
    assert p.ListParameter().from_text("null") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("((1,2),(3,4))", ((1, 2), (3, 4))),
        ("[[1,2],[3,4]]", ((1, 2), (3, 4))),
        ("[1,2]", (1, 2)),
        ('("abc",)', ("abc",)),
        ("[1, null, true]", (1, None, True)),
        ('[{"a": 1}]', ({"a": 1},)),
    ],
)
def test_tuple_is_read_as_json_and_as_python(text: str, expected: Any) -> None:
    assert p.TupleParameter().from_text(text) == expected


@pytest.mark.parametrize(
    ("parameter", "text", "reason"),
    [
        (p.TupleParameter(), '("abc")', "a text in brackets"),
        (p.TupleParameter(), "(1", "neither JSON nor a tuple"),
        (p.TupleParameter(), "(" * 10_000, "neither JSON nor a tuple"),
        (p.ListParameter(), "(1,2)", "not JSON"),
        (p.ListParameter(), "[" * 100_000, "not JSON"),
        (p.DictParameter(), "[1]", "not a mapping"),
    ],
)
def test_wrong_forms_are_told(parameter: Any, text: str, reason: str) -> None:
    with pytest.raises(BadValueError, match=reason):
        parameter.from_text(text)


def test_day_in_a_list_can_be_written() -> None:
    assert p.ListParameter().serialize((dt.date(2026, 1, 2),)) == '["2026-01-02"]'


def test_what_json_cannot_hold_is_named() -> None:
    with pytest.raises(TypeError, match="a complex cannot be written as JSON"):
        p.ListParameter().serialize((1j,))


def test_schema_is_asked_for_constructor_values_too() -> None:
    grades = named(p.ListParameter(schema=SCHEMA))

    assert grades.normalize((1, 2)) == (1, 2)
    with pytest.raises(jsonschema.ValidationError):
        grades.normalize([-1])
    with pytest.raises(BadValueError, match=r"^x=\[\] — \[\] (is too short|should be non-empty)"):
        grades.from_text("[]")


def test_validator_object_may_change_the_value() -> None:
    class Sorting:
        def validate(self, value: list[int]) -> None:
            value.sort()

    assert p.ListParameter(schema=Sorting()).normalize((3, 1)) == (1, 3)
    validator = jsonschema.Draft7Validator({"type": "object"})
    with pytest.raises(jsonschema.ValidationError):
        p.DictParameter(schema=validator).normalize([1])


def test_schema_without_jsonschema_is_ignored_with_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    grades = named(p.ListParameter(schema=SCHEMA))

    with pytest.warns(UserWarning, match="pip install jsonschema"):
        assert grades.normalize([-1]) == (-1,)
    assert grades.normalize([-2]) == (-2,)
