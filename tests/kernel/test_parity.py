"""One task by five ways: line, block, form, command line and exported module agree to the byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import nbformat
import pytest
from magics_kernels import kernel

TASKS = """
import datetime as dt
import enum
import os
from pathlib import Path
from typing import Literal

import nbflow


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


class Written(nbflow.Task):
    def output(self):
        return nbflow.LocalTarget(f"{os.environ['NBFLOW_PARITY']}/{self.task_id}.txt")

    def run(self):
        value = self.value
        with self.output().open("w") as file:
            file.write(f"{type(value).__name__} {value!r}")
"""

CLASS = """

class {name}(Written):
    value = {declaration}
"""

#: Declaration, and the value as text of a line and as Python.
CASES = [
    ("nbflow.Parameter()", "text", "'text'"),
    ("nbflow.Parameter()", "'two words'", "'two words'"),
    ("nbflow.Parameter()", "héllo", "'héllo'"),
    ("nbflow.Parameter()", "a=b", "'a=b'"),
    ("nbflow.Parameter()", "C:\\temp", "'C:\\\\temp'"),
    ("nbflow.StrParameter()", "'<b>'", "'<b>'"),
    ("nbflow.IntParameter()", "-3", "-3"),
    ("nbflow.IntParameter()", "0", "0"),
    ("nbflow.FloatParameter()", "1e-9", "1e-9"),
    ("nbflow.FloatParameter()", "2", "2.0"),
    ("nbflow.BoolParameter()", "true", "True"),
    ("nbflow.BoolParameter()", "false", "False"),
    ("nbflow.DateParameter()", "2026-08-01", "dt.date(2026, 8, 1)"),
    ("nbflow.MonthParameter()", "2026-08", "dt.date(2026, 8, 1)"),
    ("nbflow.YearParameter()", "2026", "dt.date(2026, 1, 1)"),
    ("nbflow.DateHourParameter()", "2026-08-01T14", "dt.datetime(2026, 8, 1, 14)"),
    ("nbflow.DateMinuteParameter()", "2026-08-01T1405", "dt.datetime(2026, 8, 1, 14, 5)"),
    ("nbflow.DateSecondParameter()", "2026-08-01T140509", "dt.datetime(2026, 8, 1, 14, 5, 9)"),
    ("nbflow.DateIntervalParameter()", "2026-W31", "'2026-W31'"),
    ("nbflow.TimeDeltaParameter()", "'3h 5m'", "dt.timedelta(hours=3, minutes=5)"),
    ("nbflow.ChoiceParameter(choices=['EUR', 'USD'])", "USD", "'USD'"),
    ("nbflow.ChoiceParameter(choices=[1, 2], var_type=int)", "2", "2"),
    ("nbflow.EnumParameter(enum=Colour)", "GREEN", "Colour.GREEN"),
    ("nbflow.EnumListParameter(enum=Colour)", "RED,GREEN", "(Colour.RED, Colour.GREEN)"),
    ("nbflow.ListParameter()", '[1,"a",[2]]', "[1, 'a', [2]]"),
    ("nbflow.TupleParameter()", "((1,2),(3,4))", "((1, 2), (3, 4))"),
    ("nbflow.DictParameter()", '{"a": 1, "b": [2]}', "{'a': 1, 'b': [2]}"),
    ("nbflow.PathParameter()", "data/in.csv", "'data/in.csv'"),
    ("nbflow.OptionalIntParameter()", "5", "5"),
    ("nbflow.OptionalParameter()", "''", "None"),
]

DEFINITIONS = TASKS + "".join(
    CLASS.format(name=f"Case{number}", declaration=declaration)
    for number, (declaration, _, _) in enumerate(CASES)
)

LINES = [f"Case{number} value={text}" for number, (_, text, _) in enumerate(CASES)]

#: The command's own entry, once a line; a process for each would take a minute.
COMMANDS = """
import json, sys
from nbflow.cli import main
codes = []
for words in json.load(sys.stdin):
    try:
        codes.append(main(words))
    except SystemExit as end:
        codes.append(end.code)
print(codes, file=sys.stderr)
sys.exit(any(codes))
"""

FORM = """
from nbflow.invocation.panels import form
from nbflow.widgets.controls import written
panel = form(Case{number})
panel.act("set", {{"name": "value", "value": written(Case{number}.value, {python})}})
assert panel.errors == {{}}, panel.errors
panel.act("run", {{}})
panel.run.wait(60)
"""


def words_of(line):
    """The line as a shell hands it over."""
    name, _, value = line.partition(" ")
    value = value.removeprefix("value=")
    if len(value) >= 2 and value[0] == value[-1] == "'":
        value = value[1:-1]
    return [name, f"value={value}"]


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """What each way wrote, by file."""
    project = tmp_path_factory.mktemp("parity")
    (project / "nbflow.toml").touch()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(DEFINITIONS)])
    nbformat.write(notebook, project / "jobs.ipynb")
    folders = {}
    for way in ("line", "block", "form", "command", "export"):
        folders[way] = project / way
        folders[way].mkdir()
    with kernel(project, NBFLOW_DISPLAY="static") as running:
        assert running.run(f"%load_ext nbflow\n{DEFINITIONS}").errors == []

        def use(way):
            running.run(f"os.environ['NBFLOW_PARITY'] = {str(folders[way])!r}")

        use("line")
        for line in LINES:
            assert running.run(f"%nbflow run {line}").errors == [], line
        use("block")
        for number, (_, _, python) in enumerate(CASES):
            block = f"%%nbflow run Case{number}\nvalue = {python}"
            assert running.run(block).errors == [], block
        use("form")
        for number, (_, _, python) in enumerate(CASES):
            code = FORM.format(number=number, python=python)
            assert running.run(code).errors == [], code
        assert running.run("%nbflow export jobs.ipynb flow.py").errors == []
    for way, source in (("command", "jobs.ipynb"), ("export", "flow.py")):
        lines = [["run", source, *words_of(line)] for line in LINES]
        done = subprocess.run(
            [sys.executable, "-c", COMMANDS],
            cwd=project,
            env=os.environ | {"NBFLOW_PARITY": str(folders[way])},
            input=json.dumps(lines),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
    return {way: files(folder) for way, folder in folders.items()}


@pytest.mark.parametrize("way", ["block", "form", "command", "export"])
def test_ids_and_outputs_are_those_of_the_line(way, written):
    expected, found = written["line"], written[way]

    print(f"T-15 {way}: {len(set(expected.items()) & set(found.items()))} of {len(CASES)} equal")
    assert len(expected) == len(CASES)
    assert found == expected
