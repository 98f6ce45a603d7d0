"""Writes outputs in a process of its own, and ends or interrupts it at every line on the way.

Run as `python writing_under_faults.py FOLDER SCENARIO FAULT`; prints the number of faults tried,
or the first state that breaks the promise.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import io
import itertools
import os
import shutil
import signal
import sys
import threading

import nbflow.core.call  # noqa: F401 - loaded before lines are counted
from nbflow.targets import atomic
from nbflow.targets.format import Gzip, Text
from nbflow.targets.local import LocalTarget

OLD, NEW = "old " * 10, "new " * 30_000


class Boom(Exception):
    pass


class Raw(io.FileIO):
    """What takes the bytes; its calls can fail."""

    def write(self, data):
        return super().write(data)

    def close(self):
        super().close()


atomic.FileIO = Raw


def write_text(path):
    with LocalTarget(path).open("w") as f:
        for start in range(0, len(NEW), 40_000):
            f.write(NEW[start : start + 40_000])


def write_in_finally(path):
    f = LocalTarget(path).open("w")
    try:
        f.write(NEW[:60_000])
        f.write(NEW[60_000:])
    finally:
        f.close()


def write_gzip(path):
    with LocalTarget(path, Text >> Gzip).open("w") as f:
        f.write(NEW)


def fail_half_way(path):
    with contextlib.suppress(Boom), LocalTarget(path).open("w") as f:
        f.write(NEW[:60_000])
        raise Boom


def copy(path):
    LocalTarget(path + ".source").copy(path)


def write_folder(path):
    with LocalTarget(path).temporary_path() as temporary:
        os.mkdir(temporary)
        for name in "ab":
            with open(os.path.join(temporary, name), "w") as f:
                f.write(NEW)


SCENARIOS = [write_text, write_in_finally, write_gzip, fail_half_way, copy, write_folder]


def prepare(scenario, folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    path = os.path.join(folder, "out")
    if scenario is copy:
        with open(path + ".source", "w") as f:
            f.write(NEW)
    if scenario is write_folder:
        os.mkdir(path)
        path = os.path.join(path, "a")
    with LocalTarget(path, Text >> Gzip if scenario is write_gzip else None).open("w") as f:
        f.write(OLD)
    return os.path.join(folder, "out")


def look(scenario, path):
    """ "old", "new", "nothing", or what else is to be seen."""
    if not os.path.exists(path):
        return "nothing"
    if scenario is write_folder:
        names = sorted(os.listdir(path))
        texts = set()
        for name in names:
            with open(os.path.join(path, name)) as f:
                texts.add(f.read())
        return {("a",): {"old": {OLD}}, ("a", "b"): {"new": {NEW}}}.get(tuple(names), {}) and (
            "old" if texts == {OLD} else "new" if texts == {NEW} else "half"
        )
    with LocalTarget(path, Text >> Gzip if scenario is write_gzip else None).open() as f:
        return {OLD: "old", NEW: "new"}.get(f.read(), "half")


def litter(folder):
    return sorted(set(os.listdir(folder)) - {"out", "out.source"})


class Countdown:
    """Calls `act` at the n-th line that runs in nbflow or in a scenario."""

    def __init__(self, n, act):
        self.left, self.act = n, act

    def trace(self, frame, event, arg):
        if not frame.f_code.co_filename.endswith(
            ("_under_faults.py", "context.py", "target.py")
        ) and ("/nbflow/targets/" not in frame.f_code.co_filename):
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                self.act()
        return self.trace


def run_and_die(scenario, path, n):
    """Run in a forked child that is killed at line `n`; whether it lived to the end."""
    child = os.fork()
    if child == 0:
        sys.settrace(Countdown(n, lambda: os.kill(os.getpid(), signal.SIGKILL)).trace)
        scenario(path)
        sys.settrace(None)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return False
    if os.WEXITSTATUS(status):
        raise SystemExit(f"{scenario.__name__} failed by itself at line {n}")
    return True


def interrupt(scenario, path, n):
    """Raise KeyboardInterrupt at line `n`; whether the end was reached."""

    def act():
        raise KeyboardInterrupt

    countdown = Countdown(n, act)

    def run():
        sys.settrace(countdown.trace)
        try:
            scenario(path)
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)

    # In a thread, with which the state of exceptions ends: at the line of a `with` statement,
    # where no signal is ever handled, the tracer can raise before CPython has put it in order.
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    gc.collect()
    return countdown.left > 0


CALLS = [
    (os, "replace"),
    (os, "rename"),
    (os, "mkdir"),
    (os, "makedirs"),
    (shutil, "copyfile"),
    (shutil, "copymode"),
    (Raw, "write"),
    (Raw, "close"),
]


def fail_call(scenario, path, n):
    """Let the n-th call to the system fail with "disk full"; whether the end was reached."""
    left = [n]

    def failing(real):
        def call(*args, **kwargs):
            left[0] -= 1
            if left[0] == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*args, **kwargs)

        return call

    reals = [(owner, name, getattr(owner, name)) for owner, name in CALLS]
    for owner, name, real in reals:
        setattr(owner, name, failing(real))
    raised = False
    try:
        scenario(path)
    except OSError as error:
        raised = error.errno == errno.ENOSPC
    finally:
        for owner, name, real in reals:
            setattr(owner, name, real)
    gc.collect()
    if (
        left[0] <= 0
        and not raised
        and scenario is not fail_half_way
        and look(scenario, path) != "new"
    ):
        raise SystemExit(f"{scenario.__name__}: failure {n} was kept secret")
    return left[0] > 0


FAULTS = {"kill": run_and_die, "interrupt": interrupt, "fail": fail_call}


def main(folder, scenario_name, fault):
    scenario = next(each for each in SCENARIOS if each.__name__ == scenario_name)
    allowed = {"old"} if scenario is fail_half_way else {"old", "new"}
    if scenario is write_folder:
        allowed = allowed | {"nothing"}  # between the two steps
    seen = set()
    for n in itertools.count(1):
        path = prepare(scenario, folder)
        ended = FAULTS[fault](scenario, path, n)
        state = look(scenario, path)
        seen.add(state)
        if state not in allowed:
            raise SystemExit(f"{scenario_name}: {fault} {n} shows {state}")
        # The old folder is dropped after the new one is there; an interrupt may come between.
        left = [name for name in litter(folder) if state != "new" or not name.endswith("-aside")]
        if fault != "kill" and left:
            raise SystemExit(f"{scenario_name}: {fault} {n} leaves {left}")
        if ended:
            break
    if "new" in allowed and state != "new":
        raise SystemExit(f"{scenario_name} does not work without a fault")
    print(n - 1, *sorted(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
