"""The frozen mapping and freezing of nested values."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given

from nbflow.core.model.frozen import FrozenOrderedDict, recursively_freeze, recursively_unfreeze
from tests.strategies import json_mappings, json_values


def test_mapping_cannot_be_changed_and_keeps_its_order() -> None:
    frozen = FrozenOrderedDict([("b", 1), ("a", 2)])

    assert list(frozen) == ["b", "a"]
    assert repr(frozen) == "{'b': 1, 'a': 2}"
    assert frozen.get_wrapped() == {"b": 1, "a": 2}
    with pytest.raises(TypeError):
        frozen["c"] = 3  # type: ignore[index]


def test_order_does_not_matter_for_equality_and_hash() -> None:
    one, other = FrozenOrderedDict(a=1, b=2), FrozenOrderedDict(b=2, a=1)

    assert one == other == {"a": 1, "b": 2}
    assert hash(one) == hash(other)


def test_mapping_with_a_value_without_hash_has_none() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(FrozenOrderedDict(a=[]))


@given(value=json_values)
def test_frozen_value_has_a_hash_and_thaws_to_what_it_was(value: Any) -> None:
    frozen = recursively_freeze(value)

    hash(frozen)
    assert recursively_unfreeze(frozen) == value
    assert recursively_freeze(frozen) == frozen


@given(value=json_mappings)
def test_mapping_survives_pickling(value: dict[str, Any]) -> None:
    frozen = recursively_freeze(value)

    again = pickle.loads(pickle.dumps(frozen))

    assert again == frozen
    assert list(again) == list(frozen)


def test_hash_is_that_of_the_process() -> None:
    frozen = FrozenOrderedDict(a=1)
    hash(frozen)
    code = (
        "import pickle, sys; from nbflow.core.model.frozen import FrozenOrderedDict;"
        "x = pickle.loads(sys.stdin.buffer.read()); print(hash(x) == hash(FrozenOrderedDict(a=1)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(frozen), capture_output=True, check=True
    )

    assert done.stdout.strip() == b"True"
