"""What the README shows is true: its hello world runs, its commands are there."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from nbflow.invocation.commands import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def hello_world():
    return blocks("python")[0]


def test_readme_begins_with_a_hello_world_under_ten_lines():
    assert README.startswith("# nbflow\n\n```python\n")
    assert len([line for line in hello_world().splitlines() if line.strip()]) < 10


def test_hello_world_writes_what_it_says(python, tmp_path):
    done = python(hello_world())

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "hello-world.txt").read_text() == "hello, world"


def test_hello_world_runs_nothing_the_second_time(python, tmp_path):
    python(hello_world())
    written = os.stat(tmp_path / "hello-world.txt")

    done = python(hello_world())

    again = os.stat(tmp_path / "hello-world.txt")
    assert done.returncode == 0, done.stderr
    assert (again.st_ino, again.st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


def test_hello_world_runs_from_a_cell(tmp_path):
    definition = hello_world().rpartition("\nnbflow.run(")[0]
    sources = [definition, "%load_ext nbflow", "%nbflow run Hello name=world"]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)

    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, kernel_name="python3", timeout=120, resources=place).execute()

    assert (tmp_path / "hello-world.txt").read_text() == "hello, world"


def test_the_two_commands_are_there():
    commands = re.findall(r"^(scripts/\w+)", blocks("sh")[0], flags=re.MULTILINE)

    assert commands == ["scripts/demo", "scripts/test"]
    assert all(os.access(ROOT / command, os.X_OK) for command in commands)


def test_the_table_of_commands_lists_every_command():
    listed = set(re.findall(r"^\| `(\w+)", README, flags=re.MULTILINE))

    assert listed == {command.name for command in COMMANDS}


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#:]+)\)", README)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
