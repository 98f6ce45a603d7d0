"""A timeline around its chart: as HTML for a cell, as a page, and in characters."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from nbflow.core.status import TaskState
from nbflow.display import html, text, words
from nbflow.display.escape import cut_middle, markup, visible
from nbflow.display.gantt_svg import (
    chart_lines,
    critical_words,
    line_facts,
    spoken,
    timeline_svg,
)
from nbflow.display.theme import STYLES

if TYPE_CHECKING:
    from nbflow.display.gantt_svg import ChartLine
    from nbflow.display.timeline import Timeline, TimelineRow

#: Tasks that the table shows; the rest is counted.
_TABLE_LIMIT = 60
#: Characters of the bars and of the names.
_BAR_WIDTH = 44
_NAME_WIDTH = 38
_TIMES = ("began after", "worked", "waited")


def timeline_html(timeline: Timeline) -> str:
    """The chart as a card, with its numbers in a table."""
    head = (
        f"{html.glyph_html(timeline.state)} {html.name_html(timeline.title)} "
        f"{markup(timeline.outcome)} &emsp;"
        f'<span style="opacity:.75">{markup(_headline(timeline))}</span>'
    )
    if not timeline.rows:
        return html.card_html(head, "", kind="timeline", state=timeline.state)
    code = base64.b64encode(timeline_svg(timeline).encode()).decode()
    picture = (
        f'<div style="margin:8px 0 0"><img alt="{markup(spoken(timeline), limit=500)}" '
        f'src="data:image/svg+xml;base64,{code}" style="max-width:100%"></div>'
    )
    return html.card_html(head, picture + _table(timeline), kind="timeline", state=timeline.state)


def timeline_page(timeline: Timeline) -> str:
    """The card as a page of its own."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Timeline of a run'
        '</title><meta name="color-scheme" content="light dark"></head>'
        f'<body style="font-family:sans-serif">{timeline_html(timeline)}</body></html>\n'
    )


def _headline(timeline: Timeline) -> str:
    ran = f"{words.plural(len(timeline.rows), 'task')} ran"
    if timeline.in_steps:
        return ran
    workers = f" · {timeline.workers} workers" if timeline.workers > 1 else ""
    return f"{words.duration(timeline.seconds)} · {ran}{workers}"


def _table(timeline: Timeline) -> str:
    rows = [_cells(row, timeline.in_steps) for row in timeline.rows[:_TABLE_LIMIT]]
    head = ("task", "state", "attempts", "critical", *(() if timeline.in_steps else _TIMES))
    table = html.cells_html(head, rows, caption="tasks by their first start")
    hidden = len(timeline.rows) - len(rows)
    more = f"<p>… and {words.plural(hidden, 'more task')}</p>" if hidden else ""
    return html.details_html("as a table", table + more)


def _cells(row: TimelineRow, in_steps: bool) -> tuple[object, ...]:
    style = STYLES[row.state]
    facts = (row.name, f"{style.glyph} {style.word}", row.attempts, "◆" if row.is_critical else "")
    if in_steps:
        return facts
    return (*facts, *(words.duration(each) for each in (row.start, row.worked, row.waited)))


# -- text -----------------------------------------------------------------------------------------


def timeline_text(timeline: Timeline, *, ascii: bool = False) -> str:
    """The chart in characters, one line a task or family."""
    lines, hidden = chart_lines(timeline)
    glyph = STYLES[timeline.state].glyph
    told = [f"{glyph} {visible(timeline.title)} {timeline.outcome}     {_headline(timeline)}"]
    width = min(max((len(_name(line)) for line in lines), default=0), _NAME_WIDTH)
    for line in lines:
        name = cut_middle(_name(line), width)
        mark = "◆" if line.is_critical else " "
        bar = _text_bar(line, timeline.seconds)
        said = f"{mark} {STYLES[line.state].glyph} {name:<{width}}  {bar}"
        told.append(f"{said}  {line_facts(line, timeline)}".rstrip())
    if hidden:
        told.append(f"  … and {hidden:,} more families")
    if lines:
        idle = any(not span.is_work for row in timeline.rows for span in row.spans)
        told.append(f"◆ {critical_words(timeline)}" + ("   ░ waited" if idle else ""))
    chart = "\n".join(told)
    return text.as_ascii(chart) if ascii else chart


def _name(line: ChartLine) -> str:
    return f"{line.family} {line.words}" if line.is_family else f"{line.family}({line.words})"


def _text_bar(line: ChartLine, seconds: float) -> str:
    bar = [" "] * _BAR_WIDTH
    spans = [span for lane in line.lanes for span in lane]
    # Work is written over waiting, and trouble over both.
    for span in sorted(spans, key=lambda s: (s.is_work, s.state is TaskState.FAILED)):
        first = min(int(span.start / max(seconds, 1e-9) * _BAR_WIDTH), _BAR_WIDTH - 1)
        last = min(max(round(span.end / max(seconds, 1e-9) * _BAR_WIDTH), first + 1), _BAR_WIDTH)
        sign = "░" if not span.is_work else "✗" if span.state is TaskState.FAILED else "█"
        bar[first:last] = sign * (last - first)
    return "".join(bar)
