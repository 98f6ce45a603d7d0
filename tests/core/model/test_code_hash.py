"""Hashes of the code of tasks: what changes them, and what does not."""

from __future__ import annotations

import ast
import functools
import linecache
import subprocess
import sys
import types

import pytest

from nbflow.core.model.code_hash import code_hash, code_parts, is_notebook
from nbflow.core.model.registry import Register, forget

SETUP = """
import functools
import numpy as np
from nbflow.core.model.task import Task
from nbflow.core.model.parameters import IntParameter, Parameter
"""
BASE = """
LIMIT = 3
TABLE = {"a": [1, 2]}
seen = []

def deep():
    return 1

def helper(x):
    return deep() + x

class Shape:
    size = 4
    def area(self):
        return self.size ** 2

class Upstream(Task):
    def run(self):
        return 1

class Report(Task):
    n = IntParameter(default=1)
    factor = 2

    def requires(self):
        return Upstream()

    @property
    def name(self):
        return "x"

    @staticmethod
    def plain():
        return 0

    def run(self):
        seen.append(1)
        words = [word for word in TABLE if len(word) < LIMIT]
        return helper(np.pi), Shape().area(), words
"""
_numbers = iter(range(1_000_000))


def parts_of(source, name="Report", *, with_source=True, by_statement=False):
    """Parts of a class that a notebook's cell defines."""
    module = types.ModuleType("nb:hashed")
    module.__nbflow_notebook__ = "/x/hashed.ipynb"
    sys.modules[module.__name__] = module
    file = f"/x/hashed.ipynb:cell {next(_numbers)}"
    if with_source:
        text = SETUP + source
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    tree = ast.parse(SETUP + source)
    for unit in [[node] for node in tree.body] if by_statement else [tree.body]:
        exec(compile(ast.Module(unit, []), file, "exec"), module.__dict__)
    try:
        cls = getattr(module, name)
        return code_parts(cls), code_hash(cls)
    finally:
        del sys.modules[module.__name__]
        for value in vars(module).values():
            if isinstance(value, Register):
                forget(value)


@pytest.fixture(params=[True, False], ids=["source", "bytecode"])
def parts(request):
    return functools.partial(parts_of, with_source=request.param)


def changed(parts, old, new, source=BASE):
    assert old in source
    before, after = parts(source), parts(source.replace(old, new))
    labels = {label for label, _ in before[0].items() ^ after[0].items()}
    assert (before[1] != after[1]) == bool(labels)
    return labels


def test_hash_is_sixteen_digits_and_repeats(parts):
    assert parts(BASE) == parts(BASE)
    assert len(parts(BASE)[1]) == 16
    int(parts(BASE)[1], 16)


@pytest.mark.parametrize(
    ("old", "new", "labels"),
    [
        ("return helper(np.pi)", "return helper(np.e)", {"run()"}),
        ("return 0", "return 1", {"plain()"}),
        ('return "x"', 'return "y"', {"name()"}),
        ("factor = 2", "factor = 3", {"factor"}),
        ("default=1", "default=2", {"n"}),
        ("IntParameter(default=1)", "IntParameter(default=1, significant=False)", {"n"}),
        ("return deep() + x", "return deep() - x", {"helper()"}),
        ("def deep():\n    return 1", "def deep():\n    return 2", {"deep()"}),
        ("LIMIT = 3", "LIMIT = 4", {"LIMIT"}),
        ("[1, 2]", "[1, 3]", {"TABLE"}),
        ("** 2", "** 3", {"Shape.area()"}),
        ("size = 4", "size = 5", {"Shape.size"}),
    ],
)
def test_change_of_code_changes_its_part_alone(parts, old, new, labels):
    assert changed(parts, old, new) == labels


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    def run(self):\n", "    # why\n\n    def run(self):\n        '''What.'''\n"),
        ("class Shape:\n", "class Shape:\n    '''A shape.'''\n"),
        ("return deep() + x", "return (deep()\n        + x)"),
        ("LIMIT = 3", "LIMIT = 3\nOTHER = 5"),
        ("seen = []", "seen = [1]"),
        ("def deep", "def unused():\n    return 7\n\ndef deep"),
    ],
)
def test_comments_docstrings_layout_and_what_is_not_named_change_nothing(parts, old, new):
    assert changed(parts, old, new) == set()


def test_code_of_another_task_changes_nothing(parts):
    assert (
        changed(parts, "def run(self):\n        return 1", "def run(self):\n        return 2")
        == set()
    )


def test_new_method_is_a_new_part(parts):
    assert changed(parts, "    factor = 2\n", "    factor = 2\n    def f(self): return 1\n") == {
        "f()"
    }


def test_method_of_a_base_in_the_notebook_counts(parts):
    source = BASE + "class Sub(Report):\n    pass\n"
    before = parts(source, "Sub")
    after = parts(source.replace("return 0", "return 1"), "Sub")

    assert {label for label, _ in before[0].items() ^ after[0].items()} == {"Report.plain()"}


def test_decorated_and_enclosed_functions_count(parts):
    source = """
def times(number):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args):
            return function(*args) * number
        return wrapper
    return decorate

@functools.lru_cache
def cached():
    return 1

class Report(Task):
    @times(2)
    def run(self):
        return cached()
"""

    assert changed(parts, "times(2)", "times(3)", source) >= {"number"}
    assert changed(parts, "return cached()", "return cached", source) == {"run()"}
    assert changed(parts, "return 1", "return 2", source) == {"cached()"}
    assert changed(parts, "(*args) * number", "(*args) + number", source) >= {"run()"}


def test_nested_functions_and_lambdas_count(parts):
    source = (
        "class Report(Task):\n    def run(self):\n        return sorted([], key=lambda x: x + 1)\n"
    )

    assert changed(parts, "x + 1", "x + 2", source) == {"run()"}


def test_annotated_parameter_counts(parts):
    source = "class Report(Task):\n    n: int = 3\n    def run(self): return 1\n"

    assert changed(parts, "n: int = 3", "n: int = 4", source) == {"n"}


def test_recursion_and_mutual_recursion_end(parts):
    source = "def a(): return b()\ndef b(): return a()\nclass Report(Task):\n    run = lambda self: a()\n"

    assert {"a()", "b()"} <= parts(source)[0].keys()


def test_large_and_circular_values_end(parts):
    source = "HUGE = list(range(100_000))\nLOOP = []\nLOOP.append(LOOP)\nclass Report(Task):\n    def run(self): return HUGE, LOOP\n"

    assert parts(source)[0].keys() >= {"HUGE", "LOOP"}


def test_helper_of_an_imported_module_does_not_count(parts):
    source = (
        "from textwrap import dedent\nclass Report(Task):\n    def run(self): return dedent('')\n"
    )

    assert parts(source)[0].keys() == {"run()"}


def test_file_that_was_edited_and_not_loaded_again_does_not_count(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "edited_and_not_loaded.py"
    text = SETUP + "class Edited(Task):\n    def run(self):\n        return 1\n"
    file.write_text(text)
    import edited_and_not_loaded as module  # type: ignore[import-not-found]

    file.write_text(text.replace("return 1", "return 222"))
    linecache.checkcache()
    stale = code_hash(module.Edited)
    expected = parts_of(
        "class Edited(Task):\n    def run(self):\n        return 1\n", "Edited", with_source=False
    )

    assert stale == expected[1]


def test_cell_that_is_compiled_statement_by_statement_has_the_hash_of_the_file():
    source = BASE.replace("helper(np.pi)", "np.sqrt(np.pi)")

    assert parts_of(source, by_statement=True) == parts_of(source)


def test_hash_outlives_the_process(tmp_path):
    (tmp_path / "lasting.py").write_text(
        SETUP.replace("import numpy as np\n", "")
        + "SET = frozenset({'a', 'b', 'c'})\n"
        + "class Lasting(Task):\n    def run(self): return {'x', 'y', 'z'}, SET\n"
    )
    code = "import sys; sys.path.insert(0, sys.argv[1]); import lasting; from nbflow.core.model.code_hash import code_hash; print(code_hash(lasting.Lasting))"

    hashes = {
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in "123"
    }

    assert len(hashes) == 1
    assert len(hashes.pop().strip()) == 16


def test_notebook_modules():
    module = types.ModuleType("nb:asked")
    sys.modules["nb:asked"] = module
    try:
        assert not is_notebook("nb:asked")
        module.__nbflow_notebook__ = "/x/asked.ipynb"
        assert is_notebook("nb:asked")
    finally:
        del sys.modules["nb:asked"]
    assert is_notebook("__main__")
    assert not is_notebook(__name__)
