"""How often and how much a live card sends, and that its last state always arrives.

A page that reads slowly, or a server that drops what comes too fast, must not keep an old state.
"""

from __future__ import annotations

import ast
import random
import re
import threading
import time
from types import SimpleNamespace

import pytest
from magics_kernels import kernel

#: Messages and bytes within any second.
MESSAGES, BYTES = 20, 300_000
#: Bytes of one recolouring of a graph whose boxes are drawn once, and of a folded one sent whole.
RECOLOURING, FOLDED = 8_000, 40_000

SETUP = """
%load_ext nbflow
import nbflow, random, threading, time

class Part(nbflow.Task):
    n: int
    label: str = ""
    seconds: float = nbflow.FloatParameter(default=0.005, significant=False)
    def output(self):
        return nbflow.MockTarget(f"part-{self.n}-{self.label}")
    def run(self):
        self.status(f"step {self.n}")
        time.sleep(self.seconds)  # the work whose progress is shown
        if self.label.startswith("fails") and self.n % 7 == 3:
            raise ValueError(f"part {self.n}")
        with self.output().open("w") as file:
            file.write("x")

class Whole(nbflow.WrapperTask):
    count: int
    label: str = ""
    seconds: float = nbflow.FloatParameter(default=0.005, significant=False)
    def requires(self):
        return [Part(n=n, label=self.label, seconds=self.seconds) for n in range(self.count)]

class Chain(nbflow.Task):
    n: int
    def requires(self):
        return [Chain(n=self.n - 1)] if self.n else []
    def output(self):
        return nbflow.MockTarget(f"chain-{self.n}")
    def run(self):
        time.sleep(0.1)  # a chain of 40 lasts for several drawings
        with self.output().open("w") as file:
            file.write("x")
"""


def display_id(content):
    return content["transient"].get("display_id")


def size(message):
    return len(str(message["content"]).encode())


def updates(out):
    return [m for m in out.messages if m["msg_type"] == "update_display_data"]


def busiest(messages):
    """Most messages, and most bytes, within any second."""
    windows = [
        [m for m in messages if 0 <= m["received"] - first["received"] < 1.0] for first in messages
    ]
    return max(map(len, windows)), max(sum(map(size, window)) for window in windows)


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rates")
    (folder / "nbflow.toml").touch()
    with kernel(folder, NBFLOW_DISPLAY="live") as running:
        assert running.run(SETUP).errors == []
        yield running


def test_thousand_short_tasks_send_few_messages_and_bytes(live):
    out = live.run("r = %nbflow run Whole count=1000 label=rate --workers 4 --executor thread")

    sent = [m for m in out.messages if m["msg_type"] in {"display_data", "update_display_data"}]
    messages, size_of_all = busiest(sent)
    print(f"T-05 in the busiest second: {messages} messages, {size_of_all} bytes")
    assert out.errors == []
    assert len(sent) >= 4
    assert messages <= MESSAGES
    assert size_of_all <= BYTES


def test_recolouring_is_small_and_sends_no_picture_again(live):
    out = live.run("r = %nbflow run Chain n=39")

    pulse, graph = (display_id(content) for content in out.displays)
    pulses = [m for m in updates(out) if display_id(m["content"]) == pulse]
    pictures = [
        m
        for m in updates(out)
        if display_id(m["content"]) == graph and "<svg" in m["content"]["data"]["text/html"]
    ]
    print(f"T-08 40 boxes: {len(pulses)} updates of at most {max(map(size, pulses))} bytes")
    assert len(pulses) >= 3
    assert len(pictures) == 1
    assert max(map(size, pulses)) <= RECOLOURING


def test_folded_graph_is_small_enough_to_be_sent_whole(live):
    out = live.run("r = %nbflow run Whole count=200 label=folded seconds=0.01")

    sizes = [size(m) for m in updates(out)]
    print(f"T-08 201 tasks in 2 families: at most {max(sizes)} bytes an update")
    assert max(sizes) <= FOLDED


# -- the last state -------------------------------------------------------------------------------


class Page:
    """What a page shows that got these messages: the last data of each display."""

    def __init__(self):
        self.shown = {}

    def take(self, message):
        if message["msg_type"] in {"display_data", "update_display_data"}:
            content = message["content"]
            if message["msg_type"] == "display_data" or display_id(content) in self.shown:
                self.shown[display_id(content)] = content["data"]


class Server:
    """Lets so many messages a second through and drops what comes above, as Jupyter's does.

    Source: `iopub_msg_rate_limit` of jupyter_server, with its window of three seconds.
    """

    def __init__(self, limit):
        self.limit = limit
        self.window = []
        self.page = Page()
        self.dropped = 0

    def take(self, message):
        now = message["received"]
        self.window = [at for at in self.window if now - at < 3.0] + [now]
        if len(self.window) > 3 * self.limit:
            self.dropped += 1
        else:
            self.page.take(message)


#: Runs in the gate and at night; most end within a fraction of a second of a drawing.
TRIALS = [
    pytest.param(20, id="gate"),
    pytest.param(200, id="nightly", marks=pytest.mark.nightly),
]


@pytest.mark.parametrize("trials", TRIALS)
def test_last_state_is_shown_and_equals_the_record(live, trials):
    chance = random.Random(trials)
    wrong = []
    for trial in range(trials):
        count, seconds = chance.randrange(1, 60), chance.choice([0.0, 0.001, 0.02])
        label = f"{chance.choice(['fails', 'works'])}-{trials}-{trial}"
        page = Page()
        background = trial % 4 == 3
        live.strays.clear()
        out = live.run(
            f"run = %nbflow run Whole count={count} label={label} seconds={seconds} --no-raise"
            f" {'--bg' if background else '--workers 2 --executor thread' if trial % 2 else ''}"
        )
        told_later = live.run("result = run.wait(60)").messages if background else []
        recorded, asked = counts_recorded(live)
        if background and not any(map(is_final, [*out.messages, *told_later, *asked])):
            live.until(is_final)  # the card's own thread may come to it after the cells
        messages = [*out.messages, *live.strays, *told_later, *asked]
        for message in sorted(messages, key=lambda message: message["received"]):
            page.take(message)
        finals = [data for data in page.shown.values() if FINAL in str(data)]
        told = counts_told(finals[0]) if finals else None
        if len(finals) != 1 or told != recorded:
            wrong.append((trial, label, len(finals), told, recorded))

    print(f"T-06 {trials - len(wrong)} of {trials} runs: last state shown, counts as recorded")
    assert wrong == []


FINAL = 'data-nbflow-final="1"'


def is_final(message):
    return FINAL in str(message["content"].get("data"))


def counts_told(data):
    """Tasks that ran and failed, as the card says."""
    ran, failed = re.search(r"(\d+) ran .*?(\d+) failed", data["text/plain"]).groups()
    return int(ran), int(failed)


def counts_recorded(live):
    out = live.run(
        "frame = nbflow.history(limit=1); (int(frame.ran.iloc[0]), int(frame.failed.iloc[0]))"
    )
    return ast.literal_eval(out.results[0]["data"]["text/plain"]), out.messages


def test_last_state_passes_a_server_that_drops_most(live):
    """Many runs one after the other are above a limit of a tenth; the last is sent once more."""
    server = Server(limit=100 / 10)
    out = live.run(
        "for n in range(60):\n    r = %nbflow run Whole count=1 label=f'{n}' seconds=0 "
        "--store memory:"
    )
    last = display_id(out.displays[-1])
    again = live.until(
        lambda m: m["msg_type"] == "update_display_data" and display_id(m["content"]) == last,
        seconds=30,
    )
    for message in [*out.messages, again]:
        if "received" not in message:
            message["received"] = time.monotonic()
        server.take(message)

    print(f"T-06 limit of 10 a second: {server.dropped} messages dropped")
    assert server.dropped > 10
    assert 'data-nbflow-final="1"' in again["content"]["data"]["text/html"]


def test_page_that_reads_slowly_gets_the_last_state_and_stops_no_task(live):
    """Nothing is read for two seconds and more: the kernel goes on, and the end is the last."""
    began = time.monotonic()
    message = live.client.execute("r = %nbflow run Whole count=100 label=slow seconds=0.02")
    threading.Event().wait(2.0)  # the page reads nothing meanwhile
    page, out = Page(), SimpleNamespace(messages=[])
    while True:
        got = live.client.get_iopub_msg(timeout=60)
        out.messages.append(got)
        page.take(got)
        if (
            got["parent_header"].get("msg_id") == message
            and got["msg_type"] == "status"
            and got["content"]["execution_state"] == "idle"
        ):
            break
    live.client.get_shell_msg(timeout=60)

    (final,) = [d for d in page.shown.values() if 'data-nbflow-final="1"' in str(d)]
    assert "101 ran" in final["text/plain"]
    assert time.monotonic() - began < 60
