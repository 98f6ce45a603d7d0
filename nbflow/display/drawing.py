"""A graph as a finished picture or file, in every format that there is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbflow.core.errors import BadFlagValueError, NotSupportedHereError, did_you_mean
from nbflow.display import diagram, html, layout, svg, text
from nbflow.display.picture import picture_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.graph import TaskGraph
    from nbflow.core.summary import RunSummary

#: What is said in the place of a picture.
NO_ENGINE = (
    "no picture: no layout engine was found. pip install graphviz-pure, or name a dot program by "
    "NBFLOW_DOT."
)
TOO_LARGE = "no picture: there is nothing to see in so many boxes. Choose a part of the graph."
TOO_SLOW = "no picture: the layout engine failed or took too long."


@dataclass(frozen=True, slots=True)
class DrawingOptions:
    """How a graph is drawn.

    Attributes
    ----------
    rank
        "LR" from left to right, "TB" from the top down; empty: what is easier to read.
    expand
        A box for each task, however many there are.
    engine
        The layout engine that the configuration names; empty: the one that is found.
    stable
        Only with the engine of this environment.
    """

    rank: str = ""
    expand: bool = False
    engine: str = ""
    stable: bool = False


def draw(graph: TaskGraph, options: DrawingOptions) -> str:
    """The graph as SVG.

    Raises
    ------
    NotSupportedHereError
        There is no layout engine, it failed, or the graph is too large; the text says which.
    """
    engine = layout.find_engine(options.engine, stable=options.stable)
    if engine is None:
        raise NotSupportedHereError(NO_ENGINE)
    picture = picture_of(graph, expand=options.expand)
    if picture is None:
        raise NotSupportedHereError(TOO_LARGE)
    found = layout.lay_out_once(picture, engine, rank=options.rank)
    if found is None:
        raise NotSupportedHereError(TOO_SLOW)
    return svg.static_svg(picture, found, picture.tallies(graph))


def picture_html(graph: TaskGraph, options: DrawingOptions) -> str:
    """The graph as an image for a card, or one line that says why there is none."""
    if not len(graph):
        return ""
    try:
        drawn = draw(graph, options)
    except NotSupportedHereError as error:
        return html.note_html(str(error))
    return svg.image_html(drawn, graph.counts())


def run_picture(summary: RunSummary, options: DrawingOptions) -> str:
    """The picture for the card of a run; empty where it would say nothing."""
    return picture_html(summary.graph(), options) if summary.total > 1 else ""


def render(graph: TaskGraph, name: str, options: DrawingOptions) -> bytes:
    """The graph in the format `name`, one of `FORMATS`.

    Raises
    ------
    NotSupportedHereError
        See `draw`.
    """
    return _FORMATS[name](graph, options)


def save(graph: TaskGraph, path: str, options: DrawingOptions) -> None:
    """Write the graph to `path` in the format of its suffix.

    Raises
    ------
    BadFlagValueError
        The suffix is that of no format, or the file cannot be written.
    NotSupportedHereError
        See `draw`.
    """
    suffix = os.path.splitext(path)[1].lower()
    name = _SUFFIXES.get(suffix)
    if name is None:
        raise BadFlagValueError(
            f"{path}: {suffix or 'no suffix'} is no format of a graph; choose one of "
            f"{', '.join(_SUFFIXES)}.{did_you_mean(suffix, _SUFFIXES)}"
        )
    write_file(path, render(graph, name, options))


def write_file(path: str, content: bytes) -> None:
    """Write what a person asked to have in a file.

    Raises
    ------
    BadFlagValueError
        It cannot be written there.
    """
    try:
        with open(path, "wb") as file:
            file.write(content)
    except OSError as error:
        folder = os.path.dirname(os.path.abspath(path))
        there = "" if os.path.isdir(folder) else f" Make the folder first: mkdir -p {folder}"
        raise BadFlagValueError(f"{path} cannot be written: {error.strerror}.{there}") from error


def _png(graph: TaskGraph, options: DrawingOptions) -> bytes:
    """The layout engine's own drawing: it knows how to make pixels."""
    import subprocess

    engine = layout.find_engine(options.engine, stable=options.stable)
    if engine is None:
        raise NotSupportedHereError(NO_ENGINE)
    source = str(diagram.to_graphviz(graph, rank=options.rank or "LR").source)
    try:
        done = subprocess.run(
            [engine, "-Kdot", "-Tpng"],
            input=source.encode(),
            capture_output=True,
            timeout=layout.TIME_LIMIT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NotSupportedHereError(TOO_SLOW) from error
    return done.stdout


def _page(graph: TaskGraph, options: DrawingOptions) -> bytes:
    body = html.tree_html(graph, picture=picture_html(graph, options))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Graph of tasks</title>'
        '<meta name="color-scheme" content="light dark"></head>'
        f'<body style="font-family:sans-serif">{body}</body></html>\n'
    ).encode()


_FORMATS: dict[str, Callable[[TaskGraph, DrawingOptions], bytes]] = {
    "text": lambda graph, _: f"{text.tree_text(graph)}\n".encode(),
    "svg": lambda graph, options: draw(graph, options).encode(),
    "png": _png,
    "html": _page,
    "dot": lambda graph, options: str(
        diagram.to_graphviz(graph, rank=options.rank or "LR").source
    ).encode(),
    "mermaid": lambda graph, options: (
        f"{diagram.to_mermaid(graph, rank=options.rank or 'LR')}\n".encode()
    ),
}
FORMATS = tuple(_FORMATS)
_SUFFIXES = {
    ".svg": "svg",
    ".png": "png",
    ".html": "html",
    ".dot": "dot",
    ".gv": "dot",
    ".mmd": "mermaid",
    ".txt": "text",
}
