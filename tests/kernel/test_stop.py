"""The stop button: the cell answers, nothing is left running, what was finished stays finished."""

from __future__ import annotations

import os
import time

import psutil
import pytest
from magics_kernels import kernel

#: Seconds that the cell may take to answer; a promise to a person is waited for three times as long.
COOPERATING, STUBBORN = 1.0, 6.0
PATIENCE = 3
#: Seconds after which no process of a task may be there.
ORPHANS = 2.0

SETUP = """
%load_ext nbflow
import nbflow, os, subprocess, time

class First(nbflow.Task):
    label: str
    def output(self):
        return nbflow.LocalTarget(f"first-{self.label}.txt")
    def run(self):
        with self.output().open("w") as file:
            file.write("kept")

class Sleeper(nbflow.Task):
    label: str
    n: int = 0
    stubborn: bool = False
    def requires(self):
        return First(label=self.label)
    def output(self):
        return nbflow.LocalTarget(f"sleeper-{self.label}-{self.n}.txt")
    def run(self):
        child = subprocess.Popen(["sleep", "600"])
        with open(f"started-{self.label}-{self.n}.txt", "w") as file:
            file.write(f"{os.getpid()} {child.pid}")
        end = time.monotonic() + 600
        while time.monotonic() < end:
            try:
                time.sleep(600)
            except KeyboardInterrupt:
                if not self.stubborn:
                    child.kill()
                    child.wait()
                    raise

class All(nbflow.WrapperTask):
    label: str
    stubborn: bool = False
    def requires(self):
        return [Sleeper(label=self.label, n=n, stubborn=self.stubborn) for n in range(4)]
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stop")
    (folder / "nbflow.toml").touch()
    with kernel(folder, NBFLOW_DISPLAY="static") as started:
        assert started.run(SETUP).errors == []
        started.folder = folder
        yield started


def started(folder, label, count):
    """Process ids that the tasks wrote down when they began; None before all have."""
    found = sorted(folder.glob(f"started-{label}-*.txt"))
    texts = [path.read_text().split() for path in found]
    if len(texts) < count or any(len(text) < 2 for text in texts):
        return None
    return {int(pid) for text in texts for pid in text}


def stop_when_started(running, line, label, count, *, presses=1):
    """Run a line, press stop once its tasks have begun; the seconds from the (last) press on."""
    message = running.client.execute(line, stop_on_error=False)
    deadline = time.monotonic() + 60
    while started(running.folder, label, count) is None:
        assert time.monotonic() < deadline, "the tasks did not begin"
        time.sleep(0.02)
    for _ in range(presses):
        running.manager.interrupt_kernel()
        pressed = time.monotonic()
        if presses > 1:
            time.sleep(0.3)
    reply = running.client.get_shell_msg(timeout=60)
    while reply["parent_header"].get("msg_id") != message:
        reply = running.client.get_shell_msg(timeout=60)
    return reply["content"], time.monotonic() - pressed


def wait_for_no_process(pids):
    """Wait until none of the processes is there; the seconds that it took."""
    began = time.monotonic()
    pids = pids - {os.getpid()}
    while left := [pid for pid in pids if is_alive(pid)]:
        if time.monotonic() - began > PATIENCE * ORPHANS:
            raise AssertionError(f"still there: {left}")
        time.sleep(0.02)
    return time.monotonic() - began


def is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def goes_on(running, label):
    """The next run works, and what was finished is kept."""
    plan = running.run(f"%nbflow plan Sleeper label={label}")
    assert "1 to run, 1 complete" in plan.results[0]["data"]["text/plain"]
    assert running.run(f"%nbflow run First label=after-{label}").errors == []
    history = running.run("%nbflow history --limit 2")
    assert "interrupted" in history.results[0]["data"]["text/plain"].lower()


@pytest.mark.parametrize(
    ("label", "flags", "count", "limit"),
    [
        ("inline", "", 1, COOPERATING),
        ("processes", "--workers 2", 2, COOPERATING),
    ],
)
def test_cell_answers_soon_and_nothing_is_left(running, label, flags, count, limit):
    reply, seconds = stop_when_started(
        running, f"%nbflow run All label={label} {flags}", label, count
    )
    pids = started(running.folder, label, count) - {kernel_pid(running)}
    orphans = wait_for_no_process(pids)

    print(f"T-09 {label}: reply after {seconds:.2f} s, no process after {orphans:.2f} s more")
    assert reply["ename"] == "RunInterrupted"
    assert seconds < PATIENCE * limit
    goes_on(running, label)


def test_stubborn_tasks_in_workers_are_ended(running):
    reply, seconds = stop_when_started(
        running, "%nbflow run All label=stubborn stubborn=true --workers 2", "stubborn", 2
    )
    orphans = wait_for_no_process(started(running.folder, "stubborn", 2))

    print(f"T-09 stubborn: reply after {seconds:.2f} s, no process after {orphans:.2f} s more")
    assert reply["ename"] == "RunInterrupted"
    assert seconds < PATIENCE * STUBBORN
    goes_on(running, "stubborn")


def test_second_press_ends_them_at_once(running):
    reply, seconds = stop_when_started(
        running, "%nbflow run All label=twice stubborn=true --workers 2", "twice", 2, presses=2
    )
    orphans = wait_for_no_process(started(running.folder, "twice", 2))

    print(f"T-09 twice: reply after {seconds:.2f} s, no process after {orphans:.2f} s more")
    assert reply["ename"] == "RunInterrupted"
    assert seconds < PATIENCE * 2
    goes_on(running, "twice")


def kernel_pid(running):
    return int(running.run("os.getpid()").results[0]["data"]["text/plain"])
