"""The graph widget: one drawing for each shape, and one letter a task for how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nbflow.core.errors import UnknownTaskError, did_you_mean
from nbflow.core.status import TaskState
from nbflow.display import drawing, html, layout, live, svg, text, words
from nbflow.display.badges import INDEX
from nbflow.display.escape import markup, visible
from nbflow.display.picture import is_folded, picture_of
from nbflow.display.theme import STYLES
from nbflow.display.tree import shown_parameters
from nbflow.widgets.background import Background
from nbflow.widgets.following import Following
from nbflow.widgets.front_end import letter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbflow.core.graph import GraphNode, TaskGraph
    from nbflow.display.drawing import DrawingOptions
    from nbflow.display.environment import DisplaySettings
    from nbflow.display.layout import Layout
    from nbflow.display.picture import Picture
    from nbflow.widgets.control import RunHandle

#: Tasks whose names the page knows; of more, families can be found only.
NAMED_LIMIT = 5_000
_OUTPUTS_SHOWN = 5
_NO_TASKS = "no tasks yet: what runs, or is planned in a form, is drawn here"


class DagView(Following):
    """A graph of tasks to look around in: pan, zoom, search, click, keys.

    Parameters
    ----------
    graph
        What is drawn; None with a `run`, whose tasks are then followed.
    run
        Its states are shown while it goes on. At its end the static picture takes the widget's
        place, unless `stays`.

    Attributes
    ----------
    selected
        Id of the chosen task, of the first of a chosen family, or "".
    expanded
        Each task has its box, however many there are.
    """

    view = "dag"
    fields: ClassVar[tuple[str, ...]] = (
        "markup", "boxes", "edges", "names", "states", "chosen", "detail", "note", "expanded",
        "can_expand", "can_cancel",
    )  # fmt: skip

    def __init__(
        self,
        graph: TaskGraph | None = None,
        *,
        run: RunHandle | None = None,
        options: DrawingOptions | None = None,
        settings: DisplaySettings | None = None,
        stays: bool = False,
        read_only: bool = False,
    ) -> None:
        super().__init__(run, settings, stays=stays)
        self.options = options or drawing.DrawingOptions(stable=self.settings.stable)
        self.read_only = read_only
        self.expanded = self.options.expand
        self._graph = graph
        self._selected = -1
        #: The box that was chosen here and not in the page, and how often one was.
        self._chosen: tuple[int, int] = (-1, 0)
        self._listeners: list[Callable[[str], None]] = []
        self._shape: object = None
        self._drawn: dict[str, Any] = {}
        self._picture: Picture | None = None
        self._order: list[str] = []
        self._laying_out = Background("nbflow-layout")

    # -- for the person who holds it -------------------------------------------------------------

    @property
    def graph(self) -> TaskGraph:
        """The graph as it stands now."""
        if self.run is not None:
            return self.run.look(live.live_graph)
        assert self._graph is not None
        return self._graph

    @property
    def selected(self) -> str:
        """See the class."""
        picture = self._picture
        if picture is None or not 0 <= self._selected < len(picture.boxes):
            return ""
        return picture.boxes[self._selected].ids[0]

    @selected.setter
    def selected(self, task_id: str) -> None:
        if not task_id:
            self._choose(-1)
            return
        picture = self._picture
        found = [n for n, box in enumerate(picture.boxes) if task_id in box.ids] if picture else []
        if not found:
            raise UnknownTaskError(
                f"no box of the graph is {task_id!r}.{did_you_mean(task_id, self._order)}"
            )
        self._choose(found[0])

    def on_select(self, callback: Callable[[str], None]) -> None:
        """Call `callback` with the id of a task when it is chosen, or with ""; in any thread."""
        self._listeners.append(callback)

    def show_graph(self, graph: TaskGraph) -> None:
        """Draw another graph, or the same one with other states."""
        self.run = None
        self._graph = graph
        self.touch()

    def show_run(self, run: RunHandle) -> None:
        """Follow another run."""
        self.follow(run)

    # -- what the page asks for ------------------------------------------------------------------

    def act(self, action: str, message: Mapping[str, Any]) -> None:
        if action == "select" and isinstance(message.get("box"), int):
            self._select(message["box"])
        elif action == "expand":
            self.expanded = bool(message.get("on"))
            # A large graph takes the layout engine seconds: not in the renderer's thread.
            self._laying_out.ask(self._lay_out)
        elif action == "cancel" and self.run is not None and not self.read_only:
            self.run.cancel()

    def _choose(self, box: int) -> None:
        self._chosen = box, self._chosen[1] + 1
        self._select(box)

    def _select(self, box: int) -> None:
        self._selected = box
        for listener in tuple(self._listeners):
            listener(self.selected)
        self.touch()

    def _lay_out(self) -> None:
        self._draw(self.graph)
        self.touch()

    # -- what it shows ---------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        graph = self.graph
        drawn = self._draw(graph)
        states = "".join(letter(INDEX[graph.nodes[i].state]) for i in self._order)
        running = self.run is not None and not self.run.done()
        return {
            **drawn,
            "states": states,
            "chosen": list(self._chosen),
            "detail": self._detail(graph),
            "can_cancel": running and not self.read_only,
        }

    def html(self) -> str:
        graph = self.graph
        return html.tree_html(graph, picture=drawing.picture_html(graph, self.options))

    def text(self) -> str:
        return text.tree_text(self.graph, ascii=self.settings.ascii)

    def _draw(self, graph: TaskGraph) -> dict[str, Any]:
        """What follows from the shape; made again only where that has changed."""
        with self.lock:
            edges = sum(len(node.deps) for node in graph.nodes.values())
            shape = (len(graph), edges, self.expanded, graph.roots)
            if shape == self._shape:
                return self._drawn
            self._order = graph.order()
            self._picture = picture = picture_of(graph, expand=self.expanded)
            found, note = self._layout(picture, len(graph))
            self._selected = min(self._selected, len(picture.boxes) - 1 if picture else -1)
            at = {task_id: number for number, task_id in enumerate(self._order)}
            boxes = picture.boxes if picture is not None and found is not None else ()
            drawable = picture is not None and found is not None
            self._drawn = {
                "markup": svg.live_svg(picture, found, self.scope) if picture and found else "",
                "boxes": [{"name": box.name, "members": [at[i] for i in box.ids]} for box in boxes],
                "edges": [list(edge) for edge in picture.edges] if picture and drawable else [],
                "names": [visible(graph.nodes[i].record.describe()) for i in self._order]
                if len(graph) <= NAMED_LIMIT
                else [],
                "note": note,
                "expanded": self.expanded,
                "can_expand": is_folded(graph),
            }
            self._shape = shape
            return self._drawn

    def _layout(self, picture: Picture | None, count: int) -> tuple[Layout | None, str]:
        engine = layout.find_engine(self.options.engine, stable=self.options.stable)
        if engine is None:
            return None, drawing.NO_ENGINE
        if picture is None:
            return None, drawing.TOO_LARGE if count else _NO_TASKS
        found = layout.lay_out_once(picture, engine, rank=self.options.rank)
        return found, "" if found is not None else drawing.TOO_SLOW

    def _detail(self, graph: TaskGraph) -> str:
        picture = self._picture
        if picture is None or not 0 <= self._selected < len(picture.boxes):
            return ""
        ids = picture.boxes[self._selected].ids
        nodes = [graph.nodes[i] for i in ids if i in graph.nodes]
        if not nodes:
            return ""
        return node_html(nodes[0]) if len(ids) == 1 else _family_html(nodes)


def node_html(node: GraphNode) -> str:
    """A task of a graph in some lines: state, why, parameters, outputs, error."""
    style = STYLES[node.state]
    said = f"{html.glyph_html(node.state)} {html.name_html(node.record.family)} {style.word}"
    if node.reason and node.state is not TaskState.COMPLETE:
        said += f' <span style="opacity:.75">{markup(node.reason)}</span>'
    rows = [(name, markup(value)) for name, value in shown_parameters(node.record).items()]
    outputs = node.record.outputs[:_OUTPUTS_SHOWN]
    if outputs:
        rows.append(("output", "<br>".join(map(markup, outputs))))
    if node.error is not None:
        rows.append(("error", markup(words.error_line(node.error), limit=1_000)))
        rows.append(("where", markup(words.place(node.error))))
    return f"<div>{said}</div>{_facts(rows)}"


def _family_html(nodes: list[GraphNode]) -> str:
    counts: dict[TaskState, int] = {}
    for node in nodes:
        counts[node.state] = counts.get(node.state, 0) + 1
    family = html.name_html(nodes[0].record.family)
    return f"<div>{family} ×{len(nodes):,} &emsp; {html.counts_html(counts)}</div>"


def _facts(rows: list[tuple[str, str]]) -> str:
    body = "".join(
        f'<tr><th scope="row" class="pale">{markup(name)}</th><td>{value}</td></tr>'
        for name, value in rows
        if value
    )
    return f'<table class="rows"><tbody>{body}</tbody></table>' if body else ""
