"""What runs now, seen from another terminal."""

from __future__ import annotations

import json
import signal
import time

import pytest


@pytest.fixture
def endless(start_nbflow, jobs, nbflow):
    """A run of another process that goes on and is recorded."""
    process = start_nbflow("run", "jobs.py", "Endless")
    deadline = time.monotonic() + 60
    while '"RUNNING"' not in nbflow("status", "--json").stdout:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
    return process


def test_status_lists_what_runs_and_what_ran(nbflow, endless):
    nbflow("run", "jobs.py", "Raw", "date=2026-08-01")

    running, ended = json.loads(nbflow("status", "--json").stdout)["runs"]
    told = nbflow("status").stdout

    assert (running["title"], running["status"]) == ("Endless()", "RUNNING")
    assert running["where"].startswith(f"cli, process {endless.pid} on ")
    assert (ended["title"], ended["status"]) == ("Raw(date=2026-08-01, scale=1)", "SUCCEEDED")
    assert "▶ running" in told
    assert "✓ succeeded" in told


def test_status_of_one_run_lists_its_tasks(nbflow, endless):
    run_id = json.loads(nbflow("status", "--json").stdout)["runs"][0]["run_id"]

    found = json.loads(nbflow("status", run_id[-4:], "--json").stdout)

    assert [task["task"] for task in found["tasks"]] == ["Endless()"]
    assert found["tasks"][0]["state"] == "▶ running"


def test_run_whose_process_was_killed_is_listed_as_interrupted(nbflow, endless):
    endless.send_signal(signal.SIGKILL)
    endless.wait(60)

    (run,) = json.loads(nbflow("status", "--json").stdout)["runs"]

    assert (run["status"], run["ended"]) == ("INTERRUPTED", None)


def test_status_before_anything_ran(nbflow):
    assert nbflow("status").stdout == "Nothing runs, and nothing has run in this project yet.\n"


def test_wait_and_cancel_are_refused_with_the_way_to_do_it(nbflow, endless):
    run_id = json.loads(nbflow("status", "--json").stdout)["runs"][0]["run_id"]

    for command in ("wait", "cancel"):
        refused = nbflow(command, run_id)
        assert refused.returncode == 2
        assert f"{command} belongs to a notebook" in refused.stderr
        assert f"kill -INT {endless.pid}, stops it." in refused.stderr
        assert "nbflow status lists what runs." in nbflow(command).stderr
