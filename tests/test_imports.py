"""`import nbflow` stays light, and its face says the same in its three places."""

from __future__ import annotations

import ast
import pkgutil
from pathlib import Path

import pytest

import nbflow

HEAVY = {
    "IPython", "anywidget", "asyncio", "cloudpickle", "concurrent.futures", "fsspec", "graphviz",
    "importlib.metadata", "ipywidgets", "msgspec", "multiprocessing", "numpy", "pandas",
    "prometheus_client", "rich", "sqlite3", "subprocess", "tornado", "traitlets", "urllib.request",
    "urllib3",
}  # fmt: skip


def loaded_after(python, statement):
    done = python(f"{statement}\nimport sys\nprint(*sys.modules)")
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def homes_for_checkers():
    """Name: module, of everything that the `if TYPE_CHECKING:` block of the face imports."""
    tree = ast.parse(Path(nbflow.__file__).read_text())
    [block] = [
        statement.body
        for statement in tree.body
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"
    ]
    return {
        alias.asname or alias.name: statement.module
        for statement in block
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }


def test_import_of_nbflow_loads_nothing_heavy(python):
    assert loaded_after(python, "import nbflow") & HEAVY == set()


def test_a_class_with_parameters_loads_nothing_heavy(python):
    code = (
        "import datetime as dt, nbflow\n"
        "class Report(nbflow.Task):\n"
        "    date: dt.date = nbflow.DateParameter()\n"
        "    count: int = 3\n"
        "Report(date=dt.date(2013, 1, 15))"
    )

    assert loaded_after(python, code) & HEAVY == set()


def test_no_submodule_bears_the_name_of_a_public_function():
    submodules = {module.name for module in pkgutil.iter_modules(nbflow.__path__)}

    assert submodules & set(nbflow.__all__) == set()


def test_checkers_find_each_name_where_it_is_loaded_from():
    assert homes_for_checkers() == nbflow._LAZY


def test_public_names_are_those_that_can_be_loaded():
    assert set(nbflow.__all__) == {*nbflow._LAZY, "__version__", "last"}


def test_dir_lists_the_public_names():
    assert set(nbflow.__all__) <= set(dir(nbflow))


@pytest.mark.parametrize("name", sorted(set(nbflow.__all__) - {"last"}))
def test_public_name_is_there(name):
    assert getattr(nbflow, name) is not None


def test_unknown_name_is_an_attribute_error_that_names_it():
    with pytest.raises(AttributeError, match="Taks"):
        _ = nbflow.Taks
