"""Settings: where they are looked for, which wins, and what is said of a wrong one."""

from __future__ import annotations

import datetime as dt
import os

import pytest

from nbflow import config
from nbflow.core.errors import ConfigError
from nbflow.core.model import defaults


@pytest.fixture(autouse=True)
def fresh(project, monkeypatch):
    """A project of its own, nothing set, files looked at every time."""
    monkeypatch.setattr(config, "_FRESH_SECONDS", -1.0)
    monkeypatch.setattr(config, "_assigned", {})
    monkeypatch.setattr(config, "_is_source", False)
    for variable in [name for name in os.environ if name.startswith("NBFLOW_")]:
        monkeypatch.delenv(variable)


# -- the project ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "text", "marker"),
    [
        ("nbflow.toml", "", "nbflow.toml"),
        (".nbflow/nbflow.db", "", ".nbflow"),
        ("pyproject.toml", "[tool.nbflow]\n", "pyproject.toml"),
        ("pyproject.toml", "[tool]\nnbflow.workers = 2\n", "pyproject.toml"),
    ],
)
def test_project_is_the_nearest_parent_with_a_mark(project, path, text, marker):
    top = project / "top"
    (top / "sub" / ".git").mkdir(parents=True)
    (top / path).parent.mkdir(exist_ok=True)
    (top / path).write_text(text)

    found = config.find_project(top / "sub")

    assert found == config.Project(str(top), str(top / ".nbflow"), marker)


def test_project_is_the_nearest_repository_without_a_mark(tmp_path_factory):
    top = tmp_path_factory.mktemp("repository")
    (top / ".git").mkdir()
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "pyproject.toml").write_text("[project]\ndependencies = ['nbflow']\n")

    assert config.find_project(top / "a" / "b").root == str(top)


def test_project_is_the_folder_itself_without_anything(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bare")

    assert config.find_project(folder) == config.Project(str(folder), str(folder / ".nbflow"), "")


def test_home_of_the_environment_wins(project, monkeypatch):
    monkeypatch.setenv("NBFLOW_HOME", "elsewhere")

    assert config.find_project().home == str(project / "elsewhere")
    assert config.find_project().root == str(project)


# -- precedence -----------------------------------------------------------------------------------


def test_each_place_wins_over_the_next(project, monkeypatch):
    pyproject = f"{project}/pyproject.toml [tool.nbflow]"
    assert config.lookup("workers") == ("workers", 1, "default")

    (project / "pyproject.toml").write_text("[tool.nbflow]\nworkers = 2\n")
    assert config.lookup("workers") == ("workers", 2, pyproject)

    (project / "nbflow.toml").write_text("workers = 3\n")
    assert config.lookup("workers") == ("workers", 3, f"{project}/nbflow.toml")

    monkeypatch.setenv("NBFLOW_WORKERS", "4")
    assert config.lookup("workers") == ("workers", 4, "NBFLOW_WORKERS")

    config.assign("workers", "5")
    assert config.lookup("workers") == ("workers", 5, "this process")

    config.unassign("workers")
    assert config.value("workers") == 4


def test_file_is_read_again_when_it_changes(project):
    (project / "nbflow.toml").write_text("workers = 3\n")
    assert config.value("workers") == 3

    (project / "nbflow.toml").write_text("workers = 30\n")
    assert config.value("workers") == 30


def test_another_folder_is_another_project(project, tmp_path_factory, monkeypatch):
    (project / "nbflow.toml").write_text("workers = 3\n")
    assert config.value("workers") == 3

    monkeypatch.chdir(tmp_path_factory.mktemp("other"))
    assert config.value("workers") == 1


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("display", "static", "static"),
        ("stable", "true", True),
        ("stable", "auto", None),
        ("ascii", "0", False),
        ("log_cap", "16 MB", 16_000_000),
        ("log_cap", "500k", 500_000),
        ("log_cap", "1024", 1024),
        ("fsync", "full", "full"),
        ("dot", "/usr/bin/dot", "/usr/bin/dot"),
    ],
)
def test_value_from_text(monkeypatch, name, text, value):
    monkeypatch.setenv(f"NBFLOW_{name.upper()}", text)

    assert config.value(name) == value


def test_all_settings_are_listed_with_their_origin(project, monkeypatch):
    (project / "nbflow.toml").write_text(
        "store = 'memory:'\n[resources]\ndb = 2\n[tasks.Report]\nbase = 'EUR'\n"
    )
    (project / "pyproject.toml").write_text("[tool.nbflow.tasks.Report]\nbase = 'USD'\nn = 1\n")

    rows = {name: (value, origin) for name, value, origin in config.settings()}

    own, shared = f"{project}/nbflow.toml", f"{project}/pyproject.toml [tool.nbflow]"
    assert rows.keys() >= config.SETTINGS.keys()
    assert rows["display"] == ("auto", "default")
    assert rows["store"] == ("memory:", own)
    assert rows["resources.db"] == (2, own)
    assert rows["tasks.Report.base"] == ("EUR", own)
    assert rows["tasks.Report.n"] == (1, shared)


# -- tables ---------------------------------------------------------------------------------------


def test_defaults_of_tasks(project):
    (project / "nbflow.toml").write_text(
        '[tasks.Report]\ndate = 2026-08-01\nbase = "EUR"\nfilters = {country = ["SE"]}\n'
        '[tasks."flights.Daily"]\nn = 1\n[tasks.flights.Monthly]\nn = 2\n'
    )
    (project / "pyproject.toml").write_text("[tool.nbflow.tasks.Report]\nbase = 'USD'\nn = 1\n")
    own, shared = f"{project}/nbflow.toml", f"{project}/pyproject.toml"
    report = f"{own} [tasks.Report]"

    assert config.task_defaults("Report", "date") == (dt.date(2026, 8, 1), report)
    assert config.task_defaults("Report", "base") == ("EUR", report)
    assert config.task_defaults("Report", "n") == (1, f"{shared} [tool.nbflow.tasks.Report]")
    assert config.task_defaults("Report", "filters") == ({"country": ["SE"]}, report)
    assert config.task_defaults("flights.Daily", "n") == (1, f"{own} [tasks.flights.Daily]")
    assert config.task_defaults("flights.Monthly", "n") == (2, f"{own} [tasks.flights.Monthly]")
    assert config.task_defaults("Report", "other") is None
    assert config.task_defaults("Other", "date") is None


def test_resources(project):
    (project / "nbflow.toml").write_text("[resources]\ndb = 2\nlicence = 1\n")

    assert config.resources() == {"db": 2, "licence": 1}


def test_defaults_that_change_in_their_file_hold_for_the_next_task(project):
    (project / "nbflow.toml").write_text("[tasks.Report]\nn = 1\n")
    defaults.set_provider(config.provide_defaults)
    try:
        before = defaults.current()
        assert before.lookup("Report", "n") == (True, 1, f"{project}/nbflow.toml [tasks.Report]")
        assert before.lookup("Report", "m") == (False, None, "")

        (project / "nbflow.toml").write_text("[tasks.Report]\nn = 22\n")
        config.refresh()

        assert defaults.current() is not before
        assert defaults.current().lookup("Report", "n")[1] == 22
    finally:
        defaults.set_provider(None)


# -- wrong ones -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("worker = 3", "nbflow.toml: there is no setting 'worker'. Did you mean workers?"),
        ("workers = 0", "nbflow.toml: workers=0 — expected a whole number of at least 1."),
        ("workers = true", "workers=True — expected a whole number"),
        ("display = 'stattic'", "choose one of auto, live, widgets, static, plain. Did you mean static?"),
        ("display = 3", "display=3 — expected text."),
        ("stable = 'perhaps'", "stable=perhaps — expected true, false or auto."),
        ("log_cap = 'much'", 'log_cap=much — expected a size such as "16 MB".'),
        ("workers = 3\nstore = ]", "nbflow.toml is not TOML: Invalid value (at line 2, column 9)."),
        ("[task.Report]\nn = 1", "there is no setting 'task'. Did you mean tasks?"),
        ("tasks = 3", "tasks is a table; write [tasks] above its values."),
        ("[resources]\ndb = 'two'", "resources.db=two — expected a whole number."),
    ],
)  # fmt: skip
def test_wrong_file_is_named_with_what_to_do(project, text, message):
    (project / "nbflow.toml").write_text(text)

    with pytest.raises(ConfigError) as caught:
        config.value("dot")

    assert str(caught.value).startswith(str(project / "nbflow.toml"))
    assert message in str(caught.value)


def test_wrong_variable_is_named(monkeypatch):
    monkeypatch.setenv("NBFLOW_WORKERS", "many")

    with pytest.raises(ConfigError, match="NBFLOW_WORKERS: workers=many — expected a whole"):
        config.value("workers")


def test_misspelt_variable_is_refused_and_a_foreign_one_is_not(monkeypatch):
    monkeypatch.setenv("NBFLOW_TEST_STORE", "x")
    config.settings()

    monkeypatch.setenv("NBFLOW_WORKER", "4")
    with pytest.raises(ConfigError, match=r"NBFLOW_WORKER is no setting. Did you mean NBFLOW_WORK"):
        config.settings()


def test_unknown_setting_has_suggestions():
    with pytest.raises(ConfigError, match=r"there is no setting 'dispaly'. Did you mean display?"):
        config.value("dispaly")
    with pytest.raises(ConfigError, match=r"Did you mean display?"):
        config.assign("dispaly", "static")


def test_broken_pyproject_that_does_not_speak_of_nbflow_is_left_alone(project):
    (project / "pyproject.toml").write_text("[tool.other\n")

    assert config.value("workers") == 1


def test_nothing_is_read_at_import(project, python):
    (project / "nbflow.toml").write_text("not TOML")

    done = python("import nbflow.config")

    assert (done.returncode, done.stderr) == (0, "")
