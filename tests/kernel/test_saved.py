"""What stays in a saved notebook: static, small, readable without pictures, without secrets."""

from __future__ import annotations

import html
import json
import re

import bleach
import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter, MarkdownExporter

#: Bytes of one card, and of a file that may change between two runs of the same cell.
CARD = 60_000

SETUP = """
%load_ext nbflow
import nbflow

class Part(nbflow.Task):
    n: int
    def output(self):
        return nbflow.LocalTarget(f"part-{self.n}.txt")
    def run(self):
        with self.output().open("w") as file:
            file.write("x")

class Whole(nbflow.Task):
    "All parts together."
    count: int = 20
    token: str = nbflow.Parameter(default="sesame-0815", visibility=nbflow.ParameterVisibility.PRIVATE)
    def requires(self):
        return [Part(n=n) for n in range(self.count)]
    def output(self):
        return nbflow.LocalTarget(f"whole-{self.count}.txt")
    def run(self):
        print("the token is used, not told")
        with self.output().open("w") as file:
            file.write("x")

class Bad(nbflow.Task):
    def requires(self):
        return Part(n=0)
    def run(self):
        raise KeyError("amount")
"""

CELLS = (
    SETUP,
    "%nbflow run Whole token=sesame-4711",
    "%nbflow run Whole count=49",
    "%nbflow run Whole count=500",
    "%nbflow run Bad --no-raise",
    "%nbflow dag Whole",
    "%nbflow plan Whole count=60",
    "%nbflow params Whole",
    "%nbflow show Whole token=sesame-4711",
    "Whole(token='sesame-4711')",
    "h = %nbflow history\nh[['task', 'status']]",
    "%nbflow run Whole count=70 --bg",
)

#: As a host of notebooks that lets only harmless elements through.
TAGS = frozenset(
    (
        "a",
        "b",
        "br",
        "code",
        "details",
        "div",
        "h1",
        "h2",
        "img",
        "p",
        "pre",
        "span",
        "strong",
        "style",
        "summary",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
    )
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The notebook as nbclient leaves it."""
    folder = tmp_path_factory.mktemp("saved")
    (folder / "nbflow.toml").touch()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in CELLS])
    NotebookClient(
        notebook, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    nbformat.validate(notebook)
    return notebook


def shown(cell, mime="text/html"):
    return "".join(o["data"].get(mime, "") for o in cell.outputs if "data" in o)


def test_each_cell_shows_one_thing_without_script_style_drawing_or_widget(saved):
    assert "widgets" not in saved.metadata
    for cell in saved.cells[1:]:
        bundles = [output for output in cell.outputs if output.output_type != "stream"]
        assert len(bundles) in {1, 2 if "--bg" in cell.source else 1}, cell.source
        own = shown(cell) if "history" not in cell.source else ""  # a DataFrame draws itself
        assert not re.search(r"<(script|style|svg|iframe|link)\b", own), cell.source
        assert " id=" not in shown(cell)
        assert " on" + "click" not in shown(cell)


def test_cards_are_small(saved):
    sizes = {cell.source: len(json.dumps(cell.outputs)) for cell in saved.cells[1:]}

    print("T-19 bytes of cards:", sizes)
    assert max(sizes.values()) <= CARD


def test_text_alone_tells_all_facts(saved):
    text = {cell.source: shown(cell, "text/plain") for cell in saved.cells}

    assert "SUCCESS  Whole(count=20" in text[CELLS[1]]
    assert "21 ran · 0 already complete" in text[CELLS[1]]
    assert "✗ Bad()" in text[CELLS[4]]
    assert "KeyError: 'amount'" in text[CELLS[4]]
    assert "↑" not in text[CELLS[1]]


def test_pages_made_of_it_tell_the_same(saved):
    page, _ = HTMLExporter().from_notebook_node(saved)
    plain, _ = MarkdownExporter().from_notebook_node(saved)
    bare = bleach.clean(
        "".join(shown(cell) for cell in saved.cells),
        tags=TAGS,
        attributes={"*": ["scope", "role", "open"], "img": ["src", "alt"]},
        strip=True,
    )
    body = page[page.index("<body") :]

    for text in (body, plain, bare):
        told = html.unescape(re.sub(r"<[^>]+>", " ", text))
        for fact in (
            "21 ran · 0 already complete",
            "Bad",
            "failed",
            "KeyError: 'amount'",
            "Plan for",
            "part-7.txt",
            "All parts together.",
        ):
            assert fact in " ".join(told.split()), fact
    assert 'alt="' in bare


def test_private_values_are_nowhere_in_the_file(saved):
    text = nbformat.writes(saved)
    outputs = json.dumps([cell.outputs for cell in saved.cells])

    assert "sesame-0815" in text  # in the source, where the user wrote it
    for told in ("sesame-0815", "sesame-4711"):
        assert told not in outputs
    assert "••••" in json.dumps([cell.outputs for cell in saved.cells], ensure_ascii=False)


def test_run_in_the_background_is_waited_for_without_a_page(saved):
    assert "71 ran" not in shown(saved.cells[-1], "text/plain")
    assert "SUCCESS  Whole(count=70" in shown(saved.cells[-1], "text/plain")
