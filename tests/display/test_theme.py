from __future__ import annotations

import pytest

from nbflow.core.status import RunStatus, TaskState
from nbflow.display.theme import (
    DARK,
    LIGHT,
    ORDER,
    RUN_STATES,
    STYLES,
    contrast,
    count_words,
    css_name,
    mix,
    worst,
)


def test_every_state_has_a_style_and_a_rank():
    assert set(STYLES) == set(TaskState)
    assert sorted(ORDER) == sorted(TaskState)
    assert set(RUN_STATES) == set(RunStatus)


def test_no_two_states_share_glyph_ascii_or_word():
    for attribute in ("glyph", "ascii", "word"):
        values = [getattr(style, attribute) for style in STYLES.values()]
        assert len(set(values)) == len(values)
    assert all(style.ascii.isascii() and len(style.ascii) == 1 for style in STYLES.values())


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("state", TaskState)
def test_inks_can_be_read_on_every_page_and_on_their_own_card(state):
    style = STYLES[state]

    assert contrast(style.light, "#FFFFFF") >= 4.5
    assert contrast(style.light, mix(style.light, LIGHT.page, LIGHT.tint)) >= 4.5
    for page in ("#111111", "#1E1E1E", DARK.page):
        assert contrast(style.dark, page) >= 4.5
    assert contrast(style.dark, mix(style.dark, DARK.page, DARK.tint)) >= 4.5


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_words_and_edges_can_be_read(palette):
    assert contrast(palette.text, palette.page) >= 7
    assert contrast(palette.second, palette.page) >= 4.5
    assert contrast(palette.edge, palette.page) >= 3


def test_light_ink_is_visible_where_a_dark_page_does_not_say_so():
    for style in STYLES.values():
        assert contrast(style.light, "#1E1E1E") >= 2.5


def test_outline_tells_states_apart_without_colour():
    lines = {s: (STYLES[s].width, STYLES[s].dash) for s in TaskState}
    for one, other in [
        (TaskState.FAILED, TaskState.DONE),
        (TaskState.RUNNING, TaskState.DONE),
        (TaskState.PENDING, TaskState.DONE),
        (TaskState.FAILED, TaskState.UPSTREAM_FAILED),
        (TaskState.WAITING, TaskState.SUSPENDED),
    ]:
        assert lines[one] != lines[other]


def test_counts_are_told_worst_first():
    counts = {TaskState.DONE: 2, TaskState.FAILED: 1, TaskState.PENDING: 0}

    assert count_words(counts) == "✗ 1 failed · ✓ 2 done"
    assert count_words(counts, ascii=True) == "x 1 failed | + 2 done"


def test_family_is_blocked_only_when_nothing_can_run():
    assert worst([TaskState.UPSTREAM_FAILED, TaskState.PENDING]) is TaskState.PENDING
    assert worst([TaskState.UPSTREAM_FAILED, TaskState.DONE]) is TaskState.UPSTREAM_FAILED
    assert worst([TaskState.FAILED, TaskState.RUNNING]) is TaskState.FAILED
    assert worst([TaskState.COMPLETE]) is TaskState.COMPLETE


def test_css_names_are_words():
    assert css_name(TaskState.UPSTREAM_FAILED) == "upstream-failed"
