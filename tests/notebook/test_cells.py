from __future__ import annotations

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.errors import SourceError
from nbflow.notebook.cells import read_cells, strip_ipython


def write_notebook(path, *sources, **extra):
    cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "source": source}
        for i, source in enumerate(sources)
    ]
    path.write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells, **extra})
    )
    return str(path)


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("%load_ext nbflow", "pass"),
        ("  %timeit x", "  pass"),
        ("!ls -l", "pass"),
        ("Report?", "pass"),
        ("??Report", "pass"),
        ("%nbflow?", "pass"),
        ("files = !ls", "files = get_ipython()"),
        ("r = %nbflow run Report", "r = get_ipython()"),
        ("a, b = !ls", "a, b = get_ipython()"),
        ("x = 7 % 2", "x = 7 % 2"),
        ("x != 3", "x != 3"),
        ("x = 1  # why?", "x = 1  # why?"),
    ],
)
def test_line_of_ipython_becomes_python(line, plain):
    assert strip_ipython(f"{line}\n%more") == f"{plain}\npass"


@pytest.mark.parametrize(
    "source",
    [
        "text = '''\n%not_magic\n!nor_this\n'''\n",
        "total = (10\n% 3)\n",
        "total = 10 \\\n% 3\n",
        "s = 'it is (open'\n",
        'd = {\n"a": 1,  # bracket } in a comment\n}\n',
    ],
)
def test_text_and_long_lines_are_left_alone(source):
    with_magic = source + "%magic"

    stripped = strip_ipython(with_magic)

    assert stripped == source + "pass"
    ast.parse(stripped)


def test_magic_in_a_block_keeps_the_block():
    assert strip_ipython("if True:\n    %time x\nelse:\n    !ls") == (
        "if True:\n    pass\nelse:\n    pass"
    )


def test_long_magic_is_taken_out_with_its_lines():
    source = "%nbflow run Report \\\n  date=2026-08-01\nx = 1"

    assert strip_ipython(source) == "pass\n\nx = 1"


def test_cell_magic_takes_its_cell_unless_its_body_is_python():
    assert strip_ipython("%%nbflow run Report\ndate = 3").strip() == ""
    assert strip_ipython("%%bash\nls").strip() == ""
    assert strip_ipython("%%time\nx = 1") == "\nx = 1"


@given(st.text(alphabet="ab%!?()[]'\"#\\\n =", max_size=60))
def test_number_of_lines_never_changes(source):
    assert len(strip_ipython(source).split("\n")) == max(1, len(source.splitlines()))


def test_cells_have_number_id_and_tags(tmp_path):
    path = tmp_path / "a.ipynb"
    cells = [
        {"cell_type": "markdown", "source": "# Title"},
        {"cell_type": "code", "source": ["x = 1\n", "y = 2"], "metadata": {"tags": ["t"]}},
        {"cell_type": "code", "id": "3f2a", "source": "z = 3"},
    ]
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 2, "cells": cells}))

    first, second = read_cells(str(path))

    assert (first.number, first.source, first.cell_id) == (2, "x = 1\ny = 2", "")
    assert first.tags == {"t"}
    assert (second.number, second.cell_id) == (3, "3f2a")


def test_percent_script_has_cells_on_their_lines(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(
        '"""Doc."""\n# %% [markdown]\n# text\n# %% tags=["nbflow-skip"]\nx = 1\n# %%\n%magic\ny = 2\n'
    )

    cells = read_cells(str(path))

    assert [(c.number, c.first_line, c.source) for c in cells] == [
        (1, 1, '"""Doc."""'),
        (3, 5, "x = 1"),
        (4, 7, "pass\ny = 2"),
    ]
    assert cells[1].tags == {"nbflow-skip"}


def test_plain_script_has_no_cells(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("x = 1\n")

    assert read_cells(str(path)) is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty"),
        ('{"cells": [', "is damaged: "),
        ("[]", "has no list of cells"),
        ('{"worksheets": []}', "format 3 or older"),
        ('{"cells": [], "metadata": {"language_info": {"name": "R"}}}', "is written in r"),
        ("[" * 100_000, "is damaged"),
    ],
)
def test_damaged_notebook_is_said(tmp_path, content, says):
    path = tmp_path / "a.ipynb"
    path.write_text(content)

    with pytest.raises(SourceError, match=says):
        read_cells(str(path))


def test_missing_file_suggests_a_neighbour(tmp_path):
    write_notebook(tmp_path / "report.ipynb", "x = 1")

    with pytest.raises(SourceError, match=r"Did you mean report\.ipynb\?"):
        read_cells(str(tmp_path / "reprot.ipynb"))


def test_file_that_is_not_text_is_said(tmp_path):
    (tmp_path / "a.ipynb").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(SourceError, match="not text in UTF-8"):
        read_cells(str(tmp_path / "a.ipynb"))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda s: (
            st.lists(s)
            | st.dictionaries(
                st.sampled_from(["cells", "metadata", "source", "cell_type", "tags", "x"]), s
            )
        ),
    )
)
def test_any_json_gives_cells_or_a_source_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("n") / "a.ipynb"
    path.write_text(json.dumps(content))

    try:
        cells = read_cells(str(path))
    except SourceError:
        return
    assert all(isinstance(cell.source, str) for cell in cells)
