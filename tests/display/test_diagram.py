from __future__ import annotations

import re

from display_samples import record
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.graph import GraphNode, TaskGraph
from nbflow.core.status import TaskState
from nbflow.display.diagram import label_lines, to_graphviz, to_mermaid


def small(value="1"):
    raw, report = record("Raw", n=value), record("Report", n=value)
    return TaskGraph(
        (report.task_id,),
        {
            raw.task_id: GraphNode(raw, (), TaskState.COMPLETE),
            report.task_id: GraphNode(report, (raw.task_id, "elsewhere"), TaskState.PENDING),
        },
    )


def test_dot_has_nodes_edges_and_states():
    source = to_graphviz(small(), rank="TB").source

    assert "rankdir=TB" in source
    assert r'label="Raw\nn=1\n● complete"' in source
    assert r'label="Report\nn=1\n○ pending"' in source
    assert "n0 -> n1" in source


def test_mermaid_has_nodes_edges_and_classes_of_the_states_that_occur():
    lines = to_mermaid(small()).splitlines()

    assert lines[:4] == [
        "flowchart LR",
        '  n0["Raw<br/>n=1<br/>#9679; complete"]:::complete',
        '  n1["Report<br/>n=1<br/>#9675; pending"]:::pending',
        "  n0 --> n1",
    ]
    assert [line.split()[1] for line in lines[4:]] == ["pending", "complete"]


def test_label_has_shown_parameters_only():
    task = record("A", a=1, b=2, unshown=("b",))

    assert label_lines(task) == ("A", "a=1")


@given(st.text())
def test_hostile_values_add_no_nodes_edges_or_markup(value):
    graph = small(value)

    mermaid = to_mermaid(graph)
    dot = to_graphviz(graph).source

    assert len(re.findall(r"^  n\d\[", mermaid, re.MULTILINE)) == 2
    assert mermaid.count("-->") == 1
    assert all(
        '"' not in line.split('["', 1)[1].rsplit('"]', 1)[0]
        for line in mermaid.splitlines()
        if '["' in line
    )
    statements = re.sub(r'"(?:[^"\\]|\\.)*"', '""', dot, flags=re.DOTALL)
    assert statements.count("->") == 1
    assert len(re.findall(r"^\tn\d \[", statements, re.MULTILINE)) == 2
