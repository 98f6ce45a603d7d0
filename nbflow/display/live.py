"""A run's card while it runs: the line of words, the bar, the running tasks, the states.

Two outputs of the cell belong to it. The *pulse* is small and sent again and again; with it goes
the style that says the state of every box. The *graph* below is drawn once, and again only when
tasks were added or families are counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.status import TaskState
from nbflow.display import html, layout, svg, svg_style, text, words
from nbflow.display.escape import markup, visible_line
from nbflow.display.picture import BoxSize, picture_of
from nbflow.display.theme import DARK, LIGHT, ORDER, STYLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbflow.core.graph import TaskGraph
    from nbflow.core.summary import RunSummary, TaskSummary
    from nbflow.display.layout import Layout
    from nbflow.display.picture import Picture

    Bundle = dict[str, str]
    #: Gives the last lines that a task wrote.
    Output = Callable[[str], Sequence[str]]

#: Tasks above which the graph is drawn at the end only.
DRAWN_LIMIT = 5_000
#: Running tasks that have a row.
_RUNNING_SHOWN = 8
_FAILED_SHOWN = 3
#: Lines of a running task's output, and characters of each, that are shown.
_LINES_SHOWN = 8
_LINE = 200
_UNFINISHED = {TaskState.PENDING, TaskState.WAITING, TaskState.SUSPENDED}


def _no_output(_task_id: str) -> Sequence[str]:
    return ()


def live_graph(summary: RunSummary) -> TaskGraph:
    """The graph of a run that goes on; tasks that cannot run any more are blocked already."""
    graph = summary.graph()
    if summary.failed or any(summary.counts[s] for s in (TaskState.MISSING, TaskState.UNPLANNED)):
        for task_id in summary.blocked():
            node = graph.nodes[task_id]
            if node.state in _UNFINISHED:
                node.state = TaskState.UPSTREAM_FAILED
    return graph


class LiveGraph:
    """The drawn graph of one run: which outputs are due, given how the run stands.

    Parameters
    ----------
    scope
        Class of the output's element, unique on the page.
    engine
        The layout engine; None: there is no picture.
    """

    def __init__(self, scope: str, engine: str | None) -> None:
        self.scope = scope
        self._engine = engine
        self._picture: Picture | None = None
        self._layout: Layout | None = None
        self._shape: object = None
        self._sent = ""

    @property
    def is_recoloured(self) -> bool:
        """Whether the states of its boxes come by `style`; else the picture carries them itself."""
        picture = self._picture
        return picture is not None and self._layout is not None and picture.size is BoxSize.CARD

    def style(self, graph: TaskGraph) -> str:
        """The states of all boxes, for the pulse; empty where it is not recoloured."""
        picture = self._picture
        if picture is None or not self.is_recoloured:
            return ""
        return svg_style.state_css(self.scope, picture.states(graph))

    def due(self, graph: TaskGraph) -> str | None:
        """HTML of the picture if it has to be sent, else None."""
        if self._engine is None or len(graph) < 2:
            return None
        shape = (len(graph), sum(len(node.deps) for node in graph.nodes.values()))
        is_new = shape != self._shape
        if not is_new and self._picture is not None and self._picture.size is BoxSize.CARD:
            return None
        self._shape = shape
        self._picture = picture = picture_of(graph)
        self._layout = None if picture is None else layout.lay_out_once(picture, self._engine)
        drawn = self._draw(graph)
        if drawn == self._sent:
            return None
        self._sent = drawn
        return drawn

    def _draw(self, graph: TaskGraph) -> str:
        picture, found = self._picture, self._layout
        if picture is None or found is None:
            return ""
        if picture.size is BoxSize.CARD:
            drawn = svg.live_svg(picture, found, self.scope)
            style = svg_style.scope_css(self.scope)
            return f'<style>{style}</style><div class="{self.scope}">{drawn}</div>'
        drawn = svg.static_svg(picture, found, picture.tallies(graph))
        return svg.image_html(drawn, graph.counts())


def pulse(
    summary: RunSummary,
    *,
    now: float,
    style: str = "",
    left: str = "",
    output: Output = _no_output,
    ascii: bool = False,
) -> Bundle:
    """How the run stands, as text and HTML.

    Parameters
    ----------
    now
        Unix seconds.
    style
        States of the picture's boxes.
    left
        How long it still takes, in words.
    output
        The last lines that a task wrote, by its id.
    """
    said = text.run_line(summary, ascii=ascii)
    elapsed = words.duration(now - summary.started) if summary.started else ""
    times = [time for time in (elapsed, left) if time]
    tail = [f"\n    | {line}" for task in _shown_running(summary) for line in _tail(task, output)]
    sheet = f"<style>{style}</style>" if style else ""
    return {
        "text/plain": f"{said}     {'   '.join(times)}".rstrip() + "".join(tail),
        "text/html": sheet + _pulse_html(summary, now, times, output),
    }


def _shown_running(summary: RunSummary) -> list[TaskSummary]:
    return summary.in_state(TaskState.RUNNING)[:_RUNNING_SHOWN]


def _tail(task: TaskSummary, output: Output) -> list[str]:
    lines = output(task.record.task_id)
    return [visible_line(line, limit=_LINE) for line in lines[-_LINES_SHOWN:]]


def _pulse_html(summary: RunSummary, now: float, times: list[str], output: Output) -> str:
    state = words.run_state(summary)
    title = html.name_html(words.run_title(summary))
    told = words.tally(summary) if summary.total else "asking what is complete"
    facts = " · ".join([told, *times])
    head = (
        f"{html.glyph_html(state)} {title} {words.outcome(summary)} "
        f"{html.aside_html(markup(facts))}"
    )
    failed = summary.in_state(TaskState.FAILED)
    rows = [
        *(
            _running_row(task, now) + html.output_html(_tail(task, output))
            for task in _shown_running(summary)
        ),
        *(html.failure_html(task, open_source=False) for task in failed[:_FAILED_SHOWN]),
    ]
    more = summary.running - _RUNNING_SHOWN
    if more > 0:
        rows.append(f'<div style="opacity:.75">… and {more:,} more running</div>')
    return html.card_html(head, bar_html(summary) + "".join(rows), kind="run", state=state)


def bar_html(summary: RunSummary) -> str:
    """How much of the run is in which state, as one bar; the words above say the same.

    From what is behind to what is ahead, so that the bar grows from the left.
    """
    total = summary.total or 1
    parts = []
    behind = (TaskState.DONE, TaskState.COMPLETE)
    for state in (*behind, *(state for state in ORDER if state not in behind)):
        count = summary.counts[state]
        if count and state is not TaskState.PENDING:
            style = STYLES[state]
            ink = f"background:{style.light};background:light-dark({style.light},{style.dark})"
            parts.append(f'<span style="flex:{count} 0 3px;{ink}"></span>')
    rest = summary.counts[TaskState.PENDING] if summary.total else total
    rim = f"background:{LIGHT.rim};background:light-dark({LIGHT.rim},{DARK.rim})"
    if rest:
        parts.append(f'<span style="flex:{rest} 0 0;{rim}"></span>')
    return (
        '<div aria-hidden="true" style="display:flex;gap:1px;height:6px;border-radius:3px;'
        f'overflow:hidden;margin:8px 0 4px">{"".join(parts)}</div>'
    )


def _running_row(task: TaskSummary, now: float) -> str:
    facts = []
    if task.fraction is not None:
        facts.append(f"{task.fraction * 100:.0f} %")
    if task.message:
        facts.append(markup(task.message, limit=120))
    if task.attempt > 1:
        facts.append(f"attempt {task.attempt}")
    if task.started:
        facts.append(words.duration(max(now - task.started, 0)))
    told = f' &emsp;<span style="opacity:.75">{" · ".join(facts)}</span>' if facts else ""
    glyph = html.glyph_html(TaskState.RUNNING)
    return f"<div>{glyph} {html.name_html(task.name)}{told}</div>"
