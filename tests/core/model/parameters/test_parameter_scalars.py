"""Numbers, truth, paths, classes of task: vectors and messages."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Any

import pytest

from nbflow.core.errors import BadValueError, ParameterError
from nbflow.core.model import parameters as p


def named(parameter: Any, name: str = "x") -> Any:
    parameter.__set_name__(type, name)
    return parameter


def test_int_takes_underscores_and_blanks_and_no_fraction() -> None:
    number = named(p.IntParameter())

    assert number.parse("1_000") == 1000
    assert number.parse(" 7 ") == 7
    with pytest.raises(BadValueError, match=r"^x=5.0 — not a whole number\. Int parameters look"):
        number.from_text("5.0")
    assert number.normalize("5") == "5"  # constructors do not convert
    assert number.serialize("5") == "5"


def test_true_is_no_number() -> None:
    with pytest.raises(BadValueError):
        p.IntParameter().from_object(True)
    with pytest.raises(BadValueError):
        p.FloatParameter().from_object(True)


def test_bool_is_false_by_default_and_junk_is_none() -> None:
    flag = named(p.BoolParameter())

    assert flag.default is False
    assert [flag.normalize(value) for value in ("yes", 1, None, "True")] == [None, None, None, True]
    assert [flag.serialize(value) for value in (True, False)] == ["True", "False"]
    assert flag.parse("FALSE") is False


def test_bool_takes_digits_from_people_only() -> None:
    flag = named(p.BoolParameter())

    assert (flag.from_text("1"), flag.from_text("0"), flag.from_source(1)) == (True, False, True)
    with pytest.raises(BadValueError):
        flag.from_source("1")
    with pytest.raises(
        BadValueError, match=r"^x=ture — choose one of true, false\. Did you mean true\?$"
    ):
        flag.from_text("ture")


def test_parsing_of_bool_can_be_switched_for_later_declarations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = p.BoolParameter()
    monkeypatch.setattr(p.BoolParameter, "parsing", p.BoolParameter.EXPLICIT_PARSING)

    assert (before.parsing, p.BoolParameter().parsing) == ("implicit", "explicit")
    with pytest.raises(ParameterError, match="choose 'implicit' or 'explicit'"):
        p.BoolParameter(parsing="loose")


def test_numerical_checks_text_and_objects_and_no_constructor_values() -> None:
    number = named(p.NumericalParameter(var_type=int, min_value=-3, max_value=7))

    assert number.type_label == "Int -3..6"
    assert number.normalize(99) == 99
    assert number.from_text("-3") == -3
    for door, value in ((number.from_text, "7"), (number.from_object, 7)):
        with pytest.raises(BadValueError, match=r"^x=7 — must be in -3\.\.6\. Int parameters"):
            door(value)
    with pytest.raises(BadValueError, match="x=many — not a whole number"):
        number.from_text("many")


def test_numerical_limits_may_be_open_or_closed() -> None:
    share = p.NumericalParameter(
        var_type=float, min_value=0.0, max_value=1.0, left_op=operator.lt, right_op=operator.le
    )

    assert share.type_label == "Float (0.0, 1.0]"
    assert share.from_text("1") == 1.0
    with pytest.raises(BadValueError):
        share.from_text("0")


@pytest.mark.parametrize("missing", ["var_type", "min_value", "max_value"])
def test_numerical_needs_type_and_limits(missing: str) -> None:
    options = {"var_type": int, "min_value": 1, "max_value": 2}
    del options[missing]

    with pytest.raises(ParameterError, match=f"needs {missing}"):
        p.NumericalParameter(**options)


def test_path_is_a_path_absolute_and_existing_on_demand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").touch()

    assert named(p.PathParameter()).normalize("a/b") == Path("a/b")
    assert p.PathParameter(absolute=True).normalize("a") == tmp_path / "a"
    existing = named(p.PathParameter(exists=True))
    assert existing.from_text("there") == Path("there")
    with pytest.raises(BadValueError, match="x=gone — nothing is there"):
        existing.normalize("gone")


def test_task_is_written_as_its_family_and_nothing_else_is_one() -> None:
    class Report:
        @classmethod
        def get_task_family(cls) -> str:
            return "ns.Report"

    task = named(p.TaskParameter())

    assert task.serialize(Report) == "ns.Report"
    assert task.serialize(None) == "None"
    assert task.from_object(Report) is Report
    with pytest.raises(BadValueError, match="x=3 — not a class of task"):
        task.from_object(3)


def test_unknown_task_is_told_with_what_the_registry_says() -> None:
    with pytest.raises(BadValueError, match=r"^x=NoSuchTaskAnywhere — .*[.?)]$"):
        named(p.TaskParameter()).from_text("NoSuchTaskAnywhere")
