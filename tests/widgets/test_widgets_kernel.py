"""Widgets in a real kernel: what it sends to the page, and what it does not."""

from __future__ import annotations

import time

import pytest
from magics_kernels import PATIENCE, kernel

SETUP = """
%load_ext nbflow
import nbflow, time

class Part(nbflow.Task):
    n: int
    def output(self):
        return nbflow.LocalTarget(f"part-{self.n}.txt")
    def run(self):
        print("part", self.n)
        time.sleep(0.3)
        self.output().open("w").close()

class Whole(nbflow.WrapperTask):
    count: int = 4
    token = nbflow.Parameter(default="s3cret", visibility=nbflow.ParameterVisibility.PRIVATE)
    def requires(self):
        return [Part(n=n) for n in range(self.count)]
"""
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    (folder / "nbflow.toml").touch()
    with kernel(folder, NBFLOW_DISPLAY="live") as running:
        assert running.run(SETUP).errors == []
        yield running


@pytest.fixture(scope="module")
def headless(tmp_path_factory):
    folder = tmp_path_factory.mktemp("headless")
    (folder / "nbflow.toml").touch()
    with kernel(folder) as running:
        assert running.run(SETUP).errors == []
        yield running


def kinds(out):
    return [message["msg_type"] for message in out.messages]


SHOWN = [
    "%nbflow dag Whole --widget",
    "%nbflow params Whole --form",
    "%nbflow history --widget",
    "%nbflow dashboard Whole",
    "nbflow.form(Whole)",
]


@pytest.mark.parametrize("source", SHOWN)
def test_widget_is_one_display_with_html_and_text(live, source):
    out = live.run(source)

    assert out.errors == []
    assert out.stream == ""
    (display,) = out.displays
    assert set(display["data"]) == {WIDGET, "text/html", "text/plain"}
    assert "0x" not in display["data"]["text/plain"]
    assert kinds(out).count("comm_open") <= 12
    assert "s3cret" not in repr(out.messages)


@pytest.mark.parametrize("source", SHOWN)
def test_without_a_page_there_is_no_widget(headless, source):
    out = headless.run(source)

    assert out.errors == []
    (display,) = out.displays
    assert set(display["data"]) == {"text/html", "text/plain"}
    assert "comm_open" not in kinds(out)
    assert headless.run("import sys; 'ipywidgets' in sys.modules").results[0]["data"] == {
        "text/plain": "False"
    }


def send(running, comm, **content):
    """What the page sends when a person does something."""
    message = running.client.session.msg(
        "comm_msg", {"comm_id": comm, "data": {"method": "custom", "content": content}}
    )
    running.client.shell_channel.send(message)


def test_run_view_is_updated_cancelled_and_replaced(live):
    out = live.run(
        "from nbflow.invocation import panels\n"
        "run = nbflow.start(Whole(count=40), background=True, name='cancelled')\n"
        "panels.run_view(run)"
    )
    (display,) = out.displays
    model = display["data"][WIDGET]["model_id"]
    seen = live.until(
        lambda m: m["msg_type"] == "comm_msg" and "part" in repr(m["content"]["data"]).lower()
    )
    assert seen["content"]["comm_id"] == model
    send(live, model, do="cancel")
    last = live.until(lambda m: m["msg_type"] == "update_display_data" and "cancelled" in repr(m))

    assert last["content"]["transient"] == display["transient"]
    assert set(last["content"]["data"]) == {"text/html", "text/plain"}
    live.until(lambda m: m["msg_type"] == "comm_close" and m["content"]["comm_id"] == model)


def test_updates_land_in_no_other_cell_and_are_few(live):
    live.strays.clear()
    shown = live.run("h = panels.run_view(nbflow.start(Whole(count=9), background=True)); h")
    model = shown.displays[0]["data"][WIDGET]["model_id"]
    out = live.run("for _ in range(10): time.sleep(0.1)")
    live.until(lambda m: m["msg_type"] == "update_display_data")
    updates = [
        m
        for m in (*live.strays, *out.messages)
        if m["msg_type"] == "comm_msg" and m["content"]["comm_id"] == model
    ]
    times = sorted(m["header"]["date"].timestamp() for m in updates)

    assert out.displays == out.results == []
    assert out.stream == ""
    most = max(sum(at <= other < at + 1 for other in times) for at in times)
    assert most <= 6


def test_cell_that_is_run_again_closes_what_it_showed(live):
    def run_cell(source):
        message = live.client.session.msg(
            "execute_request",
            {"code": source, "silent": False, "store_history": True, "allow_stdin": False},
            metadata={"cellId": "the-cell"},
        )
        live.client.shell_channel.send(message)
        return live.until(
            lambda m: (
                m["parent_header"].get("msg_id") == message["header"]["msg_id"]
                and m["msg_type"] == "display_data"
            )
        )["content"]["data"][WIDGET]["model_id"]

    first = run_cell("%nbflow dag Whole --widget")
    second = run_cell("%nbflow dag Whole --widget")

    assert first != second
    live.until(lambda m: m["msg_type"] == "comm_close" and m["content"]["comm_id"] == first)


def test_form_runs_in_the_background_and_keeps_its_secret(live):
    live.strays.clear()
    out = live.run("form = nbflow.form(Whole); form")
    model = out.displays[0]["data"][WIDGET]["model_id"]
    send(live, model, do="set", name="token", value="hunter2")
    send(live, model, do="set", name="count", value="2")
    send(live, model, do="run")
    live.until(lambda m: m["msg_type"] == "comm_msg" and "already complete" in repr(m["content"]))
    assert live.run("form.task.token").results[0]["data"]["text/plain"] == "'hunter2'"

    assert "hunter2" not in repr([m["content"] for m in live.strays])


def test_unloading_leaves_no_thread(live):
    live.run("%nbflow dashboard Whole")
    live.run("%unload_ext nbflow")
    deadline = time.monotonic() + PATIENCE
    names = None
    while time.monotonic() < deadline:
        told = live.run(
            "import threading\n[t.name for t in threading.enumerate() if 'nbflow' in t.name]"
        )
        names = told.results[0]["data"]["text/plain"]
        if names == "[]":
            break
    assert names == "[]"
    assert live.run("%load_ext nbflow").errors == []
