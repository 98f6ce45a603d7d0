from __future__ import annotations

import json
import linecache
import sys
import traceback

import pytest

from nbflow.core.errors import SourceError
from nbflow.core.model import registry
from nbflow.notebook.load import import_notebook


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a notebook of code cells; a cell may be (source, tags)."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(*cells, name="report.ipynb"):
        content = []
        for number, cell in enumerate(cells, start=1):
            source, tags = cell if isinstance(cell, tuple) else (cell, [])
            content.append(
                {
                    "cell_type": "code",
                    "id": f"id{number}",
                    "metadata": {"tags": tags},
                    "outputs": [],
                    "source": source,
                }
            )
        path = tmp_path / name
        path.write_text(
            json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": content})
        )
        return path

    yield write
    for cls in registry.task_classes():
        if cls.__module__.startswith(("nb:", "neighbour_of_")):
            registry.forget(cls)
    for name in [n for n in sys.modules if n.startswith(("nb:", "neighbour_of_"))]:
        del sys.modules[name]


def test_definitions_are_loaded_and_work_is_left_out(write):
    module = import_notebook(
        write(
            "%load_ext nbflow\nimport math\nprint('hello')",
            "LIMIT = 2 * 10\nNAMES = ['a', 'b']\nRoot = math.pi",
            "df = open('/nonexistent')\nrows = LIMIT + len(NAMES)",
            "def double(x: int) -> int:\n    return x * LIMIT\n\nclass A:\n    size = LIMIT",
            "double(3)\n%nbflow run A\n!ls",
        )
    )

    assert module.LIMIT == 20
    assert module.NAMES == ["a", "b"]
    assert module.double(2) == 40
    assert module.A.size == 20
    assert not hasattr(module, "df")
    assert not hasattr(module, "rows")


def test_calls_of_paths_and_dates_are_constants(write):
    module = import_notebook(
        write(
            "import datetime as dt\nfrom pathlib import Path\nimport os",
            "DATA = Path('data') / 'raw'\nSTART = dt.date(2026, 8, 1) + dt.timedelta(days=1)\n"
            "HOME = Path.home()\nWHERE = os.getcwd()\nALIAS = list[dict[str, int]]\n"
            "DAY: dt.date = dt.date(2026, 8, 1)",
        )
    )

    assert str(module.DATA) == "data/raw"
    assert module.START.isoformat() == "2026-08-02"
    assert module.DAY.isoformat() == "2026-08-01"
    assert module.ALIAS.__args__ == (dict[str, int],)
    assert not hasattr(module, "HOME")
    assert not hasattr(module, "WHERE")


def test_imports_that_may_be_missing_and_type_checking_are_definitions(write):
    module = import_notebook(
        write(
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import nothing_here\n"
            "try:\n    import not_installed\nexcept ImportError:\n    not_installed = None"
        )
    )

    assert module.not_installed is None


def test_future_import_holds_for_later_cells(write):
    module = import_notebook(
        write("from __future__ import annotations", "def f(x: Unknown) -> None: ...")
    )

    assert module.f.__annotations__["x"] == "Unknown"


def test_setting_of_a_module_leaves_the_module(write):
    module = import_notebook(
        write(
            "import math, sys\nmath.speed_of_loading = 'fast'\nsys.modules['x'] = None",
            "import nbflow\nclass Task(nbflow.Task):\n    def run(self):\n        return math.pi",
        )
    )

    assert module.math is __import__("math")
    assert not hasattr(module.math, "speed_of_loading")


def test_module_knows_its_notebook_and_can_be_found_by_name(write):
    path = write("class A: ...")

    module = import_notebook(path)

    assert module.__name__ == "nb:report"
    assert module.__nbflow_notebook__ == str(path)
    assert sys.modules["nb:report"] is module
    assert module.A.__module__ == "nb:report"


def test_loading_again_replaces(write):
    first = import_notebook(write("X = 1"))
    second = import_notebook(write("X = 2"))

    assert first is not second
    assert sys.modules["nb:report"].X == 2


def test_failed_load_leaves_the_earlier_module(write):
    first = import_notebook(write("X = 1"))
    with pytest.raises(SourceError):
        import_notebook(write("X = ("))

    assert sys.modules["nb:report"] is first


def test_two_notebooks_of_one_name_are_two_modules(write, tmp_path):
    (tmp_path / "other").mkdir()
    first = import_notebook(write("X = 1"))
    second = import_notebook(write("X = 2", name="other/report.ipynb"))

    assert first.__name__ != second.__name__
    assert (first.X, second.X) == (1, 2)


def test_neighbours_of_the_notebook_can_be_imported(write, tmp_path):
    (tmp_path / "neighbour_of_report.py").write_text("VALUE = 5")

    assert import_notebook(write("import neighbour_of_report as n")).n.VALUE == 5


def test_traceback_names_cell_and_line(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = import_notebook(write("x = 1", "\ndef fail():\n    raise KeyError('amount')"))

    with pytest.raises(KeyError) as caught:
        module.fail()

    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert frame.filename == "report.ipynb:cell 2 (id id2)"
    assert frame.lineno == 3
    assert frame.line == "raise KeyError('amount')"
    linecache.checkcache()
    assert linecache.getline(frame.filename, 3)


def test_tagged_cells_are_executed_or_left_out(write):
    module = import_notebook(
        write(
            ("rates = dict([('EUR', 1.0)])", ["nbflow-include"]),
            ("class Draft: ...\nthis is not python", ["nbflow-skip"]),
            "VALUE = rates",
        )
    )

    assert module.VALUE == {"EUR": 1.0}
    assert not hasattr(module, "Draft")


def test_all_cells_executes_everything_but_skipped_cells(write):
    path = write("x = sum([1, 2])", ("y = sum([3])", ["nbflow-skip"]), "await something()")

    module = import_notebook(path, all_cells=True)

    assert module.x == 3
    assert not hasattr(module, "y")


def test_task_that_needs_a_left_out_name_is_refused(write):
    path = write(
        "import nbflow",
        "rates = dict(EUR=1.0)",
        "class CleanData(nbflow.Task):\n    def run(self):\n        print(rates)",
    )

    with pytest.raises(SourceError) as caught:
        import_notebook(path)

    assert str(caught.value) == (
        "`CleanData.run` uses `rates`, set in cell 2, which is not a definition; make it a "
        "constant, a Parameter, or tag the cell nbflow-include"
    )


def test_name_is_also_looked_for_in_the_functions_that_a_task_calls(write):
    path = write(
        "import nbflow\nrates = dict(EUR=1.0)",
        "def convert(x):\n    return [rates[k] for k in x]",
        "class CleanData(nbflow.Task):\n    def run(self):\n        convert('EUR')",
    )

    with pytest.raises(SourceError, match=r"`convert.*` uses `rates`, set in cell 1"):
        import_notebook(path)


def test_function_that_no_task_calls_may_need_anything(write):
    module = import_notebook(
        write(
            "import nbflow\ndf = print()", "def plot():\n    return df", "class A(nbflow.Task): ..."
        )
    )

    assert module.A is not None


def test_parameter_or_attribute_of_the_same_name_is_no_use_of_it(write):
    module = import_notebook(
        write(
            "import nbflow\nrates = dict(EUR=1.0)",
            "class A(nbflow.Task):\n    def run(self, rates=None):\n        self.rates = rates",
        )
    )

    assert module.A is not None


def test_class_body_that_needs_a_left_out_name_is_refused(write):
    with pytest.raises(SourceError, match=r"`A` uses `size`, set in cell 1, which is not"):
        import_notebook(write("size = len('abc')", "class A:\n    size = size + 1"))


def test_constant_that_is_changed_later_counts_as_left_out(write):
    source = "class A(nbflow.Task):\n    def run(self):\n        return CONFIG"
    changes = ["CONFIG['a'] = 1", "CONFIG.update(a=1)", "CONFIG = load()", "CONFIG |= {'a': 1}"]
    for change in changes:
        with pytest.raises(SourceError, match=r"`A\.run` uses `CONFIG`, set in cell 3"):
            import_notebook(write("import nbflow\nCONFIG = {}", source, change))


def test_use_of_a_constant_does_not_change_it(write):
    module = import_notebook(
        write(
            "import nbflow\nfrom pathlib import Path\nDATA = Path('data')",
            "DATA.exists()",
            "class A(nbflow.Task):\n    def run(self):\n        return DATA",
        )
    )

    assert str(module.DATA) == "data"


def test_failing_statement_names_cell_line_and_error(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError) as caught:
        import_notebook(write("x = 1", "\nimport not_there_at_all"))

    assert str(caught.value) == (
        "report.ipynb:cell 2 (id id2), line 2 cannot be loaded: ModuleNotFoundError: "
        "No module named 'not_there_at_all'"
    )


def test_cell_that_is_not_python_is_named(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=r"report\.ipynb:cell 1 \(id id1\), line 1 is not Python"):
        import_notebook(write("class A(:"))


def test_percent_script_gives_definitions_with_its_own_lines(tmp_path, write):
    path = tmp_path / "jobs.py"
    path.write_text("# %%\nimport math\n# %%\nprint('no')\ndef f():\n    return 1 / 0\n")

    module = import_notebook(path)

    with pytest.raises(ZeroDivisionError) as caught:
        module.f()
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (frame.filename, frame.lineno, frame.line) == (str(path), 6, "return 1 / 0")


def test_script_without_cells_is_refused(tmp_path, write):
    (tmp_path / "jobs.py").write_text("x = 1\n")

    with pytest.raises(SourceError, match="import it as a module"):
        import_notebook(tmp_path / "jobs.py")


def test_notebook_without_cell_ids_is_loaded(tmp_path, write):
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": ["X = 1"]}]}))

    assert import_notebook(path).X == 1


def test_given_name_is_used(write):
    module = import_notebook(write("class A: ..."), name="nb:elsewhere")

    assert module.A.__module__ == "nb:elsewhere"
