"""Streams of events as a run would tell them, for the tests of display."""

from __future__ import annotations

import json

from nbflow.core import events as e
from nbflow.core.call import ErrorInfo, FileRecord
from nbflow.core.status import RunStatus, TaskStatus
from nbflow.core.summary import RunSummary


def record(family, *, outputs=(), unshown=(), **params):
    text = "_".join(f"{v}" for v in params.values())
    return e.TaskRecord(
        task_id=f"{family}_{text}",
        family=family,
        params=json.dumps({k: str(v) for k, v in params.items()}),
        outputs=outputs,
        unshown=unshown,
    )


class Story:
    """Collects events with rising numbers and times; `at` are seconds since the start."""

    def __init__(self, *roots, where="cell In[3]", workers=1):
        self.events = []
        self.roots = roots
        self.where = where
        self.workers = workers
        self._add(
            e.RunStarted,
            info=e.RunInfo(
                roots=tuple(r.task_id for r in roots),
                root_names=tuple(r.describe() for r in roots),
                where=where,
                workers=workers,
            ),
        )

    def _add(self, kind, *, at=0.0, **fields):
        event = kind(
            seq=len(self.events) + 1,
            at=1_780_000_000.0 + at,
            run_id="r-20260822-153012-ab12",
            **fields,
        )
        self.events.append(event)
        return self

    def task(self, task, *deps, complete=False, runnable=True):
        status = TaskStatus.DONE if complete else TaskStatus.PENDING
        return self._add(
            e.TaskAdded,
            task=task,
            status=status,
            deps=tuple(d.task_id for d in deps),
            runnable=runnable,
        )

    def started(self, task, at=0.0):
        return self._add(
            e.TaskStarted, task_id=task.task_id, worker_id="w", attempt=1, token=1, at=at
        )

    def ran(self, task, *, seconds=0.4, at=1.0, outputs=None, note=""):
        paths = task.outputs if outputs is None else outputs
        self.started(task, at=at - seconds)
        return self._add(
            e.TaskSucceeded,
            task_id=task.task_id,
            seconds=seconds,
            at=at,
            outputs=tuple(FileRecord(p, 1000, 1_780_000_000.0) for p in paths),
            note=note,
        )

    def failed(self, task, error, *, at=2.0):
        self.started(task, at=at - 1)
        return self._add(e.TaskFailed, task_id=task.task_id, error=error, seconds=1.0, at=at)

    def plan_failed(self, task, error):
        return self._add(e.PlanFailed, task_id=task.task_id, error=error)

    def progressed(self, task, **fields):
        return self._add(e.TaskProgressed, task_id=task.task_id, **fields)

    def ended(self, status=RunStatus.SUCCEEDED, *, at=22.8, exit_code=0):
        return self._add(e.RunFinished, status=status, exit_code=exit_code, at=at)

    @property
    def summary(self):
        return RunSummary.of(self.events)


KEY_ERROR = ErrorInfo(
    type="KeyError",
    message="'amount'",
    traceback='Traceback (most recent call last):\n  File "In[12]", line 14, in run\n'
    '    df["net"] = df["amount"]\nKeyError: \'amount\'\n',
    file="In[12]",
    line=14,
    function="run",
    source=(
        (13, "    df = pd.read_parquet(self.input().path)"),
        (14, '    df["net"] = df["amount"] * df["rate"]'),
        (15, "    df.to_parquet(self.output().path)"),
    ),
    notes=("columns are: amt, rate, day",),
)


def succeeded():
    """Two rates that ran, raw sales that were there, and a report of them."""
    raw = record("RawSales", date="2026-08-01", outputs=("data/raw.csv",))
    rates = [record("Rates", base=b, outputs=(f"data/rates-{b}.json",)) for b in ("EUR", "USD")]
    report = record("Report", date="2026-08-01", outputs=("data/report-2026-08-01.html",))
    story = Story(report).task(raw, complete=True).task(rates[0]).task(rates[1])
    story.task(report, raw, *rates).ran(rates[0]).ran(rates[1], seconds=0.5)
    return story.ran(report, seconds=21.3, at=22.7).ended()


def failed():
    """Features raises; what needs it is blocked."""
    clean = record("CleanData", date="2026-08-01", outputs=("data/clean.parquet",))
    features = record("Features", date="2026-08-01", outputs=("data/features.parquet",))
    report = record("Report", date="2026-08-01", outputs=("data/report.html",))
    upload = record("Upload", bucket="sales")
    story = Story(upload).task(clean).task(features, clean).task(report, features)
    story.task(upload, report).ran(clean).failed(features, KEY_ERROR)
    return story.ended(RunStatus.FAILED, at=9.1, exit_code=1)


def many(count=365):
    """A year of days under one wrapper, some done, two running, one failed."""
    days = [record("CleanDay", day=f"2026-{1 + i // 31:02}-{1 + i % 31:02}") for i in range(count)]
    year = record("Year", year=2026)
    story = Story(year, workers=2)
    for day in days:
        story.task(day)
    story.task(year, *days)
    for day in days[: count // 2]:
        story.ran(day)
    story.failed(days[count // 2], KEY_ERROR)
    return story.started(days[count // 2 + 1]).started(days[count // 2 + 2])
