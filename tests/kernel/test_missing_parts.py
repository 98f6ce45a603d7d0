"""Without widgets, layout engine, pandas or threads every command works or says what is missing."""

from __future__ import annotations

import pytest
from magics_kernels import kernel

#: Modules that are not there, for this kernel; programs are looked for in an empty folder.
HIDE = """
import importlib.abc, sys
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {modules!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
"""

NO_THREADS = """
import threading
def refuse(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = refuse
"""

SETUP = """
%load_ext nbflow
import nbflow, datetime as dt

class Raw(nbflow.Task):
    day: dt.date
    def output(self):
        return nbflow.LocalTarget(f"raw-{self.day}.txt")
    def run(self):
        print("reading")
        with self.output().open("w") as file:
            file.write("x")

class Report(nbflow.Task):
    day: dt.date
    def requires(self):
        return Raw(day=self.day)
    def output(self):
        return nbflow.LocalTarget(f"report-{self.day}.txt")
    def run(self):
        with self.output().open("w") as file:
            file.write("x")
"""

#: Everything that `%nbflow` does.
LINES = (
    "%nbflow",
    "%nbflow help",
    "%nbflow help run",
    "%nbflow tasks",
    "%nbflow params Report",
    "%nbflow plan Report day=2026-08-01",
    "%nbflow dag Report day=2026-08-01",
    "%nbflow dag Report day=2026-08-01 --format text",
    "%nbflow dag Report day=2026-08-01 --format dot",
    "%nbflow dag Report day=2026-08-01 --format mermaid",
    "%nbflow dag Report day=2026-08-01 --format png",
    "%nbflow dag Report day=2026-08-01 --save graph.svg",
    "%nbflow run Report day=2026-08-01 --dry-run",
    "%nbflow run Report day=2026-08-01",
    "%nbflow run Report day=2026-08-01 --force --workers 2",
    "%nbflow run Report day=2026-08-01 --force --bg",
    "%nbflow run Report day=2026-08-01 --force",
    "%nbflow show Report day=2026-08-01",
    "%nbflow log",
    "%nbflow history",
    "%nbflow history --task",
    "%nbflow history --widget",
    "%nbflow dag Report day=2026-08-01 --widget",
    "%nbflow params Report --form",
    "%nbflow dashboard Report",
    "%nbflow timeline",
    "%nbflow status",
    "%nbflow last",
    "%nbflow config",
    "Report(day=dt.date(2026, 8, 1))",
    "Report",
)
#: What may be refused where something is missing, and must work else.
MAY_BE_REFUSED = {
    "drawing": {"--format png", "--save graph.svg"},
    "threads": {"--workers 2", "--bg"},
    "pandas": {"history"},
    "widgets": set(),
}


def hidden_engine(folder):
    """What lets no layout engine be found: the one that is named is not there."""
    return {"NBFLOW_DOT": str(folder / "no-dot"), "NBFLOW_STABLE": "false"}


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ("widgets", HIDE.format(modules=("ipywidgets", "anywidget", "traittypes"))),
        ("pandas", HIDE.format(modules=("pandas", "numpy", "pyarrow"))),
        ("threads", NO_THREADS),
        ("drawing", ""),
    ],
)
def test_every_command_works_or_says_what_is_missing(missing, code, tmp_path):
    (tmp_path / "nbflow.toml").touch()
    environment = hidden_engine(tmp_path) if missing == "drawing" else {}
    refused = {}
    with kernel(tmp_path, **environment) as running:
        assert running.run(code).errors == []
        assert running.run(SETUP).errors == []
        for day, mode in (("2026-08-01", "live"), ("2026-09-01", "static")):
            running.run(f"%nbflow config display={mode}")
            for line in LINES:
                out = running.run(line.replace("2026-08-01", day))
                if out.errors:
                    (refused[line],) = [error["traceback"] for error in out.errors]
                else:
                    assert [*out.displays, *out.updates, *out.results], line

    print(f"T-23 without {missing}:", refused or "everything works")
    for line, traceback in refused.items():
        assert len(traceback) == 1, traceback
        assert traceback[0].startswith("NotSupportedHere: "), traceback
        assert any(part in line for part in MAY_BE_REFUSED[missing]), line


def test_graph_without_an_engine_is_the_tree_and_one_line_that_helps(tmp_path):
    (tmp_path / "nbflow.toml").touch()
    with kernel(tmp_path, NBFLOW_DISPLAY="live", **hidden_engine(tmp_path)) as running:
        running.run(SETUP)
        shown = running.run("%nbflow dag Report day=2026-08-01").results[0]["data"]

    assert "Raw(day=2026-08-01)" in shown["text/plain"]
    assert "pip install graphviz-pure" in shown["text/html"]
    assert "Raw" in shown["text/html"]
