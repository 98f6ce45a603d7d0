"""How tasks of one family are named on one line of the summary, against Luigi's own."""

from __future__ import annotations

import datetime as dt
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.compat import luigi as ours
from nbflow.compat.luigi._summary_text import describe
from nbflow.core.errors import MASK

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import luigi as real
    from luigi import execution_summary as theirs


def classes(library: Any) -> dict[str, Any]:
    class One(library.Task):
        i = library.IntParameter()

    class Word(library.Task):
        s = library.Parameter()

    class Day(library.Task):
        d = library.DateParameter()

    class Weekly(library.Task):
        d = library.DateParameter(interval=7)
        s = library.Parameter(default="q")

    class Two(library.Task):
        i = library.IntParameter()
        s = library.Parameter(default="q")

    class Hidden(library.Task):
        i = library.IntParameter()
        s = library.Parameter(default="q", significant=False)

    class Long(library.Task):
        a_very_long_parameter_name_number = library.IntParameter()
        another_one = library.IntParameter(default=1)

    class Longer(Long):
        a_third_name_makes_sixty_characters_and_more = library.IntParameter(default=1)

    class Nothing(library.Task):
        pass

    return {
        cls.__name__: cls for cls in (One, Word, Day, Weekly, Two, Hidden, Long, Longer, Nothing)
    }


MINE, THEIRS = classes(ours), classes(real)
numbers = st.integers(0, 9) | st.integers(0, 200)
words = st.text("ab", max_size=4) | st.integers(30, 130).map("x".__mul__)
days = st.integers(0, 9).map(lambda n: dt.date(2013, 1, 1) + dt.timedelta(n))
ARGUMENTS = {
    "One": st.tuples(numbers),
    "Word": st.tuples(words),
    "Day": st.tuples(days),
    "Weekly": st.tuples(days, st.sampled_from(["q", "r"])),
    "Two": st.tuples(numbers, words | st.just("q")),
    "Hidden": st.tuples(numbers, st.sampled_from(["q", "r"])),
    "Long": st.tuples(numbers),
    "Longer": st.tuples(numbers),
    "Nothing": st.just(()),
}


@pytest.mark.parametrize("name", ARGUMENTS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_tasks_of_one_family_are_named_as_luigi_names_them(name: str, data: st.DataObject) -> None:
    """W-75."""
    given_ = data.draw(st.lists(ARGUMENTS[name], min_size=1, max_size=14))
    mine = sorted({MINE[name](*arguments) for arguments in given_}, key=str)
    expected = theirs._get_str({name: list({THEIRS[name](*each) for each in given_})}, False)
    assert f"    - {len(mine)} {describe(name, mine)}" == expected


def test_private_values_are_masked() -> None:
    """Q-40: by intent otherwise than in Luigi."""

    class Secret(ours.Task):
        i = ours.IntParameter()
        key = ours.Parameter(visibility=ours.parameter.ParameterVisibility.PRIVATE)

    class OnlySecret(ours.Task):
        key = ours.Parameter(visibility=ours.parameter.ParameterVisibility.PRIVATE)

    tasks = [Secret(i, "hush") for i in range(4)]
    assert describe("Secret", tasks) == f"Secret(i=0...3, key={MASK})"
    assert describe("Secret", tasks[:1]) == f"Secret(i=0, key={MASK})"
    assert describe("OnlySecret", [OnlySecret("hush")]) == f"OnlySecret(key={MASK})"


def test_values_that_have_no_order_are_listed() -> None:
    """A value of another type than the parameter's is no reason to lose the summary."""
    tasks = [MINE["One"](value) for value in (None, 1, 2, 3)]
    assert describe("One", sorted(tasks, key=str)) == "One(i=1,2,3,None)"


@pytest.mark.parametrize(("length", "shown"), [(5, 5), (2, 2), (0, 7)])
def test_as_many_families_are_listed_as_configured(length: int, shown: int) -> None:
    """W-75: `[execution_summary] summary_length`; 0 is all."""
    texts = []
    for library in (real, ours):
        library.configuration.get_config().set("execution_summary", "summary_length", str(length))
        tasks = [
            type(f"Family{n}", (library.Task,), {"complete": lambda self: True})() for n in range(7)
        ]
        result = library.build(
            tasks, local_scheduler=True, log_level="CRITICAL", detailed_summary=True
        )
        texts.append(result.summary_text)
    assert texts[1] == texts[0]
    assert texts[1].count("Family") == shown
