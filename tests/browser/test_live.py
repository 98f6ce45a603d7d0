"""The live card in a real JupyterLab: it follows the run, stops with it, and stays small."""

from __future__ import annotations

import json
import re
import time

import pytest
from browser_tasks import REPORT, WIDE
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

#: Bytes by which a file may differ that has run its cells often.
GROWTH = 64
RERUNS = 20

#: Reads, at each frame, the state that the boxes of the live graph are painted in; and of each
#: picture that there was, how many boxes it has.
WATCH = """() => {
  window.nbflowSeen = {states: [], frames: 0, pictures: []};
  const known = new Set();
  const look = () => {
    const boxes = [...document.querySelectorAll('.jp-OutputArea-output .nd')];
    const picture = boxes[0]?.closest('svg');
    if (picture && !known.has(picture)) {
      known.add(picture);
      window.nbflowSeen.pictures.push(boxes.length);
    }
    const painted = boxes.map(e => getComputedStyle(e).getPropertyValue('--i').trim()).join('');
    const seen = window.nbflowSeen;
    seen.frames++;
    if (painted && seen.states.at(-1) !== painted) seen.states.push(painted);
    if (!seen.ended) requestAnimationFrame(look);
  };
  look();
}"""


def test_boxes_are_recoloured_while_the_cell_runs_and_the_end_is_static(notebook):
    opened = notebook(REPORT, "%nbflow run Features day=2026-08-01 seconds=0.7")
    opened.run(0)
    opened.page.evaluate(WATCH)

    opened.begin(1)
    opened.outputs(1).locator("svg .nd").first.wait_for(state="attached")
    opened.page.wait_for_function("() => new Set(window.nbflowSeen.states).size >= 3")
    opened.wait_for_end()
    card = opened.final_card(1)
    seen = opened.page.evaluate(
        "() => { window.nbflowSeen.ended = true; return window.nbflowSeen }"
    )

    print(f"T-12 states painted one after the other: {len(seen['states'])}")
    # One before it, at most, that had not all tasks yet.
    assert seen["pictures"].count(9) == 1, "the picture was sent again, not recoloured"
    assert len(seen["pictures"]) <= 2
    assert "9 ran" in card.inner_text()
    expect(
        opened.outputs(1).locator(".jp-OutputArea-output :is(style, svg, script)")
    ).to_have_count(0)
    assert card.locator("img").evaluate("(image) => image.naturalWidth") > 100


def test_file_does_not_grow_by_running_again(notebook):
    opened = notebook(WIDE, "%nbflow run Whole count=24 --force='*'", "%nbflow dag Whole count=24")
    opened.run(0, 1, 2, 1, 2)  # the first run of all says more than one of complete tasks
    opened.final_card(1)
    once = len(opened.save())

    for _ in range(RERUNS):
        opened.run(1, 2)
    opened.final_card(1)
    often = opened.save()

    card = len(json.dumps(opened.bundles(1)))
    print(
        f"T-19 growth over {RERUNS} reruns: {len(often) - once} bytes; one run card: {card} bytes"
    )
    assert abs(len(often) - once) <= GROWTH
    assert card <= 60_000
    assert "widgets" not in json.loads(often)["metadata"]


def test_stop_button_ends_the_run_and_the_next_cell_works(notebook):
    opened = notebook(
        WIDE, "%nbflow run Whole count=30 seconds=1.5", "%nbflow run Part n=0 seconds=0"
    )
    opened.run(0)
    opened.begin(1)
    opened.outputs(1).get_by_text(re.compile(r"\d+ of 31 done")).first.wait_for()

    opened.interrupt()
    opened.wait_for_end()

    assert "interrupted" in opened.final_card(1).inner_text()
    assert "RunInterrupted" in opened.outputs(1).inner_text()
    opened.run(2)
    assert re.search("succeeded|already complete", opened.final_card(2).inner_text())


def test_background_run_draws_into_its_own_cell_only(notebook):
    opened = notebook(
        WIDE,
        "run = %nbflow run Whole count=12 seconds=0.3 --bg",
        "print('another cell')",
        "run.cancel()",
    )
    opened.run(0, 1)
    opened.run(2)
    opened.outputs(1).get_by_text(re.compile(r"\d+ of 13 done")).first.wait_for()
    opened.final_card(1)

    assert opened.outputs(2).inner_text().strip() == "another cell"
    assert "13 ran" in opened.final_card(1).inner_text()


def test_background_run_is_cancelled_from_another_cell(notebook):
    opened = notebook(WIDE, "run = %nbflow run Whole count=200 seconds=0.3 --bg", "run.cancel()")
    opened.run(0, 1)
    opened.outputs(1).get_by_text(re.compile(r"\d+ of 201 done")).first.wait_for()

    opened.run(2)

    assert "interrupted" in opened.final_card(1).inner_text()


def test_run_is_shown_again_after_the_page_was_loaded_again(notebook, window):
    opened = notebook(
        WIDE, "run = %nbflow run Whole count=120 seconds=0.2 --bg", "%nbflow status", "run.cancel()"
    )
    opened.run(0, 1)
    opened.outputs(1).get_by_text(re.compile(r"\d+ of 121 done")).first.wait_for()
    opened.save()

    window.start()
    again = window.open(opened.path)
    began = time.monotonic()
    again.begin(2)
    shown = again.outputs(2).get_by_text(re.compile(r"\d+ of 121 done")).first
    shown.wait_for()
    seconds = time.monotonic() - began
    before = shown.inner_text()
    again.wait_for_end()
    again.page.wait_for_function(
        "([before, path]) => { const shown = document.querySelectorAll("
        "'.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell')[2].innerText;"
        " return / of 121 done/.test(shown) && !shown.includes(before); }",
        arg=[before, opened.path],
    )
    again.run(3)

    print(f"T-11 after a reload: live again after {seconds:.2f} s")
    assert seconds < 3 * 1.0
    assert "interrupted" in again.final_card(2).inner_text()
