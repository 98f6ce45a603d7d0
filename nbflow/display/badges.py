"""The badge of each state as SVG paths, so that no font changes it; 20 by 20 pixels."""

from __future__ import annotations

from nbflow.core.status import TaskState

#: Position of each state in sprites and class names.
INDEX = {state: number for number, state in enumerate(TaskState)}

_OCTAGON = "M6.3 1h7.4L19 6.3v7.4L13.7 19H6.3L1 13.7V6.3z"
#: What stands in a ring or, in the page's colour, on a filled form.
_STROKES = {
    TaskState.WAITING: "M10 5.6V10l3 2",
    TaskState.SUSPENDED: "M8 7v6M12 7v6",
    TaskState.DONE: "M5.9 10.4l2.9 2.9 5.4-6",
    TaskState.FAILED: "M6.8 6.8l6.4 6.4M13.2 6.8l-6.4 6.4",
    TaskState.UPSTREAM_FAILED: "M4.9 15.1L15.1 4.9",
    TaskState.MISSING: "M7.8 8.2a2.2 2.2 0 1 1 2.2 2.2v1M10 14v.1",
    TaskState.UNPLANNED: "M10 5.4v5.2M10 14v.1",
    TaskState.DISABLED: "M6 10h8",
    TaskState.CANCELLED: "M7 7l6 6M13 7l-6 6",
}


def badge(state: TaskState, ink: str, page: str, *, named: bool = False) -> str:
    """The badge in the state's ink on `page`.

    Parameters
    ----------
    named
        Give strokes and fills the classes `k`, `f` and `b` with the state's number, by which a
        style sheet recolours ink strokes, ink fills, and what has the page's colour.
    """
    k, f, b = (f' class="{letter}{INDEX[state]}"' if named else "" for letter in "kfb")
    ring = f'<circle{k} cx="10" cy="10" r="8" fill="none" stroke="{ink}" stroke-width="1.75"'
    disc = f'<circle{f} cx="10" cy="10" r="9" fill="{ink}"/>'
    if state is TaskState.PENDING:
        return f'{ring} stroke-dasharray="2.1 2.09"/>'
    if state is TaskState.COMPLETE:
        return f'{ring}/><circle{f} cx="10" cy="10" r="4.6" fill="{ink}"/>'
    if state is TaskState.RUNNING:
        triangle = f'<path{b} d="M8 6.2v7.6l6-3.8z" fill="{page}" stroke="{page}"'
        return f'{disc}{triangle} stroke-linejoin="round"/>'
    if state in {TaskState.FAILED, TaskState.UNPLANNED}:
        octagon = f'<path{f} d="{_OCTAGON}" fill="{ink}"/>'
        return octagon + _line(_STROKES[state], page, b)
    if state is TaskState.DONE:
        return disc + _line(_STROKES[state], page, b)
    return f"{ring}/>" + _line(_STROKES[state], ink, k)


def _line(path: str, colour: str, name: str) -> str:
    return (
        f'<path{name} d="{path}" fill="none" stroke="{colour}" stroke-width="2" '
        'stroke-linecap="round" stroke-linejoin="round"/>'
    )
