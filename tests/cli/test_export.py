"""`nbflow export` from a terminal, as CI uses it."""

from __future__ import annotations

import json

SOURCE = ("export", "notes/cells.ipynb")


def test_notebook_is_exported_beside_where_one_stands(nbflow, jobs):
    done = nbflow(*SOURCE, "flow.py")

    assert done.returncode == 0, done.stderr
    assert "(CellReport)" in done.stdout
    assert "class CellReport(nbflow.Task):" in (jobs / "flow.py").read_text()
    assert "from notes/cells.ipynb:" in (jobs / "flow.py").read_text()
    assert nbflow("run", "flow.py", "CellReport", "date=2026-08-01").returncode == 0


def test_check_ends_with_one_where_they_differ(nbflow, jobs):
    assert nbflow(*SOURCE, "flow.py", "--check").returncode == 1
    nbflow(*SOURCE, "flow.py")
    assert nbflow(*SOURCE, "flow.py", "--check").returncode == 0

    notebook = jobs / "notes" / "cells.ipynb"
    notebook.write_text(notebook.read_text().replace("write(", "writelines("))
    done = nbflow(*SOURCE, "flow.py", "--check")

    assert done.returncode == 1
    assert "the notebook was changed since it was exported" in done.stdout


def test_report_as_json(nbflow):
    told = json.loads(nbflow(*SOURCE, "flow.py", "--json").stdout)

    assert (told["tasks"], told["differences"], told["was_written"]) == (["CellReport"], [], True)


def test_another_persons_file_is_left(nbflow, jobs):
    before = (jobs / "jobs.py").read_text()
    done = nbflow(*SOURCE, "jobs.py")

    assert done.returncode == 2
    assert "was not exported by nbflow, so it is left as it is" in done.stderr
    assert (jobs / "jobs.py").read_text() == before


def test_words_that_are_missing_or_wrong_are_named(nbflow):
    assert "export needs the name of a file" in nbflow("export").stderr
    assert "export needs a notebook" in nbflow("export", "flow.py").stderr
    assert "is a module already" in nbflow("export", "jobs.py", "flow.py").stderr
    assert "Did you mean cells.ipynb?" in nbflow("export", "notes/cell.ipynb", "flow.py").stderr
