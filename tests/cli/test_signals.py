"""Stopping a run from outside: the code, what is kept, and a reader that goes away."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest


def wait_for(path, process, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the task did not start in time"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_signal_stops_the_running_task(start_nbflow, jobs, number, code):
    process = start_nbflow("run", "jobs.py", "Endless")
    wait_for(jobs / "started", process)

    process.send_signal(number)
    out, err = process.communicate(timeout=60)

    assert process.returncode == code, err
    assert "Traceback" not in err
    assert "interrupted" in out
    assert not (jobs / "data" / "endless.txt").exists()


def test_signal_to_a_run_in_the_background_of_a_script_stops_it(start_nbflow, jobs):
    # A shell without job control starts `nbflow run ... &` with SIGINT ignored.
    process = start_nbflow(
        "run", "jobs.py", "Endless", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)
    )
    wait_for(jobs / "started", process)

    # The first is a request that inline tasks see when they end; the second insists.
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)

    # A third, when the run is over, ends the process itself; a shell calls both 143.
    assert process.returncode in {143, -signal.SIGTERM}


def test_interrupt_while_the_source_is_loaded(start_nbflow, jobs):
    (jobs / "slow.py").write_text("import time\nopen('started', 'w').close()\ntime.sleep(60)\n")
    process = start_nbflow("run", "slow.py", "A")
    wait_for(jobs / "started", process)

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (130, "")


def test_reader_that_went_away_is_no_error(start_nbflow):
    read, write = os.pipe()
    os.close(read)
    process = start_nbflow("help", "run", stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (141, "")


def test_run_goes_on_when_nobody_reads_its_progress(start_nbflow, jobs):
    read, write = os.pipe()
    os.close(read)
    process = start_nbflow(
        "run", "jobs.py", "Report", "date=2026-08-01", stdout=subprocess.PIPE, stderr=write
    )
    os.close(write)
    out, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "succeeded" in out
    assert (jobs / "data" / "report-2026-08-01-EUR.txt").exists()


def test_no_task_fails_when_nobody_reads_what_tasks_print(start_nbflow, jobs):
    read, write = os.pipe()
    os.close(read)
    process = start_nbflow(
        "run", "jobs.py", "Report", "date=2026-08-01", stdout=write, stderr=subprocess.PIPE
    )
    os.close(write)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 141, err
    assert "✓ Report" in err
    assert (jobs / "data" / "report-2026-08-01-EUR.txt").exists()
