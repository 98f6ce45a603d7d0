"""A mistake is an `error` message with one exact line, so that everything that runs notebooks stops.

Source of the texts: the list of errors in the description of the notebook's faces.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

NBVAL = ("--nbval-lax", "--nbval-current-env")

DEFINITIONS = """
%load_ext nbflow
import nbflow, datetime as dt, sqlite3, sys, types
from typing import Literal

class Report(nbflow.Task):
    date: dt.date
    base: Literal["EUR", "USD", "GBP"] = "EUR"
    limit: int = 100
    def run(self):
        pass

class Features(nbflow.Task):
    def __init__(self):
        super().__init__()
        self.conn = sqlite3.connect(":memory:")
    def run(self):
        pass

class Loop(nbflow.Task):
    def requires(self):
        return Loop()

class Bad(nbflow.Task):
    def run(self):
        raise KeyError("amount")

data = [1]
report = types.SimpleNamespace()
for name in ("sales.tasks", "hr.tasks"):
    sys.modules[name] = module = types.ModuleType(name)
    exec("import nbflow\\nclass Upload(nbflow.Task):\\n    pass", module.__dict__)
"""

#: What follows `%nbflow`: the line that is printed.
MISTAKES = {
    "run Reprot": "UnknownTask: no task named 'Reprot'. Did you mean Report?  "
    "(5 tasks are registered: %nbflow tasks)",
    "run Upload": "AmbiguousTask: 'Upload' exists in sales.tasks and hr.tasks. "
    "Write sales.tasks.Upload or hr.tasks.Upload.",
    "run Report dat=2026-08-01": "UnknownParameter: Report has no parameter 'dat'. "
    "Did you mean date?  Parameters: date*, base, limit.",
    "run Report": "MissingParameter: Report needs date (Date, e.g. date=2026-08-22). "
    "Optional: base, limit.",
    "run Report date=2026-13-01": "BadValue: date=2026-13-01 — month must be in 1..12. "
    "Date parameters look like 2026-08-22.",
    "run Report date=2026-08-01 base=EURO": "BadValue: base=EURO — choose one of EUR, USD, GBP. "
    "Did you mean EUR?",
    "run Report date=2026-08-01 limit=ten": "BadValue: limit=ten — not a whole number. "
    "Int parameters look like 42.",
    "run Report date=$dta": "UndefinedVariable: $dta is not defined in the notebook. "
    "Did you mean $data or $dt? For a literal write '$dta'.",
    "run Report date=2026-08-01 date=2026-08-02": "DuplicateParameter: date is given twice "
    "(2026-08-01, 2026-08-02).",
    "run $report": "NotATask: $report is a SimpleNamespace; expected a Task class or instance.",
    "run Report date=2026-08-01 --worker 2": "UnknownFlag: --worker is no flag of run. "
    "Did you mean --workers?",
    "run Report date=2026-08-01 --workers x": "BadFlagValue: --workers=x — expected a whole number "
    "of at least 1. See %nbflow help run.",
    "run Loop": "Cycle: a task requires itself: Loop() -> Loop(). Nothing was run; "
    "remove one of these requirements.",
    "run Bad": "RunFailed: 1 task failed: Bad() — KeyError: 'amount'",
    "completion bash": "NotSupportedHere: completion belongs to a terminal: nbflow completion.",
}


@pytest.fixture(scope="module")
def erring(bare):
    assert bare.run(DEFINITIONS).errors == []
    yield bare
    bare.run("%unload_ext nbflow")


@pytest.mark.parametrize("line", MISTAKES)
def test_mistake_is_an_error_message_of_one_exact_line(line, erring):
    out = erring.run(f"%nbflow {line}")

    assert out.reply["status"] == "error"
    assert [error["traceback"] for error in out.errors] == [[MISTAKES[line]]]
    assert out.results == []
    assert out.stream == ""


def test_attribute_that_cannot_be_sent_to_a_worker_is_named(erring):
    out = erring.run("%nbflow run Features --workers 2")

    assert out.errors[0]["ename"] == "RunFailedError"
    shown = erring.run("%nbflow last").results[0]["data"]["text/plain"]
    assert (
        "NotPicklable: Features cannot be sent to a worker process: attribute self.conn is a "
        "sqlite3.Connection. Open it in run(), or use --executor thread."
    ) in " ".join(shown.split())


def test_failure_in_a_worker_process_names_the_cell_and_shows_its_lines(erring):
    erring.run(
        "class Wrong(nbflow.Task):\n    def run(self):\n        rows = {}\n        rows['amount']"
    )

    out = erring.run("%nbflow run Wrong --workers 2 --no-raise")

    cards = (m["data"].get("text/plain", "") for m in [*out.displays, *out.updates, *out.results])
    told = " ".join(" ".join(cards).split())
    assert re.search(r"KeyError: 'amount' In\[[\d…]+\], line 4, in run", told)
    assert "> 4 | rows['amount']" in told
    assert "ipykernel_" not in told


def test_instance_of_a_class_that_changed_its_parameters_says_how_to_make_it_again(erring):
    erring.run("class Old(nbflow.Task):\n    date: dt.date\nold = Old(date=dt.date(2026, 8, 1))")
    erring.run("class Old(nbflow.Task):\n    day: dt.date")

    out = erring.run("%nbflow run $old")

    assert out.errors[0]["traceback"] == [
        "StaleInstance: Old(date=2026-08-01) was created from Old v1; make it again: Old(day=…)"
    ]


def test_nbclient_stops_at_a_mistake(tmp_path):
    cells = [DEFINITIONS, "%nbflow run Reprot", "print('not reached')"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    (tmp_path / "nbflow.toml").touch()

    with pytest.raises(CellExecutionError, match="UnknownTask: no task named 'Reprot'"):
        NotebookClient(
            notebook, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
        ).execute()

    assert notebook.cells[2].outputs == []


def test_nbval_fails_every_cell_with_a_mistake(tmp_path):
    cells = [DEFINITIONS, *(f"%nbflow {line}" for line in MISTAKES)]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, tmp_path / "mistakes.ipynb")
    for name in ("pytest.ini", "nbflow.toml"):
        (tmp_path / name).write_text("[pytest]\n" if name == "pytest.ini" else "")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", *NBVAL, "mistakes.ipynb"],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if not key.startswith("PYTEST")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    failed = {int(number) for number in re.findall(r"::Cell (\d+) FAILED", done.stdout)}
    assert failed == set(range(1, len(cells))), done.stdout
