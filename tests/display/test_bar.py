"""The bar of a live card."""

from __future__ import annotations

from nbflow.core.status import TaskState
from nbflow.core.summary import RunSummary
from nbflow.display.live import bar_html
from nbflow.display.theme import STYLES


def test_what_is_done_stands_before_what_runs_and_what_failed():
    summary = RunSummary()
    for state in (TaskState.FAILED, TaskState.RUNNING, TaskState.DONE, TaskState.COMPLETE):
        summary.counts[state] = 1

    bar = bar_html(summary)

    order = (TaskState.DONE, TaskState.COMPLETE, TaskState.FAILED, TaskState.RUNNING)
    places = [bar.index(f"background:{STYLES[state].light};") for state in order]
    assert places == sorted(places)
