from __future__ import annotations

import time

import pytest
from magics_kernels import kernel

SETUP = """
%load_ext nbflow
import nbflow, time, threading

class Part(nbflow.Task):
    n: int
    seconds: float = 0.15
    def output(self):
        return nbflow.MockTarget(f"part-{self.n}-{self.seconds}")
    def run(self):
        self.status(f"step {self.n}")
        time.sleep(self.seconds)
        with self.output().open("w") as file:
            file.write("x")

class Whole(nbflow.Task):
    count: int = 20
    def requires(self):
        return [Part(n=n) for n in range(self.count)]
    def output(self):
        return nbflow.MockTarget(f"whole-{self.count}")
    def run(self):
        with self.output().open("w") as file:
            file.write("x")

class Bad(nbflow.Task):
    def requires(self):
        return Part(n=1000)
    def run(self):
        raise KeyError("amount")

class Quick(nbflow.Task):
    n: int
    def run(self):
        pass

class Loop(nbflow.Task):
    def requires(self):
        return Loop()

class Slow(nbflow.Task):
    def run(self):
        print("slow begins", flush=True)
        time.sleep(600)
"""


def display_id(content):
    return content["transient"]["display_id"]


def parts(out):
    """The ids of the pulse and of the graph, by the displays of a cell."""
    pulse, graph = out.displays
    return display_id(pulse), display_id(graph)


def last_of(updates, part):
    return [u for u in updates if display_id(u) == part][-1]


@pytest.fixture(scope="module")
def live_kernel(tmp_path_factory):
    with kernel(tmp_path_factory.mktemp("live"), NBFLOW_DISPLAY="live") as running:
        out = running.run(SETUP)
        assert out.errors == []
        yield running


def test_card_follows_the_run_and_ends_static(live_kernel):
    out = live_kernel.run("%nbflow run Whole count=5 Part.seconds=0.8")

    pulse, graph = parts(out)
    assert out.reply["status"] == "ok"
    assert out.results == []
    pulses = [u["data"] for u in out.updates if display_id(u) == pulse]
    assert len(pulses) >= 3
    assert "running" in pulses[1]["text/html"]
    assert "step" in "".join(p.get("text/html", "") for p in pulses)
    assert any("<svg" in u["data"]["text/html"] for u in out.updates if display_id(u) == graph)
    assert pulses[-1] == {}
    final = last_of(out.updates, graph)["data"]
    assert 'data-nbflow-final="1"' in final["text/html"]
    assert "6 ran · 0 already complete" in final["text/plain"]


def test_final_card_has_no_style_script_or_drawing_of_its_own(live_kernel):
    out = live_kernel.run("%nbflow run Whole count=3")

    final = last_of(out.updates, parts(out)[1])["data"]["text/html"]
    assert not any(f"<{tag}" in final for tag in ("style", "script", "svg"))
    assert "data:image/svg+xml;base64," in final


def test_card_is_sent_seldom(live_kernel):
    out = live_kernel.run("%nbflow run Whole count=21")

    updates = [m for m in out.messages if m["msg_type"] == "update_display_data"]
    assert len(updates) <= 4 * (out.seconds + 1) + 4
    for start in updates:
        window = [m for m in updates if 0 <= m["received"] - start["received"] <= 1.0]
        assert len(window) <= 10
        assert sum(len(str(m["content"])) for m in window) <= 300_000


def test_failure_is_drawn_and_raised(live_kernel):
    out = live_kernel.run("%nbflow run Bad")

    final = last_of(out.updates, parts(out)[1])["data"]
    assert [e["ename"] for e in out.errors] == ["RunFailedError"]
    assert "KeyError: &#x27;amount&#x27;" in final["text/html"]
    assert "✗ Bad()" in final["text/plain"]


def test_card_of_a_run_that_never_began_is_taken_back(live_kernel):
    out = live_kernel.run("%nbflow run Loop")

    assert [e["ename"] for e in out.errors] == ["CycleError"]
    for part in parts(out):
        assert last_of(out.updates, part)["data"] == {}


def test_interrupted_run_ends_static(live_kernel):
    def begins(message):
        return message["msg_type"] == "stream" and "slow begins" in message["content"]["text"]

    out = live_kernel.run("%nbflow run Slow", interrupt_when=begins)

    assert [e["ename"] for e in out.errors] == ["RunInterrupted"]
    final = last_of(out.updates, parts(out)[1])["data"]
    assert "⊗ Slow() interrupted after" in final["text/plain"]


def test_run_in_the_background_keeps_to_its_cell(live_kernel):
    live_kernel.strays.clear()
    started = live_kernel.run("run = %nbflow run Whole count=25 --bg")
    other = live_kernel.run("print('other'); 1 + 1")

    graph = parts(started)[1]
    assert started.seconds < 2
    assert other.stream == "other\n"
    assert other.displays == []

    def is_final(message):
        content = message["content"]
        return (
            message["msg_type"] == "update_display_data"
            and display_id(content) == graph
            and 'data-nbflow-final="1"' in content["data"].get("text/html", "")
        )

    seen = [m for m in other.messages if is_final(m)]
    final = seen[0] if seen else live_kernel.until(is_final)
    assert "26 tasks" in final["content"]["data"]["text/html"]
    kinds = {m["msg_type"] for m in live_kernel.strays}
    assert kinds <= {"update_display_data", "status"}


def test_background_run_is_cancelled_from_another_cell(live_kernel):
    live_kernel.run("run = %nbflow run Whole count=400 --bg")

    out = live_kernel.run("run.cancel(); result = run.wait(30); result.status.value")

    assert out.results[0]["data"]["text/plain"] == "'INTERRUPTED'" or "CANCELLED" in str(
        out.results
    )


def test_after_a_burst_the_last_state_comes_again(live_kernel):
    out = live_kernel.run("for n in range(40):\n    r = %nbflow run Quick n=$n --store memory:")
    graph = display_id(out.displays[-1])
    began = time.monotonic()

    again = live_kernel.until(
        lambda m: m["msg_type"] == "update_display_data" and display_id(m["content"]) == graph,
        seconds=30,
    )

    assert 'data-nbflow-final="1"' in again["content"]["data"]["text/html"]
    assert time.monotonic() - began >= 2


def test_no_thread_is_left_when_all_cards_have_ended(live_kernel):
    names = "[t.name for t in threading.enumerate() if t.name.startswith('nbflow')]"
    deadline = time.monotonic() + 30
    left = live_kernel.run(names).results[0]["data"]["text/plain"]
    while left != "[]" and time.monotonic() < deadline:
        left = live_kernel.run(names).results[0]["data"]["text/plain"]

    assert left == "[]"
    live_kernel.run("%unload_ext nbflow")
    assert live_kernel.run(names).results[0]["data"]["text/plain"] == "[]"
