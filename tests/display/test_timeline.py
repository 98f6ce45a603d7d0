"""The critical path, the steps of stable mode, and lanes, on timelines written by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.status import TaskState
from nbflow.display.timeline import (
    Span,
    Timeline,
    TimelineRow,
    in_steps,
    lanes,
    with_critical_path,
)


def row(name, *spans, deps=(), parent="", **fields):
    """A task; a span is (start, end) or (start, end, state), numbered by its start."""
    made = [
        Span(start, end, *(state or [TaskState.DONE]), seq=int(start * 1000) + 1)
        for start, end, *state in spans
    ]
    fields = {"family": name, "name": f"{name}()", "state": TaskState.DONE, **fields}
    return TimelineRow(task_id=name, spans=tuple(made), deps=deps, parent=parent, **fields)


def timeline(*rows, seconds=10.0):
    return Timeline(
        run_id="r-1",
        title="Report()",
        outcome="succeeded",
        state=TaskState.DONE,
        seconds=seconds,
        workers=2,
        rows=with_critical_path(rows),
    )


def critical(rows):
    return [each.name.removesuffix("()") for each in with_critical_path(rows) if each.is_critical]


def test_critical_path_is_the_chain_with_the_most_work():
    quick = row("quick", (0, 1))
    slow = row("slow", (0, 4))
    late = row("late", (6, 7), deps=("quick",))
    top = row("top", (7, 8), deps=("slow", "late"))
    assert critical([quick, slow, late, top]) == ["slow", "top"]
    assert timeline(quick, slow, late, top).critical_seconds == 5


def test_waiting_is_no_work():
    first = row("first", (0, 5, TaskState.WAITING), (5, 6))
    other = row("other", (0, 2))
    assert critical([first, other]) == ["other"]
    assert (first.worked, first.waited, first.start) == (1, 5, 5)


def test_all_attempts_of_a_task_count():
    flaky = row("flaky", (0, 2, TaskState.FAILED), (2, 3), attempts=2)
    steady = row("steady", (0, 2.5))
    assert critical([flaky, steady]) == ["flaky"]


def test_yielded_task_lies_between_two_pieces_of_its_parent():
    parent = row("parent", (0, 1), (1, 4, TaskState.SUSPENDED), (4, 5), deps=("child",))
    child = row("child", (2, 4), parent="parent")
    (first, _, last), (only,) = (each.spans for each in with_critical_path([parent, child]))
    assert (first.is_critical, only.is_critical, last.is_critical) == (True, True, True)
    assert timeline(parent, child).critical_seconds == 4


def test_task_whose_parent_is_unknown_stands_for_itself():
    assert critical([row("child", (2, 4), parent="gone", deps=("gone",))]) == ["child"]


def test_critical_path_of_nothing_is_nothing():
    assert with_critical_path([]) == ()
    assert timeline().critical_seconds == 0


def test_long_chain_is_walked():
    chain = [row("0", (0, 1))]
    chain += [row(str(n), (n, n + 1), deps=(str(n - 1),)) for n in range(1, 20_000)]
    assert timeline(*chain).critical_seconds == 20_000


def test_steps_are_as_long_and_as_early_as_can_be():
    raw = row("raw", (0, 0.5, TaskState.WAITING), (0.5, 3, TaskState.FAILED), (3, 4))
    top = row("top", (6, 6.5), deps=("raw",))
    steps = in_steps(timeline(raw, top))
    assert [[(s.start, s.end) for s in each.spans] for each in steps.rows] == [
        [(0, 1), (1, 2)],
        [(2, 3)],
    ]
    assert (steps.seconds, steps.in_steps, steps.critical_seconds) == (3, True, 3)


def test_suspended_task_waits_for_what_it_yielded_in_steps_too():
    parent = row("parent", (0, 1), (1, 4, TaskState.SUSPENDED), (4, 5), deps=("child",))
    child = row("child", (2, 4), parent="parent")
    by_name = {each.family: each.spans for each in in_steps(timeline(parent, child)).rows}
    assert [(s.start, s.end, s.state) for s in by_name["parent"]] == [
        (0, 1, TaskState.DONE),
        (1, 2, TaskState.SUSPENDED),
        (2, 3, TaskState.DONE),
    ]
    assert by_name["child"][0].start == 1


@given(st.permutations(range(6)), st.lists(st.floats(0.01, 5), min_size=6, max_size=6))
def test_steps_do_not_depend_on_how_long_it_took_and_who_came_first(order, seconds):
    at, rows = 0.0, [None] * 6
    for number in order:
        rows[number] = row(f"leaf{number}", (at, at + seconds[number]))
        at += seconds[number]
    top = row("top", (at + 1, at + 2), deps=tuple(f"leaf{n}" for n in range(6)))
    steps = in_steps(timeline(*rows, top))
    assert [each.family for each in steps.rows] == [*(f"leaf{n}" for n in range(6)), "top"]
    assert [each.start for each in steps.rows] == [0.0] * 6 + [1.0]
    assert [each.family for each in steps.rows if each.is_critical] == ["leaf0", "top"]


spans = st.tuples(st.floats(0, 50), st.floats(0.1, 10)).map(lambda s: (s[0], s[0] + s[1]))


@given(st.lists(spans, max_size=30), st.integers(1, 40))
def test_lanes_hold_every_piece_and_overlap_only_beyond_the_limit(pieces, limit):
    rows = [row(str(number), piece) for number, piece in enumerate(pieces)]
    packed = lanes(rows, limit=limit)
    assert len(packed) <= limit
    assert sum(map(len, packed)) == len(pieces)
    if len(packed) < limit:
        for lane in packed:
            assert all(a.end <= b.start for a, b in pairwise(lane))


@pytest.mark.parametrize("limit", [1, 2])
def test_one_lane_is_enough_for_one_worker(limit):
    rows = [row(str(number), (number, number + 1)) for number in range(5)]
    assert len(lanes(rows, limit=limit)) == 1
