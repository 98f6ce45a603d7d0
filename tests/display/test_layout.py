from __future__ import annotations

import os
import sys
import time

import pytest
from display_graphs import Grower, diamond, wide
from hypothesis import given
from hypothesis import strategies as st

from nbflow.display import layout
from nbflow.display.picture import picture_of


@pytest.fixture
def engine():
    found = layout.find_engine()
    assert found is not None, "graphviz-pure is a dependency"
    return found


def program(path, body):
    path.write_text(f"#!{sys.executable}\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_engine_of_this_environment_is_found_without_a_path(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")

    assert os.path.basename(layout.find_engine()).startswith("graphviz-pure")
    assert layout.find_engine(stable=True) == layout.find_engine()


def test_named_engine_wins_but_not_in_stable_mode(tmp_path):
    mine = program(tmp_path / "mine", "")

    assert layout.find_engine(mine) == mine
    assert layout.find_engine(mine, stable=True) != mine
    assert layout.find_engine(str(tmp_path / "missing")) is None


def test_dot_is_the_last_resort_and_none_in_stable_mode(tmp_path, monkeypatch):
    dot = program(tmp_path / "dot", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(layout.sysconfig, "get_path", lambda *_: "/nonexistent")
    monkeypatch.setattr(layout.sys, "prefix", "/nonexistent")

    assert layout.find_engine() == dot
    assert layout.find_engine(stable=True) is None


def test_layout_places_every_box_and_line_in_the_order_of_the_picture(engine):
    picture = picture_of(diamond())

    found = layout.lay_out(picture, engine, rank="TB")

    ys = [y for _, y in found.centres]
    assert ys[0] < ys[1] == ys[2] < ys[3]
    assert len(found.paths) == len(picture.edges)
    for (up, down), path in zip(picture.edges, found.paths, strict=True):
        start = [float(v) for v in path[1 : path.index("C")].split()]
        end = [float(v) for v in path.rsplit(" ", 2)[-2:]]
        for (x, y), (cx, cy), (w, h) in [
            (start, found.centres[up], found.sizes[up]),
            (end, found.centres[down], found.sizes[down]),
        ]:
            assert abs(x - cx) <= w / 2 + 2
            assert abs(y - cy) <= h / 2 + 2


def test_boxes_do_not_overlap(engine):
    for picture in (
        picture_of(wide(20)),
        picture_of(wide(200, bad={3})),
        picture_of(wide(40), expand=True),
    ):
        found = layout.lay_out(picture, engine)
        boxes = sorted(zip(found.centres, found.sizes, strict=True))
        for i, ((x, y), (w, h)) in enumerate(boxes):
            assert w / 2 - 1 <= x <= found.width - w / 2 + 1
            for (a, b), (v, u) in boxes[i + 1 :]:
                assert abs(x - a) >= (w + v) / 2 - 1 or abs(y - b) >= (h + u) / 2 - 1


def test_parameters_are_cut_only_where_there_is_no_other_way(engine):
    for shared, lines in (({}, 2), ({"month": "2013-02"}, 3)):
        g = Grower()
        airports = [g.add("Airport", origin=origin, **shared) for origin in ("EWR", "JFK", "LGA")]
        picture = picture_of(g.graph(g.add("Table", *airports)))

        assert layout.lay_out(picture, engine, rank="LR").lines == lines


def test_one_shape_is_laid_out_once(engine, monkeypatch):
    asked = []
    real = layout._ask_all
    monkeypatch.setattr(layout, "_ask_all", lambda *a: asked.append(1) or real(*a))
    layout._cache.clear()

    first = layout.lay_out_once(picture_of(diamond("a")), engine)
    again = layout.lay_out_once(picture_of(diamond("b")), engine)
    other = layout.lay_out_once(picture_of(wide(3)), engine)

    assert first is again
    assert other is not first
    assert len(asked) == 2


def test_engine_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "TIME_LIMIT", 0.3)
    slow = program(tmp_path / "slow", "import time; time.sleep(60)")
    began = time.monotonic()

    assert layout.lay_out(picture_of(diamond()), slow) is None
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    "body", ["raise SystemExit(1)", "print('graph 1 nonsense')", "print('graph 1 1 1')", ""]
)
def test_engine_that_fails_gives_no_layout(tmp_path, body):
    assert layout.lay_out(picture_of(diamond()), program(tmp_path / "bad", body)) is None


def test_engine_that_is_not_there_gives_no_layout(tmp_path):
    assert layout.lay_out(picture_of(diamond()), str(tmp_path / "gone")) is None


def test_question_holds_no_text_of_the_user():
    picture = picture_of(diamond('"];evil->b'))

    assert "evil" not in layout._question(picture, layout.box_sizes(picture, 3), "LR")


@given(st.text(max_size=80), st.floats(min_value=20, max_value=400))
def test_fitted_text_keeps_both_ends_and_its_room(text, room):
    fitted = layout.fit(text, 11, room)

    assert fitted == text or len(fitted) <= 5 or layout.text_width(fitted, 11) <= room
    if fitted != text:
        assert fitted.split("…")[0][:1] == text[:1]
