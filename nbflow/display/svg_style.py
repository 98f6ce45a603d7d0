"""How a drawn graph gets its colours: saved ones on dark pages, live ones by states.

Everything is scoped by one class of our own. The states of all boxes are one short style sheet, of
a few hundred bytes to some kilobytes, which is sent again in place of the picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.status import TaskState
from nbflow.display.badges import INDEX
from nbflow.display.theme import DARK, LIGHT, STYLES, css_name, mix

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbflow.display.theme import Palette

#: Pages that say by an attribute or class that they are dark.
_DARK_HOSTS = (
    '[data-jp-theme-light="false"]',
    "body.vscode-dark",
    'html[theme="dark"]',
    '[data-theme="dark"]',
)


def dark_css(used: Iterable[TaskState]) -> str:
    """What differs of a saved picture on a dark page; its attributes say light."""
    page = DARK.page
    rules = [
        (
            f".pl{{fill:{page};stroke:{DARK.rim}}}.es{{stroke:{DARK.edge}}}.ah{{fill:{DARK.edge}}}"
            f".t1{{fill:{DARK.text}}}.t2{{fill:{DARK.second}}}"
        )
    ]
    for state in used:
        style, name = STYLES[state], INDEX[state]
        ink = style.dark
        rim = mix(ink, page, 0.5) if style.quiet else ink
        filled = f"path.b{name}{{fill:{page}}}" if state is TaskState.RUNNING else ""
        rules.append(
            f".k{name}{{stroke:{ink}}}.f{name},.w{name}{{fill:{ink}}}"
            f".x{name}{{fill:{mix(ink, page, DARK.tint)};stroke:{rim}}}"
            f"path.b{name}{{stroke:{page}}}{filled}"
        )
    return f"@media (prefers-color-scheme:dark){{{''.join(rules)}}}"


def scope_css(scope: str) -> str:
    """Colours and rules of a live picture, once for each output; nothing outside of the scope."""
    page = "var(--jp-layout-color0,var(--vscode-editor-background,{}))"
    light = _variables(LIGHT, page.format(LIGHT.page), dark=False)
    dark = _variables(DARK, page.format(DARK.page), dark=True)
    dark_scopes = ",".join(f"{host} .{scope}" for host in _DARK_HOSTS)
    return "".join(
        [
            f".{scope}{{{light}}}{dark_scopes}{{{dark}}}",
            f".{scope} .dag{{max-width:100%;height:auto;display:block}}",
            (
                f".{scope} .bx{{fill:var(--bg);"
                "fill:color-mix(in srgb,var(--c) var(--tint),var(--bg));stroke:var(--c);"
                "stroke-opacity:var(--o);stroke-width:var(--w);stroke-dasharray:var(--d)}"
            ),
            f".{scope} .gl{{transform:translateX(calc(var(--i)*-24px))}}",
            f".{scope} .wl{{transform:translateY(calc(var(--i)*-20px));fill:var(--c)}}",
            # The states' sheet stands before this one in the page: no weight, or it would win.
            f":where(.{scope} .nd){{{_state_variables(TaskState.PENDING)}}}",
            f"@media (forced-colors:active){{.{scope} .bx{{fill:Canvas;stroke:CanvasText}}}}",
        ]
    )


def state_css(scope: str, states: Sequence[TaskState]) -> str:
    """The states of all boxes as style: the commonest is the default, the others are listed."""
    boxes: dict[TaskState, list[str]] = {}
    for number, state in enumerate(states):
        boxes.setdefault(state, []).append(f".n{number}")
    if not boxes:
        return ""
    most = max(boxes, key=lambda state: len(boxes[state]))
    return f".{scope} .nd{{{_state_variables(most)}}}" + "".join(
        f".{scope} :is({','.join(names)}){{{_state_variables(state)}}}"
        for state, names in boxes.items()
        if state is not most
    )


def class_css(scope: str) -> str:
    """Rules by which the class `s<number>` of a box says its state; see `badges.INDEX`."""
    return "".join(
        f".{scope} .s{number}{{{_state_variables(state)}}}" for state, number in INDEX.items()
    )


def _variables(palette: Palette, page: str, *, dark: bool) -> str:
    inks = "".join(
        f"--{css_name(state)}:{style.dark if dark else style.light};"
        for state, style in STYLES.items()
    )
    return (
        f"--bg:{page};--fg:{palette.text};--fg2:{palette.second};--edge:{palette.edge};"
        f"--rim:{palette.rim};--tint:{palette.tint * 100:g}%;{inks}"
    )


def _state_variables(state: TaskState) -> str:
    style = STYLES[state]
    return (
        f"--i:{INDEX[state]};--c:var(--{css_name(state)});--w:{style.width:g};"
        f"--d:{style.dash or 'none'};--o:{'.5' if style.quiet else 1}"
    )
