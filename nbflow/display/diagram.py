"""The graph of tasks in the languages of other tools: Graphviz's DOT and Mermaid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbflow.core.status import TaskState
from nbflow.display.escape import cut_middle, visible
from nbflow.display.theme import LIGHT, STYLES, css_name, mix
from nbflow.display.tree import shown_parameters

if TYPE_CHECKING:
    from collections.abc import Collection

    from nbflow.core.events import TaskRecord
    from nbflow.core.graph import TaskGraph

_PARAMETERS_SHOWN = 60


def label_lines(record: TaskRecord, *, without: Collection[str] = ()) -> tuple[str, str]:
    """Family, and the shown parameters on one line; both harmless and not too long.

    Parameters
    ----------
    without
        Parameters that are left out where others remain.
    """
    values = shown_parameters(record)
    values = {k: v for k, v in values.items() if k not in without} or values
    if len(values) == 1:
        words = f"{visible(next(iter(values)))}={visible(next(iter(values.values())))}"
    else:
        words = ", ".join(f"{visible(k)}={visible(v, limit=40)}" for k, v in values.items())
    return visible(record.family, limit=60), cut_middle(words, _PARAMETERS_SHOWN)


def to_graphviz(graph: TaskGraph, *, rank: str = "LR") -> Any:
    """The graph as a `graphviz.Digraph`, requirements first; the engine is not needed for it.

    Parameters
    ----------
    rank
        "LR": from left to right; "TB": from top to bottom.
    """
    import graphviz

    dot = graphviz.Digraph(
        "nbflow",
        graph_attr={"rankdir": rank, "bgcolor": "transparent", "fontname": "sans-serif"},
        node_attr={
            "shape": "box",
            "style": "rounded,filled",
            "fontname": "sans-serif",
            # Who draws it may have another font than who lays it out.
            "margin": "0.25,0.08",
        },
        edge_attr={"color": LIGHT.edge, "arrowsize": "0.7"},
    )
    numbers = {task_id: f"n{number}" for number, task_id in enumerate(graph.order())}
    for task_id, number in numbers.items():
        node = graph.nodes[task_id]
        style = STYLES[node.state]
        family, words = label_lines(node.record)
        lines = [family, *([words] if words else []), f"{style.glyph} {style.word}"]
        dot.node(
            number,
            graphviz.escape("\n".join(lines)).replace("\n", r"\n"),
            color=style.light,
            fillcolor=mix(style.light, LIGHT.page, LIGHT.tint),
            penwidth=f"{style.width:g}",
            tooltip=graphviz.escape(visible(node.record.describe())),
        )
    for task_id, number in numbers.items():
        for dep in dict.fromkeys(graph.nodes[task_id].deps):
            if dep in numbers:
                dot.edge(numbers[dep], number)
    return dot


def to_mermaid(graph: TaskGraph, *, rank: str = "LR") -> str:
    """The graph as a Mermaid flowchart, requirements first."""
    numbers = {task_id: f"n{number}" for number, task_id in enumerate(graph.order())}
    lines = [f"flowchart {rank}"]
    for task_id, number in numbers.items():
        node = graph.nodes[task_id]
        style = STYLES[node.state]
        family, words = label_lines(node.record)
        parts = [family, *([words] if words else []), f"{style.glyph} {style.word}"]
        label = "<br/>".join(map(_mermaid_text, parts))
        lines.append(f'  {number}["{label}"]:::{css_name(node.state)}')
    for task_id, number in numbers.items():
        known = [dep for dep in dict.fromkeys(graph.nodes[task_id].deps) if dep in numbers]
        lines += [f"  {numbers[dep]} --> {number}" for dep in known]
    used = {node.state for node in graph.nodes.values()}
    return "\n".join([*lines, *(_mermaid_class(state) for state in TaskState if state in used)])


def _mermaid_class(state: TaskState) -> str:
    style = STYLES[state]
    dash = f",stroke-dasharray:{style.dash}" if style.dash else ""
    fill = mix(style.light, LIGHT.page, LIGHT.tint)
    return (
        f"  classDef {css_name(state)} fill:{fill},stroke:{style.light},color:{LIGHT.text},"
        f"stroke-width:{style.width:g}px{dash}"
    )


def _mermaid_text(text: str) -> str:
    # Mermaid has no backslash escapes: all but plain characters are written as character codes.
    plain = " .,:=/_-×…"
    return "".join(c if c.isalnum() or c in plain else f"#{ord(c)};" for c in text)
