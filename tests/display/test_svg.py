from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET

import pytest
from display_graphs import Grower, diamond, wide
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.core.status import TaskState
from nbflow.display import layout, svg, svg_style
from nbflow.display.picture import picture_of
from nbflow.display.theme import STYLES

NAMES = {"s": "http://www.w3.org/2000/svg"}


def drawn(graph, **options):
    picture = picture_of(graph, **options)
    found = layout.lay_out_once(picture, layout.find_engine())
    return picture, found


def static(graph, **options):
    picture, found = drawn(graph, **options)
    return svg.static_svg(picture, found, picture.tallies(graph))


def texts(source):
    return [
        "".join(element.itertext())
        for element in ET.fromstring(source).iterfind(".//s:text", NAMES)
    ]


def test_card_says_family_parameters_and_state():
    found = texts(static(diamond()))

    assert found[:3] == ["Raw", "n=1", "complete"]
    assert found[-4:] == ["1 running", "1 done", "1 complete", "1 pending"]


def test_picture_is_described_in_words():
    root = ET.fromstring(static(diamond()))

    assert root.get("role") == "img"
    assert root.get("aria-label") == "Graph of 4 tasks: 1 running, 1 done, 1 complete, 1 pending"


def test_boxes_have_the_outline_of_their_state():
    root = ET.fromstring(static(diamond()))
    used = [g.find("s:use", NAMES).get("href") for g in root.iterfind(".//s:g[@data-k]", NAMES)]
    boxes = [root.find(f".//s:g[@id='{name[1:]}']/s:rect", NAMES) for name in used]

    for box, state in zip(
        boxes,
        [TaskState.COMPLETE, TaskState.DONE, TaskState.RUNNING, TaskState.PENDING],
        strict=True,
    ):
        assert box.get("stroke-width") == f"{STYLES[state].width:g}"
        assert box.get("stroke-dasharray", "") == STYLES[state].dash


def test_saved_picture_is_light_by_attributes_and_dark_by_one_rule():
    source = static(diamond())

    assert source.count("<style>") == 1
    assert "@media (prefers-color-scheme:dark)" in source
    assert "var(--" not in source
    assert "<script" not in source


def test_same_graph_has_the_same_bytes():
    assert static(diamond()) == static(diamond())


def test_family_has_a_bar_and_counts():
    found = texts(static(wide(100, bad={7})))

    assert "Day ×99" in found
    assert "99/99 done" in found
    assert "failed" in found


def test_every_state_can_be_drawn():
    g = Grower()
    tasks = [g.add("T", state=state, n=i) for i, state in enumerate(TaskState)]
    source = static(g.graph(*tasks))

    assert {STYLES[s].word for s in TaskState} <= set(texts(source))


def test_live_picture_has_no_states_and_is_recoloured_by_style():
    graph = diamond()
    picture, found = drawn(graph)

    source = svg.live_svg(picture, found, "nbf1")
    style = svg_style.state_css("nbf1", picture.states(graph))

    ET.fromstring(source)
    assert not re.search(r"#[0-9A-Fa-f]{6}", source)
    assert all(source.count(f'class="nd n{k}"') == 1 for k in range(4))
    assert ".nbf1 :is(.n2){--i:2;--c:var(--running)" in style


def test_commonest_state_is_not_listed():
    states = [TaskState.DONE] * 998 + [TaskState.RUNNING, TaskState.FAILED]

    assert len(svg_style.state_css("s", states)) < 400


@pytest.mark.parametrize("count", [1, 24, 50])
def test_saved_picture_is_small_enough_for_a_notebook(count):
    g = Grower()
    tasks = [g.add("CleanSales", region=f"region-{n}", date="2026-08-01") for n in range(count - 1)]
    graph = g.graph(g.add("Top", *tasks))

    image = svg.image_html(static(graph), graph.counts())

    assert len(image) <= 38_000


def test_image_has_its_picture_and_words():
    graph = diamond()
    source = static(graph)
    image = svg.image_html(source, graph.counts())

    code = re.search(r"base64,([^\"]+)", image)[1]
    assert base64.b64decode(code).decode() == source
    assert 'alt="Graph of 4 tasks: 1 running, 1 done, 1 complete, 1 pending"' in image


@settings(max_examples=40, deadline=None)
@given(
    st.text(max_size=60)
    | st.sampled_from(["<img src=x onerror=1>", '"];evil', "]]>", "\x1b[1m\u202e"])
)
def test_hostile_text_stays_text(value):
    graph = diamond(value)
    picture, found = drawn(graph)
    for source in (
        svg.static_svg(picture, found, picture.tallies(graph), tips=True),
        svg.live_svg(picture, found, "nbf1"),
    ):
        tags = {element.tag.split("}")[1] for element in ET.fromstring(source).iter()}
        assert tags <= {
            "svg",
            "g",
            "defs",
            "marker",
            "path",
            "circle",
            "rect",
            "text",
            "tspan",
            "use",
            "style",
            "title",
        }
