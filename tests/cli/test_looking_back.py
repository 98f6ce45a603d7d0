"""`nbflow log` and `nbflow history` after runs of other processes."""

from __future__ import annotations

import json

import pytest

REPORT = ("jobs.py", "Report", "date=2026-08-01")


@pytest.fixture
def after_runs(nbflow):
    """Two runs of Report, then a failed one."""
    nbflow("run", *REPORT, "--name", "first")
    nbflow("run", *REPORT, "base=USD", "token=secret1")
    nbflow("run", "jobs.py", "Failing")
    return nbflow


def test_log_of_the_last_run_says_what_failed(after_runs):
    done = after_runs("log")

    title, error = done.stdout.splitlines()
    assert "Failing()  failed" in title
    assert error.startswith("Failing(): KeyError: 'amount'")
    assert done.returncode == 0


def test_log_of_a_task_is_that_of_its_last_run(after_runs, jobs):
    title, line = after_runs("log", "Report").stdout.splitlines()

    assert title.startswith("Report(date=2026-08-01, base=USD)  done")
    assert line == f"made in {jobs.name}"


def test_log_of_a_task_as_cards_write_it(after_runs):
    title = after_runs("log", "Report(date=2026-08-01, base=EUR)").stdout.splitlines()[0]

    assert title.startswith("Report(date=2026-08-01, base=EUR)")


def test_log_with_the_whole_traceback(after_runs):
    told = after_runs("log", "Failing", "--full").stdout

    assert "Traceback (most recent call last)" in told
    assert 'return {}["amount"]' in told


def test_log_of_a_run_by_the_end_of_its_id(after_runs):
    run_id = json.loads(after_runs("log", "Report", "--json").stdout)["run_id"]

    assert run_id in after_runs("log", run_id).stdout
    assert run_id in after_runs("log", run_id[-6:]).stdout


def test_log_is_filtered(after_runs):
    assert "made in" in after_runs("log", "Report", "--grep", "made").stdout
    assert "made in" not in after_runs("log", "Report", "--grep", "other").stdout


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["Nothing"], "UnknownTask: no task and no run called 'Nothing' is recorded."),
        (["r-1999"], "UnknownRun: no run has the id 'r-1999'."),
    ],
)
def test_log_of_what_never_ran(after_runs, words, error):
    done = after_runs("log", *words)

    assert error in done.stderr
    assert done.returncode == 2


def test_log_before_the_first_run(nbflow):
    assert "nothing has run in this project yet" in nbflow("log").stderr


def test_history_lists_runs_newest_first(after_runs):
    rows = json.loads(after_runs("history", "--json").stdout)

    assert [row["status"].upper() for row in rows][1:] == ["SUCCEEDED", "SUCCEEDED"]
    assert rows[0]["status"].upper() == "FAILED"
    told = after_runs("history").stdout
    assert "Report" in told
    assert "secret1" not in told + json.dumps(rows)


def test_history_is_filtered(after_runs):
    assert len(json.loads(after_runs("history", "Report*", "--json").stdout)) == 2
    assert len(json.loads(after_runs("history", "--status", "failed", "--json").stdout)) == 1
    assert len(json.loads(after_runs("history", "--limit", "1", "--json").stdout)) == 1
    assert len(json.loads(after_runs("history", "--since", "1h", "--json").stdout)) == 3


def test_history_of_tasks(after_runs):
    told = after_runs("history", "Raw", "--task").stdout

    assert told.count("Raw(date=2026-08-01, scale=1)") == 2
    assert "done" in told


def test_history_of_failures_says_what_and_where(after_runs):
    (failure,) = json.loads(after_runs("history", "--failures", "--json").stdout)

    assert (failure["family"], failure["type"], failure["attempt"]) == ("Failing", "KeyError", 1)
    assert (failure["file"].endswith("jobs.py"), failure["function"]) == (True, "run")
    told = after_runs("history", "--failures").stdout
    assert "KeyError: 'amount'" in told
    assert f"jobs.py, line {failure['line']}" in told


def test_history_of_durations_is_by_family(after_runs):
    rows = json.loads(after_runs("history", "--durations", "--json").stdout)

    assert [(row["family"], row["count"]) for row in rows] == [("Raw", 2), ("Report", 2)]
    assert all(0 <= row["p50"] <= row["p90"] for row in rows)
    assert "Failing" not in after_runs("history", "--durations").stdout


@pytest.mark.parametrize(
    ("flags", "error"),
    [
        (["--task", "--failures"], "--task and --failures: a row is one of them"),
        (["--durations", "--status", "failed"], "--status: rows of --durations have none"),
    ],
)
def test_history_rows_are_of_one_kind(nbflow, flags, error):
    done = nbflow("history", *flags)

    assert done.returncode == 2
    assert error in done.stderr


def test_history_without_such_a_status(after_runs):
    done = after_runs("history", "--status", "fialed")

    assert done.returncode == 2
    assert "choose one of running, succeeded, failed, interrupted, cancelled" in done.stderr
    assert "Did you mean failed?" in done.stderr


def test_history_before_the_first_run(nbflow):
    done = nbflow("history")

    assert done.returncode == 0
    assert "Nothing has run in this project yet" in done.stdout


def test_timeline_of_the_last_run(after_runs):
    told = after_runs("timeline").stdout

    assert told.startswith("✗ Failing() failed")
    assert "✗ Failing()" in told.splitlines()[2]


def test_timeline_of_a_run_as_json_and_as_a_file(after_runs, jobs):
    run_id = json.loads(after_runs("history", "--json").stdout)[-1]["run_id"]
    told = json.loads(after_runs("timeline", run_id, "--json").stdout)

    assert told["tasks"][0]["task"].startswith("Raw(")
    assert told["tasks"][-1]["is_critical"]
    assert "wrote" in after_runs("timeline", run_id, "--save", "run.svg").stdout
    assert (jobs / "run.svg").read_text().startswith("<svg ")


def test_timeline_of_what_never_ran(after_runs):
    done = after_runs("timeline", "r-1999")

    assert done.returncode == 2
    assert "UnknownRun: no run has the id 'r-1999'." in done.stderr
