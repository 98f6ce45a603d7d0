"""The page's side of the widgets: their code and style, and the classes that carry them there.

Each view is one anywidget: the code that all share, then its own. ipywidgets and anywidget are
imported when the first widget is made.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from nbflow.core.errors import NotSupportedHereError
from nbflow.display.badges import INDEX
from nbflow.display.svg_style import class_css, scope_css
from nbflow.display.theme import FONT, MONOSPACE, ORDER, STYLES, css_name, worst

#: The class around every view; all style is below it.
ROOT = "nbflow-view"


@cache
def widget_class(view: str, fields: tuple[str, ...]) -> Any:
    """The widget of a view.

    Parameters
    ----------
    view
        Name of a file in `static`, without its suffix.
    fields
        Names of the traits, each any JSON value.

    Raises
    ------
    NotSupportedHereError
        There are no widgets in this environment.
    """
    try:
        import anywidget
        import traitlets
    except ModuleNotFoundError as error:
        raise NotSupportedHereError(
            f"widgets need {error.name}, which is not installed: pip install anywidget"
        ) from error

    body = {
        "__module__": __name__,
        "__doc__": f"The page's side of a {view} view.",
        "_esm": code(view),
        "_css": style(),
        **{name: traitlets.Any().tag(sync=True) for name in fields},
    }
    return type(f"Nbflow{view.title()}", (anywidget.AnyWidget,), body)


@cache
def code(view: str) -> str:
    """The view's JavaScript, as one module."""
    return "\n".join([_vocabulary(), _read("base.js"), _read(f"{view}.js")])


@cache
def style() -> str:
    """The style sheet of all views."""
    fonts = f".{ROOT}{{--font:{FONT};--code:{MONOSPACE}}}"
    return "\n".join([scope_css(ROOT), class_css(ROOT), fonts, _read("views.css")])


def letter(number: int) -> str:
    """How a state is written in the string of all states; see `badges.INDEX`."""
    return chr(ord("a") + number)


def _vocabulary() -> str:
    """The one table of states, for the page."""
    import json

    states = [
        {"word": STYLES[state].word, "glyph": STYLES[state].glyph, "css": css_name(state)}
        for state in INDEX
    ]
    order = [INDEX[state] for state in ORDER]
    return (
        f"const STATES = {json.dumps(states, ensure_ascii=False)}, ORDER = {order}, "
        f"WORST = {_worst_first()};"
    )


def _worst_first() -> list[int]:
    """Numbers of the states, each before those that it stands for in a family."""
    rest, found = set(INDEX), []
    while rest:
        first = worst(rest)
        found.append(INDEX[first])
        rest.remove(first)
    return found


def _read(name: str) -> str:
    return files("nbflow.widgets").joinpath("static", name).read_text(encoding="utf-8")
