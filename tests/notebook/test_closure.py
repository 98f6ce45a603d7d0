"""The statements that tasks need: all of them, no others, in their order."""

from __future__ import annotations

import ast

import pytest

import nbflow
from nbflow.core.errors import SourceError
from nbflow.core.model import registry
from nbflow.notebook.cells import Cell, strip_ipython
from nbflow.notebook.closure import closure, read_statements

TASK = "class {name}(nbflow.Task):\n    def run(self):\n        {body}\n"


def task(body="pass", name="A"):
    return TASK.format(name=name, body=body)


def kept(*sources, pattern="", tags=None):
    """Texts of the statements that the tasks of these cells need."""
    cells = [
        Cell(number, strip_ipython(source), f"id{number}", frozenset((tags or {}).get(number, ())))
        for number, source in enumerate(sources, start=1)
    ]
    namespace = {"__name__": "closure_of_cells"}
    for cell in cells:
        if "nbflow-skip" not in cell.tags:
            exec(compile(ast.parse(cell.source), "<cell>", "exec"), namespace)
    try:

        def is_task(name):
            value = namespace.get(name)
            return isinstance(value, type) and issubclass(value, nbflow.Task)

        found = closure(read_statements(cells, namespace), is_task, pattern=pattern)
        return [statement.text for statement in found]
    finally:
        for cls in registry.task_classes():
            if cls.__module__ == "closure_of_cells":
                registry.forget(cls)


def test_only_what_tasks_need_is_kept_in_order():
    assert kept(
        "import math\nimport json\nimport nbflow",
        "LIMIT = 3\nOTHER = 4\nx = len('work')",
        "def twice(n):\n    return n * LIMIT\n\ndef alone():\n    return json",
        task("print(twice(math.pi))"),
    ) == [
        "import math",
        "import nbflow",
        "LIMIT = 3",
        "def twice(n):\n    return n * LIMIT",
        task("print(twice(math.pi))").rstrip(),
    ]


def test_comments_directly_above_belong_to_a_definition():
    texts = kept("import nbflow", "# apart\n\n# close,\n# closer\n" + task())
    assert texts[1].startswith("# close,\n# closer\nclass A")


def test_decorators_bases_defaults_and_annotations_are_used():
    texts = kept(
        "import nbflow\nimport datetime as dt\nfrom functools import wraps",
        "def mark(cls):\n    return cls\nDAY = dt.date(2013, 1, 1)\nclass Base(nbflow.Task):\n"
        "    day: dt.date = DAY",
        "@mark\nclass A(Base):\n    def run(self, n: 'LIMIT' = 3) -> 'dt.date': pass",
        "LIMIT = 5",
    )
    assert [text.split("\n")[0] for text in texts] == [
        "import nbflow",
        "import datetime as dt",
        "def mark(cls):",
        "DAY = dt.date(2013, 1, 1)",
        "class Base(nbflow.Task):",
        "@mark",
        "LIMIT = 5",
    ]


def test_local_names_are_not_those_of_the_notebook():
    texts = kept("import nbflow\nrow = 1\nlimit = 2", task("row = 3; [limit for limit in [row]]"))
    assert texts[0] == "import nbflow"
    assert len(texts) == 2


def test_a_task_that_was_defined_again_is_kept_as_it_was_last():
    first, second = task("print('first')"), task("print('second')")
    assert kept("import nbflow", first, second) == ["import nbflow", second.rstrip()]


def test_function_defined_after_its_use_is_kept_as_it_was_last():
    texts = kept(
        "import nbflow\ndef helper(): return 1", task("helper()"), "def helper(): return 2"
    )
    assert texts[-1] == "def helper(): return 2"
    assert "def helper(): return 1" not in texts


def test_what_a_definition_is_built_on_is_the_one_before_it():
    assert kept("import nbflow\nN = 1\nN = N + 1\nM = N", task("print(M)")) == [
        "import nbflow",
        "N = 1",
        "N = N + 1",
        "M = N",
        task("print(M)").rstrip(),
    ]


def test_pattern_chooses_tasks_and_what_they_require_comes_along():
    sources = (
        "import nbflow",
        task(name="Raw"),
        "class Report(nbflow.Task):\n    def requires(self):\n        return Raw()",
        task(name="Other"),
    )
    texts = kept(*sources, pattern="Rep*")
    assert [text.split("(")[0] for text in texts[1:]] == ["class Raw", "class Report"]


def test_statements_that_share_a_line_are_told_apart():
    texts = kept("import nbflow; import json; N = 3; M = 4", task("print(N)"))
    assert texts[:2] == ["import nbflow", "N = 3"]


def test_star_imports_are_always_kept():
    texts = kept("import nbflow\nfrom math import *\nTAU = pi * 2", task("print(TAU, sin(1))"))
    assert texts[1:3] == ["from math import *", "TAU = pi * 2"]


def test_cell_tagged_to_be_included_acts_by_itself():
    cells = ("import nbflow\nimport locale", "locale.getlocale()\nN = len('ab')", task("print(N)"))
    texts = kept(*cells, tags={2: {"nbflow-include"}})
    assert texts[:4] == ["import nbflow", "import locale", "locale.getlocale()", "N = len('ab')"]


def test_magics_and_work_are_left_out():
    assert kept("%load_ext nbflow\nimport nbflow", task(), "!ls\nprint('x')\nA()") == [
        "import nbflow",
        task().rstrip(),
    ]


def test_task_of_a_cell_tagged_to_be_skipped_is_left_out():
    texts = kept("import nbflow", task(), task(name="B"), tags={3: {"nbflow-skip"}})
    assert texts == ["import nbflow", task().rstrip()]


def test_setting_of_a_module_is_work_and_leaves_the_module():
    texts = kept("import nbflow, math", "math.mode = 'fast'", task("math.pi"))
    assert texts == ["import nbflow, math", task("math.pi").rstrip()]


@pytest.mark.parametrize(
    ("sources", "tags", "said"),
    [
        (
            ("import nbflow\nrates = dict(a=1)", task("print(rates)")),
            {},
            "`A` uses `rates`, set in cell 1, which is not a definition; make it a constant",
        ),
        (
            ("import nbflow\nROWS = []\nROWS.append(1)", task("print(ROWS)")),
            {},
            "`A` uses `ROWS`, set in cell 1, which is not a definition",
        ),
        (
            ("import nbflow\ndef helper():\n    return rates\nrates = sum([1])", task("helper()")),
            {},
            "`helper` uses `rates`, set in cell 1",
        ),
        (
            ("import nbflow", "N = 3", task("print(N)")),
            {2: {"nbflow-skip"}},
            "`A` uses `N`, set in cell 2, which is tagged nbflow-skip",
        ),
        (
            ("import nbflow", task("display(1)")),
            {},
            "`A` uses `display`, which only a notebook has",
        ),
        (("import nbflow",), {}, "there is no task to export"),
    ],
)
def test_what_cannot_stand_by_itself_is_named(sources, tags, said):
    with pytest.raises(SourceError, match=said):
        kept(*sources, tags=tags)


def test_pattern_that_matches_nothing_is_named():
    with pytest.raises(SourceError, match="no task that 'X\\*' matches"):
        kept("import nbflow", task(), pattern="X*")


def test_cell_that_is_not_python_is_named():
    cells = [Cell(4, "x = = 3")]
    with pytest.raises(SourceError, match=r"cell 4, line 1 is not Python"):
        read_statements(cells, {})
    assert read_statements([Cell(4, "x = = 3", tags=frozenset({"nbflow-skip"}))], {}) == []
