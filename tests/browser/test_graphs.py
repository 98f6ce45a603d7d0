"""Drawn graphs in a real page: legible in their boxes, in light and dark, and soon there."""

from __future__ import annotations

import json
import time

import pytest
from browser_looks import drawing, pictures
from browser_tasks import REPORT, WIDE

pytestmark = pytest.mark.browser

#: Seconds until a graph of so many tasks is painted; a promise is waited for three times as long.
PAINTED = {1_000: 1.5, 10_000: 3.0}
PATIENCE = 3
HTML = 600_000

LONG_NAME = "ANameThatIsMuchLongerThanTheNamesOfTasksUsuallyAre"
LONG_VALUE = "日本語 and a value that is long, W wide and WWWWWWWW 123456"

LONG = f"""
class {LONG_NAME}(nbflow.Task):
    a_parameter_with_a_long_name: str
    other: int = 0
    def requires(self):
        return [Weather(station=f"{{self.a_parameter_with_a_long_name}}{{n}}") for n in range(3)]

class Many(nbflow.WrapperTask):
    def requires(self):
        return [CleanSales(day=dt.date(2026, 1, 1) + dt.timedelta(n), region=region)
                for n in range(40) for region in ("DE", "FR")] + [Weather(station="failing")]
"""

DRAWN = (
    "%nbflow run Report day=2026-08-01 --no-raise",
    "%nbflow run Many --no-raise",
    "%nbflow dag Report day=2026-08-01 --rank TB",
    "%nbflow dag Many",
    f"%nbflow dag {LONG_NAME} a_parameter_with_a_long_name='{LONG_VALUE}'",
    "%nbflow dag Many --expand",
)


def test_words_stand_in_their_boxes_and_can_be_read(notebook, window):
    opened = notebook(REPORT, LONG, *DRAWN)
    opened.run(*range(len(DRAWN) + 2))
    opened.final_card(2)
    drawn = {
        line: pictures(json.dumps(opened.bundles(cell))) for cell, line in enumerate(DRAWN, start=2)
    }
    outside, faint, lowest_text, lowest_mark = [], [], 21.0, 21.0
    for line, svgs in drawn.items():
        assert svgs, line
        for svg in svgs:
            for scheme in ("light", "dark"):
                seen = drawing(window.page.context.browser, svg, scheme=scheme)
                assert seen["words"], line
                outside += [(line, text) for text, _, inside in seen["words"] if not inside]
                faint += [(line, scheme, *w[:2]) for w in seen["words"] if w[1] < 4.5]
                faint += [(line, scheme, *m) for m in seen["marks"] if m[1] < 3]
                lowest_text = min(lowest_text, *(w[1] for w in seen["words"]))
                lowest_mark = min(lowest_mark, *(m[1] for m in seen["marks"]))

    print(f"T-20 drawings: lowest contrast of words {lowest_text:.2f}, of marks {lowest_mark:.2f}")
    assert outside == []
    assert faint == []


@pytest.mark.parametrize("count", PAINTED)
def test_large_graph_is_folded_and_painted_soon(count, notebook):
    opened = notebook(WIDE, "%nbflow dag Whole count=30", f"%nbflow dag Whole count={count - 1}")
    opened.run(0, 1)  # the first drawing of a kernel imports what draws

    began = time.monotonic()
    opened.begin(2)
    opened.wait_for_picture(2)
    seconds = time.monotonic() - began
    opened.wait_for_end()

    size = len(json.dumps(opened.bundles(2)))
    print(f"T-07 {count:,} tasks: painted after {seconds:.2f} s, {size:,} bytes")
    assert seconds < PATIENCE * PAINTED[count]
    assert size <= HTML


def test_thousand_boxes_are_drawn_in_time_or_not_at_all(notebook):
    opened = notebook(WIDE, "%nbflow dag Whole count=30", "%nbflow dag Whole count=999 --expand")
    opened.run(0, 1)

    began = time.monotonic()
    opened.run(2)
    seconds = time.monotonic() - began

    area = opened.outputs(2)
    area.locator("img, [data-nbflow]").first.wait_for()
    is_drawn = area.locator("img").count() == 1
    print(f"T-07 1,000 expanded: {'drawn' if is_drawn else 'tree'} after {seconds:.2f} s")
    assert seconds < PATIENCE * 8
    assert is_drawn or "no picture" in area.inner_text()
