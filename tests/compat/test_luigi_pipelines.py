"""The same pipelines by Luigi and by nbflow under Luigi's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from tests.compat.pipelines import Outcome, Pipeline, pipelines, run_both

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.filterwarnings("ignore:Task .* without outputs:UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
gate = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
long = settings(gate, max_examples=1000, derandomize=False)


def check(pipeline: Pipeline, folder: Path) -> None:
    theirs, mine = run_both(pipeline, folder)
    assert mine.ids == theirs.ids
    assert mine.names == theirs.names
    assert mine.text == theirs.text
    assert mine.status == theirs.status
    assert mine.succeeded is theirs.succeeded
    assert mine.outputs == theirs.outputs
    for outcome in (theirs, mine):
        check_order(pipeline, outcome)


def check_order(pipeline: Pipeline, outcome: Outcome) -> None:
    """Requirements run before what requires them (S-33)."""
    place = {number: index for index, number in enumerate(outcome.journal)}
    for number, index in place.items():
        for dep in pipeline.nodes[number].deps:
            assert place.get(dep, -1) < index


def wanted(pipeline: Pipeline) -> set[int]:
    """The tasks that are to run: below the root, and not below a complete one."""
    found: set[int] = set()
    waiting = [len(pipeline.nodes) - 1]
    while waiting:
        number = waiting.pop()
        if number not in found and not pipeline.nodes[number].done:
            found.add(number)
            waiting += pipeline.nodes[number].deps
    return found


def check_priorities(pipeline: Pipeline, journal: list[int]) -> None:
    """Of the ready tasks one of the highest priority runs; it has that of what needs it (S-31)."""
    nodes = pipeline.nodes
    left = wanted(pipeline)
    priority = {number: nodes[number].priority for number in left}
    for number in sorted(left, reverse=True):
        for dep in left.intersection(nodes[number].deps):
            priority[dep] = max(priority[dep], priority[number])
    failed: set[int] = set()
    for number in journal:
        ready = [n for n in left if not (left | failed).intersection(nodes[n].deps)]
        assert priority[number] == max(priority[n] for n in ready)
        left.remove(number)
        if nodes[number].kind == "failing":
            failed.add(number)


@settings(gate, max_examples=30)
@given(pipeline=pipelines(kinds=("plain", "needy", "failing"), roots=("plain",), retries=False))
def test_priorities_decide_among_ready_tasks(pipeline: Pipeline, project: Path) -> None:
    """S-30 to S-33, T-20: in Luigi, and here."""
    for outcome in run_both(pipeline, project):
        check_priorities(pipeline, outcome.journal)


@gate
@given(pipeline=pipelines())
def test_sixty_pipelines_end_as_in_luigi(pipeline: Pipeline, project: Path) -> None:
    """T-05, T-13, T-60, W-10, W-12, W-38, W-70 to W-75, S-33, S-40, S-43, S-50 to S-55."""
    check(pipeline, project)


@pytest.mark.nightly
@long
@given(pipeline=pipelines())
def test_a_thousand_pipelines_end_as_in_luigi(pipeline: Pipeline, project: Path) -> None:
    """The same as with sixty."""
    check(pipeline, project)
