"""Which cells a kernel has executed, with and without its history."""

from __future__ import annotations

from types import SimpleNamespace

from nbflow.notebook.executed import ExecutedCells


def info(source, cell_id=None, *, is_kept=True):
    return SimpleNamespace(raw_cell=source, cell_id=cell_id, store_history=is_kept)


def ended(told, number=1, error=None):
    return SimpleNamespace(info=told, execution_count=number, error_before_exec=error)


def execute(executed, source, cell_id=None, *, number=None, error=None):
    told = info(source, cell_id, is_kept=number is not None)
    executed.begin(told)
    executed.end(ended(told, number or 1, error))


def told(executed):
    return [(cell.number, cell.source, cell.cell_id) for cell in executed.cells()]


def test_cells_before_are_taken_from_the_history():
    executed = ExecutedCells(["", "x = 1", "%load_ext nbflow"])
    executed.end(ended(info("%load_ext nbflow", "b2"), 2))
    execute(executed, "y = 2", "b3", number=3)
    assert told(executed) == [(1, "x = 1", ""), (2, "pass", "b2"), (3, "y = 2", "b3")]


def test_cells_are_counted_where_the_kernel_keeps_no_history():
    executed = ExecutedCells([""])
    loading = info("%load_ext nbflow", is_kept=False)
    executed.end(ended(loading))
    execute(executed, "y = 2")
    assert told(executed) == [(1, "pass", ""), (2, "y = 2", "")]


def test_running_cell_is_the_last():
    executed = ExecutedCells([""])
    execute(executed, "y = 2", number=5)
    executed.begin(info("z = 3"))
    assert told(executed) == [(5, "y = 2", ""), (6, "z = 3", "")]


def test_cell_that_was_executed_again_stands_where_it_was_first():
    executed = ExecutedCells([""])
    execute(executed, "A = 1", "a", number=1)
    execute(executed, "B = A", "b", number=2)
    execute(executed, "A = 2", "a", number=3)
    assert told(executed) == [(3, "A = 2", "a"), (2, "B = A", "b")]


def test_empty_cells_are_left_out():
    executed = ExecutedCells([""])
    execute(executed, "  \n", number=1)
    assert told(executed) == []


def test_cells_that_are_not_python_are_left_out_and_counted():
    executed = ExecutedCells([""])
    execute(executed, "x = = 1", "a", error=SyntaxError("invalid syntax"))
    execute(executed, "y = 2", "b")
    assert told(executed) == [(2, "y = 2", "b")]
