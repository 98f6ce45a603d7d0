"""The reference lists every public name, and every example in the documentation is Python."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

import pytest

import nbflow
from nbflow import testing

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = sorted(
    page for page in DOCS.rglob("*.md") if not page.relative_to(DOCS).parts[0].startswith("_")
)
DIRECTIVE = re.compile(r"^\.\. (?:auto\w+|py:\w+):: (\S+)", re.MULTILINE)


def listed():
    """Names of nbflow that a page of the reference documents."""
    text = "\n".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))
    modules = {name for name in DIRECTIVE.findall(text) if name.startswith("nbflow.")}
    generated = {"nbflow.core.model.parameters"}  # docs/generated.py writes one entry a class
    by_module = {name for name, home in nbflow._LAZY.items() if home in modules | generated}
    return set(DIRECTIVE.findall(text)) | by_module


def test_reference_lists_every_public_name():
    assert {*nbflow.__all__, *testing.__all__} - listed() == {"__version__"}


def test_reference_lists_nothing_that_is_gone():
    names = {name.partition(".")[0] for name in listed() if not name.startswith("nbflow.")}

    assert names - set(nbflow.__all__) - set(testing.__all__) == set()


def test_reference_lists_every_public_member_of_a_task():
    listed = set(DIRECTIVE.findall((DOCS / "reference" / "tasks.md").read_text()))

    members = {f"Task.{name}" for name in dir(nbflow.Task) if not name.startswith("_")}

    assert members - listed == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_examples_are_python(page):
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)

    for block in blocks:
        code = re.sub(r"^%.*$", "", textwrap.dedent(block), flags=re.MULTILINE)
        ast.parse(code)


def test_links_between_pages_lead_somewhere():
    broken = [
        (page.name, link)
        for page in PAGES
        for link in re.findall(r"\]\(([^)#:]+\.md)\)", page.read_text())
        if not (page.parent / link).exists()
    ]

    assert broken == []
