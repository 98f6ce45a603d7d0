from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from display_graphs import diamond, wide

from nbflow.core.errors import BadFlagValueError, NotSupportedHereError
from nbflow.core.graph import TaskGraph
from nbflow.display import drawing, layout
from nbflow.display.drawing import DrawingOptions


@pytest.mark.parametrize(
    ("suffix", "begins"),
    [
        ("svg", b"<svg "),
        ("png", b"\x89PNG"),
        ("html", b"<!doctype html>"),
        ("dot", b"digraph"),
        ("gv", b"digraph"),
        ("mmd", b"flowchart LR"),
        ("txt", b"Top(n=1)"),
    ],
)
def test_graph_is_saved_in_the_format_of_the_suffix(tmp_path, suffix, begins):
    path = tmp_path / f"graph.{suffix}"

    drawing.save(diamond(), str(path), DrawingOptions())

    assert path.read_bytes().startswith(begins)


def test_unknown_suffix_is_refused_and_nothing_is_written(tmp_path):
    path = tmp_path / "graph.pgn"

    with pytest.raises(BadFlagValueError, match=r"Did you mean \.png\?"):
        drawing.save(diamond(), str(path), DrawingOptions())

    assert not path.exists()


def test_file_that_cannot_be_written_is_said_with_what_to_do(tmp_path):
    path = tmp_path / "missing" / "graph.svg"

    with pytest.raises(
        BadFlagValueError, match=r"No such file or directory\..*mkdir -p .*/missing$"
    ):
        drawing.save(diamond(), str(path), DrawingOptions())


def test_without_an_engine_the_reason_is_said(monkeypatch):
    monkeypatch.setattr(layout, "find_engine", lambda *_, **__: None)

    with pytest.raises(NotSupportedHereError, match="pip install graphviz-pure"):
        drawing.draw(diamond(), DrawingOptions())
    assert "pip install graphviz-pure" in drawing.picture_html(diamond(), DrawingOptions())


def test_engine_that_fails_is_said(monkeypatch):
    monkeypatch.setattr(layout, "lay_out_once", lambda *_, **__: None)

    with pytest.raises(NotSupportedHereError, match="took too long"):
        drawing.draw(diamond(), DrawingOptions())


def test_too_many_boxes_are_said():
    with pytest.raises(NotSupportedHereError, match="nothing to see"):
        drawing.draw(wide(1_500), DrawingOptions(expand=True))


def test_nothing_has_no_picture():
    assert drawing.picture_html(TaskGraph(()), DrawingOptions()) == ""


def test_direction_is_taken(tmp_path):
    wide_first = ET.fromstring(drawing.draw(wide(6), DrawingOptions(rank="TB"))).get("viewBox")
    tall_first = ET.fromstring(drawing.draw(wide(6), DrawingOptions(rank="LR"))).get("viewBox")

    assert int(wide_first.split()[2]) > int(tall_first.split()[2])
