"""Stops at any moment: the run ends, says so, and leaves nothing behind."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys

import pytest

#: Seconds that one run with its stop may take; they take a third of a second.
LIMIT = 60
STOPS, STOPS_AT_NIGHT = 20, 1_000

SCRIPT = """
import collections, faulthandler, json, random, signal, sys, threading, time
import nbflow

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background ignores it
options, stops = json.loads(sys.argv[1]), int(sys.argv[2])
chance = random.Random(stops)
main = threading.main_thread().ident

class Part(nbflow.Task):
    run_number: int
    n: int
    def output(self):
        return nbflow.LocalTarget(f"out/{self.run_number}/{self.n}.txt")
    def run(self):
        with self.output().open("w") as file:
            file.write("one half, ")
            time.sleep(self.n % 5 / 1000)  # so that some stops come in the middle of a file
            file.write("the other")

class Yields(nbflow.Task):
    run_number: int
    n: int
    def output(self):
        return nbflow.LocalTarget(f"out/{self.run_number}/yields-{self.n}.txt")
    def run(self):
        yield [Part(self.run_number, 100 + 3 * self.n + k) for k in range(3)]
        with self.output().open("w") as file:
            file.write("one half, the other")

class All(nbflow.WrapperTask):
    run_number: int
    def requires(self):
        parts = [Part(self.run_number, n) for n in range(40)]
        return parts + [Yields(self.run_number, n) for n in range(6)]

def press(seconds, times):
    for _ in range(times):
        if over.wait(seconds):
            return
        signal.pthread_kill(main, signal.SIGINT)
        seconds = chance.random() * 0.05

def wait_for_the_last_press(presser):
    while presser.is_alive():
        try:
            over.set()
            presser.join()
        except KeyboardInterrupt:
            ends["LATE"] += 1

ends = collections.Counter()
for number in range(stops):
    faulthandler.dump_traceback_later(60, exit=True)
    over = threading.Event()
    presses = (chance.random() ** 2 / 2, chance.choice([1, 1, 2, 3]))
    presser = threading.Thread(target=press, args=presses)
    try:
        presser.start()
        result = nbflow.start(All(number), background=False, **options).wait()
        ends[str(result.status)] += 1
    except KeyboardInterrupt:  # before the run began, or after its end
        ends["OUTSIDE"] += 1
    wait_for_the_last_press(presser)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
faulthandler.cancel_dump_traceback_later()
nbflow.run(All(stops - 1), **options)
left = [thread.name for thread in threading.enumerate() if thread.name.startswith("nbflow")]
print(json.dumps({"ends": ends, "left": left}))
"""


@pytest.mark.parametrize(
    "stops", [STOPS, pytest.param(STOPS_AT_NIGHT, marks=pytest.mark.nightly)], ids=["gate", "night"]
)
@pytest.mark.parametrize(
    "options",
    [{}, {"workers": 2}, {"workers": 2, "executor": "thread"}],
    ids=["inline", "process", "thread"],
)
def test_run_that_is_stopped_at_any_moment_leaves_whole_files_and_a_true_record(
    project, options, stops
):
    (project / "stops.py").write_text(SCRIPT)
    command = [sys.executable, "stops.py", json.dumps(options), str(stops)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=project, timeout=LIMIT * stops, check=False
    )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["left"] == []
    assert told["ends"].keys() <= {"SUCCEEDED", "INTERRUPTED", "OUTSIDE", "LATE"}
    assert told["ends"]["INTERRUPTED"] > stops / 5
    files = [path for path in (project / "out").rglob("*") if path.is_file()]
    assert [file for file in files if file.suffix != ".txt"] == []
    assert {file.read_text() for file in files} == {"one half, the other"}
    with sqlite3.connect(project / ".nbflow" / "nbflow.db") as store:
        statuses = store.execute("SELECT DISTINCT status FROM runs").fetchall()
        running = store.execute("SELECT count(*) FROM task_runs WHERE state = 'running'").fetchone()
    assert set(statuses) == {("SUCCEEDED",), ("INTERRUPTED",)}
    assert running == (0,)
