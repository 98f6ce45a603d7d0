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


def face():
    """The syntax tree of nbflow/__init__.py."""
    return ast.parse(Path(nbflow.__file__).read_text())


def names_imported(statements):
    return {
        alias.asname or alias.name
        for statement in statements
        if isinstance(statement, ast.ImportFrom) and statement.module != "__future__"
        for alias in statement.names
    }


def names_for_checkers():
    """What the `if TYPE_CHECKING:` block and the module itself import, less what they need."""
    tree = face()
    blocks = [
        statement.body
        for statement in tree.body
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"
    ]
    return set().union(*map(names_imported, blocks))


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


def test_checkers_see_the_names_that_the_face_has():
    public = {name for name in nbflow.__all__ if not name.startswith("__")}

    missing = public - names_for_checkers() - names_imported(face().body)

    assert missing == {"last"} & public  # a value, not a name to import


def test_dir_lists_the_public_names():
    assert set(nbflow.__all__) <= set(dir(nbflow))


@pytest.mark.parametrize("name", sorted(set(nbflow.__all__) - {"last"}))
def test_public_name_is_there(name):
    assert getattr(nbflow, name) is not None


def test_unknown_name_is_an_attribute_error_that_names_it():
    with pytest.raises(AttributeError, match="Taks"):
        _ = nbflow.Taks
