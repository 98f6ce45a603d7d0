"""Walks over graphs of task ids."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.events import TaskRecord
from nbflow.core.graph import GraphNode, TaskGraph, find_cycle, topological_order
from nbflow.core.status import TaskState


def graph(deps: dict[str, tuple[str, ...]], *roots: str) -> TaskGraph:
    nodes = {i: GraphNode(TaskRecord(task_id=i, family=i), d) for i, d in deps.items()}
    return TaskGraph(roots, nodes)


@st.composite
def acyclic_deps(draw):
    size = draw(st.integers(0, 12))
    return {
        f"t{i:02}": draw(st.lists(st.sampled_from([f"t{j:02}" for j in range(i)]), max_size=4))
        if i
        else []
        for i in range(size)
    }


@given(acyclic_deps())
def test_order_puts_requirements_first(deps):
    order = topological_order(deps)

    assert sorted(order) == sorted(deps)
    position = {key: index for index, key in enumerate(order)}
    assert all(position[d] < position[key] for key, values in deps.items() for d in values)


@given(acyclic_deps())
def test_an_acyclic_graph_has_no_cycle(deps):
    assert find_cycle(deps) is None


@given(acyclic_deps(), st.data())
def test_a_planted_cycle_is_found_and_its_path_closes(deps, data):
    if len(deps) < 2:
        return
    first, second = data.draw(st.permutations(sorted(deps)))[:2]
    deps[first] = [*deps[first], second]
    deps[second] = [*deps[second], first]

    path = find_cycle(deps)

    assert path is not None
    assert path[0] == path[-1]
    assert all(b in deps[a] for a, b in itertools.pairwise(path))


def test_order_breaks_ties_by_id():
    assert topological_order({"b": [], "a": [], "c": ["b"]}) == ["a", "b", "c"]


def test_a_deep_chain_is_walked_without_recursion():
    deps = {str(i): [str(i - 1)] if i else [] for i in range(100_000)}

    assert find_cycle(deps) is None
    assert topological_order(deps)[-1] == "99999"
    assert graph({k: tuple(v) for k, v in deps.items()}).depths()["99999"] == 99_999


def test_upstream_and_downstream_include_the_task_itself():
    g = graph({"a": (), "b": ("a",), "c": ("b",), "x": ()}, "c")

    assert g.upstream("b") == {"a", "b"}
    assert g.downstream("b") == {"b", "c"}


def test_a_subgraph_without_the_root_starts_at_its_tops():
    g = graph({"a": (), "b": ("a",), "c": ("b",)}, "c")

    assert g.subgraph(["a", "b"]).roots == ("b",)
    assert g.subgraph(["a", "c"]).roots == ("c",)


def test_requirements_that_were_not_looked_at_are_no_nodes():
    g = graph({"b": ("unseen",)}, "b")

    assert g.order() == ["b"]
    assert g.depths() == {"b": 0}


def test_counts_name_only_states_that_occur():
    g = graph({"a": (), "b": ()})
    g.nodes["a"].state = TaskState.COMPLETE

    assert g.counts() == {TaskState.COMPLETE: 1, TaskState.PENDING: 1}
