"""An invocation to a task, its options, and the Python that does the same."""

from __future__ import annotations

import datetime as dt
import sys

import pytest

import nbflow
from nbflow import config
from nbflow.core import errors as e
from nbflow.invocation import parse
from nbflow.invocation.options import command_line, python_code, run_options
from nbflow.invocation.sources import load_source
from nbflow.invocation.tasks import find_task, task_of

DAY = dt.date(2026, 8, 1)


class InvokedInput(nbflow.ExternalTask):
    scale: int = 1
    key: str = nbflow.Parameter(default="", visibility=nbflow.ParameterVisibility.PRIVATE)


class InvokedReport(nbflow.Task):
    """Report of a day."""

    date: dt.date
    base: str = nbflow.ChoiceParameter(choices=["EUR", "USD"], default="EUR")
    loud: bool = False
    note: str = ""
    token: str = nbflow.Parameter(default="", visibility=nbflow.ParameterVisibility.PRIVATE)

    def requires(self):
        return InvokedInput()


def built(line: str, names=None) -> InvokedReport:
    with task_of(parse(line, names=names)) as task:
        return task


# -- which task -----------------------------------------------------------------------------------


def test_text_and_objects_agree():
    from_text = built("run InvokedReport date=2026-08-01")

    assert built("run InvokedReport date=$d", {"d": DAY}) is from_text
    assert built("run InvokedReport date={d}", {"d": DAY}) is from_text
    assert built("run InvokedReport date=$d", {"d": "2026-08-01"}) is from_text
    assert built("run InvokedReport --date 2026-08-01") is from_text
    assert built("run InvokedReport(date=2026-08-01)") is from_text
    assert built(f"run {__name__}.InvokedReport date=2026-08-01") is from_text


def test_class_and_instance_by_variable():
    names = {"cls": InvokedReport, "task": InvokedReport(date=DAY, base="USD")}

    assert built("run $cls date=2026-08-01", names) == InvokedReport(date=DAY)
    assert built("run $task", names) is names["task"]
    assert built("run $task loud=true", names) == InvokedReport(date=DAY, base="USD", loud=True)
    assert built("run {task.clone(note='x')}", names).note == "x"


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        ([1], "$thing is a list; expected a Task class or instance."),
        (3, "$thing is an int; expected a Task class or instance."),
        (dict, "$thing is the class dict; expected a Task class or instance."),
    ],
)
def test_variable_that_is_no_task(thing: object, message: str):
    with pytest.raises(e.NotATaskError) as caught:
        built("run $thing", {"thing": thing})

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("run InvokedReprt", e.UnknownTaskError, "Did you mean InvokedReport or InvokedInput?"),
        ("run InvokedReport", e.MissingParameterError, "InvokedReport needs date (Date, e.g. date="),
        ("run InvokedReport dat=1", e.UnknownParameterError, "Did you mean date?"),
        ("run InvokedReport date=x", e.BadValueError, "date=x — "),
        ("run InvokedReport date=2026-08-01 base=EURO", e.BadValueError, "choose one of EUR, USD. Did you mean EUR?"),
        ("run InvokedReport date=2026-08-01 date=2026-08-02", e.DuplicateParameterError, "date is given twice (2026-08-01, 2026-08-02)."),
        ("run InvokedReport --dat 2026-08-01", e.UnknownFlagError, "--dat is no flag of run."),
        ("run InvokedReport --date 2026-08-01 --note", e.BadValueError, "--note needs a value"),
        ("run InvokedReport date=2026-08-01 InvokedInput.scal=2", e.UnknownParameterError, "InvokedInput has no parameter 'scal'. Did you mean scale?"),
        ("run InvokedReport date=2026-08-01 InvokedInput.scale=x", e.BadValueError, "InvokedInput.scale=x — "),
        ("run InvokedReport date=2026-08-01 InvokedInput.scale=1 InvokedInput.scale=2", e.DuplicateParameterError, "is given 2 times (1, 2)."),
    ],
)  # fmt: skip
def test_wrong_words_say_what_to_do(line: str, error: type[Exception], message: str):
    with pytest.raises(error) as caught:
        built(line)

    assert message in str(caught.value)


def test_luigi_spelling_of_a_bool_needs_no_value():
    assert built("run InvokedReport --date 2026-08-01 --loud").loud is True


def test_upstream_value_holds_inside_of_the_block_only():
    line = "run InvokedReport date=2026-08-01 InvokedInput.scale=7"

    with task_of(parse(line)) as task:
        assert task.requires().scale == 7
    assert InvokedReport(date=DAY).requires().scale == 1


def test_configured_default_of_no_parameter_is_refused(project):
    (project / "nbflow.toml").write_text("[tasks.InvokedReport]\nbsae = 'USD'\n")
    config.refresh()

    with pytest.raises(e.ConfigError, match=r"InvokedReport has no parameter 'bsae'. Did you mean"):
        built("run InvokedReport date=2026-08-01")


# -- sources --------------------------------------------------------------------------------------


@pytest.fixture
def path(project, monkeypatch):
    """A project whose modules are forgotten afterwards."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield project
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_module_of_the_working_directory_is_imported_by_its_name(path):
    (path / "flow_one.py").write_text("import nbflow\nclass FlowOne(nbflow.Task): pass\n")

    with task_of(parse("run flow_one.FlowOne")) as task:
        assert type(task).__module__ == "flow_one"
    assert find_task(parse("run flow_one.py FlowOne")) is type(task)
    assert find_task(parse("run flow_one FlowOne")) is type(task)


def test_file_can_import_its_neighbours(path):
    folder = path / "steps"
    folder.mkdir()
    (folder / "flow_neighbour.py").write_text("VALUE = 3\n")
    (folder / "flow_two.py").write_text("from flow_neighbour import VALUE\n")

    assert load_source(parse("tasks steps/flow_two.py")).VALUE == 3


def test_script_with_cells_gives_its_definitions(path):
    (path / "flow_cells.py").write_text("# %%\nx = 3\n# %%\nprint(1 / 0)\n")

    assert load_source(parse("tasks flow_cells.py")).x == 3


def test_dotted_file_name_is_refused(path):
    (path / "flow.three.py").write_text("")

    with pytest.raises(e.SourceError, match="a module's name has no dots"):
        load_source(parse("tasks flow.three.py"))


# -- options and lines ----------------------------------------------------------------------------


def test_flags_are_options_of_a_run(project, monkeypatch):
    monkeypatch.setenv("NBFLOW_WORKERS", "3")
    line = "run InvokedReport date=2026-08-01 -x --retry 2 --timeout 10m --force --name label"
    invocation = parse(line)

    options = run_options(invocation, built(line), where="cli")

    assert (options.workers, options.fail_fast, options.retry) == (3, True, 2)
    assert (options.timeout, options.force, options.name) == (600.0, ("",), "label")
    assert options.where == "cli"
    assert options.invocation == (
        "nbflow run InvokedReport date=2026-08-01 --fail-fast --retry=2 --timeout=600 --force "
        "--name=label"
    )


def test_flag_wins_over_the_setting(project, monkeypatch):
    monkeypatch.setenv("NBFLOW_WORKERS", "3")
    line = "run InvokedReport date=2026-08-01 --workers 1"

    assert run_options(parse(line), built(line), where="cli").workers == 1


def test_line_has_resolved_values_and_no_private_one():
    names = {"d": DAY, "secret": "s3cret"}
    invocation = parse("run InvokedReport date={d} token=$secret note='a  b?'", names=names)
    with task_of(invocation) as task:
        line = command_line(invocation, task, shell=False)

        assert line == "%nbflow run InvokedReport date=2026-08-01 token='••••' note='a  b?'"
        assert "s3cret" not in python_code(invocation, task)


def test_pasted_mask_of_a_private_value_is_refused():
    with pytest.raises(e.BadValueError, match=r"^token=•••• stands for a value that is not shown"):
        built("run InvokedReport date=2026-08-01 token='••••'")
    with pytest.raises(e.BadValueError, match=r"^InvokedInput\.key=•••• stands for"):
        built("run InvokedReport date=2026-08-01 InvokedInput.key='••••'")

    assert built("run InvokedReport date=2026-08-01 note='••••'").note == "••••"


def test_private_upstream_value_is_in_no_line():
    invocation = parse("run InvokedReport date=2026-08-01 InvokedInput.key=s3cret")
    with task_of(invocation) as task:
        assert "s3cret" not in command_line(invocation, task) + python_code(invocation, task)
        assert task.requires().key == "s3cret"


def test_line_of_an_instance_has_its_values():
    names = {"task": InvokedReport(date=DAY, base="USD")}
    invocation = parse("run $task", names=names)
    with task_of(invocation) as task:
        line = command_line(invocation, task)

    assert line.startswith("nbflow run InvokedReport date=2026-08-01 base=USD")


def test_python_code_runs():
    invocation = parse("plan InvokedReport date=2026-08-01 loud=true", names=None)
    with task_of(invocation) as task:
        code = python_code(invocation, task)

    assert code.splitlines()[-1] == (
        "nbflow.plan(InvokedReport(date=datetime.date(2026, 8, 1), loud=True))"
    )
    scope: dict[str, object] = {}
    exec(compile(code.replace("nbflow.plan", "made ="), "<code>", "exec"), scope)
    assert scope["made"] == task
