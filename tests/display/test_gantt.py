"""Timelines drawn: well-formed, the same bytes, readable without colours, and never markup."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from nbflow.core.status import TaskState
from nbflow.display import gantt, gantt_svg
from nbflow.display.timeline import Span, Timeline, TimelineRow, in_steps, with_critical_path

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '<img src=x onerror="alert(1)">\x1b[31m\u202e' + "x" * 100_000


def row(family, start, end, *, state=TaskState.DONE, deps=(), words="n=1", before=()):
    spans = [Span(s, e, kind, seq) for seq, (s, e, kind) in enumerate(before)]
    spans.append(Span(start, end, state, int(start * 100) + 10))
    return TimelineRow(
        task_id=f"{family}_{words}",
        family=family,
        name=f"{family}({words})",
        state=state,
        spans=tuple(spans),
        deps=deps,
        attempts=1 + sum(kind is TaskState.FAILED for *_, kind in before),
    )


def timeline(*rows, seconds=8.0, state=TaskState.DONE, title="Report(n=1)"):
    return Timeline(
        run_id="r-1",
        title=title,
        outcome="succeeded",
        state=state,
        seconds=seconds,
        workers=2,
        rows=with_critical_path(rows),
    )


def example():
    """Two leaves, one of them tried twice, and a report."""
    waited = [(0.0, 1.0, TaskState.WAITING), (1.0, 2.0, TaskState.FAILED)]
    return timeline(
        row("Raw", 0.0, 1.0),
        row("Flaky", 2.0, 5.0, before=waited),
        row("Report", 6.0, 8.0, deps=("Raw_n=1", "Flaky_n=1")),
    )


def texts(svg):
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text")]


def test_svg_names_each_task_and_says_how_long_it_worked():
    told = texts(gantt_svg.timeline_svg(example()))
    assert {"Raw n=1", "Flaky n=1", "Report n=1"} <= set(told)
    assert {"1.0 s", "4.0 s · 2 attempts", "2.0 s"} <= set(told)
    assert "critical path 6.0 s of 8.0 s" in told
    assert {"waited", "failed"} <= set(told)


def test_axis_is_round():
    told = texts(gantt_svg.timeline_svg(example()))
    assert [t for t in told if t.endswith(" s") and "." not in t] == [
        "0 s",
        "2 s",
        "4 s",
        "6 s",
        "8 s",
    ]


@pytest.mark.parametrize(
    ("seconds", "last"),
    [(0.004, "4 ms"), (0.9, "800 ms"), (45.0, "40 s"), (400.0, "6 min"), (9_000.0, "2 h 30 min")],
)
def test_axis_fits_any_length(seconds, last):
    told = texts(gantt_svg.timeline_svg(timeline(row("Raw", 0.0, seconds), seconds=seconds)))
    assert last in told
    assert sum(t.split(" ")[-1] in {"ms", "s", "min", "h"} for t in told) <= 11


def test_critical_path_is_marked_by_a_diamond_and_full_ink():
    svg = gantt_svg.timeline_svg(example())
    # Flaky, Report and the legend.
    assert svg.count("l4 4-4 4-4-4z") == 3
    assert svg.count('fill-opacity=".42"') == 1


def test_same_timeline_has_the_same_bytes():
    assert gantt_svg.timeline_svg(example()) == gantt_svg.timeline_svg(example())


def test_steps_tell_no_times():
    steps = in_steps(example())
    told = texts(gantt_svg.timeline_svg(steps))
    assert "critical path: 3 of 4 steps (durations are left out)" in told
    assert not [each for each in told if each.endswith(" s")]
    assert not re.search(r"\d m?s\b", gantt.timeline_text(steps))


def test_many_tasks_are_told_by_family_on_few_lanes():
    days = [row("Day", n % 50 / 10, n % 50 / 10 + 0.1, words=f"n={n}") for n in range(400)]
    svg = gantt_svg.timeline_svg(timeline(*days, row("Year", 5.1, 5.2)))
    assert "Day ×400" in texts(svg)
    assert len(svg) < 20_000
    assert "Day ×400" in gantt.timeline_text(timeline(*days))


def test_too_many_families_are_counted():
    rows = [row(f"F{number}", 0.0, 1.0) for number in range(60)]
    assert "… and 20 more families" in texts(gantt_svg.timeline_svg(timeline(*rows)))
    assert "… and 20 more families" in gantt.timeline_text(timeline(*rows))


def test_hostile_text_is_shown_as_text():
    shown = timeline(row("Raw", 0.0, 1.0, words=HOSTILE), title=f"Raw({HOSTILE})")
    svg, page = gantt_svg.timeline_svg(shown), gantt.timeline_html(shown)
    for drawn in (svg, page, gantt.timeline_text(shown)):
        assert "\x1b" not in drawn
        assert "\u202e" not in drawn
        assert len(drawn) < 30_000
    assert "<img src=x" not in svg + page
    ET.fromstring(svg)


def test_html_has_picture_and_table():
    page = gantt.timeline_html(example())
    assert 'alt="Timeline of 3 tasks; critical path: Flaky(n=1) then Report(n=1)"' in page
    assert "Flaky" in page.split("</details>")[0].split("<details")[1]
    assert "<svg" not in page
    assert "<style" not in page


def test_run_without_work_has_no_chart():
    assert "<img" not in gantt.timeline_html(timeline())
    assert (
        gantt.timeline_text(timeline())
        == "✓ Report(n=1) succeeded     8.0 s · 0 tasks ran · 2 workers"
    )


def test_text_shows_waiting_work_and_failures():
    lines = gantt.timeline_text(example()).splitlines()
    flaky = next(line for line in lines if "Flaky" in line)
    assert flaky.startswith("◆ ✓ Flaky(n=1)")
    assert [sign for sign in "░✗█" if sign in flaky] == ["░", "✗", "█"]
    assert flaky.index("░") < flaky.index("✗", 4) < flaky.index("█")
    assert lines[-1] == "◆ critical path 6.0 s of 8.0 s   ░ waited"


def test_text_can_be_ascii():
    assert gantt.timeline_text(example(), ascii=True).isascii()


def test_dark_pages_have_their_colours():
    assert "prefers-color-scheme:dark" in gantt_svg.timeline_svg(example())
