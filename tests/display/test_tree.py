from __future__ import annotations

import pytest
from display_samples import record

from nbflow.core.graph import GraphNode, TaskGraph
from nbflow.core.status import TaskState
from nbflow.display.tree import name_of, tree_rows


def graph(*edges, states=None, roots=("Root_",)):
    """Nodes by (name, *requirements); a name is `Family_x`, its parameter is x."""
    nodes = {}
    for name, *deps in edges:
        family, _, x = name.partition("_")
        task = record(family, x=x) if x else record(family)
        state = (states or {}).get(name, TaskState.PENDING)
        nodes[task.task_id] = GraphNode(task, tuple(deps), state)
    return TaskGraph(roots, nodes)


def test_shared_task_is_shown_once():
    rows, hidden = tree_rows(graph(("C_",), ("A_", "C_"), ("B_", "C_"), ("Root_", "A_", "B_")))

    assert [(r.depth, r.ids, r.again) for r in rows] == [
        (0, ("Root_",), False),
        (1, ("A_",), False),
        (2, ("C_",), False),
        (1, ("B_",), False),
        (2, ("C_",), True),
    ]
    assert hidden == 0


def test_many_alike_become_one_row_with_what_they_require_below():
    days = [f"Day_{i}" for i in range(5)]
    rows, _ = tree_rows(graph(("Raw_",), *((day, "Raw_") for day in days), ("Root_", *days)))

    assert [(r.depth, len(r.ids)) for r in rows] == [(0, 1), (1, 5), (2, 1)]


def test_states_are_not_mixed_and_failures_stay_apart():
    days = [f"Day_{i}" for i in range(8)]
    states = {days[3]: TaskState.FAILED, days[4]: TaskState.FAILED, days[5]: TaskState.FAILED}

    rows, _ = tree_rows(graph(*((d,) for d in days), ("Root_", *days), states=states))

    assert [r.ids for r in rows[1:]] == [
        (days[0], days[1], days[2], days[6], days[7]),
        (days[3],),
        (days[4],),
        (days[5],),
    ]


def test_rows_are_limited_and_failures_behind_the_limit_are_told():
    chain = [("N_0",), *((f"N_{i}", f"N_{i - 1}") for i in range(1, 1000)), ("Root_", "N_999")]

    rows, hidden = tree_rows(graph(*chain, states={"N_0": TaskState.FAILED}), limit=10)

    assert len(rows) == 11
    assert rows[-1].ids == ("N_0",)
    assert hidden == 1001 - 11


def test_chain_of_100_000_is_walked():
    task = record("N")
    nodes = {str(i): GraphNode(task, (str(i - 1),) if i else ()) for i in range(100_000)}

    rows, hidden = tree_rows(TaskGraph(("99999",), nodes))

    assert len(rows) + hidden == 100_000


def test_requirements_that_were_not_looked_at_have_no_row():
    rows, _ = tree_rows(graph(("Root_", "Elsewhere_")))

    assert [r.ids for r in rows] == [("Root_",)]


@pytest.mark.parametrize(
    ("records", "name", "group"),
    [
        ([record("A", n=1)], "A(n=1)", ""),
        ([record("A", n=i, k="x") for i in (1, 2, 3)], "A(k=x)", "×3 (n=1, 2, 3)"),
        ([record("A", n=i) for i in range(365)], "A()", "×365 (n=0 … 364)"),
        ([record("A", n=i, m=i) for i in range(3)], "A()", "×3 (n, m differ)"),
        ([record("A", n=i, unshown=("n",)) for i in range(3)], "A()", "×3"),
    ],
)
def test_group_says_what_its_members_share_and_where_they_differ(records, name, group):
    assert name_of([GraphNode(r) for r in records]) == (name, group)


def test_names_are_harmless():
    name, _ = name_of([GraphNode(record("A", n="\x1b[31m\n<b>"))])

    assert name == r"A(n=\x1b[31m\n<b>)"
