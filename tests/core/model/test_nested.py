"""Tasks and targets in structures."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.errors import NotARequirementError
from nbflow.core.model.frozen import FrozenOrderedDict
from nbflow.core.model.nested import flatten, flatten_output, getpaths
from nbflow.core.model.parameters import IntParameter
from nbflow.core.model.task import Task

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import luigi.task


class Pair(NamedTuple):
    a: Any
    b: Any


class Leaf(Task):
    i = IntParameter()

    def output(self):
        return f"leaf {self.i}"


def test_flatten_of_all_kinds():
    assert flatten(None) == []
    assert flatten("abc") == ["abc"]
    assert flatten(b"abc") == [b"abc"]
    assert flatten(42) == [42]
    assert flatten(Leaf(1)) == [Leaf(1)]
    assert flatten({"x": Leaf(1), "y": [Leaf(2), None, (Leaf(1),)]}) == [Leaf(1), Leaf(2), Leaf(1)]
    assert flatten(Leaf(i) for i in range(2)) == [Leaf(0), Leaf(1)]
    assert flatten(FrozenOrderedDict({"x": Leaf(1)})) == [Leaf(1)]


structures = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
)


@given(structures)
def test_flatten_equals_luigis(struct):
    assert flatten(struct) == luigi.task.flatten(struct)


def test_error_in_a_generator_comes_out():
    def broken():
        yield Leaf(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        flatten(broken())


def test_getpaths_keeps_the_structure():
    assert getpaths(Leaf(1)) == "leaf 1"
    assert getpaths({"a": Leaf(1), "b": [Leaf(2), (Leaf(3),)]}) == {
        "a": "leaf 1",
        "b": ["leaf 2", ("leaf 3",)],
    }
    assert getpaths(Pair(Leaf(1), Leaf(2))) == Pair("leaf 1", "leaf 2")
    assert getpaths(Leaf(i) for i in range(2)) == ["leaf 0", "leaf 1"]
    assert type(getpaths(OrderedDict(a=Leaf(1)))) is OrderedDict
    assert getpaths(FrozenOrderedDict({"x": Leaf(1)})) == {"x": "leaf 1"}
    assert getpaths(None) == []


@pytest.mark.parametrize("wrong", [5, "text", [5]])
def test_getpaths_refuses_what_is_no_task(wrong):
    with pytest.raises(NotARequirementError, match="expected a task"):
        getpaths(wrong)


def test_outputs_come_from_requirements_where_a_task_has_none():
    class Middle(Task):
        def requires(self):
            return [Leaf(1), Leaf(1), Leaf(2)]

    class Top(Task):
        def requires(self):
            return {"a": Middle(), "b": [Middle(), Leaf(3)]}

    assert flatten_output(Top()) == ["leaf 3", "leaf 1", "leaf 2"]
    assert flatten_output(Leaf(1)) == ["leaf 1"]


def test_long_chain_needs_no_recursion():
    class Link(Task):
        i = IntParameter()

        def requires(self):
            return Link(self.i - 1) if self.i else Leaf(0)

    assert flatten_output(Link(5_000)) == ["leaf 0"]


def test_objects_that_only_look_like_structures_are_one_value():
    thing = SimpleNamespace(values=1)

    assert flatten([thing]) == [thing]
