"""A timeline drawn as SVG: a Gantt chart, the same bytes for the same timeline.

Above `LINE_LIMIT` tasks a line is a family, its tasks on as few lanes as they fit. Bars on the
critical path have the full ink and a diamond before their name; dots are time spent waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.status import TaskState
from nbflow.display import words
from nbflow.display.badges import INDEX, badge
from nbflow.display.escape import markup, visible
from nbflow.display.layout import ROOM, fit, text_width
from nbflow.display.svg_style import dark_css
from nbflow.display.theme import FONT, LIGHT, STYLES, worst
from nbflow.display.timeline import Span, Timeline, TimelineRow, lanes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Tasks that each have a line; and families, where there are more.
LINE_LIMIT = 40
_LANE_LIMIT = 6
_PAD = 14
_ROW = 24
_LANE = 8
_AXIS = 30
_NAME_ROOM = 270.0
_RIGHT = 128.0
#: Pixels within which bars of a family become one.
_MERGED = 0.75
_TICKS = 7
_ROUND = (1, 2, 5)
_ROUND_MINUTES = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One line of the chart: a task, or a family with its tasks on lanes."""

    family: str
    words: str
    state: TaskState
    rows: tuple[TimelineRow, ...]
    lanes: tuple[tuple[Span, ...], ...]

    @property
    def is_family(self) -> bool:
        """Whether it stands for several tasks."""
        return len(self.rows) > 1

    @property
    def is_critical(self) -> bool:
        """Whether work on the critical path is among its bars."""
        return any(row.is_critical for row in self.rows)

    @property
    def height(self) -> int:
        """Pixels that it takes."""
        return max(_ROW, len(self.lanes) * _LANE + 8) if self.is_family else _ROW


class _Scale(NamedTuple):
    """From seconds to pixels."""

    left: float
    per_second: float

    def at(self, seconds: float) -> float:
        return self.left + seconds * self.per_second


def timeline_svg(timeline: Timeline) -> str:
    """The chart as SVG; the same bytes for the same timeline."""
    lines, hidden = chart_lines(timeline)
    used = [state for state in STYLES if any(_shows(line, state) for line in lines)]
    names = max((_name_width(line) for line in lines), default=0.0)
    left = _PAD + 34 + min(names, _NAME_ROOM) + 14
    scale = _Scale(left, (ROOM - _RIGHT - left) / max(timeline.seconds, 1e-9))
    tops = _tops(lines)
    bottom = tops[-1] if tops else float(_AXIS)
    height = bottom + (20 if hidden else 0) + 36
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="dag" viewBox="0 0 {ROOM} {height:.0f}"'
            f' width="{ROOM}" height="{height:.0f}" role="img" '
            f'aria-label="{markup(spoken(timeline), limit=500)}" font-family="{FONT}" '
            'font-size="12">'
        ),
        "<defs>",
        *(_badge_definition(state) for state in used),
        f"</defs><style>{dark_css(used)}</style>",
        (
            f'<rect class="pl" x=".5" y=".5" width="{ROOM - 1}" height="{height - 1:.0f}" rx="10" '
            f'fill="{LIGHT.page}" stroke="{LIGHT.rim}"/>'
        ),
        _axis(timeline, scale, bottom),
        _connectors(lines, tops, scale),
        *(_svg_line(line, top, scale, timeline) for line, top in zip(lines, tops, strict=False)),
    ]
    if hidden:
        parts.append(_second_text(_PAD + 34, bottom + 16, f"… and {hidden:,} more families"))
    return "".join([*parts, _legend(timeline, lines, height), "</svg>"])


def chart_lines(timeline: Timeline) -> tuple[list[ChartLine], int]:
    """The lines of the chart, and how many families have none."""
    if len(timeline.rows) <= LINE_LIMIT:
        return [_task_line(row) for row in timeline.rows], 0
    families: dict[str, list[TimelineRow]] = {}
    for row in timeline.rows:
        families.setdefault(row.family, []).append(row)
    lines = [_family_line(family, rows) for family, rows in families.items()]
    return lines[:LINE_LIMIT], max(len(lines) - LINE_LIMIT, 0)


def _task_line(row: TimelineRow) -> ChartLine:
    family, bracket, rest = row.name.partition("(")
    return ChartLine(
        visible(family),
        visible(rest.removesuffix(")")) if bracket else "",
        row.state,
        (row,),
        (row.spans,),
    )


def _family_line(family: str, rows: Sequence[TimelineRow]) -> ChartLine:
    return ChartLine(
        visible(family),
        f"×{len(rows):,}" if len(rows) > 1 else visible(rows[0].name.partition("(")[2][:-1]),
        worst(row.state for row in rows),
        tuple(rows),
        tuple(map(tuple, lanes(rows, limit=_LANE_LIMIT))),
    )


def _shows(line: ChartLine, state: TaskState) -> bool:
    return line.state is state or any(s.state is state for lane in line.lanes for s in lane)


def _tops(lines: Iterable[ChartLine]) -> list[float]:
    """Where each line begins, and last where all end."""
    tops = [float(_AXIS)]
    for line in lines:
        tops.append(tops[-1] + line.height)
    return tops


def _name_width(line: ChartLine) -> float:
    return text_width(line.family, 12.6) + text_width(f" {line.words}", 11)


def spoken(timeline: Timeline) -> str:
    """What the chart says, for those who do not see it."""
    path = " then ".join(row.name for row in timeline.rows if row.is_critical)
    return f"Timeline of {words.plural(len(timeline.rows), 'task')}; critical path: {path}"


def _badge_definition(state: TaskState) -> str:
    inner = badge(state, STYLES[state].light, LIGHT.page, named=True)
    return f'<g id="g{INDEX[state]}">{inner}</g>'


def _axis(timeline: Timeline, scale: _Scale, bottom: float) -> str:
    ticks = _ticks(timeline)
    grid = "".join(f'<path d="M{scale.at(tick):.1f} {_AXIS - 4}V{bottom:.0f}"/>' for tick in ticks)
    labels = "".join(
        _second_text(
            scale.at(tick), _AXIS - 10, _tick_words(tick, timeline.in_steps), anchor="middle"
        )
        for tick in ticks
    )
    lines = f'<g class="es" stroke="{LIGHT.edge}" stroke-width="1" stroke-opacity=".35">{grid}</g>'
    return lines + labels


def _ticks(timeline: Timeline) -> list[float]:
    step = _tick_step(timeline.seconds)
    if timeline.in_steps:
        step = max(round(step), 1)
    count = int(timeline.seconds / step + 1e-9)
    return [number * step for number in range(count + 1)]


def _tick_step(seconds: float) -> float:
    least = max(seconds, 1e-3) / _TICKS
    steps = [base * 10.0**power for power in range(-4, 2) for base in _ROUND]
    rest = (*(step for step in steps if step < 60), *_ROUND_MINUTES)
    return next((step for step in rest if step >= least), _ROUND_MINUTES[-1] * least // 86_400)


def _tick_words(seconds: float, is_step: bool) -> str:
    if is_step or not seconds:
        return f"{seconds:.0f}" + ("" if is_step else " s")
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if minutes else f"{hours} h"


def _svg_line(line: ChartLine, top: float, scale: _Scale, timeline: Timeline) -> str:
    middle = top + line.height / 2
    family = fit(line.family, 12.6, _NAME_ROOM)
    rest = fit(line.words, 11, max(_NAME_ROOM - text_width(family, 12.6) - 6, 24))
    x = _PAD + 34
    parts = [
        _diamond(_PAD + 4, middle) if line.is_critical else "",
        (
            f'<use href="#g{INDEX[line.state]}" '
            f'transform="translate({_PAD + 14} {middle - 7:.1f}) scale(.7)"/>'
            f'<text class="t1" x="{x}" y="{middle + 4:.1f}" fill="{LIGHT.text}">'
            f'<tspan font-weight="600">{markup(family)}</tspan>'
            f'<tspan class="t2" font-size="11" fill="{LIGHT.second}"> {markup(rest)}</tspan></text>'
        ),
    ]
    if line.is_family:
        first = middle - len(line.lanes) * _LANE / 2 + 1
        for number, lane in enumerate(line.lanes):
            parts += _merged_bars(lane, first + number * _LANE, scale)
        end = max(span.end for lane in line.lanes for span in lane)
    else:
        parts += (_mark(span, middle, scale) for span in line.lanes[0])
        end = line.rows[0].end
    parts.append(_second_text(scale.at(end) + 8, middle + 4, line_facts(line, timeline)))
    return "".join(parts)


def line_facts(line: ChartLine, timeline: Timeline) -> str:
    """What stands behind the bars: how long it worked, and how often it was tried."""
    attempts = max(row.attempts for row in line.rows)
    work = words.duration(sum(row.worked for row in line.rows))
    tried = "" if attempts < 2 or line.is_family else f"{attempts} attempts"
    return " · ".join(fact for fact in ("" if timeline.in_steps else work, tried) if fact)


def _mark(span: Span, middle: float, scale: _Scale) -> str:
    x, end = scale.at(span.start), scale.at(span.end)
    name, ink = INDEX[span.state], STYLES[span.state].light
    if not span.is_work:
        return (
            f'<path class="k{name}" d="M{x:.1f} {middle:.1f}H{end:.1f}" fill="none" '
            f'stroke="{ink}" stroke-width="1.5" stroke-dasharray="1 3"/>'
        )
    bar = _bar(span.state, (x, end), middle - 6, 12, full=span.is_critical)
    if span.state is not TaskState.FAILED or end - x < 13:
        return bar
    cross = f"M{(x + end) / 2 - 3:.1f} {middle - 3:.1f}l6 6m0-6l-6 6"
    return (
        f'{bar}<path class="b{name}" d="{cross}" fill="none" stroke="{LIGHT.page}" '
        'stroke-width="1.75" stroke-linecap="round"/>'
    )


def _merged_bars(lane: Sequence[Span], y: float, scale: _Scale) -> Iterable[str]:
    """Bars of one lane; what stands too close to be told apart is one bar."""
    merged: list[Span] = []
    gap = _MERGED / scale.per_second
    for span in lane:
        last = merged[-1] if merged else None
        if last is not None and last[2::2] == span[2::2] and span.start - last.end < gap:
            merged[-1] = last._replace(end=max(last.end, span.end))
        else:
            merged.append(span)
    for span in merged:
        across = (scale.at(span.start), scale.at(span.end))
        yield _bar(span.state, across, y, _LANE - 2, full=span.is_critical)


def _bar(
    state: TaskState, across: tuple[float, float], y: float, height: float, *, full: bool
) -> str:
    x, end = across
    pale = "" if full or state is TaskState.FAILED else ' fill-opacity=".42"'
    return (
        f'<rect class="f{INDEX[state]}" x="{x:.1f}" y="{y:.1f}" width="{max(end - x, 2):.1f}" '
        f'height="{height:g}" rx="2" fill="{STYLES[state].light}"{pale}/>'
    )


def _diamond(x: float, y: float) -> str:
    return f'<path class="t1" d="M{x:.1f} {y - 4:.1f}l4 4-4 4-4-4z" fill="{LIGHT.text}"/>'


def _connectors(lines: Sequence[ChartLine], tops: Sequence[float], scale: _Scale) -> str:
    """From the end of each piece of the critical path to the start of the next."""
    placed = zip(lines, tops, strict=False)
    middles = [(line, top + line.height / 2) for line, top in placed if line.is_critical]
    if any(line.is_family for line, _ in middles):
        return ""
    path = sorted(
        (span, middle) for line, middle in middles for span in line.lanes[0] if span.is_critical
    )
    drawn = []
    for (span, y), (following, below) in pairwise(path):
        if y != below:
            x, start = scale.at(span.end), scale.at(following.start)
            side = 6 if below > y else -6
            stop = below if start - x > 1 else below - side
            drawn.append(f'<path d="M{x:.1f} {y + side:.1f}V{stop:.1f}H{max(start, x):.1f}"/>')
    return (
        f'<g class="es" fill="none" stroke="{LIGHT.edge}" stroke-width="1.3">{"".join(drawn)}</g>'
    )


def _legend(timeline: Timeline, lines: Sequence[ChartLine], height: float) -> str:
    x, y = float(_PAD), height - 15
    spans = [span for line in lines for lane in line.lanes for span in lane]
    parts = [_diamond(x + 4, y - 4)]
    entries = [(14.0, critical_words(timeline))]
    if any(not span.is_work for span in spans):
        entries.append((26.0, "waited"))
    if any(span.state is TaskState.FAILED for span in spans):
        entries.append((20.0, "failed"))
    for indent, said in entries:
        if said == "waited":
            parts.append(_mark(Span(x, x + 20, TaskState.WAITING), y - 4, _Scale(0, 1)))
        elif said == "failed":
            parts.append(_bar(TaskState.FAILED, (x, x + 14), y - 10, 12, full=True))
        parts.append(_second_text(x + indent, y, said))
        x += indent + text_width(said, 11) + 18
    return "".join(parts)


def critical_words(timeline: Timeline) -> str:
    """How much of the run the critical path took."""
    if timeline.in_steps:
        return (
            f"critical path: {timeline.critical_seconds:.0f} of {timeline.worked:.0f} steps "
            "(durations are left out)"
        )
    return (
        f"critical path {words.duration(timeline.critical_seconds)} of "
        f"{words.duration(timeline.seconds)}"
    )


def _second_text(x: float, y: float, said: str, *, anchor: str = "") -> str:
    if not said:
        return ""
    where = f' text-anchor="{anchor}"' if anchor else ""
    return (
        f'<text class="t2" x="{x:.1f}" y="{y:.1f}" font-size="11"{where} fill="{LIGHT.second}">'
        f"{markup(said)}</text>"
    )
