"""Runs in the background: followed, shown again, awaited, cancelled, and told when they fail."""

from __future__ import annotations

import re
import time

import pytest
from magics_kernels import kernel

SETUP = """
%load_ext nbflow
import nbflow, os, sys, threading, time, traceback

class Gate(nbflow.Task):
    name: str
    def output(self):
        return nbflow.LocalTarget(f"gate-{self.name}.txt")
    def run(self):
        print("<b>waiting</b> for", self.name, flush=True)
        self.status("at the gate")
        open(f"begun-{self.name}", "w").close()
        while not os.path.exists(f"open-{self.name}"):
            time.sleep(0.02)
        with self.output().open("w") as file:
            file.write("x")

class Pair(nbflow.Task):
    name: str
    def requires(self):
        return Gate(name=self.name)
    def output(self):
        return nbflow.LocalTarget(f"pair-{self.name}.txt")
    def run(self):
        with self.output().open("w") as file:
            file.write("x")

class Bad(nbflow.Task):
    def run(self):
        raise KeyError("amount")

class Part(nbflow.Task):
    n: int
    def output(self):
        return nbflow.LocalTarget(f"part-{self.n}.txt")
    def run(self):
        print("part", self.n)
        time.sleep(0.5)
        with self.output().open("w") as file:
            file.write("x")

class Parts(nbflow.WrapperTask):
    first: int
    def requires(self):
        return [Part(n=self.first + n) for n in range(4)]

def tell_when_waiting():
    def look():
        main = threading.main_thread().ident
        until(lambda: "is_over" in str(traceback.extract_stack(sys._current_frames()[main])))
        print("waits", flush=True)
    thread = threading.Thread(target=look)
    thread.start()
    return thread

def be_calm():
    from nbflow.display.render import renderer
    until(lambda: not renderer._sent or time.monotonic() - renderer._sent[-1] > 3)

def until(true):
    deadline = time.monotonic() + 40
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
"""


def display_id(content):
    return content["transient"]["display_id"]


def ids(out):
    return {display_id(content) for content in out.displays if "transient" in content} - {None}


def html_of(message):
    return message["content"]["data"].get("text/html", "")


def is_final_for(displays):
    def accept(message):
        return (
            message["msg_type"] == "update_display_data"
            and display_id(message["content"]) in displays
            and 'data-nbflow-final="1"' in html_of(message)
        )

    return accept


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    folder = tmp_path_factory.mktemp("background")
    (folder / "nbflow.toml").touch()
    with kernel(folder, NBFLOW_DISPLAY="live") as running:
        assert running.run(SETUP).errors == []
        running.folder = folder
        yield running


@pytest.fixture(autouse=True)
def all_gates_opened(request):
    """A test that fails leaves no run behind for those after it."""
    yield
    if "live" in request.fixturenames:
        live = request.getfixturevalue("live")
        for begun in live.folder.glob("begun-*"):
            open_gate(live, begun.name.removeprefix("begun-"))
        live.run("from nbflow import session; until(lambda: not session.active_runs())")


def begin(live, name, flags=""):
    """A run in the background that waits inside its first task; the cell that started it."""
    out = live.run(f"run = %nbflow run Pair name={name} --bg {flags}")
    assert out.errors == []
    assert live.run(f"until(lambda: os.path.exists('begun-{name}'))").errors == []
    return out


def open_gate(live, name):
    (live.folder / f"open-{name}").touch()


def test_card_goes_on_after_its_cell_and_no_output_lands_elsewhere(live):
    live.strays.clear()
    started = begin(live, "a")
    other = live.run("1 + 1")
    shown = live.until(
        lambda m: (
            m["msg_type"] == "update_display_data"
            and display_id(m["content"]) in ids(started)
            and "at the gate" in html_of(m)
        )
    )
    open_gate(live, "a")
    live.until(is_final_for(ids(started)))

    assert len(started.displays) == 2
    assert (other.displays, other.stream) == ([], "")
    assert "&lt;b&gt;waiting&lt;/b&gt; for a" in html_of(shown)
    assert {m["msg_type"] for m in live.strays} <= {"update_display_data", "status"}


def test_status_follows_a_run_in_a_new_card_and_in_no_table(live):
    started = begin(live, "b")

    again = live.run("%nbflow status")
    open_gate(live, "b")
    live.until(is_final_for(ids(again) - ids(started)))

    # A table would say "running" for ever, beside a card that says how it ended.
    assert "running" not in "".join(each["data"]["text/plain"] for each in again.results)
    assert ids(again).isdisjoint(ids(started))
    assert "0 of 2 done" in again.displays[0]["data"]["text/plain"]


def test_status_of_one_run_shows_its_card_once(live):
    begin(live, "c")

    again = live.run("%nbflow status $run.run_id")
    drawn = live.run("run")
    open_gate(live, "c")
    live.run("result = run.wait(30)")

    assert len(again.displays) == len(drawn.displays) == 2
    assert again.results == drawn.results == []
    after = live.run("%nbflow status {run.run_id[-4:]}").results[0]["data"]["text/plain"]
    assert after.startswith("RunResult r-")


def test_log_of_a_running_task_is_read_at_once(live):
    begin(live, "d", "--store memory:")

    for word in ("", "Gate", "{run.run_id}"):
        out = live.run(f"%nbflow log {word}")
        assert "waiting</b> for d" in out.results[0]["data"]["text/plain"]
    open_gate(live, "d")
    assert live.run("_ = run.wait(30)").errors == []


def test_wait_gives_the_result_and_raises_for_failures(live):
    begin(live, "e")
    open_gate(live, "e")

    out = live.run("result = %nbflow wait")
    assert out.errors == []
    assert live.run("result.ok").results[0]["data"]["text/plain"] == "True"

    live.run("run = %nbflow run Bad --bg")
    failed = live.run("%nbflow wait $run.run_id")
    assert [e["ename"] for e in failed.errors] == ["RunFailedError"]
    assert "failed in the background" not in str(live.run("%nbflow last").displays)


def test_stop_button_ends_the_waiting_and_not_the_run(live):
    begin(live, "f")

    out = live.run(
        "looking = tell_when_waiting()\n%nbflow wait",
        interrupt_when=lambda m: m["msg_type"] == "stream",
    )

    assert [e["ename"] for e in out.errors] == ["WaitInterrupted"]
    assert "goes on; %nbflow status" in out.errors[0]["traceback"][0]
    assert live.run("run.done()").results[0]["data"]["text/plain"] == "False"
    open_gate(live, "f")
    assert live.run("result = %nbflow wait").errors == []


def test_cancel_from_another_cell_is_graceful(live):
    started = begin(live, "g")

    told = live.run("%nbflow cancel Gate").results[0]["data"]["text/plain"]
    open_gate(live, "g")
    final = live.until(is_final_for(ids(started)))

    assert "Pair(name=g) is being cancelled: Gate(name=g) runs inside this process" in told
    assert "cancelled after" in final["content"]["data"]["text/plain"]
    assert (live.folder / "gate-g.txt").exists()


def test_cancel_now_kills_what_runs_in_a_process(live):
    begin(live, "h", "--executor process")
    began = time.monotonic()

    told = live.run("%nbflow cancel {run.run_id[-4:]} --now").results[0]["data"]["text/plain"]
    assert live.run("until(run.done)").errors == []

    assert "Gate(name=h) is ended now" in told
    assert time.monotonic() - began < 4
    assert live.run("run.summary.status.value").results[0]["data"]["text/plain"] == "'CANCELLED'"


def test_failure_in_the_background_is_said_once_by_the_next_command(live):
    live.run("run = %nbflow run Bad --bg")
    live.run("until(run.done)")

    silent = live.run("1")
    told = live.run("%nbflow config")
    again = live.run("%nbflow config")

    def said(out):
        return [d for d in out.displays if "failed in the background" in str(d["data"])]

    assert silent.displays == again.displays == []
    assert len(said(told)) == 1
    assert "nbflow: Bad() failed in the background: 1 task failed: Bad()" in str(said(told))


def test_what_does_not_run_is_refused_by_a_sentence(live):
    for line, sentence in {
        "%nbflow cancel": "nothing runs in this kernel",
        "%nbflow cancel Nothing": "no run that goes on is, or has a task, 'Nothing'",
        "%nbflow status r-nothing": "no run has the id 'r-nothing'",
    }.items():
        out = live.run(line)
        assert [e["ename"] for e in out.errors] == ["UnknownRunError"]
        assert sentence in out.errors[0]["traceback"][0]


def test_several_runs_have_to_be_named(live):
    begin(live, "i")
    live.run("first = run")
    begin(live, "j")

    refused = live.run("%nbflow cancel")
    listed = live.run("%nbflow status")
    open_gate(live, "i")
    open_gate(live, "j")
    live.run("first.wait(30), run.wait(30)")

    assert "2 runs go on: r-" in refused.errors[0]["traceback"][0]
    assert len(listed.displays) == 4


def test_run_by_a_function_shows_the_same_card(live):
    live.run("be_calm()")

    out = live.run("result = nbflow.run(Parts(first=0))\nresult")

    pulse, graph = (display_id(content) for content in out.displays)
    pulses = [u["data"] for u in out.updates if display_id(u) == pulse]
    final = [u["data"] for u in out.updates if display_id(u) == graph][-1]
    assert any("of 5 done" in data.get("text/html", "") for data in pulses)
    assert pulses[-1] == {}
    assert 'data-nbflow-final="1"' in final["text/html"]
    assert out.results == []


def test_remaining_time_is_told_from_the_third_task_on(live):
    live.run("be_calm()")

    out = live.run("%nbflow run Parts first=10 --store memory:")

    said = [u["data"].get("text/plain", "") for u in out.updates]
    without = [text for text in said if re.search("[01] of 5 done", text)]
    told = [text for text in said if re.search("[23] of 5 done", text)]
    assert without
    assert told
    assert not any("left" in text for text in without)
    assert any("a few seconds left" in text for text in told)


def test_output_of_an_inline_run_is_in_its_card(live):
    live.run("be_calm()")

    out = live.run("%nbflow run Parts first=20")

    assert out.stream == ""
    assert any("| part 2" in u["data"].get("text/plain", "") for u in out.updates)
    final = out.updates[-2]["data"]["text/html"]
    assert "<details" in final
    assert "part 20\npart 21\npart 22\npart 23" in final


def test_without_the_extension_a_run_shows_no_card(live):
    assert live.run("%unload_ext nbflow").errors == []

    out = live.run("result = nbflow.run(Parts(first=30))")

    assert out.errors == []
    assert (out.displays, out.updates) == ([], [])
    assert live.run("%load_ext nbflow").errors == []


def test_static_kernel_waits_and_says_so(tmp_path):
    with kernel(tmp_path, NBFLOW_DISPLAY="static") as running:
        running.run(SETUP)
        out = running.run("result = %nbflow run Parts first=0 --bg")

    assert [set(d["data"]) for d in out.displays] == [{"text/plain", "text/html"}] * 2
    assert "1 of" not in str(out.updates)
    assert "nobody watches this kernel, so the run was waited for" in str(out.displays[1])


def test_shutdown_ends_a_background_run_and_records_it_as_interrupted(tmp_path):
    from nbflow.stores.history import read_runs

    (tmp_path / "nbflow.toml").touch()
    with kernel(tmp_path, NBFLOW_DISPLAY="live") as running:
        running.folder = tmp_path
        running.run(SETUP)
        begin(running, "z", "--executor process")
        running.manager.shutdown_kernel(now=False)

    (run,) = read_runs(str(tmp_path / ".nbflow" / "nbflow.db"))
    assert run.status == "INTERRUPTED"
    assert run.ended is not None
