"""The graph as a picture, from a terminal."""

from __future__ import annotations

REPORT = ("jobs.py", "Report", "date=2026-08-01")


def test_graph_is_saved_as_a_picture(nbflow, jobs):
    done = nbflow("dag", *REPORT, "--save", "graph.svg", "--rank=TB")

    assert done.returncode == 0
    assert done.stdout == f"wrote {jobs / 'graph.svg'}\n"
    assert (jobs / "graph.svg").read_text().startswith("<svg ")


def test_graph_is_written_to_standard_output(nbflow):
    assert nbflow("dag", *REPORT, "--format", "svg").stdout.startswith("<svg ")


def test_part_of_the_graph_is_shown(nbflow):
    part = nbflow("dag", *REPORT, "--up", "Raw").stdout

    assert "Raw(" in part
    assert "Report(" not in part
    assert "1 task" in nbflow("dag", *REPORT, "--depth", "0").stdout


def test_task_that_the_graph_does_not_have_is_said(nbflow):
    done = nbflow("dag", *REPORT, "--up", "Rawr")

    assert done.returncode == 2
    assert "Did you mean Raw?" in done.stderr


def test_unknown_format_of_a_file_is_said(nbflow, jobs):
    done = nbflow("dag", *REPORT, "--save", "graph.jpg")

    assert done.returncode == 2
    assert ".svg" in done.stderr
    assert not (jobs / "graph.jpg").exists()
