"""How each state looks: the one table of glyphs, words, colours and lines.

Never a glyph, a colour or a dash alone: the word always stands beside them. Success is quiet (soft
outline), trouble and work keep the full ink. Inks reach a contrast of 4.5 on their page and on
their own tinted card, so that they may colour words.

Source: WCAG 1.4.3 for the contrasts; the hues keep done (green) and failed (vermillion) apart for
people who see red and green alike, after Okabe and Ito.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbflow.core.status import RunStatus, TaskState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class StateStyle:
    """How one state is shown.

    Attributes
    ----------
    glyph, ascii
        One character each; `ascii` for braille, e-mail and terminals without Unicode.
    light, dark
        Ink on light and on dark pages, `#RRGGBB`.
    width, dash
        The outline of a task's card in pixels; an empty dash is a solid line.
    quiet
        The outline has half its strength.
    """

    glyph: str
    ascii: str
    word: str
    light: str
    dark: str
    width: float
    dash: str = ""
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours that are not a state's. `tint`: share of a state's ink in its card's fill."""

    page: str
    text: str
    second: str
    edge: str
    rim: str
    tint: float


LIGHT = Palette("#FFFFFF", "#1B2129", "#59636F", "#8B95A3", "#C5CBD3", 0.07)
DARK = Palette("#16191D", "#E7EBF0", "#A4AEBA", "#75808E", "#454D57", 0.13)

STYLES: Mapping[TaskState, StateStyle] = {
    TaskState.PENDING: StateStyle(
        "○", ".", "pending", "#667080", "#9CA6B3", 1.25, "2 3", quiet=True
    ),
    TaskState.WAITING: StateStyle("◷", "~", "waiting", "#6C58A6", "#B5A4EA", 1.5, "7 3 2 3"),
    TaskState.RUNNING: StateStyle("▶", ">", "running", "#0A66B5", "#62B4F5", 2.25),
    TaskState.SUSPENDED: StateStyle("‖", "|", "suspended", "#6C58A6", "#B5A4EA", 1.5, "7 3"),
    TaskState.DONE: StateStyle("✓", "+", "done", "#007A50", "#3FC78C", 1.25, quiet=True),
    TaskState.COMPLETE: StateStyle("●", "=", "complete", "#47786D", "#8CBBAF", 1.25, quiet=True),
    TaskState.FAILED: StateStyle("✗", "x", "failed", "#BE3A0A", "#FF8F63", 2.75),
    TaskState.UPSTREAM_FAILED: StateStyle("⊘", "/", "blocked", "#BE3A0A", "#FF8F63", 1.5, "5 3"),
    TaskState.MISSING: StateStyle("?", "?", "missing", "#946000", "#E2AC42", 2.25, "9 4"),
    TaskState.UNPLANNED: StateStyle("!", "!", "unplanned", "#BE3A0A", "#FF8F63", 2.25, "9 4"),
    TaskState.DISABLED: StateStyle("⊖", "#", "disabled", "#9A487B", "#E294C3", 1.5, "5 3"),
    TaskState.CANCELLED: StateStyle("⊗", "-", "cancelled", "#9A487B", "#E294C3", 1.25, "2 3"),
}

#: Worst first: the order of counts, legends and bars.
ORDER: tuple[TaskState, ...] = (
    TaskState.FAILED,
    TaskState.UNPLANNED,
    TaskState.MISSING,
    TaskState.UPSTREAM_FAILED,
    TaskState.DISABLED,
    TaskState.RUNNING,
    TaskState.WAITING,
    TaskState.SUSPENDED,
    TaskState.DONE,
    TaskState.COMPLETE,
    TaskState.CANCELLED,
    TaskState.PENDING,
)
#: States of tasks that somebody has to look after.
TROUBLE: tuple[TaskState, ...] = ORDER[:3]

#: How a run as a whole looks.
RUN_STATES: Mapping[RunStatus, TaskState] = {
    RunStatus.RUNNING: TaskState.RUNNING,
    RunStatus.SUCCEEDED: TaskState.DONE,
    RunStatus.FAILED: TaskState.FAILED,
    RunStatus.INTERRUPTED: TaskState.CANCELLED,
    RunStatus.CANCELLED: TaskState.CANCELLED,
}

FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'Noto Sans',sans-serif"
MONOSPACE = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"


def css_name(state: TaskState) -> str:
    """The state's name in style sheets and class names."""
    return state.name.lower().replace("_", "-")


def count_words(counts: Mapping[TaskState, int], *, ascii: bool = False) -> str:
    """`✗ 1 failed · ▶ 2 running`: the states that occur, worst first."""
    parts = []
    for state in ORDER:
        if counts.get(state):
            style = STYLES[state]
            glyph = style.ascii if ascii else style.glyph
            parts.append(f"{glyph} {counts[state]} {style.word}")
    return (" | " if ascii else " · ").join(parts)


def worst(states: Iterable[TaskState]) -> TaskState:
    """The state that stands for a family of tasks.

    Trouble and work win; a family is blocked only when nothing of it can still run.
    """
    found = set(states)
    first = (
        *TROUBLE,
        TaskState.RUNNING,
        TaskState.WAITING,
        TaskState.SUSPENDED,
        TaskState.PENDING,
        TaskState.UPSTREAM_FAILED,
        TaskState.DISABLED,
        TaskState.CANCELLED,
        TaskState.DONE,
    )
    return next((state for state in first if state in found), TaskState.COMPLETE)


def mix(ink: str, page: str, share: float) -> str:
    """`share` (0 to 1) of `ink` over `page`, as `#RRGGBB`."""
    parts = zip(_channels(ink), _channels(page), strict=True)
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02X}" for a, b in parts)


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2)."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _channels(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def _luminance(colour: str) -> float:
    linear = [
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
        for c in (channel / 255 for channel in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
