"""A run, its log, the history and the dashboard."""

from __future__ import annotations

import re
import threading

import pytest
from widgets_waiting import until

import nbflow
from nbflow.core.model import registry
from nbflow.invocation import panels
from nbflow.session import start
from nbflow.widgets import LogView, RunView

HOSTILE = '<img src=x onerror=alert(1)>"];a->b\x1b[31m\u202e'
#: Tasks wait for this, so that a test decides when they end.
gate = threading.Event()


@pytest.fixture(autouse=True)
def _fresh():
    gate.clear()
    yield
    gate.set()
    for cls in registry.task_classes():
        if cls.__name__.startswith("View"):
            registry.forget(cls)


@pytest.fixture
def tasks():
    class ViewStep(nbflow.Task):
        n: int
        hostile: str = ""

        def output(self):
            return nbflow.LocalTarget(f"step-{self.n}.txt")

        def run(self):
            print("step", self.n, HOSTILE, flush=True)
            self.status(f"waiting {HOSTILE}")
            assert gate.wait(60)
            if self.hostile:
                raise ValueError(HOSTILE)
            self.output().open("w").close()

    class ViewAll(nbflow.WrapperTask):
        count: int = 3
        hostile: str = ""

        def requires(self):
            return [ViewStep(n=n, hostile=self.hostile) for n in range(self.count)]

    return ViewAll


def finished(tasks, **values):
    gate.set()
    run = start(tasks(**values), background=False)
    result = run.wait()
    gate.clear()
    return result


def test_run_is_shown_cancelled_and_replaced_by_its_card(tasks, control, page):
    run = start(tasks(), background=True)
    view, cancelled = RunView(run, control), []
    view.on_cancel(lambda: cancelled.append(True))
    _ = view.widget
    until(lambda: "ViewStep" in page.state(view)["html"])
    assert page.state(view)["running"]
    replaced = []
    view._replace = lambda: replaced.append((view.html(), view.text()))
    page.act(view, "cancel")
    gate.set()
    run.wait(60)
    until(lambda: replaced)

    assert cancelled == [True]
    html, text = replaced[0]
    assert "cancelled" in html
    assert text.startswith(f"RunResult {run.run_id}  CANCELLED")
    assert sorted(page.closed()) == sorted(page.opened())


def test_all_tasks_and_the_log_are_shown_on_request(tasks, control, page):
    run = start(tasks(count=12), background=True)
    view = RunView(run, control)
    _ = view.widget
    until(lambda: "waiting" in page.state(view)["html"])
    assert "n=11" not in page.state(view)["html"]
    page.act(view, "all", on=True)
    until(lambda: "n=11" in page.state(view)["html"])
    page.act(view, "log", on=True)
    until(lambda: "step 0" in (page.state(view)["log"] or ""))
    page.act(view, "log", on=False)
    until(lambda: page.state(view)["log"] is None)
    gate.set()
    run.wait(60)


def test_read_only_view_cannot_cancel(tasks, control, page):
    run = start(tasks(), background=True)
    view = RunView(run, control, read_only=True)
    _ = view.widget
    page.act(view, "cancel")
    gate.set()

    assert run.wait(60).ok


def test_what_tasks_say_is_text(tasks, control, page):
    run = start(tasks(count=1, hostile="yes"), background=True)
    view = RunView(run, control)
    _ = view.widget
    until(lambda: "waiting" in page.state(view)["html"])
    page.act(view, "log", on=True)
    until(lambda: "step 0" in (page.state(view)["log"] or ""))
    live = page.state(view)
    gate.set()
    run.wait(60)

    for html in (live["html"], view.html()):
        assert "<img src=x" not in html
        assert "\x1b" not in html
        assert "\u202e" not in html
    assert "\x1b" not in live["log"]


def test_run_that_has_ended_needs_no_widget(tasks, control, page):
    gate.set()
    run = start(tasks(), background=True)
    run.wait(60)
    bundle = RunView(run, control).bundle()

    assert set(bundle) == {"text/plain", "text/html"}
    assert page.opened() == []


def test_log_is_found_filtered_and_followed(tasks, control, page):
    finished(tasks)
    view = LogView(control)
    _ = view.widget
    page.act(view, "word", value="ViewStep(n=1)")
    # At first the whole log is there.
    until(lambda: re.findall(r"step \d", page.state(view)["log"]) == ["step 1"])
    page.act(view, "word", value="")
    page.act(view, "grep", value="step 2")
    until(lambda: page.state(view)["log"].count("step") == 1)
    page.act(view, "word", value="ViewStepp")
    until(lambda: "no task" in page.state(view)["log"])
    view.close()


def test_history_is_searched_and_opened(tasks, control, page):
    finished(tasks)
    finished(tasks, count=4, hostile="yes")
    view = panels.history_view()
    chosen = []
    view.on_select(chosen.append)
    _ = view.widget
    failed, succeeded = page.state(view)["rows"]
    assert (failed["status"], succeeded["status"]) == ("failed", "succeeded")

    page.act(view, "find", query="hostile=yes", status="")
    until(lambda: page.state(view)["total"] == 1)
    page.act(view, "find", query="", status="succeeded")
    until(lambda: [r["id"] for r in page.state(view)["rows"]] == [succeeded["id"]])
    page.act(view, "find", query="", status="")
    until(lambda: page.state(view)["total"] == 2)
    page.act(view, "select", run=failed["id"])
    until(lambda: "ValueError" in page.state(view)["detail"])

    assert chosen == [failed["id"]]
    detail = page.state(view)["detail"]
    assert "<img src=x" not in detail
    assert "\x1b" not in detail
    page.act(view, "select", run="")
    until(lambda: page.state(view)["detail"] == "")
    view.close()


def test_history_has_pages_and_takes_in_what_runs_meanwhile(tasks, control, page, monkeypatch):
    monkeypatch.setattr("nbflow.widgets.history_view.PAGE", 2)
    for _ in range(3):
        finished(tasks)
    view = panels.history_view()
    _ = view.widget
    assert (len(page.state(view)["rows"]), page.state(view)["pages"]) == (2, 2)
    page.act(view, "page", page=1)
    until(lambda: len(page.state(view)["rows"]) == 1)
    page.act(view, "page", page=99)
    until(lambda: page.state(view)["page"] == 1)
    finished(tasks)
    until(lambda: page.state(view)["total"] == 4)
    view.close()


def test_closed_history_reads_no_more(tasks, control, page):
    view = panels.history_view()
    _ = view.widget
    view.close()
    read = []
    view.control.history = lambda *_, **__: read.append(True) or []
    finished(tasks)

    assert read == []


def test_history_without_a_database_says_so(control, page):
    view = panels.history_view()

    assert view.text() == "Nothing has run in this project yet, or nothing that fits."
    view.close()


# -- the dashboard --------------------------------------------------------------------------------


@pytest.fixture
def dashboard(tasks, control, page):
    shown = panels.dashboard(tasks)
    _ = shown.widget
    yield shown
    gate.set()
    until(lambda: not shown.control.runs())
    shown.close()


def test_dashboard_is_at_most_twelve_models(dashboard, page):
    assert len(page.opened()) <= 12
    assert set(page.state(dashboard)["children"]) == {"graph", "run", "history", "logs"}


def test_dashboard_begins_with_what_ran_last(tasks, control, page):
    finished(tasks)
    shown = panels.dashboard(tasks)
    _ = shown.widget

    page.act(shown, "tab", tab="graph")
    until(lambda: len(page.state(shown.graph)["states"]) == 4)
    page.act(shown, "tab", tab="logs")
    until(lambda: "step 2" in page.state(shown.log)["log"])
    shown.close()


def test_run_from_the_form_goes_on_in_overview_and_graph(dashboard, page):
    page.act(dashboard, "tab", tab="run")
    page.act(dashboard.form, "set", name="count", value="2")
    page.act(dashboard.form, "run")
    page.act(dashboard, "tab", tab="overview")
    until(lambda: page.state(dashboard)["active"])
    assert "ViewStep" in page.state(dashboard)["active"][0]["html"]
    page.act(dashboard, "tab", tab="graph")
    until(lambda: len(page.state(dashboard.graph)["states"]) == 3)
    gate.set()
    page.act(dashboard, "tab", tab="overview")
    until(lambda: "1 run" in page.state(dashboard)["overview"])

    until(lambda: page.state(dashboard)["active"] == [])


def test_run_of_another_cell_is_shown_and_cancelled(dashboard, tasks, page):
    run = start(tasks(), background=True)
    until(lambda: [each["id"] for each in page.state(dashboard)["active"]] == [run.run_id])
    page.act(dashboard, "cancel", run=run.run_id)
    gate.set()

    assert not run.wait(60).ok


def test_plan_of_the_form_is_the_graph_while_nothing_runs(dashboard, page):
    page.act(dashboard.form, "set", name="count", value="4")
    page.act(dashboard, "tab", tab="graph")

    until(lambda: len(page.state(dashboard.graph)["states"]) == 5)


def test_log_of_a_run_is_opened_from_the_overview(dashboard, tasks, page):
    run = start(tasks(), background=True)
    until(lambda: page.state(dashboard)["active"])
    page.act(dashboard, "log", run=run.run_id)

    until(lambda: page.state(dashboard)["opened"] == ["logs", 1])
    until(lambda: "step 0" in page.state(dashboard.log)["log"])
    gate.set()
    run.wait(60)


def test_only_the_chosen_tab_is_kept_up_to_date(dashboard, page):
    page.act(dashboard, "tab", tab="history")
    assert dashboard.tab == "history"
    before = len(page.updates(dashboard.graph))
    dashboard.graph.touch()
    page.act(dashboard.history, "find", query="x", status="")
    until(lambda: page.state(dashboard.history)["query"] == "x")

    assert len(page.updates(dashboard.graph)) == before


def test_dashboard_is_read_only_where_voila_serves_it(tasks, control, page, monkeypatch):
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.13")
    shown = panels.dashboard(tasks)
    _ = shown.widget
    run = start(tasks(), background=True)
    page.act(shown, "cancel", run=run.run_id)
    page.act(shown.graph, "cancel")
    page.act(shown.form, "run")
    gate.set()

    assert page.state(shown)["read_only"]
    assert shown.form.run is None
    assert run.wait(60).ok
    shown.close()
    shown = panels.dashboard(tasks, read_only=False)
    assert not shown.read_only
    shown.close()


def test_dashboard_takes_names_and_all_tasks_of_the_notebook(tasks, control):
    named = panels.dashboard("ViewAll")
    assert list(named.form._others) == ["ViewAll"]
    every = panels.dashboard()
    assert {"ViewAll", "ViewStep"} <= set(every.form._others)
    with pytest.raises(nbflow.UnknownTaskError, match="Did you mean ViewAll"):
        panels.dashboard("ViewAl")
    for shown in (named, every):
        shown.close()


def test_choosing_another_task_changes_the_form(control, tasks, page):
    shown = panels.dashboard("ViewAll", "ViewStep")
    _ = shown.widget
    page.act(shown, "tab", tab="run")
    page.act(shown.form, "task", family="ViewStep")
    until(lambda: page.state(shown.form)["title"] == "ViewStep")

    assert [field["name"] for field in page.state(shown.form)["controls"]] == ["n", "hostile"]
    shown.close()


def test_static_dashboard_tells_the_last_day(tasks, project, page, monkeypatch):
    monkeypatch.setenv("NBFLOW_DISPLAY", "static")
    finished(tasks)
    shown = panels.dashboard(tasks)

    assert shown.text().startswith("1 run in the last 24 hours\n✓ 1 succeeded")
    assert "<table" in shown.html()
    assert page.opened() == []
    shown.close()


def test_closed_dashboard_reads_no_more(tasks, control, page):
    shown = panels.dashboard(tasks)
    _ = shown.widget
    shown.close()
    read = []
    shown.control.history = lambda *_, **__: read.append(True) or []
    shown.control.log = lambda *_, **__: read.append(True) or ""
    finished(tasks)

    assert read == []


def test_view_that_nobody_holds_is_not_kept_alive(tasks, control):
    import gc
    import weakref

    view = panels.history_view()
    gone = weakref.ref(view)
    del view
    gc.collect()
    finished(tasks)

    assert gone() is None
