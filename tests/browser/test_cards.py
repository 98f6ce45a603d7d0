"""Cards in a real JupyterLab: they are there, legible, in their place, and harm nothing."""

from __future__ import annotations

import pytest
from browser_lab import DARK, LIGHT
from browser_looks import (
    backgrounds,
    clipped_texts,
    overlapping_texts,
    scrolling_parts,
    text_contrasts,
)
from browser_tasks import REPORT

pytestmark = pytest.mark.browser

#: Everything that nbflow shows: a finished, a failed and an idle run, and one card of each command.
SHOWN = (
    REPORT,
    "%nbflow run TrainModel day=2026-08-01 --store memory:",
    "%nbflow run Report day=2026-08-01 --no-raise",
    "%nbflow run TrainModel day=2026-08-01",
    "%nbflow plan Report day=2026-08-02",
    "%nbflow dag Report day=2026-08-01",
    "%nbflow tasks",
    "%nbflow params Report",
    "%nbflow show Report day=2026-08-01",
    "TrainModel(day=dt.date(2026, 8, 1))",
    "Report",
    "%nbflow log",
    "%nbflow config",
    "%nbflow",
)


@pytest.fixture
def shown(notebook):
    """A notebook that has run, with the cells whose output is nbflow's."""
    opened = notebook(*SHOWN)
    opened.run(*range(len(SHOWN)))
    opened.final_card(2)
    return opened


def open_all(notebook, cells):
    """Open every section that a reader could open."""
    for cell in cells:
        notebook.outputs(cell).evaluate(
            "(area) => area.querySelectorAll('details').forEach(each => each.open = true)"
        )


def test_cards_are_legible_in_light_and_dark_and_at_any_width(shown, window):
    cells = range(1, len(SHOWN))
    open_all(shown, cells)
    faint, clipped, overlapping, scrolling, painted, lowest = [], [], [], [], [], 21.0
    for theme in (LIGHT, DARK):
        window.set_theme(theme)
        for width in (800, 1600):
            window.set_width(width)
            for cell in cells:
                area = shown.outputs(cell)
                ratios = text_contrasts(area)
                lowest = min(lowest, *ratios.values())
                at = (theme, width, SHOWN[cell])
                faint += [(*at, text, r) for text, r in ratios.items() if r < 4.5]
                clipped += [(*at, text) for text in clipped_texts(area)]
                overlapping += [(*at, text) for text in overlapping_texts(area)]
                scrolling += [(*at, part) for part in scrolling_parts(area)]
                painted += [(*at, *part) for part in backgrounds(area)]

    print(f"T-20/T-21 lowest contrast of a text: {lowest:.2f}")
    assert faint == []
    assert clipped == []
    assert overlapping == []
    assert scrolling == []
    assert painted == []


def test_sections_are_opened_by_keys_and_lab_keeps_its_own(notebook):
    opened = notebook(REPORT, "%nbflow run Report day=2026-08-01 --no-raise")
    opened.run(0, 1)
    card = opened.final_card(1)
    closed = card.locator("details:not([open]) > summary")
    count = closed.count()
    assert count >= 2

    for number in range(count):
        summary = card.locator("details > summary").nth(number)
        summary.focus()
        opened.page.keyboard.press("Enter" if number % 2 else "Space")
        card.locator("details").nth(number).evaluate(
            "(e) => new Promise(done => { const look = () => e.open ? done() "
            ": requestAnimationFrame(look); look(); })"
        )

    cells = opened.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell")
    assert cells.count() == 2
    assert closed.count() == 0


def test_cards_can_be_read_in_the_colours_of_the_system(notebook, window):
    opened = notebook(
        REPORT,
        "%nbflow run Report day=2026-08-01 --no-raise",
        "%nbflow plan Report day=2026-08-02",
    )
    opened.run(0, 1, 2)
    opened.final_card(1)
    open_all(opened, (1, 2))
    window.page.emulate_media(forced_colors="active")
    try:
        ratios = [text_contrasts(opened.outputs(cell)) for cell in (1, 2)]
    finally:
        window.page.emulate_media(forced_colors="none")

    faint = {text: ratio for found in ratios for text, ratio in found.items() if ratio < 4.5}
    assert faint == {}
