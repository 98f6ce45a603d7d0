"""The words of the command `luigi`: what they mean, and what it exits with."""

from __future__ import annotations

import datetime as dt
import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import nbflow
from nbflow.compat.luigi.cmdline_parser import CmdlineParser
from nbflow.core.errors import MissingParameterError
from tests.compat.commands import ENGINES, ours, real, run_command
from tests.compat.pipelines import Pipeline, make_tasks, pipelines

_numbers = itertools.count()
CODES = {
    "already_running": 10,
    "missing_data": 20,
    "not_run": 25,
    "task_failed": 30,
    "scheduling_error": 35,
    "unhandled_exception": 40,
}
RETCODE = [f"--retcode-{name.replace('_', '-')}={code}" for name, code in CODES.items()]


def roots(library: Any, tag: str, folder: Path) -> dict[str, Any]:
    """The roots of appendix A.3, of the classes of one library."""

    class Fine(library.Task):
        def run(self) -> None:
            pass

    class FineWithOutput(library.Task):
        def output(self) -> Any:
            return library.LocalTarget(str(folder / "fine.txt"))

        def run(self) -> None:
            with self.output().open("w") as file:
                file.write("x")

    class Failing(FineWithOutput):
        def output(self) -> Any:
            return library.LocalTarget(str(folder / "never.txt"))

        def run(self) -> None:
            raise ValueError("no")

    class External(library.ExternalTask):
        def output(self) -> Any:
            return library.LocalTarget(str(folder / "never.txt"))

    class MissingInput(FineWithOutput):
        def requires(self) -> Any:
            return External()

    class Raising(library.Task):
        def complete(self) -> bool:
            raise ValueError("no")

    class NoAnswer(library.Task):
        def complete(self) -> Any:
            return None

    class Unasked(Failing):
        def requires(self) -> Any:
            raise ValueError("no")

    class WantsTarget(Failing):
        def requires(self) -> Any:
            return self.output()

    class Disabled(Failing):
        disabled = True

    class Mixed(Failing):
        def requires(self) -> Any:
            return [External(), Failing(), Raising()]

    classes = [Fine, FineWithOutput, Failing, MissingInput, Raising, NoAnswer, Unasked]
    classes += [WantsTarget, Disabled, Mixed]
    names = {cls.__name__: cls for cls in classes}
    for cls in [*classes, External]:
        cls.__name__ += tag
    return names


A3 = {
    "Failing": 30,
    "MissingInput": 20,
    "Raising": 35,
    "NoAnswer": 35,
    "Unasked": 35,
    "WantsTarget": 40,
    "Disabled": 25,
    "Fine": 0,
    "FineWithOutput": 0,
    "Mixed": 35,
}


@pytest.mark.parametrize("name", A3)
@pytest.mark.parametrize("engine", ENGINES)
def test_appendix_a_3(name: str, engine: str, tmp_path: Path) -> None:
    """A.3, W-76, W-77, with the recommended codes."""
    tag = f"A{next(_numbers)}"
    kept = roots(ENGINES[engine], tag, tmp_path)
    code, _, text = run_command(ENGINES[engine], f"{name}{tag}", "--local-scheduler", *RETCODE)
    assert (code, kept[name].__name__) == (A3[name], f"{name}{tag}"), text


@pytest.mark.parametrize("name", A3)
def test_by_default_only_an_exception_has_a_code(name: str, tmp_path: Path) -> None:
    """W-76: a failed task exits with 0 (Q-21, kept in this face)."""
    tag = f"A{next(_numbers)}"
    kept = roots(ours, tag, tmp_path)
    code, _, _ = run_command(ours, kept[name].__name__, "--local-scheduler")
    assert code == (4 if name == "WantsTarget" else 0)


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(pipeline=pipelines(retries=False))
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_pipelines_exit_as_luigis_do(pipeline: Pipeline, tmp_path: Path) -> None:
    """W-77, C-01, C-03: the same words, the same code, the same summary."""
    tag = f"C{next(_numbers)}"
    found = []
    for engine, library in ENGINES.items():
        folder = tmp_path / tag / engine
        folder.mkdir(parents=True)
        tasks, _ = make_tasks(library, pipeline, folder, tag)
        root = tasks[-1]
        words = (root.task_family, "--n", str(root.n), "--local-scheduler", "--log-level=INFO")
        code, _, text = run_command(library, *words, *RETCODE)
        found.append((code, text[text.index("=====") : text.rindex("=====")]))
    assert found[1] == found[0]


class Named(ours.Task):
    """A task of many kinds of parameters."""

    task_namespace = "words"
    day = ours.DateParameter(description="the day")
    n_items = ours.IntParameter(default=3)
    flag = ours.BoolParameter()
    explicit = ours.BoolParameter(default=True, parsing=ours.BoolParameter.EXPLICIT_PARSING)
    items = ours.ListParameter(default=[])
    b = ours.Parameter(default="")

    def requires(self) -> Any:
        return Below()


class Below(ours.Task):
    task_namespace = "words"
    x = ours.IntParameter(default=1)
    off = ours.BoolParameter(default=False)


def parsed(*words: str) -> Any:
    with CmdlineParser.global_instance(["words.Named", "--day", "2013-01-15", *words]) as line:
        task = line.get_task_obj()
        return task, task.requires()


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--n-items", "4"], "n_items", 4),
        (["--n-items=4"], "n_items", 4),
        (["--n-items", "4", "--n-items", "5"], "n_items", 5),
        (["--n-it", "4"], "n_items", 4),
        (["--words.Named-n-items", "6"], "n_items", 6),
        (["--words.Named-n-items", "6", "--n-items", "7"], "n_items", 7),
        (["--flag"], "flag", True),
        ([], "flag", False),
        ([], "explicit", True),
        (["--explicit"], "explicit", True),
        (["--explicit", "false"], "explicit", False),
        (["--items", "[1, 2]"], "items", (1, 2)),
        (["--b", "text"], "b", "text"),
        (["--b="], "b", ""),
        ([], "day", dt.date(2013, 1, 15)),
    ],
)
def test_flags_become_parameters(words: list[str], name: str, value: object) -> None:
    """C-03 to C-05, P-21, P-25, P-27, P-33: `--b` is no abbreviation (Q-30 is mended)."""
    assert getattr(parsed(*words)[0], name) == value


def test_values_for_a_class_hold_for_all_its_tasks() -> None:
    """C-10, P-21."""
    assert parsed("--words.Below-x", "9", "--words.Below-off")[1] == Below(9, True)
    assert parsed()[1] == Below(1, False)


def test_values_for_a_class_come_before_its_configuration() -> None:
    """P-20."""
    ours.configuration.get_config().set("words.Below", "x", "5")
    assert parsed()[1].x == 5
    assert parsed("--words.Below-x", "9")[1].x == 9


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["words.Named", "--day", "2013-01-15", "--n_items", "4"], 2, "Did you mean --n-items"),
        (["words.Named", "--day", "2013-01-15", "--flag", "true"], 2, "unrecognized"),
        (["words.Nmaed"], 1, "UnknownTask: no task named 'words.Nmaed'. Did you mean words.Named"),
        ([], 1, "No task specified"),
        (["--module", "no_such_module", "words.Named"], 1, "there is no module 'no_such_module'"),
        (["words.Named"], 4, "MissingParameter: words.Named needs day"),
        (["words.Named", "--day", "yesterday"], 4, "BadValue: day=yesterday"),
    ],
)
def test_wrong_words_exit_as_luigis_with_a_sentence(words: list[str], code: int, text: str) -> None:
    """C-06, W-78, P-23."""
    found, _, printed = run_command(ours, *words, "--local-scheduler")
    assert found == code, printed
    assert text in printed
    assert "Traceback" not in printed
    if not any("words" in word for word in words):
        assert run_command(real, *words, "--local-scheduler")[0] == code


def test_help_shows_the_tasks_flags_and_help_all_those_of_all() -> None:
    """C-08."""
    code, short, _ = run_command(ours, "words.Named", "--help")
    assert code == 0
    assert "--day DATE" in short
    assert "the day" in short
    assert "--local-scheduler" in short
    assert "--words.Below-x" not in short
    assert "--worker-keep-alive" not in short
    code, whole, _ = run_command(ours, "words.Named", "--help-all")
    assert code == 0
    assert "--words.Below-x INT" in whole
    assert "--worker-keep-alive" in whole


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--scheduler-host", "far"], "--scheduler-host far"),
        (["--scheduler-port", "1"], "--scheduler-port 1"),
        (["--scheduler-url", "http://far"], "--scheduler-url http://far"),
        (["--assistant"], "--assistant"),
        (["--take-lock"], "--take-lock"),
        (["--workers", "0"], "--workers 0"),
        (["--worker-task-limit", "3"], "task_limit=3"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_its_name(words: list[str], name: str) -> None:
    """C-20, C-21, W-04, W-36: nothing is silently not done."""
    code, _, text = run_command(ours, "words.Below", *words)
    assert code == 4
    assert f"NotSupportedHere: {name}" in text or f"NotSupportedHere: [worker] {name}" in text


def test_the_central_schedulers_place_does_not_matter_to_a_local_one() -> None:
    """S-02: what only names a central scheduler has no effect then."""
    words = ("--local-scheduler", "--scheduler-host", "far", "--assistant")
    assert run_command(ours, "words.Below", *words)[0] == 0


def test_commands_do_not_nest() -> None:
    """C-10, W-82."""
    with CmdlineParser.global_instance(["words.Below"]) as outer:
        assert CmdlineParser.get_instance() is outer
        with pytest.raises(RuntimeError, match="do not nest"), CmdlineParser.global_instance([]):
            pass
        with CmdlineParser.global_instance(["words.Below", "--x=2"], allow_override=True) as inner:
            assert inner.get_task_obj() == Below(2)
    assert CmdlineParser.get_instance() is None


def test_run_takes_words_a_class_and_a_scheduler(tmp_path: Path) -> None:
    """C-41."""
    words = ["--x", "3", "--no-lock", "--log-level", "CRITICAL"]
    assert ours.run(words, main_task_cls=Below, local_scheduler=True) is True
    with pytest.raises(TypeError, match="list of words"):
        ours.run("words.Below --x 3")
    with pytest.raises(MissingParameterError):
        ours.run(["words.Named", "--no-lock"], local_scheduler=True)
    result = ours.run([*words, "--local-scheduler"], Below, detailed_summary=True)
    assert result.status is ours.LuigiStatusCode.SUCCESS


def test_ranges_can_be_named_without_a_module() -> None:
    """I-05, X-13, X-20."""
    words = [
        "RangeDailyBase",
        "--of",
        "words.Named",
        "--start",
        "2013-01-01",
        "--now",
        "1357300000",
    ]
    with CmdlineParser.global_instance(words) as line:
        assert [task.day.day for task in line.get_task_obj().requires()] == [1, 2, 3, 4]


def test_the_module_runs_as_a_program(tmp_path: Path) -> None:
    """`python -m nbflow.compat.luigi --module jobs MyTask --date 2013-01-15 --local-scheduler`."""
    Path(tmp_path, "jobs.py").write_text(
        "import luigi\nfrom luigi.util import requires\n"
        "class First(luigi.Task):\n"
        "    date = luigi.DateParameter()\n"
        "    def output(self): return luigi.LocalTarget(f'{self.date}.txt')\n"
        "    def run(self):\n"
        "        with self.output().open('w') as file: file.write('first')\n"
        "@requires(First)\n"
        "class MyTask(luigi.Task):\n"
        "    def output(self): return luigi.LocalTarget('all.txt')\n"
        "    def run(self):\n"
        "        print('printed')\n"
        "        with self.output().open('w') as file: file.write(self.input().open().read())\n"
    )
    words = ["--module", "jobs", "MyTask", "--date", "2013-01-15", "--local-scheduler"]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "nbflow.compat.luigi", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "printed\n"
    assert "* 2 ran successfully:\n    - 1 First(date=2013-01-15)\n    - 1 MyTask(" in done.stderr
    assert Path(tmp_path, "all.txt").read_text() == "first"


def test_a_wrong_declaration_elsewhere_does_not_stop_a_command() -> None:
    """C-03: only the flags of that class are missing."""

    class WronglyDeclared(nbflow.Task):
        items: list = 3  # type: ignore[assignment]

    assert parsed("--n-items", "4")[0].n_items == 4
    del WronglyDeclared


def test_a_name_of_two_modules_does_not_stop_a_command() -> None:
    """C-03: its flags would mean both, so that there are none of it."""

    def named_alike(module: str) -> type[nbflow.Task]:
        n = nbflow.IntParameter(default=1)
        return type(nbflow.Task)("NamedAlike", (nbflow.Task,), {"__module__": module, "n": n})

    alike = [named_alike("somewhere"), named_alike("elsewhere")]

    assert parsed("--n-items", "4")[0].n_items == 4
    with pytest.raises(SystemExit):
        parsed("--NamedAlike-n", "4")
    del alike
