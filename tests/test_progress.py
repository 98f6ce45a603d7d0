"""How a run is told in a terminal and in a log file."""

from __future__ import annotations

import io
import os
import re

from nbflow.core import events as e
from nbflow.core.call import ErrorInfo
from nbflow.core.status import RunStatus, TaskStatus
from nbflow.core.summary import RunSummary
from nbflow.progress import TextProgress


class Telling:
    """A run of numbered tasks whose events go to a TextProgress."""

    def __init__(self, stream: io.StringIO | None = None, **options) -> None:
        self.stream = stream or io.StringIO()
        self.summary = RunSummary()
        self.progress = TextProgress(self.summary, self.stream, **options)
        self.seq = 0

    def tell(self, kind: type[e.RunEvent], at: float, **fields) -> None:
        self.seq += 1
        event = kind(seq=self.seq, at=at, run_id="r-1", **fields)
        self.summary.apply(event)
        self.progress([event])

    def start(self, count: int, complete: int = 0) -> None:
        info = e.RunInfo(roots=("T0",), root_names=("Report(n=0)",))
        self.tell(e.RunStarted, 0.0, info=info)
        for n in range(count):
            status = TaskStatus.DONE if n >= count - complete else TaskStatus.PENDING
            record = e.TaskRecord(task_id=f"T{n}", family="T", params=f'{{"n": "{n}"}}')
            self.tell(e.TaskAdded, 0.0, task=record, status=status)

    def run(self, n: int, at: float, seconds: float = 0.0) -> None:
        self.begin(n, at)
        self.tell(e.TaskSucceeded, at + seconds, task_id=f"T{n}", seconds=seconds)

    def begin(self, n: int, at: float) -> None:
        self.tell(e.TaskStarted, at, task_id=f"T{n}", worker_id="w", attempt=1, token=1)

    def finish(self, at: float, status: RunStatus = RunStatus.SUCCEEDED) -> None:
        self.tell(e.RunFinished, at, status=status, exit_code=0)

    @property
    def lines(self) -> list[str]:
        """What was written, without the clock."""
        lines = self.stream.getvalue().splitlines()
        assert all(re.match(r"\[\d\d:\d\d:\d\d\] ", line) for line in lines)
        return [line[11:] for line in lines]


def test_log_has_the_start_and_the_end():
    telling = Telling()

    telling.start(3, complete=1)
    telling.run(0, 1.0)
    telling.run(1, 1.5)
    telling.finish(2.8)

    assert telling.lines == [
        "r-1 Report(n=0): 2 to run, 1 complete",
        "✓ Report(n=0) succeeded in 2.8 s: 2 ran · 1 already complete · 0 failed",
    ]


def test_run_with_nothing_to_do_has_both_lines():
    telling = Telling()

    telling.start(1, complete=1)
    telling.finish(0.1)

    assert telling.lines[0] == "r-1 Report(n=0): 0 to run, 1 complete"
    assert telling.lines[1].startswith("● Report(n=0) is already complete")


def test_every_failed_task_is_told_with_its_place():
    telling = Telling()
    error = ErrorInfo(type="KeyError", message="'amount'\nmore", file="jobs.py", line=14)

    telling.start(2)
    telling.begin(1, 1.0)
    telling.tell(e.TaskFailed, 1.1, task_id="T1", error=error, retry_at=2.0)

    assert telling.lines[1:] == [
        "✗ T(n=1) failed: KeyError: 'amount'  jobs.py, line 14  (will be tried again)"
    ]


def test_control_characters_of_a_message_reach_no_terminal():
    telling = Telling()
    error = ErrorInfo(type="ValueError", message="\x1b[31mred\x1b[0m\rhidden")

    telling.start(1)
    telling.begin(0, 1.0)
    telling.tell(e.TaskFailed, 1.1, task_id="T0", error=error)

    assert "\x1b" not in telling.stream.getvalue()
    assert "\r" not in telling.stream.getvalue()


def test_thousand_tasks_in_a_second_write_no_line_between():
    telling = Telling()

    telling.start(1000)
    for n in range(1000):
        telling.run(n, n / 1000)
    telling.finish(1.0)

    assert len(telling.lines) == 2


def test_progress_is_told_in_steps_of_a_tenth_at_most():
    telling = Telling()

    telling.start(1000)
    for n in range(1000):
        telling.run(n, 0.1 * n)
    telling.finish(100.0)

    assert 8 <= len(telling.lines) - 2 <= 10
    assert telling.lines[1] == "▶ 100 of 1,000 done · 0 running · 0 failed"


def test_progress_is_told_every_two_seconds_at_most():
    telling = Telling()

    telling.start(10)
    for n in range(10):
        telling.run(n, 0.5 * n)
    telling.finish(5.0)

    assert len(telling.lines) - 2 == 2


def test_long_task_shows_that_it_lives():
    telling = Telling()

    telling.start(1)
    telling.begin(0, 0.0)
    for at in range(1, 200):
        telling.tell(
            e.TaskProgressed, float(at), task_id="T0", fraction=at / 1000, message="join rates"
        )

    assert len(telling.lines) == 4
    assert telling.lines[1] == "▶ 0 of 1 done · 1 running · 0 failed: T(n=0) 6 % join rates"


def test_task_held_elsewhere_is_told_once():
    telling = Telling()

    telling.start(1)
    telling.begin(0, 0.0)
    for at in (0.1, 0.2, 0.3):
        telling.tell(
            e.TaskRequeued, at, task_id="T0", reason="run by process 4711", not_before=at + 1
        )

    assert telling.lines[1:] == ["◷ T(n=0) waits: run by process 4711"]


def test_ascii_log_has_no_other_characters():
    telling = Telling(ascii=True)

    telling.start(1)
    telling.run(0, 1.0)
    telling.finish(2.0)

    assert telling.stream.getvalue().isascii()


def test_closed_stream_ends_the_telling_only():
    telling = Telling()
    telling.start(1)
    telling.stream.close()

    telling.begin(0, 1.0)
    telling.finish(2.0)


def test_broken_pipe_ends_the_telling_only():
    read, write = os.pipe()
    os.close(read)
    stream = io.TextIOWrapper(io.FileIO(write, "w"), write_through=True)
    telling = Telling(stream)

    telling.start(1)
    telling.begin(0, 1.0)
    telling.finish(2.0)

    assert not telling.progress._is_heard
    stream.close()


def test_live_line_shows_counts_and_what_runs_and_goes_away():
    telling = Telling(live=True)

    with telling.progress:
        telling.start(4)
        telling.run(0, 1.0)
        telling.begin(1, 2.0)
        telling.tell(e.TaskProgressed, 2.0, task_id="T1", fraction=0.62, message="3/5 partitions")
        shown = telling.progress._draw().plain

    assert "1 of 4 done · 1 running · 0 failed" in shown
    assert shown.endswith("T(n=1) 62 % 3/5 partitions")
    assert shown.startswith("██████░░")
