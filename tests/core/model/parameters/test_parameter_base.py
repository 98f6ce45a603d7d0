"""Declarations, the descriptor, visibility, batches, and the two doors."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.errors import BadValueError, ParameterError
from nbflow.core.model import parameters as p
from nbflow.core.model.parameters.base import NO_VALUE, ParameterTypeWarning
from tests.strategies import CASES, Case, few, id_of, same


class Holder:
    n = p.IntParameter(default=3, description="how many")
    token = p.IntParameter(visibility=p.ParameterVisibility.PRIVATE)


def test_class_gives_the_parameter_and_instance_its_value() -> None:
    holder = Holder()
    holder.__dict__["n"] = 5

    assert isinstance(Holder.n, p.IntParameter)
    assert holder.n == 5
    holder.n = 6
    assert holder.n == 6


def test_instance_without_a_value_says_why() -> None:
    with pytest.raises(AttributeError, match=r"Holder has no value for its parameter 'n'"):
        _ = Holder().n


def test_later_declarations_count_higher() -> None:
    first, second = p.Parameter(), p.DateParameter()

    assert first.counter < second.counter


def test_none_is_a_default_and_no_value_is_not() -> None:
    assert p.IntParameter(default=None).has_default
    assert not p.IntParameter().has_default
    assert pickle.loads(pickle.dumps(NO_VALUE)) is NO_VALUE


def test_options_of_the_declaration_are_kept() -> None:
    batch = max
    parameter = p.Parameter(
        "x",
        significant=False,
        description="d",
        positional=False,
        always_in_help=True,
        batch_method=batch,
        visibility=p.ParameterVisibility.HIDDEN,
    )

    assert (parameter.default, parameter.significant, parameter.description) == ("x", False, "d")
    assert (parameter.positional, parameter.always_in_help) == (False, True)
    assert parameter.batch_method is batch
    assert parameter.visibility is p.ParameterVisibility.HIDDEN


def test_is_global_is_deprecated_and_means_not_positional() -> None:
    with pytest.warns(DeprecationWarning, match="positional=False"):
        parameter = p.Parameter(is_global=True)

    assert not parameter.positional


def test_config_path_needs_section_and_name() -> None:
    with pytest.raises(ParameterError, match="'section' and 'name'"):
        p.Parameter(config_path={"section": "x"})  # type: ignore[typeddict-item]


def test_unknown_visibility_is_public_with_a_warning() -> None:
    with pytest.warns(ParameterTypeWarning, match="taken as PUBLIC"):
        parameter = p.Parameter(visibility="private")

    assert parameter.visibility is p.ParameterVisibility.PUBLIC
    assert p.ParameterVisibility.has_value(2)
    assert not p.ParameterVisibility.has_value(3)
    assert p.ParameterVisibility.PRIVATE.serialize() == 2


def test_batch_of_texts_becomes_one_value() -> None:
    newest = p.IntParameter(batch_method=max)

    assert newest.parse_list(["1", "12", "3"]) == 12
    assert newest._parse_list(["1", "2"]) == 2
    assert newest.serialize_list([1, 2]) == ["1", "2"]
    with pytest.raises(ValueError, match="no values"):
        newest.parse_list([])
    with pytest.raises(NotImplementedError, match="no batch_method"):
        p.IntParameter().parse_list(["1"])


def test_parameter_is_generic_at_run_time() -> None:
    class Bytes(p.Parameter[bytes]):
        def parse(self, text: str) -> bytes:
            return text.encode()

    assert p.Parameter[int].__origin__ is p.Parameter
    assert Bytes.annotation is bytes
    assert Bytes.kind == "Bytes"
    assert Bytes().from_text("a") == b"a"


def test_own_subclass_loses_the_shortcuts_that_it_overrides() -> None:
    class Even(p.IntParameter):
        def normalize(self, value: int) -> int:
            return value // 2 * 2

    class Loud(p.StrParameter):
        def parse(self, text: str) -> str:
            return text.upper()

    class Plain(p.IntParameter):
        pass

    assert (Even.fast_type, Even().is_text) == (None, False)
    assert (Loud.fast_type, Loud.is_text) == (str, False)
    assert Plain.fast_type is int


@pytest.mark.parametrize("case", CASES, ids=id_of)
@few
@given(data=st.data())
def test_fast_type_means_that_normalize_changes_nothing_and_warns_of_nothing(
    case: Case, data: st.DataObject
) -> None:
    value = data.draw(case.values)
    parameter = case.make()
    if parameter.fast_type is None or type(value) is not parameter.fast_type:
        return

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parameter.normalize(value) is value
        parameter._warn_on_wrong_param_type("x", value)


@pytest.mark.parametrize("case", CASES, ids=id_of)
@few
@given(data=st.data())
def test_written_values_are_read_back(case: Case, data: st.DataObject) -> None:
    parameter = case.make()
    try:
        value = parameter.validate(parameter.normalize(data.draw(case.values)))
    except (ValueError, TypeError):
        return
    if value is None and not parameter.type_label.startswith("Optional"):
        return
    if value == "" and parameter.type_label.startswith("Optional"):
        return  # its text is that of None

    again = parameter.from_text(parameter.serialize(value))

    assert same(again, value)
    assert type(again) is type(value)


@pytest.mark.parametrize("case", CASES, ids=id_of)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@few
@given(data=st.data())
def test_text_of_a_person_gives_a_value_or_a_bad_value(case: Case, data: st.DataObject) -> None:
    text = data.draw(case.texts)
    parameter = case.make()

    try:
        value = parameter.from_text(text, "x")
    except BadValueError as error:
        refusal = error
    else:
        assert same(parameter.from_object(value), value)
        return

    assert str(refusal).startswith("x=")
    assert refusal.parameter == "x"
    assert "\n" not in str(refusal)


@pytest.mark.parametrize("case", CASES, ids=id_of)
def test_every_class_says_what_it_takes(case: Case) -> None:
    parameter = case.make()

    assert parameter.type_label
    if parameter.example:
        parameter.from_text(parameter.example)
    for choice in parameter.choices_text() or ():
        parameter.from_text(choice)


def test_huge_value_is_shortened() -> None:
    with pytest.raises(BadValueError) as caught:
        Holder.n.from_text("9x" * 1_000_000)

    assert str(caught.value) == (
        f"n={'9x' * 39}9… — not a whole number. Int parameters look like 42."
    )


def test_private_value_is_in_no_text_of_an_error() -> None:
    for door, value in ((Holder.token.from_text, "hunter2"), (Holder.token.from_object, 77.25)):
        with pytest.raises(BadValueError) as caught:
            door(value)

        error: BaseException | None = caught.value
        assert str(error) == "token=•••• — not a whole number. Int parameters look like 42."
        assert caught.value.value == "••••"
        while error is not None:
            assert "hunter2" not in repr(error)
            assert "77.25" not in repr(error)
            error = error.__cause__ or error.__context__


def test_private_value_is_neither_in_a_warning_nor_shown() -> None:
    secret = p.Parameter(visibility=p.ParameterVisibility.PRIVATE)

    with pytest.warns(ParameterTypeWarning) as caught:
        secret._warn_on_wrong_param_type("secret", 123)

    assert "123" not in str(caught[0].message)
    assert secret.shown("abc") == "••••"


def test_bad_value_survives_pickling() -> None:
    with pytest.raises(BadValueError) as caught:
        Holder.n.from_text("x")

    again = pickle.loads(pickle.dumps(caught.value))

    assert (str(again), again.parameter, again.value) == (str(caught.value), "n", "x")


def test_error_of_the_users_own_parse_is_told() -> None:
    class Fussy(p.Parameter[str]):
        def parse(self, text: str) -> str:
            raise KeyError("no\nsuch")

    with pytest.raises(BadValueError, match=r"^x=a — 'no\\nsuch'\.$") as caught:
        Fussy().from_text("a", "x")

    assert isinstance(caught.value.__cause__, KeyError)


def test_plain_parameter_warns_of_what_is_no_text() -> None:
    class Own(p.Parameter[Any]):
        pass

    with pytest.warns(ParameterTypeWarning, match="'x' is of type string, and got 3"):
        p.Parameter()._warn_on_wrong_param_type("x", 3)
    Own()._warn_on_wrong_param_type("x", 3)
    p.IntParameter()._warn_on_wrong_param_type("x", "3")


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        (p.IntParameter(), np.int64(4), 4),
        (p.FloatParameter(), np.float32(0.5), 0.5),
        (p.BoolParameter(), np.bool_(True), True),
        (p.ListParameter(), np.array([1, 2]), (1, 2)),
        (p.StrParameter(), np.str_("a"), "a"),
    ],
)
def test_numpy_counts_as_what_it_stands_for(parameter: Any, value: Any, expected: Any) -> None:
    found = parameter.from_object(value)

    assert found == expected
    assert type(found) is type(expected)


def test_object_that_is_text_is_parsed_unless_the_parameter_is_text() -> None:
    assert p.IntParameter().from_object("5") == 5
    assert p.StrParameter().from_object("5") == "5"
    assert p.Parameter().is_text
    assert not p.DateParameter().is_text


def test_none_is_taken_where_it_is_the_default() -> None:
    assert p.IntParameter(default=None).from_object(None) is None
    with pytest.raises(BadValueError, match="x=None — not a whole number"):
        p.IntParameter().from_object(None, "x")


def test_object_of_a_foreign_class_is_named_and_not_printed() -> None:
    class Frame:
        def __str__(self) -> str:
            raise RuntimeError("slow")

    with pytest.raises(BadValueError, match="x=<Frame> — not a whole number"):
        p.IntParameter().from_object(Frame(), "x")


def test_unknown_option_is_refused_as_by_any_constructor() -> None:
    with pytest.raises(
        TypeError, match=r"Parameter\.__init__\(\) got an unexpected .*'signifcant'"
    ):
        p.DateParameter(signifcant=False)  # type: ignore[call-arg]
