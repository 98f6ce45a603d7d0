from __future__ import annotations

import datetime as dt
from typing import Literal

import pytest
from widgets_waiting import until

import nbflow
from nbflow.core.errors import NotATaskError
from nbflow.core.model import registry
from nbflow.invocation.panels import form

SECRET = "hunter2-in-the-form"
ran = []


@pytest.fixture(autouse=True)
def _fresh():
    ran.clear()
    yield
    for cls in registry.task_classes():
        if cls.__name__.startswith("Form"):
            registry.forget(cls)


@pytest.fixture
def report():
    class FormBase(nbflow.Task):
        def output(self):
            return nbflow.LocalTarget("base.txt")

        def run(self):
            self.output().open("w").close()

    class FormReport(nbflow.Task):
        """The day's report."""

        base: Literal["EUR", "USD"] = "EUR"
        date: dt.date
        limit: int = 100
        note: str | None = None
        token = nbflow.IntParameter(default=1, visibility=nbflow.ParameterVisibility.PRIVATE)

        def requires(self):
            return FormBase()

        def output(self):
            return nbflow.LocalTarget(f"report-{self.date}-{self.limit}.txt")

        def run(self):
            ran.append((self.date, self.limit, self.token))
            if self.limit == 7:
                raise KeyError("amount")
            self.output().open("w").close()

    return FormReport


@pytest.fixture
def shown(report, control, page):
    """A form in a page."""
    panel = form(report)
    _ = panel.widget
    return panel


def fill(page, panel, **values):
    for name, value in values.items():
        page.act(panel, "set", name=name, value=value)
    until(lambda: not panel.changed and not panel._planning.busy)


def test_required_value_is_missing_at_first(shown, page):
    state = page.state(shown)

    assert [field["name"] for field in state["controls"]] == [
        "base", "date", "limit", "note", "token",
    ]  # fmt: skip
    assert state["errors"] == {"date": "a value is needed"}
    assert not state["valid"]
    assert state["line"] == ""
    assert (state["title"], state["meaning"]) == ("FormReport", "The day's report.")


def test_line_names_what_was_entered_and_is_planned(shown, page):
    fill(page, shown, date="2026-08-02", base="USD")
    until(lambda: "2 to run" in page.state(shown)["plan"])
    state = page.state(shown)

    assert state["line"] == "%nbflow run FormReport base=USD date=2026-08-02"
    assert state["valid"]
    assert state["errors"] == {}
    assert shown.task.limit == 100


def test_error_of_one_value_stands_alone(shown, page):
    fill(page, shown, date="2026-13-01", limit="x")
    errors = page.state(shown)["errors"]

    assert errors["date"].startswith("month must be in 1..12.")
    assert set(errors) == {"date", "limit"}
    assert page.state(shown)["plan"] == ""
    fill(page, shown, date="2026-08-01", limit="9")
    assert page.state(shown)["errors"] == {}


def test_values_are_those_of_the_task(shown, page):
    told = []
    shown.on_change(told.append)
    fill(page, shown, date="2026-08-02", note="a b")

    assert shown.values == {
        "base": "EUR",
        "date": dt.date(2026, 8, 2),
        "limit": 100,
        "note": "a b",
    }
    assert told[-1] == shown.values
    fill(page, shown, note=None)
    assert shown.task.note is None


def test_plan_is_shown_when_it_is_asked_for(shown, page):
    fill(page, shown, date="2026-08-02")
    assert page.state(shown)["plan_html"] == ""
    page.act(shown, "plan", on=True)
    until(lambda: "FormBase" in page.state(shown)["plan_html"])

    page.act(shown, "plan", on=False)
    until(lambda: page.state(shown)["plan_html"] == "")


def test_run_runs_what_the_line_says(shown, page):
    runs = []
    shown.on_submit(runs.append)
    fill(page, shown, date="2026-08-02", limit="3")
    page.act(shown, "run")
    until(lambda: "succeeded" in page.state(shown).get("run_html", ""))
    until(lambda: not page.state(shown)["running"])

    assert ran == [(dt.date(2026, 8, 2), 3, 1)]
    (run,) = runs
    assert run.look(lambda summary: summary.info.invocation).endswith("date=2026-08-02 limit=3")
    # Everything is there now, and the plan knows it.
    until(
        lambda: "2 complete" in page.state(shown)["plan"] or "0 to run" in page.state(shown)["plan"]
    )


def test_failure_is_shown_below_the_form(shown, page):
    fill(page, shown, date="2026-08-02", limit="7")
    page.act(shown, "run")

    until(lambda: "KeyError" in page.state(shown).get("run_html", ""))


def test_run_again_only_by_force(shown, page):
    fill(page, shown, date="2026-08-02")
    for _ in "ab":
        page.act(shown, "run")
        until(
            lambda: shown.run is not None and shown.run.done() and not page.state(shown)["running"]
        )
    assert len(ran) == 1
    page.act(shown, "force", on=True)
    until(lambda: page.state(shown)["line"].endswith("--force"))
    page.act(shown, "run")
    until(lambda: len(ran) == 2)
    until(shown.run.done)


def test_nothing_runs_while_something_is_wrong(shown, page):
    page.act(shown, "run")

    assert shown.run is None
    assert ran == []


def test_read_only_form_runs_nothing(report, control, page):
    panel = form(report, read_only=True)
    _ = panel.widget
    fill(page, panel, date="2026-08-02")
    page.act(panel, "run")

    assert panel.run is None
    assert panel.valid


def test_private_value_is_used_and_never_sent_back(report, control, page):
    panel = form(report)
    _ = panel.widget
    fill(page, panel, date="2026-08-02", token="4711815")
    page.act(panel, "run")
    until(lambda: ran)
    until(panel.run.done)
    until(lambda: not page.state(panel)["running"])

    assert ran == [(dt.date(2026, 8, 2), 100, 4711815)]
    assert "4711815" not in page.everything()
    assert "token='••••'" in page.state(panel)["line"]
    assert "token" not in panel.values
    assert "4711815" not in panel.html() + panel.text()


def test_wrong_private_value_is_not_told_either(shown, page):
    fill(page, shown, date="2026-08-02", token=SECRET)

    assert "token" in page.state(shown)["errors"]
    assert SECRET not in page.everything()


def test_form_of_a_task_has_its_values_and_keeps_its_secret(report, control, page):
    panel = form(report(date=dt.date(2026, 8, 3), base="USD", token=4711))
    _ = panel.widget

    assert page.state(panel)["raw"]["date"] == "2026-08-03"
    assert panel.task.token == 4711
    assert "4711" not in page.everything()


def test_hostile_values_are_text(shown, page):
    hostile = '<img src=x onerror=alert(1)>"];a->b\x1b[31m\u202e'
    fill(page, shown, date="2026-08-02", note=hostile)
    page.act(shown, "plan", on=True)
    until(lambda: page.state(shown)["plan_html"])
    state = page.state(shown)

    assert "<img src=x" not in state["plan_html"]
    assert "\x1b" not in state["line"] + state["plan_html"]
    fill(page, shown, date=hostile)
    assert "\x1b" not in page.state(shown)["errors"]["date"]


def test_requires_that_raises_is_told_in_the_plan(control, page):
    class FormOdd(nbflow.Task):
        def requires(self):
            raise KeyError("odd")

    panel = form(FormOdd)
    _ = panel.widget
    page.act(panel, "plan", on=True)

    until(lambda: "odd" in page.state(panel)["plan_html"] + page.state(panel)["problem"])


def test_redefined_class_has_its_new_parameters(control, page):
    def define(body):
        scope = {"nbflow": nbflow, "__name__": "form_cells"}
        exec(f"class FormChanging(nbflow.Task):\n    {body}", scope)
        return scope["FormChanging"]

    panel = form(define("n = nbflow.IntParameter(default=1)"))
    _ = panel.widget
    define("m = nbflow.IntParameter(2)\n    n = nbflow.IntParameter(1)")
    fill(page, panel, n="5")

    until(lambda: [f["name"] for f in page.state(panel)["controls"]] == ["m", "n"])
    assert page.state(panel)["line"] == "%nbflow run FormChanging n=5"


def test_without_a_page_it_is_the_table_of_parameters(report, project, monkeypatch, page):
    monkeypatch.setenv("NBFLOW_DISPLAY", "static")
    panel = form(report)

    assert set(panel.bundle()) == {"text/plain", "text/html"}
    assert "base" in panel.text()
    assert page.opened() == []


def test_form_of_something_else_says_so(control):
    with pytest.raises(NotATaskError, match="found int 3"):
        form(3)
