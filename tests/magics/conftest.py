from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from nbflow.core.model import registry


class Shell:
    """A real IPython shell; `cell` runs one cell and gives what it showed."""

    def __init__(self, shell):
        self.shell = shell
        self._displays = []
        shell.displayhook.write_output_prompt = lambda: None
        shell.displayhook.write_format_data = lambda data, _metadata=None: self._displays.append(
            data
        )
        shell.display_pub.publish = lambda data, **_: self._displays.append(data)

    def cell(self, source):
        from IPython.utils.capture import capture_output

        self._displays = []
        with capture_output(display=False) as captured:
            result = self.shell.run_cell(source, store_history=True)
        return SimpleNamespace(
            text=captured.stdout,
            stderr=captured.stderr,
            displays=self._displays,
            error=result.error_in_exec or result.error_before_exec,
            result=result.result,
        )

    def value(self, expression):
        return self.shell.ev(expression)


@pytest.fixture
def bare_shell(tmp_path, monkeypatch):
    """IPython without nbflow, in an empty folder, in static mode."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBFLOW_DISPLAY", "static")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    main = sys.modules["__main__"]
    settings = Config()
    settings.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(colors="nocolor", config=settings)
    shell.find_line_magic("load_ext")  # IPython loads its own magics when they are first used
    yield Shell(shell)
    for cls in registry.task_classes():
        if cls.__module__ == "__main__":
            registry.forget(cls)
    shell.run_line_magic("unload_ext", "nbflow")
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()
    sys.modules["__main__"] = main


@pytest.fixture
def shell(bare_shell):
    """IPython with nbflow loaded."""
    assert bare_shell.cell("%load_ext nbflow\nimport nbflow\nimport datetime as dt").error is None
    return bare_shell


#: Two tasks; `A` fails where n is 7.
TASKS = """
class Raw(nbflow.Task):
    def output(self):
        return nbflow.LocalTarget("raw.txt")
    def run(self):
        with self.output().open("w") as file:
            file.write("raw")

class A(nbflow.Task):
    \"\"\"Doubles things.\"\"\"
    n: int = 3
    day: dt.date = dt.date(2026, 8, 1)
    def requires(self):
        return Raw()
    def output(self):
        return nbflow.LocalTarget(f"a-{self.n}-{self.day}.txt")
    def run(self):
        if self.n == 7:
            amount = {}
            amount["net"]
        with self.output().open("w") as file:
            file.write("a")
"""


@pytest.fixture
def tasks(shell):
    """A shell with two tasks."""
    assert shell.cell(TASKS).error is None
    return shell


def _load_by_path(name, file):
    """Under importlib mode a folder of tests is no package; what it shares is loaded by path."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(file))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


_load_by_path("magics_kernels", "kernels.py")
