"""Where an omitted value comes from."""

from __future__ import annotations

import contextvars
import datetime as dt
import pickle
import threading
from typing import TYPE_CHECKING, Any

import pytest

from nbflow.core.errors import BadValueError, MissingParameterError
from nbflow.core.model import defaults, interval
from nbflow.core.model import parameters as p

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@pytest.fixture(autouse=True)
def _no_configuration() -> Iterator[None]:
    defaults.set_provider(None)
    yield
    defaults.set_provider(None)


def configured(values: Mapping[str, Mapping[str, object]]) -> Callable[[], defaults.Source]:
    return lambda: defaults.Overrides(values, "nbflow.toml [tasks.Report]")


def named(parameter: Any, name: str = "x") -> Any:
    parameter.__set_name__(type, name)
    return parameter


def resolved(parameter: Any) -> Any:
    return defaults.resolve("Report", named(parameter))


def test_command_goes_before_configuration_and_that_before_the_declaration() -> None:
    found = [resolved(p.IntParameter()), resolved(p.IntParameter(1))]
    defaults.set_provider(configured({"Report": {"x": "2"}}))
    found.append(resolved(p.IntParameter(1)))
    with defaults.override({"Report": {"x": "3"}}):
        found.append(resolved(p.IntParameter(1)))
    found.append(resolved(p.IntParameter(1)))

    assert found == [p.NO_VALUE, 1, 2, 3, 2]


def test_values_are_those_of_the_exact_family_and_name() -> None:
    defaults.set_provider(configured({"Parent": {"x": "2"}, "Report": {"y": "2"}}))

    assert resolved(p.IntParameter()) is p.NO_VALUE


def test_declared_default_is_normalized_and_not_parsed() -> None:
    assert resolved(p.ListParameter([1])) == (1,)
    assert resolved(p.IntParameter("5")) == "5"
    assert resolved(p.IntParameter(None)) is None


def test_empty_text_on_the_command_line_is_a_value() -> None:
    with defaults.override({"Report": {"x": ""}}):
        assert resolved(p.StrParameter("else")) == ""
        assert resolved(p.OptionalIntParameter(5)) is None
        with pytest.raises(BadValueError):
            resolved(p.IntParameter(5))


@pytest.mark.parametrize(
    ("parameter", "native", "expected"),
    [
        (p.IntParameter(), 5, 5),
        (p.FloatParameter(), 5, 5.0),
        (p.BoolParameter(), True, True),
        (p.StrParameter(), 5, "5"),
        (p.DateParameter(), dt.date(2026, 1, 2), dt.date(2026, 1, 2)),
        (p.DateParameter(interval=7), dt.date(2024, 1, 5), dt.date(2024, 1, 4)),
        (p.DateSecondParameter(), dt.datetime(2026, 1, 2, 3), dt.datetime(2026, 1, 2, 3)),  # noqa: DTZ001
        (p.DateIntervalParameter(), 2014, interval.Year(2014)),
        (p.DateIntervalParameter(), dt.date(2014, 5, 6), interval.Date(2014, 5, 6)),
        (p.TimeDeltaParameter(), 90, dt.timedelta(seconds=90)),
        (p.TimeDeltaParameter(), 1.5, dt.timedelta(seconds=1.5)),
        (p.ListParameter(), [1, [2]], (1, (2,))),
        (p.TupleParameter(), [[1, 2], [3, 4]], ((1, 2), (3, 4))),
        (p.DictParameter(), {"a": {"b": [1]}}, {"a": {"b": (1,)}}),
        (p.ChoiceListParameter(choices=["a", "b"]), ["b", "a"], ("b", "a")),
        (p.ChoiceParameter(choices=["1", "2"]), 1, "1"),
        (p.OptionalIntParameter(), 5, 5),
        (p.NumericalParameter(var_type=int, min_value=1, max_value=9), 5, 5),
    ],
)
def test_natives_of_toml_are_taken(parameter: Any, native: Any, expected: Any) -> None:
    defaults.set_provider(configured({"Report": {"x": native}}))

    found = resolved(parameter)

    assert found == expected
    assert isinstance(found, type(expected)) or expected == {"a": {"b": (1,)}}


def test_wrong_value_names_its_place() -> None:
    defaults.set_provider(configured({"Report": {"x": "2026-13-01"}}))

    with pytest.raises(BadValueError) as caught:
        resolved(p.DateParameter())

    assert str(caught.value) == (
        "Report.x=2026-13-01 — month must be in 1..12. Date parameters look like 2026-08-22. "
        "It comes from nbflow.toml [tasks.Report]."
    )
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.value == "2026-13-01"


def test_wrong_native_is_not_written_twice() -> None:
    defaults.set_provider(configured({"Report": {"x": [1]}}))

    with pytest.raises(BadValueError, match=r"^Report\.x=\[1\] — not a whole number\."):
        resolved(p.IntParameter())


def test_private_value_of_the_configuration_is_not_told() -> None:
    defaults.set_provider(configured({"Report": {"x": "hunter2"}}))

    with pytest.raises(BadValueError, match="x=••••") as caught:
        resolved(p.IntParameter(visibility=p.ParameterVisibility.PRIVATE))

    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2" not in repr(error)
        error = error.__cause__ or error.__context__


def test_config_path_is_asked_after_the_family_with_a_warning() -> None:
    old = p.IntParameter(0, config_path={"section": "old", "name": "number"})
    defaults.set_provider(configured({"old": {"number": "7"}}))

    with pytest.warns(
        DeprecationWarning, match=r"\[old\] number is deprecated: write \[Report\] x"
    ):
        assert resolved(old) == 7

    defaults.set_provider(configured({"old": {"number": "7"}, "Report": {"x": "8"}}))
    assert resolved(old) == 8


def test_provider_is_asked_late_and_once() -> None:
    calls = []

    def provide() -> defaults.Source:
        calls.append(1)
        return defaults.Overrides({}, "nowhere")

    defaults.set_provider(provide)
    assert calls == []
    resolved(p.IntParameter(1))
    resolved(p.IntParameter(1))

    assert calls == [1]


def test_lower_layer_of_configuration_is_asked_first() -> None:
    defaults.set_provider(configured({"Report": {"x": "1", "y": "1"}}))
    defaults.set_provider(configured({"Report": {"x": "2"}}), layer=-1)
    try:
        assert resolved(p.IntParameter(0)) == 2
        assert defaults.resolve("Report", named(p.IntParameter(0), "y")) == 1
    finally:
        defaults.set_provider(None, layer=-1)
    assert resolved(p.IntParameter(0)) == 1


def test_chain_is_the_same_object_until_a_value_may_differ() -> None:
    before = defaults.current()
    assert defaults.current() is before
    with defaults.override({"Report": {"x": "1"}}) as inside:
        assert defaults.current() is inside is defaults.current()
        assert inside is not before
    assert defaults.current() is before

    defaults.set_provider(configured({}))
    assert defaults.current() is not before


def test_inner_command_goes_before_the_outer_one_and_leaves_the_rest() -> None:
    with (
        defaults.override({"Report": {"x": "1"}, "Other": {"x": "5"}}),
        defaults.override({"Report": {"x": "2"}}),
    ):
        assert resolved(p.IntParameter()) == 2
        assert defaults.resolve("Other", named(p.IntParameter())) == 5


def test_configuration_that_is_read_anew_inside_of_a_command_counts() -> None:
    with defaults.override({"Other": {"x": "1"}}):
        defaults.set_provider(configured({"Report": {"x": "2"}}))

        assert resolved(p.IntParameter()) == 2
        assert defaults.resolve("Other", named(p.IntParameter())) == 1


def test_command_holds_in_its_own_context_and_copies_of_it() -> None:
    found: dict[str, Any] = {}

    def ask(where: str) -> None:
        found[where] = resolved(p.IntParameter(1))

    with defaults.override({"Report": {"x": "3"}}):
        context = contextvars.copy_context()
        for run in (
            threading.Thread(target=ask, args=("elsewhere",)),
            threading.Thread(target=context.run, args=(ask, "copied")),
        ):
            run.start()
            run.join()

    assert found == {"elsewhere": 1, "copied": 3}


def test_parameter_can_be_asked_for_the_value_of_a_family() -> None:
    number = named(p.IntParameter())
    assert not number.has_task_value("Report", "x")
    with pytest.raises(MissingParameterError, match=r"Report needs x \(Int\)\."):
        number.task_value("Report", "x")

    defaults.set_provider(configured({"Report": {"x": "2"}}))

    assert number.has_task_value("Report", "x")
    assert number.task_value("Report", "x") == 2


def test_what_a_command_says_can_be_taken_to_another_process() -> None:
    with defaults.override({"Report": {"x": "3"}}):
        taken = pickle.loads(pickle.dumps(defaults.commands()))
    assert defaults.commands() == ()

    with defaults.commanded(*taken):
        assert resolved(p.IntParameter(1)) == 3
        with defaults.commanded():
            assert resolved(p.IntParameter(1)) == 1
