"""An exported module is what the notebook is, proven in a fresh process; nothing of others is lost."""

from __future__ import annotations

import json
import os
import sys

import pytest

from nbflow.core.errors import SourceError
from nbflow.core.model import registry
from nbflow.notebook.cells import read_cells
from nbflow.notebook.describe import describe_tasks, differences
from nbflow.notebook.export import Source, check, export
from nbflow.notebook.load import import_notebook

HEAD = "import datetime as dt\n\nimport nbflow\n\nSCALE = 3"
RAW = """\
class Raw(nbflow.Task):
    day: dt.date = dt.date(2013, 1, 1)
    token: str = nbflow.Parameter(
        default="secret-7", visibility=nbflow.ParameterVisibility.PRIVATE, significant=False
    )

    def output(self):
        return nbflow.LocalTarget(f"raw-{self.day}.txt")

    def run(self):
        with self.output().open("w") as file:
            file.write("1" * SCALE)
"""
REPORT = """\
class Report(nbflow.Task):
    days: int = 2

    def requires(self):
        return [Raw(day=dt.date(2013, 1, 1 + n)) for n in range(self.days)]

    def output(self):
        return nbflow.LocalTarget("report.txt")

    def run(self):
        self.output().open("w").close()
"""


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """Give the notebook of these cells as a source of tasks."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)

    def load(*sources):
        path = tmp_path / "sales.ipynb"
        cells = [
            {"cell_type": "code", "id": f"id{n}", "metadata": {}, "outputs": [], "source": source}
            for n, source in enumerate(sources, start=1)
        ]
        path.write_text(
            json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})
        )
        module = import_notebook(path)
        label = "{0.number} ({0.cell_id})".format
        return Source(str(path), read_cells(str(path)), vars(module), label, str(tmp_path))

    yield load
    for cls in registry.task_classes():
        if cls.__module__.startswith("nb:"):
            registry.forget(cls)
    for name in [name for name in sys.modules if name.startswith("nb:")]:
        del sys.modules[name]


def test_module_has_a_header_and_the_definitions(notebook, tmp_path):
    report = export(notebook(HEAD, RAW, "print('work')", REPORT), "flow.py")

    header, _, body = (tmp_path / "flow.py").read_text().partition("\n\n")
    assert body == f"{HEAD}\n\n\n{RAW}\n\n{REPORT}"
    first, cells, hashed = header.splitlines()
    assert first == "# Exported by nbflow from sales.ipynb: change it there, and export again."
    assert cells == "# Cells: 1 (id1), 2 (id2), 4 (id4)."
    assert hashed.startswith("# SHA-256 of what follows: ")
    assert (report.tasks, report.was_written) == (("Raw", "Report"), True)
    assert repr(report).splitlines()[0] == "wrote flow.py: 2 tasks of sales.ipynb (Raw, Report)"


def test_exporting_again_changes_nothing(notebook, tmp_path):
    source = notebook(HEAD, RAW, REPORT)
    export(source, "flow.py")
    before = (tmp_path / "flow.py").read_bytes()

    export(source, "flow.py")

    assert (tmp_path / "flow.py").read_bytes() == before
    assert sorted(name for name in os.listdir(tmp_path) if "flow" in name) == ["flow.py"]


def test_future_imports_come_first(notebook, tmp_path):
    export(notebook(HEAD, f"from __future__ import annotations\n{RAW}"), "flow.py")

    body = (tmp_path / "flow.py").read_text().partition("\n\n")[2]
    assert body.startswith("from __future__ import annotations\n\nimport datetime as dt\n")


def test_check_agrees_with_what_was_exported(notebook):
    source = notebook(HEAD, RAW, REPORT)
    export(source, "flow.py")

    report = check(source, "flow.py")

    assert (report.differences, report.was_written) == ((), False)
    assert repr(report).startswith("checked flow.py: 2 tasks of sales.ipynb")


def test_check_shows_what_was_changed_in_the_notebook(notebook, tmp_path):
    export(notebook(HEAD, RAW, REPORT), "flow.py")
    before = (tmp_path / "flow.py").read_bytes()

    report = check(notebook(HEAD.replace("3", "4"), RAW, REPORT), "flow.py")

    assert report.differences[0] == "the notebook was changed since it was exported"
    assert "-SCALE = 3\n+SCALE = 4" in report.differences[1]
    assert (tmp_path / "flow.py").read_bytes() == before


def test_check_shows_what_was_changed_by_hand(notebook, tmp_path):
    source = notebook(HEAD, RAW)
    export(source, "flow.py")
    path = tmp_path / "flow.py"
    path.write_text(path.read_text().replace("SCALE = 3", "SCALE = 5"))

    assert check(source, "flow.py").differences[0] == "it was changed by hand since it was exported"


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "there is no such file"), ("x = 1\n", "it was not exported by nbflow")],
)
def test_check_of_another_file_differs(notebook, tmp_path, content, said):
    if content is not None:
        (tmp_path / "flow.py").write_text(content)

    assert check(notebook(HEAD, RAW), "flow.py").differences == (said,)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: "mine = 1\n", "flow.py was not exported by nbflow"),
        (lambda text: text + "mine = 1\n", "flow.py was changed since it was exported"),
    ],
)
def test_work_of_a_person_is_not_overwritten_unless_forced(notebook, tmp_path, change, said):
    source, path = notebook(HEAD, RAW), tmp_path / "flow.py"
    export(source, "flow.py")
    path.write_text(change(path.read_text()))
    before = path.read_text()

    with pytest.raises(SourceError, match=f"{said}.*--force"):
        export(source, "flow.py")
    assert path.read_text() == before
    export(source, "flow.py", force=True)
    assert "mine" not in path.read_text()


def test_module_that_cannot_be_imported_alone_is_not_written(notebook, tmp_path):
    (tmp_path / "beside.py").write_text("N = 1\n")
    (tmp_path / "jobs").mkdir()
    source = notebook(f"{HEAD}\nimport beside", RAW.replace("SCALE", "beside.N"))

    with pytest.raises(SourceError, match="cannot be imported by itself: ModuleNotFoundError"):
        export(source, "jobs/flow.py")
    assert os.listdir(tmp_path / "jobs") == []
    export(source, "flow.py")


def test_module_whose_graph_is_another_is_not_written(notebook, tmp_path):
    lazy = REPORT.replace("range(self.days)", "range(2 if __name__.startswith('nb:') else 1)")

    with pytest.raises(SourceError, match="Report has another graph: 2 tasks instead of 3 tasks"):
        export(notebook(HEAD, RAW, lazy), "flow.py")
    assert not (tmp_path / "flow.py").exists()


def test_what_a_module_prints_while_it_is_imported_is_no_answer(notebook):
    loud = RAW + "\n    print('loud', end='')\n"

    assert export(notebook(HEAD, loud), "flow.py").tasks == ("Raw",)


def test_private_defaults_are_compared_and_not_told(notebook):
    source = notebook(HEAD, RAW)
    described = describe_tasks([source.namespace["Raw"]])

    assert "secret-7" not in json.dumps(described)
    other = json.loads(json.dumps(described).replace("••••", ""))
    assert differences(described, other) == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("flow.ipynb", "a module is a file such as flow.py"),
        ("my-flow.py", "its name a name of Python"),
        ("nowhere/flow.py", "there is no folder"),
    ],
)
def test_file_must_be_a_module(notebook, path, said):
    with pytest.raises(SourceError, match=said):
        export(notebook(HEAD, RAW), path)


ONE = {"A": {"parameters": {"n": "Int = 1"}, "code": "c", "graph": {"A_1": ["B_1"], "B_1": []}}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"A": None}, "A is missing"),
        ({"B": ONE["A"]}, "B is there besides"),
        ({"A": {**ONE["A"], "parameters": {}}}, "A has no parameter n"),
        ({"A": {**ONE["A"], "parameters": {"n": "Int = 2"}}}, "A.n is Int = 2 instead of Int = 1"),
        (
            {"A": {**ONE["A"], "parameters": {"n": "Int = 1", "m": "Int = 1"}}},
            "A has a parameter m besides",
        ),
        ({"A": {**ONE["A"], "code": "d"}}, "A has other code"),
        (
            {"A": {**ONE["A"], "graph": {"A_1": [], "C_1": []}}},
            "A has another graph: A_1 requires [] instead of ['B_1']",
        ),
        (
            {"A": {**ONE["A"], "graph": "ValueError: x"}},
            "A has another graph: ValueError: x instead of 2 tasks",
        ),
    ],
)
def test_every_difference_is_named(change, said):
    other = {family: each for family, each in (ONE | change).items() if each is not None}

    assert differences(ONE, other) == [said]


def test_many_differences_are_counted():
    told = differences({f"A{n}": ONE["A"] for n in range(30)}, {})

    assert len(told) == 21
    assert told[-1] == "… and 10 more"
