"""What all widgets have in common: when they are made, how often they speak, how they end."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from widgets_waiting import until

from nbflow.display.environment import DisplayMode, DisplaySettings
from nbflow.display.render import renderer
from nbflow.widgets.panel import Panel

LIVE = DisplaySettings(DisplayMode.LIVE)
STATIC = DisplaySettings(DisplayMode.STATIC, stable=True)


class Counter(Panel):
    """Shows a number."""

    view = "log"
    fields = ("number", "other")

    def __init__(self, settings=LIVE, *, following=False):
        super().__init__(settings)
        self.number = 0
        self.following = following

    @property
    def follows(self):
        return self.following

    def state(self):
        return {"number": self.number, "other": "same"}

    def html(self):
        return f"<b>{self.number}</b>"

    def text(self):
        return f"number {self.number}"

    def act(self, action, message):
        if action == "fail":
            raise ValueError("no such thing")
        self.number += 1


def test_widget_is_made_when_it_is_shown_and_no_sooner(page):
    panel = Counter()
    assert page.opened() == []

    bundle = panel.bundle()

    assert set(bundle) == {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"}
    assert bundle["text/plain"] == "number 0"
    # The widget and its layout.
    assert len(page.opened()) == 2


def test_without_a_page_no_widget_is_ever_made(page):
    panel = Counter(STATIC)
    panel.touch()

    assert panel.bundle() == {"text/plain": "number 0", "text/html": "<b>0</b>"}
    assert page.opened() == []


def test_widget_is_made_by_cells_only(page):
    panel, errors = Counter(), []

    def make():
        try:
            _ = panel.widget
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()

    assert len(errors) == 1
    assert page.opened() == []


def test_only_what_changed_is_sent(page):
    panel = Counter()
    _ = panel.widget
    panel.number = 3
    panel.touch()
    until(lambda: page.state(panel)["number"] == 3)

    updates = [d["state"] for *_, d in page.messages if d.get("method") == "update"]
    assert updates == [{"number": 3}]


def test_a_flood_of_changes_is_at_most_five_updates_a_second(page):
    panel = Counter()
    _ = panel.widget
    stop = threading.Event()
    threading.Timer(1.5, stop.set).start()
    while not stop.wait(0.0005):
        panel.number += 1
        panel.touch()
    last = panel.number
    until(lambda: page.state(panel)["number"] == last)
    times = page.updates(panel)

    assert len(times) >= 3
    gaps = [b - a for a, b in pairwise(times)]
    assert min(gaps) >= 0.19


def test_last_state_arrives_whenever_the_changes_end(page):
    panels = [Counter() for _ in range(4)]
    for panel in panels:
        _ = panel.widget
    for round_ in range(1, 6):
        for panel in panels:
            panel.number = round_
            panel.touch(urgent=round_ % 2 == 0)
    for panel in panels:
        until(lambda panel=panel: page.state(panel)["number"] == 5)


def test_last_state_is_sent_again_after_a_burst(page, monkeypatch):
    monkeypatch.setattr("nbflow.display.render.RESEND", 0.2)
    panel = Counter()
    _ = panel.widget
    for _ in range(40):
        renderer.count()
    panel.number = 7
    renderer.end(panel)
    before = len(page.updates(panel))

    until(lambda: len(page.updates(panel)) > before)
    assert page.messages[-1][-1]["state"] == {"number": 7, "other": "same"}


def test_thread_ends_when_there_is_nothing_to_show(page):
    panel = Counter()
    _ = panel.widget
    panel.touch()
    until(lambda: not panel.changed)

    until(lambda: "nbflow-render" not in [t.name for t in threading.enumerate()])


def test_what_goes_on_is_updated_by_time_alone(page):
    panel = Counter(following=True)
    _ = panel.widget
    until(lambda: not panel.changed)
    panel.number = 9  # nobody says so

    until(lambda: page.state(panel)["number"] == 9)
    panel.following = False


def test_what_is_not_to_be_seen_is_not_updated(page):
    panel = Counter()
    _ = panel.widget
    until(lambda: not panel.changed)
    panel.visible = False
    panel.number = 4
    panel.touch()
    assert page.updates(panel) == []

    panel.visible = True
    until(lambda: page.state(panel)["number"] == 4)


def test_action_comes_from_any_thread_and_is_answered(page):
    panel = Counter()
    _ = panel.widget
    page.act(panel, "count")

    until(lambda: page.state(panel)["number"] == 1)


@pytest.mark.parametrize("content", [None, [], "x", {}, {"do": 3}, {"do": "fail"}])
def test_message_that_makes_no_sense_harms_nothing(page, content, capsys, caplog):
    panel = Counter()
    widget = panel.widget
    with caplog.at_level("CRITICAL", logger="nbflow.widgets"):
        panel._receive(widget, content, [])

    assert panel.number == 0
    assert capsys.readouterr() == ("", "")


def test_closed_widget_leaves_no_model_behind(page):
    panel = Counter()
    _ = panel.widget
    panel.close()
    panel.close()
    panel.touch()

    assert sorted(page.closed()) == sorted(page.opened())


def test_text_of_a_panel_is_the_same_each_time():
    assert repr(Counter()) == repr(Counter()) == "number 0"
