from __future__ import annotations

import json
import re

import pytest
from display_graphs import Grower, diamond, wide
from widgets_waiting import until

import nbflow
from nbflow.core.errors import UnknownTaskError
from nbflow.core.graph import TaskGraph
from nbflow.core.status import TaskState
from nbflow.display.badges import INDEX
from nbflow.display.environment import DisplayMode, DisplaySettings
from nbflow.session import start
from nbflow.widgets import DagView
from nbflow.widgets.front_end import letter

LIVE = DisplaySettings(DisplayMode.LIVE)
HOSTILE = '<img src=x onerror=alert(1)>"];a->b \x1b[31mred \u202egpj.exe' + "x" * 100_000


def states_of(graph, view_state):
    names = {letter(number): state for state, number in INDEX.items()}
    return [names[each] for each in view_state["states"]]


def test_states_are_one_letter_a_task_requirements_first():
    state = DagView(diamond(), settings=LIVE).state()

    assert states_of(None, state) == [
        TaskState.COMPLETE,
        TaskState.DONE,
        TaskState.RUNNING,
        TaskState.PENDING,
    ]
    assert [name.partition("(")[0] for name in state["names"]] == ["Raw", "Left", "Right", "Top"]
    assert state["edges"] == [[0, 1], [0, 2], [1, 3], [2, 3]]
    assert [box["members"] for box in state["boxes"]] == [[0], [1], [2], [3]]


def test_recolouring_sends_the_states_only(page):
    graph = wide(20)
    view = DagView(graph, settings=LIVE)
    _ = view.widget
    for node in graph.nodes.values():
        node.state = TaskState.FAILED
    view.touch()
    until(lambda: set(page.state(view)["states"]) == {letter(INDEX[TaskState.FAILED])})

    (update,) = [d["state"] for *_, d in page.messages if d.get("method") == "update"]
    assert list(update) == ["states"]
    assert len(json.dumps(update)) < 100


def test_families_of_few_tasks_beside_each_other_can_be_expanded_too(page):
    view = DagView(wide(17), settings=LIVE)
    _ = view.widget
    assert page.state(view)["can_expand"]

    page.act(view, "expand", on=True)
    until(lambda: len(page.state(view)["boxes"]) == 35)

    assert page.state(view)["can_expand"]
    assert not DagView(wide(16), settings=LIVE).state()["can_expand"]


def test_families_of_a_large_graph_are_boxes_that_can_be_expanded(page):
    view = DagView(wide(60), settings=LIVE)
    _ = view.widget
    state = page.state(view)
    assert [len(box["members"]) for box in state["boxes"]] == [60, 60, 1]
    assert state["can_expand"]

    page.act(view, "expand", on=True)
    until(lambda: len(page.state(view)["boxes"]) == 121)
    assert page.state(view)["expanded"]
    page.act(view, "expand", on=False)
    until(lambda: len(page.state(view)["boxes"]) == 3)


def test_a_thousand_expanded_tasks_are_recoloured_by_a_kilobyte(page):
    graph = wide(500)
    view = DagView(graph, settings=LIVE)
    view.expanded = True
    _ = view.widget
    for node in graph.nodes.values():
        node.state = TaskState.CANCELLED
    view.touch()
    until(lambda: set(page.state(view)["states"]) == {letter(INDEX[TaskState.CANCELLED])})

    assert len(page.messages[-1][-1]["state"]["states"]) == 1_001


def test_chosen_task_is_told_and_shown(page):
    view, chosen = DagView(diamond(), settings=LIVE), []
    view.on_select(chosen.append)
    _ = view.widget
    page.act(view, "select", box=2)
    until(lambda: "Right" in page.state(view)["detail"])

    assert chosen == ["Right_1"]
    assert view.selected == "Right_1"
    view.selected = "Raw_1"
    until(lambda: page.state(view)["chosen"] == [0, 1])
    view.selected = ""
    until(lambda: page.state(view)["detail"] == "")


def test_selecting_what_is_not_there_says_so():
    view = DagView(diamond(), settings=LIVE)
    view.state()

    with pytest.raises(UnknownTaskError, match=r"'Rigth_1'.* Did you mean Right_1\?"):
        view.selected = "Rigth_1"


def test_box_out_of_range_selects_nothing(page):
    view = DagView(diamond(), settings=LIVE)
    _ = view.widget
    for box in (99, -7, "0", None):
        page.act(view, "select", box=box)

    assert view.state()["detail"] == ""


def test_hostile_names_are_text_everywhere(page):
    g = Grower()
    bad = g.add("Bad", name=HOSTILE, state=TaskState.FAILED)
    g.nodes[bad.task_id].reason = HOSTILE
    view = DagView(g.graph(bad), settings=LIVE)
    _ = view.widget
    page.act(view, "select", box=0)
    until(lambda: page.state(view)["detail"])
    state = page.state(view)

    for html in (state["markup"], state["detail"], view.html()):
        assert "<img src=x" not in html
        assert "\x1b" not in html
        assert "\u202e" not in html
    assert "\x1b" not in view.text()
    assert "\u202e" not in "".join(state["names"])
    assert len(json.dumps({**state, "_esm": "", "_css": ""})) < 30_000


def test_ids_in_the_drawing_are_unique_on_a_page():
    ids = [
        re.findall(r'id="([^"]+)"', DagView(diamond(), settings=LIVE).state()["markup"])
        for _ in "ab"
    ]

    assert set(ids[0]) & set(ids[1]) == set()


def test_empty_graph_and_missing_engine_are_said(monkeypatch):
    assert DagView(TaskGraph(()), settings=LIVE).state()["note"].startswith("no tasks yet:")
    monkeypatch.setattr("nbflow.display.layout.find_engine", lambda *_, **__: None)
    state = DagView(diamond(), settings=LIVE).state()

    assert state["markup"] == ""
    assert "graphviz-pure" in state["note"]
    assert len(state["names"]) == 4


def test_graph_of_a_run_can_be_looked_around_in(page, project):
    class Leaf(nbflow.Task):
        def run(self):
            pass

    view = nbflow.run(Leaf()).dag.view()

    assert [node.state for node in view.graph.nodes.values()] == [TaskState.DONE]


def test_static_form_has_picture_and_table():
    html = DagView(diamond(), settings=LIVE).html()

    assert 'src="data:image/svg+xml;base64,' in html
    assert "<table" in html
    assert "<script" not in html
    assert "<style" not in html


class Base(nbflow.Task):
    def output(self):
        return nbflow.MockTarget("dag-view-base")

    def run(self):
        self.output().open("w").close()


class OnBase(nbflow.Task):
    def requires(self):
        return Base()

    def output(self):
        return nbflow.MockTarget("dag-view-on-base")

    def run(self):
        self.output().open("w").close()


def test_run_is_followed_and_the_widget_is_replaced_at_its_end(page, project):
    nbflow.MockTarget.fs.clear()
    run = start(OnBase(), background=False, store="memory:")
    view = DagView(run=run, settings=LIVE)
    _ = view.widget
    replaced = []
    view._replace = lambda: replaced.append(view.html())
    run.wait()
    until(lambda: replaced)

    assert sorted(page.closed()) == sorted(page.opened())
    assert "2 done" in replaced[0]
    assert not view.is_live


def test_dashboards_graph_stays_a_widget_after_the_run(page, project):
    nbflow.MockTarget.fs.clear()
    run = start(OnBase(), background=False, store="memory:")
    view = DagView(run=run, settings=LIVE, stays=True)
    _ = view.widget
    run.wait()
    done = letter(INDEX[TaskState.DONE])
    until(lambda: page.state(view)["states"] == done * 2)

    until(lambda: not page.state(view)["can_cancel"])
    assert page.closed() == []
