"""The time that is left is estimated only where there is ground for it, and then fairly."""

from __future__ import annotations

import pytest
from display_samples import KEY_ERROR, Story, record
from hypothesis import given
from hypothesis import strategies as st

from nbflow.display.remaining import Estimate, remaining_seconds, remaining_words

START = 1_780_000_000.0


def days(count):
    return [record("Day", day=number) for number in range(count)]


def planned(count, *, workers=1, wrapped=False):
    """`count` days under a month."""
    tasks = days(count)
    month = record("Month", month=1)
    story = Story(month, workers=workers)
    for day in tasks:
        story.task(day)
    return (story.task(month, *tasks), tasks, month) if wrapped else (story, tasks, month)


def test_nothing_is_said_before_two_tasks_of_the_family_have_finished():
    story, tasks, _ = planned(4)
    assert remaining_seconds(story.summary, {}, now=START) is None
    story.ran(tasks[0], seconds=2.0, at=2.0)
    assert remaining_seconds(story.summary, {}, now=START + 2) is None
    story.ran(tasks[1], seconds=4.0, at=6.0)
    assert remaining_seconds(story.summary, {}, now=START + 6) == pytest.approx(6.0)


def test_one_unknown_family_is_enough_to_say_nothing():
    story, _, _ = planned(3, wrapped=True)
    assert remaining_seconds(story.summary, {"Day": 1.0}, now=START) is None
    assert remaining_seconds(story.summary, {"Day": 1.0, "Month": 5.0}, now=START) == 8.0


def test_wrapper_takes_no_time_and_needs_no_history():
    day, year = record("Day", day=1), record("Year", year=2013)
    wrapper = type(year)(task_id=year.task_id, family="Year", is_wrapper=True)
    summary = Story(year).task(day).task(wrapper, day).summary
    assert remaining_seconds(summary, {"Day": 3.0}, now=START) == 3.0


def test_this_run_counts_more_than_the_history():
    story, tasks, _ = planned(3)
    story.ran(tasks[0], seconds=10.0, at=10.0).ran(tasks[1], seconds=10.0, at=20.0)
    assert remaining_seconds(story.summary, {"Day": 1.0}, now=START + 20) == 10.0


def test_work_is_shared_among_workers():
    story, _, _ = planned(8, workers=4)
    assert remaining_seconds(story.summary, {"Day": 1.0}, now=START) == 2.0


def test_no_run_is_shorter_than_its_longest_chain():
    story, _, _ = planned(4, workers=4, wrapped=True)
    usual = {"Day": 1.0, "Month": 5.0}
    assert remaining_seconds(story.summary, usual, now=START) == 6.0


def test_running_task_has_part_of_its_time_behind_it():
    story, tasks, _ = planned(1)
    story.started(tasks[0])
    assert remaining_seconds(story.summary, {"Day": 10.0}, now=START + 4) == 6.0
    assert remaining_seconds(story.summary, {"Day": 10.0}, now=START + 60) == 0.0


def test_what_a_task_tells_of_itself_counts_more():
    story, tasks, _ = planned(1)
    story.started(tasks[0]).progressed(tasks[0], fraction=0.25)
    assert remaining_seconds(story.summary, {"Day": 10.0}, now=START + 4) == 12.0


def test_tasks_that_cannot_run_any_more_take_no_time():
    story, tasks, _ = planned(3, wrapped=True)
    story.failed(tasks[0], KEY_ERROR)
    assert remaining_seconds(story.summary, {"Day": 2.0}, now=START) == 4.0


def test_run_without_unfinished_tasks_is_over():
    story, tasks, _ = planned(1)
    assert remaining_seconds(story.ran(tasks[0]).summary, {}, now=START) == 0.0
    assert remaining_seconds(Story().summary, {}, now=START) is None


@given(st.integers(1, 30), st.integers(1, 8), st.floats(0.01, 1e4), st.integers(0, 29))
def test_estimate_lies_between_perfect_sharing_and_no_sharing(count, workers, usual, finished):
    story, tasks, _ = planned(count, workers=workers)
    for task in tasks[: min(finished, count)]:
        story.ran(task, seconds=usual)
    left = count - min(finished, count)
    told = remaining_seconds(story.summary, {"Day": usual}, now=START)
    assert left * usual / workers <= told * (1 + 1e-9)
    assert told <= left * usual * (1 + 1e-9)


def test_long_chain_is_walked():
    story = Story(record("Day", day=0))
    before = None
    for task in days(20_000):
        story.task(task, *([before] if before else []))
        before = task
    assert remaining_seconds(story.summary, {"Day": 1.0}, now=START) == 20_000


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.0, "a few seconds left"),
        (4.9, "a few seconds left"),
        (7.0, "about 5 s left"),
        (52.0, "about 50 s left"),
        (57.6, "about 1 min left"),
        (150.0, "about 2 min left"),
        (3_550.0, "about 59 min left"),
        (3_600.0, "about 1 h left"),
        (5_000.0, "about 1 h 25 min left"),
    ],
)
def test_words_are_no_finer_than_the_estimate(seconds, words):
    assert remaining_words(seconds) == words


def test_estimate_asks_for_each_family_once():
    asked = []

    def usual(families):
        asked.append(list(families))
        return {"Day": 10.0}

    estimate = Estimate(usual)
    estimate.prepare(["Month", "Day"])
    estimate.prepare(["Day"])
    estimate.prepare(["Year", "Day"])

    assert asked == [["Day", "Month"], ["Year"]]


def test_estimate_that_costs_much_is_kept_while_the_clock_runs_on():
    task = record("Day")
    summary = Story(task).task(task).summary
    estimate = Estimate(lambda _families: {"Day": 10.0})
    estimate.prepare(["Day"])

    first = estimate.seconds(summary, now=START)
    estimate._cost = 1.0
    kept = estimate.seconds(summary, now=START + 4)

    assert (first, kept) == (10.0, 6.0)
    assert estimate.seconds(summary, now=START + 60) == 10.0
