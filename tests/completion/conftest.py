from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from nbflow.core.model import registry

#: What most tests complete.
TASKS = """
import nbflow, datetime as dt, enum, pathlib
from typing import Literal

class Colour(enum.Enum):
    RED = 1
    GREEN = 2

class CleanData(nbflow.Task):
    drop_nulls: bool = True

class Report(nbflow.Task):
    "The report of a day."
    base: Literal["EUR", "USD"] = "USD"
    date: dt.date
    limit: int = 100
    quick: bool = False
    colour = nbflow.EnumParameter(enum=Colour, default=Colour.GREEN)
    region: str = "Sweden north"
    source: pathlib.Path = pathlib.Path("in.csv")
    kind = nbflow.TaskParameter(default=None)
    token = nbflow.Parameter(default="s3cret", visibility=nbflow.ParameterVisibility.PRIVATE)

    def output(self):
        return nbflow.LocalTarget(f"{self.date}-{self.limit}.txt")

    def run(self):
        if self.limit == 7:
            raise KeyError("amount")
        with self.output().open("w") as file:
            file.write("x")

day = dt.date(2026, 8, 1)
number = 5
ready = CleanData()
"""


class Notebook:
    """A real IPython shell; `offered` gives text and type of what nbflow adds to TAB."""

    def __init__(self, shell):
        self.shell = shell

    def cell(self, source):
        from IPython.utils.capture import capture_output

        with capture_output():
            result = self.shell.run_cell(source)
        return result.error_in_exec or result.error_before_exec

    def offered(self, code):
        """Completions at the end of `code`, or at its `|`."""
        position = code.index("|") if "|" in code else len(code)
        found = self.shell.Completer.completions(code.replace("|", ""), position)
        return {each.text: each.type for each in found if each._origin == "nbflow"}

    def texts(self, code):
        return list(self.offered(code))

    def all_texts(self, code):
        """What IPython offers as a whole."""
        return [each.text for each in self.shell.Completer.completions(code, len(code))]


@pytest.fixture
def notebook(project, monkeypatch):
    """A shell with nbflow and the tasks of this module, in an empty project."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.setenv("NBFLOW_DISPLAY", "static")
    monkeypatch.setenv("IPYTHONDIR", str(project / "ipython"))
    main = sys.modules["__main__"]
    settings = Config()
    settings.HistoryManager.enabled = False
    settings.Completer.use_jedi = False
    # IPython announces its own completions as provisional by a warning.
    monkeypatch.setattr("IPython.core.completer.warnings.warn", lambda *_, **__: None)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(colors="nocolor", config=settings)
    shell.find_line_magic("load_ext")
    book = Notebook(shell)
    assert book.cell("%load_ext nbflow") is None
    assert book.cell(TASKS) is None
    yield book
    for cls in registry.task_classes():
        if cls.__module__ == "__main__":
            registry.forget(cls)
    shell.run_line_magic("unload_ext", "nbflow")
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()
    sys.modules["__main__"] = main


def _load_kernels():
    """Under importlib mode a folder of tests is no package; what it shares is loaded by path."""
    path = Path(__file__).parent.with_name("magics") / "kernels.py"
    spec = importlib.util.spec_from_file_location("magics_kernels", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)


if "magics_kernels" not in sys.modules:
    _load_kernels()
