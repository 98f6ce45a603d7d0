"""What each command prints, and the code with which it ends."""

from __future__ import annotations

import gc
import json
import subprocess
import sys

import pytest

REPORT = ("jobs.py", "Report", "date=2026-08-01")


def test_run_tells_what_ran_and_where_the_outputs_lie(nbflow, jobs):
    done = nbflow("run", *REPORT)

    assert done.returncode == 0
    assert "✓ Report(date=2026-08-01, base=EUR) succeeded" in done.stdout
    assert "data/report-2026-08-01-EUR.txt" in done.stdout
    start, end = done.stderr.splitlines()
    assert start.endswith("Report(date=2026-08-01, base=EUR): 2 to run, 0 complete")
    assert "succeeded in" in end
    assert (jobs / "data" / "report-2026-08-01-EUR.txt").read_text() == "2"


def test_second_run_finds_everything_complete(nbflow):
    nbflow("run", *REPORT)

    done = nbflow("run", *REPORT)

    assert done.returncode == 0
    assert "is already complete" in done.stdout


def test_run_as_json_is_one_document(nbflow):
    done = nbflow("run", *REPORT, "--json")

    assert "made in" in done.stderr
    result = json.loads(done.stdout)
    assert (result["status"], result["exit_code"]) == ("SUCCEEDED", 0)
    assert result["counts"] == {"done": 2}


CHATTY = """
import nbflow
print("imported")

class Chatty(nbflow.Task):
    def complete(self):
        print("asked")
        return False
    def run(self):
        print("runs")
"""


@pytest.mark.parametrize(
    "command",
    ["run", "plan", "dag", "tasks", "params", "show"],
)
def test_document_holds_nothing_that_modules_and_tasks_print(command, nbflow, jobs):
    (jobs / "chatty.py").write_text(CHATTY)
    task = [] if command == "tasks" else ["Chatty"]

    done = nbflow(command, "chatty.py", *task, "--json")

    assert json.loads(done.stdout)
    assert "imported" in done.stderr


def test_picture_in_words_holds_nothing_that_modules_print(nbflow, jobs):
    (jobs / "chatty.py").write_text(CHATTY)

    assert nbflow("dag", "chatty.py", "Chatty", "--format", "dot").stdout.startswith("digraph")
    assert nbflow("run", "chatty.py", "Chatty", "--show-code").stdout.startswith("import nbflow")


def test_output_to_a_full_disk_is_told_and_has_its_own_code(jobs):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "nbflow", "tasks", "jobs.py"],
            cwd=jobs,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 74
    assert done.stderr == "nbflow: the output could not be written: No space left on device\n"


def test_notebook_runs_in_its_own_folder(nbflow, jobs):
    done = nbflow("run", "notes/cells.ipynb", "CellReport", "--date", "2026-08-01")

    assert done.returncode == 0, done.stderr
    assert (jobs / "notes" / "cell-2026-08-01.txt").read_text() == "3"


def test_module_and_file_run_in_the_working_directory(nbflow, jobs):
    other = jobs / "elsewhere"
    other.mkdir()

    done = nbflow("run", "../jobs.py", *REPORT[1:], cwd=other)

    assert done.returncode == 0, done.stderr
    assert (other / "data" / "report-2026-08-01-EUR.txt").exists()
    assert nbflow("plan", "jobs.Report", "date=2026-08-01").returncode == 0


def test_upstream_value_and_configured_default_reach_the_tasks_below(nbflow, jobs):
    nbflow("run", *REPORT, "Raw.scale=7")
    assert (jobs / "data" / "raw-2026-08-01-7.txt").exists()

    (jobs / "nbflow.toml").write_text("[tasks.Raw]\nscale = 9\n[tasks.Report]\nbase = 'USD'\n")
    nbflow("run", *REPORT)
    assert (jobs / "data" / "raw-2026-08-01-9.txt").exists()
    assert (jobs / "data" / "report-2026-08-01-USD.txt").exists()


def test_failed_task_is_told_with_its_line(nbflow):
    done = nbflow("run", "jobs.py", "Failing")

    assert done.returncode == 1
    assert "✗ Failing() failed: KeyError: 'amount'  jobs.py, line" in done.stderr
    assert "1 ran · 1 failed" in done.stdout
    assert 'return {}["amount"]' in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["rnu"], 2, "UnknownCommand: 'rnu' is no command. Did you mean run?"),
        (["run", "Report"], 2, "UnknownTask: no task named 'Report': no task is defined yet."),
        (["run", "jobs.py", "Reprot"], 2, "Did you mean Report?  (7 tasks are registered: nbflow tasks)"),
        (["run", "jobs.py", "Report"], 2, "MissingParameter: Report needs date (Date, e.g. date="),
        (["run", "jobs.py", "Report", "dat=1"], 2, "UnknownParameter: Report has no parameter 'dat'. Did you mean date?"),
        (["run", *REPORT, "date=2026-08-02"], 2, "DuplicateParameter: date is given twice (2026-08-01, 2026-08-02)."),
        (["run", *REPORT, "base=EURO"], 2, "BadValue: base=EURO — choose one of EUR, USD. Did you mean EUR?"),
        (["run", *REPORT, "--worker", "4"], 2, "UnknownFlag: --worker is no flag of run. Did you mean --workers?"),
        (["run", *REPORT, "--base"], 2, "BadValue: --base needs a value: --base VALUE, or base=VALUE."),
        (["run", *REPORT, "--bg"], 2, "NotSupportedHere: --bg belongs to a notebook"),
        (["run", *REPORT, "--view", "dag"], 2, "NotSupportedHere: --view is not in this version"),
        (["run", *REPORT, "Raw.scal=2"], 2, "UnknownParameter: Raw has no parameter 'scal'. Did you mean scale?"),
        (["run", "jbos", "Report"], 2, "Source: there is no module 'jbos'. Did you mean jobs?"),
        (["run", "no.ipynb", "Report"], 2, "Source: there is no file"),
        (["run", "json.Report"], 2, "UnknownTask: no task named 'json.Report'"),
        (["config", "display=static"], 2, "NotSupportedHere: display would be set until this command ends"),
        (["run", "jobs.py", "Circle"], 3, "Cycle: a task requires itself: Circle() -> Circle()."),
    ],
)  # fmt: skip
def test_wrong_line_is_one_line_on_stderr(nbflow, words, code, error):
    done = nbflow(*words)

    assert error in done.stderr
    assert done.stderr.count("\n") == 1
    assert (done.returncode, done.stdout) == (code, "")


def test_missing_input_has_its_own_code(nbflow):
    done = nbflow("run", "jobs.py", "NeedsInput")

    assert done.returncode == 3
    assert "Input()" in done.stdout


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import nbflow\n1 / 0\n", "Source: bad.py cannot be loaded: ZeroDivisionError: division by zero  (bad.py, line 2)"),
        ("import no_such_package\n", "No module named 'no_such_package'"),
        ("class A(:\n", "SyntaxError"),
        ("import sys\nsys.exit(0)\n", "SystemExit: 0"),
    ],
)  # fmt: skip
def test_source_that_fails_says_where(nbflow, jobs, code, error):
    (jobs / "bad.py").write_text(code)

    done = nbflow("run", "bad.py", "A")

    assert error in done.stderr
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_file_named_like_another_module_is_refused(nbflow, jobs):
    (jobs / "json.py").write_text("")

    done = nbflow("tasks", "json.py")

    assert done.returncode == 2
    assert "would be imported as 'json', which is another module" in done.stderr


def test_plan_and_dry_run_run_nothing(nbflow, jobs):
    plan = nbflow("plan", *REPORT)
    dry = nbflow("run", *REPORT, "--dry-run")

    assert plan.stdout == dry.stdout
    assert "2 tasks: 2 to run, 0 complete" in plan.stdout
    assert not (jobs / "data").exists()


def test_plan_says_what_is_forced(nbflow):
    nbflow("run", *REPORT)

    assert "0 to run" in nbflow("plan", *REPORT).stdout
    assert "1 to run" in nbflow("plan", *REPORT, "--force").stdout
    assert "Raw" in nbflow("plan", *REPORT, "--force=Raw*").stdout


def test_dag_is_a_tree_or_the_text_of_another_tool(nbflow):
    assert "Raw(date=2026-08-01" in nbflow("dag", *REPORT).stdout
    assert nbflow("dag", *REPORT, "--format", "dot").stdout.startswith("digraph")
    assert nbflow("dag", *REPORT, "--format=mermaid").stdout.startswith(("flowchart", "graph"))
    tasks = json.loads(nbflow("dag", *REPORT, "--json").stdout)["tasks"]
    assert [task["state"] for task in tasks] == ["pending", "pending"]


def test_tasks_are_listed_and_found_by_a_pattern(nbflow):
    listed = nbflow("tasks", "jobs.py").stdout
    assert "Report of a day." in listed
    assert "date*, base" in listed

    families = [
        row["family"]
        for row in json.loads(nbflow("tasks", "jobs.py", "R*", "--json").stdout)["tasks"]
    ]
    assert families == ["Raw", "Report"]
    assert "There is no task that 'X*' matches" in nbflow("tasks", "jobs.py", "X*").stdout


def test_params_and_show_mask_what_is_private(nbflow):
    params = nbflow("params", *REPORT, "token=secret1")
    shown = nbflow("show", *REPORT, "token=secret1")
    code = nbflow("run", *REPORT, "token=secret1", "--show-code")

    assert "day to report" in params.stdout
    assert "Raw.scale" in params.stdout
    assert "data/report-2026-08-01-EUR.txt" in shown.stdout
    for done in (params, shown, code):
        assert done.returncode == 0, done.stderr
        assert "secret1" not in done.stdout + done.stderr
        assert "••••" in done.stdout


def test_show_code_gives_lines_that_run(nbflow, jobs):
    done = nbflow("run", *REPORT, "--show-code", "--fail-fast")
    python, command = done.stdout.split("\n\n")

    assert not (jobs / "data").exists()
    assert "nbflow.run(Report(date=datetime.date(2026, 8, 1)), fail_fast=True)" in python
    assert command.strip() == "# nbflow run jobs.py Report date=2026-08-01 --fail-fast"


def test_show_code_of_a_notebook_gives_python_that_runs(nbflow, jobs):
    words = ("notes/cells.ipynb", "CellReport", "date=2026-08-01")
    python = nbflow("run", *words, "--show-code").stdout.split("\n\n")[0]

    done = subprocess.run([sys.executable, "-c", python], cwd=jobs, capture_output=True, check=True)

    assert (jobs / "cell-2026-08-01.txt").read_text() == "3", done.stderr


def test_config_shows_where_each_value_comes_from(nbflow, jobs):
    (jobs / "nbflow.toml").write_text("log_cap = '1 MB'\n")

    told = nbflow("config", NBFLOW_WORKERS="3").stdout
    data = json.loads(nbflow("config", "--json").stdout)

    assert "NBFLOW_WORKERS" in told
    assert "/nbflow.toml" in told  # a long path is cut in its middle
    assert data["project"] == str(jobs)


def test_broken_configuration_is_one_line(nbflow, jobs):
    (jobs / "nbflow.toml").write_text("worker = 3\n")

    done = nbflow("run", *REPORT)

    assert done.returncode == 2
    assert "nbflow.toml: there is no setting 'worker'. Did you mean workers?" in done.stderr


def test_help_and_version(nbflow):
    assert nbflow().stdout == nbflow("help").stdout == nbflow("--help").stdout
    assert nbflow("help", "run").stdout == nbflow("run", "--help").stdout
    assert nbflow("--version").stdout.startswith("nbflow ")


def test_words_of_the_command_line_are_never_evaluated(nbflow):
    done = nbflow("plan", "jobs.py", "Report", "date={1/0}")

    assert done.returncode == 2
    assert "BadValue: date={1/0}" in done.stderr


def test_help_is_light(python):
    done = python(
        "import sys; from nbflow.cli import main\n"
        "main(['help', 'run']); main(['help'])\n"
        "heavy = {'IPython', 'pandas', 'rich', 'asyncio', 'msgspec', 'sqlite3', 'tornado'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()"
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_terminal_without_unicode_gets_ascii(nbflow):
    done = nbflow("run", *REPORT, PYTHONUTF8="0", PYTHONIOENCODING="ascii")

    assert done.returncode == 0
    assert (done.stdout + done.stderr).isascii()
    assert "+ Report" in done.stdout


def test_error_inside_nbflow_has_its_own_code(python):
    done = python(
        "from nbflow import cli\n"
        "cli._HANDLERS['tasks'] = lambda invocation: 1 / 0\n"
        "raise SystemExit(cli.main(['tasks']))"
    )

    assert done.returncode == 70
    assert "ZeroDivisionError" in done.stderr


def test_our_warnings_are_one_line_and_others_keep_their_place(nbflow, jobs):
    (jobs / ".nbflow").mkdir(exist_ok=True)
    (jobs / ".nbflow" / "nbflow.db").write_bytes(b"this is no database" * 100)
    (jobs / "warns.py").write_text(
        "import warnings\nimport nbflow\n\n"
        "class Warns(nbflow.Task):\n    def run(self):\n        pass\n\n"
        "warnings.simplefilter('always')\nwarnings.warn('old way', UserWarning)\n"
    )

    told = nbflow("run", "warns.py", "Warns").stderr

    assert "\nStore: the history in " in f"\n{told}"
    assert "notice.say" not in told
    assert "UserWarning: old way" in told


def test_the_command_collects_rarely_and_a_program_that_calls_it_as_before(nbflow, jobs):
    (jobs / "collecting.py").write_text(
        "import gc\n"
        "import nbflow\n"
        "from nbflow import cli\n"
        "class Ask(nbflow.Task):\n"
        "    def run(self):\n"
        "        print('asked', gc.get_threshold())\n"
        "if __name__ == '__main__':\n"
        "    cli.main(['run', 'collecting.py', 'Ask', '--tee'])\n"
    )

    as_command = nbflow("run", "collecting.py", "Ask", "--tee").stdout
    as_program = subprocess.run(
        [sys.executable, "collecting.py"], cwd=jobs, capture_output=True, text=True, check=True
    ).stdout

    assert "asked (50000, 20, 100)" in as_command
    assert f"asked {gc.get_threshold()}" in as_program
