from __future__ import annotations

import re

import pytest
from magics_kernels import kernel

SETUP = """
%load_ext nbflow
import nbflow, time

class Fast(nbflow.Task):
    n: int = 1
    def output(self):
        return nbflow.LocalTarget(f"fast-{self.n}.txt")
    def run(self):
        print("working on", self.n)
        with self.output().open("w") as file:
            file.write("x")

class Bad(nbflow.Task):
    def run(self):
        raise KeyError("amount")

class Slow(nbflow.Task):
    def requires(self):
        return Fast(n=0)
    def output(self):
        return nbflow.LocalTarget("slow.txt")
    def run(self):
        print("slow begins", flush=True)
        time.sleep(600)
"""


@pytest.fixture(scope="module")
def static_kernel(tmp_path_factory):
    with kernel(tmp_path_factory.mktemp("kernel")) as running:
        out = running.run(SETUP)
        assert out.errors == []
        assert out.displays == []
        assert out.stream == ""
        yield running


def test_without_a_page_a_run_sends_one_display_and_no_update(static_kernel):
    out = static_kernel.run("%nbflow run Fast n=1")

    assert out.reply["status"] == "ok"
    assert len(out.displays) == 1
    assert out.updates == []
    assert out.results == []
    assert set(out.displays[0]["data"]) == {"text/plain", "text/html"}
    assert out.displays[0]["data"]["text/plain"].startswith("RunResult r-…  SUCCESS  Fast(n=1)")
    assert static_kernel.run("_").results[0]["data"]["text/plain"].startswith("RunResult")


def test_assigned_and_silenced_runs_send_one_display(static_kernel):
    assert len(static_kernel.run("r = %nbflow run Fast n=2").displays) == 1
    assert len(static_kernel.run("%nbflow run Fast n=3;").displays) == 1
    assert len(static_kernel.run("r").results) == 1


def test_failed_run_is_an_error_message_and_stops_run_all(static_kernel):
    out = static_kernel.run("%nbflow run Bad")

    assert out.reply["status"] == "error"
    assert [(e["ename"], e["traceback"]) for e in out.errors] == [
        ("RunFailedError", ["RunFailed: 1 task failed: Bad() — KeyError: 'amount'"])
    ]
    assert "KeyError: 'amount'" in out.displays[0]["data"]["text/plain"]


def test_mistake_is_an_error_message(static_kernel):
    out = static_kernel.run("%nbflow run Fats")

    assert [e["ename"] for e in out.errors] == ["UnknownTaskError"]
    assert "Did you mean Fast?" in out.errors[0]["traceback"][0]


def test_interrupt_keeps_what_was_finished(static_kernel):
    def begins(message):
        return message["msg_type"] == "stream" and "slow begins" in message["content"]["text"]

    out = static_kernel.run("%nbflow run Slow", interrupt_when=begins)

    assert [e["ename"] for e in out.errors] == ["RunInterrupted"]
    assert out.seconds < 18
    assert "⊗ Slow() interrupted     1 ran" in out.displays[0]["data"]["text/plain"]
    again = static_kernel.run("%nbflow plan Slow")
    assert "1 to run, 1 complete" in again.results[0]["data"]["text/plain"]
    assert static_kernel.run("%nbflow run Fast n=9").reply["status"] == "ok"


def test_help_of_a_task_shows_its_signature(static_kernel):
    out = static_kernel.run("%nbflow run Fast?")

    shown = re.sub(r"\x1b\[[0-9;]*m", "", out.reply["payload"][0]["data"]["text/plain"])
    assert "Fast(n: int = 1)" in shown


def test_no_output_lands_in_another_cell(static_kernel):
    static_kernel.run("%nbflow run Fast n=11")
    static_kernel.run("1 + 1")

    assert [m for m in static_kernel.strays if m["msg_type"] in {"stream", "display_data"}] == []
