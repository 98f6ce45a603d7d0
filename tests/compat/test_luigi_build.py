"""`build` by Luigi's rules: results, retries, checks, events, resources, workers, locks, log."""

from __future__ import annotations

import itertools
import logging
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from nbflow.compat.luigi import _log
from nbflow.compat.luigi.interface import PidLockAlreadyTakenExit
from nbflow.core.errors import (
    NotARequirementError,
    NotATaskError,
    NotSupportedHereError,
    UnknownParameterError,
)
from tests.compat.commands import ENGINES, ours

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.filterwarnings("ignore:Task .* without outputs:UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
_numbers = itertools.count()


def build(library: Any, *tasks: Any, **options: Any) -> Any:
    given = {"local_scheduler": True, "log_level": "CRITICAL", "detailed_summary": True, **options}
    return library.build(list(tasks), **given)


def classes(library: Any, folder: Path, journal: list[Any]) -> dict[str, Any]:
    """Tasks of one library that write what they do into `journal`."""
    tag = f"B{next(_numbers)}"

    class Base(library.Task):
        def output(self) -> Any:
            return library.LocalTarget(str(folder / f"{self.task_id}.txt"))

        def run(self) -> Any:
            journal.append(str(self).partition("B")[0])
            self.write()

        def write(self) -> None:
            with self.output().open("w") as file:
                file.write("x")

        def on_success(self) -> None:
            journal.append("on_success")

        def on_failure(self, exception: BaseException) -> str:
            journal.append(f"on_failure {exception}")
            return "told"

    class Dep(Base):
        i = library.IntParameter()

        def run(self) -> None:
            journal.append(f"Dep {self.i}")
            self.write()

    class Dyn(Base):
        resources = {"r": 1}

        def requires(self) -> Any:
            return Dep(0)

        def run(self) -> Any:
            journal.append("Dyn")
            one = yield Dep(1)
            several = yield [Dep(2), Dep(3)]
            assert one.exists()
            assert [each.exists() for each in several] == [True, True]
            self.write()

    class Ext(library.ExternalTask):
        def output(self) -> Any:
            return library.LocalTarget(str(folder / "never.txt"))

    class Fail(Base):
        def run(self) -> None:
            raise ValueError("no")

    class Flaky(Base):
        def run(self) -> None:
            journal.append("Flaky")
            if journal.count("Flaky") == 1:
                raise ValueError("not yet")
            self.write()

    class Silent(library.Task):
        def run(self) -> None:
            journal.append("Silent")

    class AboveSilent(Base):
        def requires(self) -> Any:
            return Silent()

    class Broken(Base):
        def complete(self) -> bool:
            raise ValueError("no")

    class Unasked(Base):
        def requires(self) -> Any:
            raise ValueError("no")

    class Forgetful(Base):
        def run(self) -> None:
            journal.append("Forgetful")

    class Root(library.WrapperTask):
        def requires(self) -> Any:
            return {"a": Dyn(), "b": Ext(), "c": Fail()}

    class Everything(Base):
        def requires(self) -> Any:
            return [Dyn(), Ext(), Fail(), Broken(), Unasked()]

    found = [Base, Dep, Dyn, Ext, Fail, Flaky, Silent, AboveSilent, Broken, Unasked, Forgetful]
    found += [Root, Everything]
    by_name = {cls.__name__: cls for cls in found}
    for cls in found:
        cls.__name__ += tag
    return by_name


@pytest.mark.parametrize("engine", ENGINES)
def test_appendix_a_2(engine: str, tmp_path: Path) -> None:
    """A.2: a wrapper above a dynamic, a missing and a failing task; T-60, T-61, W-10, W-70."""
    journal: list[Any] = []
    made = classes(ENGINES[engine], tmp_path, journal)
    result = build(ENGINES[engine], made["Root"]())
    tag = made["Root"].__name__.removeprefix("Root")
    assert journal.count("Dyn") == 3
    assert sorted(each for each in journal if each.startswith("Dep")) == [
        "Dep 0",
        "Dep 1",
        "Dep 2",
        "Dep 3",
    ]
    assert (result.status.name, result.scheduling_succeeded) == ("FAILED", False)
    assert result.summary_text.replace(tag, "") == (
        "\n===== Luigi Execution Summary =====\n\n"
        "Scheduled 8 tasks of which:\n"
        "* 5 ran successfully:\n"
        "    - 4 Dep(i=0...3)\n"
        "    - 1 Dyn()\n"
        "* 1 failed:\n"
        "    - 1 Fail()\n"
        "* 2 were left pending, among these:\n"
        "    * 1 were missing external dependencies:\n"
        "        - 1 Ext()\n"
        "    * 1 had failed dependencies:\n"
        "        - 1 Root()\n"
        "    * 1 had missing dependencies:\n"
        "        - 1 Root()\n\n"
        "This progress looks :( because there were failed tasks\n\n"
        "===== Luigi Execution Summary =====\n"
    )


@pytest.mark.parametrize(
    ("name", "succeeded", "status"),
    [
        ("Base", True, "SUCCESS"),
        ("Fail", False, "FAILED"),
        ("Ext", True, "MISSING_EXT"),
        ("Broken", False, "SCHEDULING_FAILED"),
        ("Unasked", False, "SCHEDULING_FAILED"),
        ("AboveSilent", False, "FAILED"),
        ("Everything", False, "FAILED_AND_SCHEDULING_FAILED"),
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_results_are_luigis(
    engine: str, name: str, succeeded: bool, status: str, tmp_path: Path
) -> None:
    """W-70, W-71, W-72, Q-14, Q-24: as in Luigi, also where nbflow's own faces see it otherwise."""
    library = ENGINES[engine]
    result = build(library, classes(library, tmp_path, [])[name]())
    assert (result.scheduling_succeeded, result.status.name) == (succeeded, status)
    assert str(result) == f"LuigiRunResult with status LuigiStatusCode.{status}"
    assert result.one_line_summary in result.summary_text
    made = classes(library, tmp_path / "again", [])
    plain = build(library, made[name](), detailed_summary=False)
    assert plain is succeeded


@pytest.mark.parametrize("engine", ENGINES)
def test_a_failed_task_is_tried_again_while_the_worker_is_kept_alive(
    engine: str, tmp_path: Path
) -> None:
    """S-40, S-42, W-33, W-34, Q-26: and the answer stays False."""
    library = ENGINES[engine]
    config = library.configuration.get_config()
    config.set("worker", "keep_alive", "true")
    config.set("worker", "wait_interval", "0.05")
    config.set("worker", "wait_jitter", "0.0")
    config.set("scheduler", "retry_delay", "0.2")
    journal: list[Any] = []
    result = build(library, classes(library, tmp_path, journal)["Flaky"]())
    assert journal.count("Flaky") == 2
    assert (result.status.name, result.scheduling_succeeded) == ("SUCCESS_WITH_RETRY", False)


def test_without_keep_alive_a_retry_is_not_waited_for(tmp_path: Path) -> None:
    """S-42, Q-28: the default delay of 900 s is longer than the run."""
    journal: list[Any] = []
    begun = time.monotonic()
    result = build(ours, classes(ours, tmp_path, journal)["Flaky"]())
    assert (result.status.name, journal.count("Flaky")) == ("FAILED", 1)
    assert time.monotonic() - begun < 60


def test_a_kept_worker_leaves_when_it_was_idle_long_enough(tmp_path: Path) -> None:
    """W-04: max_keep_alive_idle_duration."""
    config = ours.configuration.get_config()
    config.set("worker", "keep_alive", "true")
    config.set("worker", "max_keep_alive_idle_duration", "0.2")
    begun = time.monotonic()
    result = build(ours, classes(ours, tmp_path, [])["Flaky"]())
    assert result.status.name == "FAILED"
    assert 0.2 <= time.monotonic() - begun < 60


def test_a_task_says_how_often_it_may_fail(tmp_path: Path) -> None:
    """T-26, S-40, X-51: a policy of its own, with the configured delay."""
    ours.configuration.get_config().set("scheduler", "retry_delay", "0")
    journal: list[Any] = []
    made = classes(ours, tmp_path, journal)

    class Thrice(made["Fail"]):
        retry_count = 3

        def run(self) -> None:
            journal.append("run")
            raise ValueError("no")

    assert build(ours, Thrice()).status.name == "FAILED"
    assert journal.count("run") == 3


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("option", "name", "status"),
    [
        ("check_complete_on_run=true", "Forgetful", "FAILED"),
        ("check_complete_on_run=false", "Forgetful", "SUCCESS"),
        ("check_complete_on_run=true", "Silent", "FAILED"),
        ("check_unfulfilled_deps=false", "AboveSilent", "SUCCESS"),
    ],
)
def test_what_is_checked_follows_the_configuration(
    engine: str, option: str, name: str, status: str, tmp_path: Path
) -> None:
    """W-04, W-38, Q-07."""
    library = ENGINES[engine]
    library.configuration.get_config().set("worker", *option.split("="))
    assert build(library, classes(library, tmp_path, [])[name]()).status.name == status


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("total", "status"), [(None, "NOT_RUN"), ("2", "SUCCESS")])
def test_resources_have_the_configured_totals(
    engine: str, total: str | None, status: str, tmp_path: Path
) -> None:
    """S-04, S-43, Q-13: what is not configured has 1."""
    library = ENGINES[engine]
    if total is not None:
        library.configuration.get_config().set("resources", "licence", total)

    class Greedy(classes(library, tmp_path, [])["Base"]):
        resources = {"licence": 2}

    assert build(library, Greedy()).status.name == status


def events_of(library: Any, folder: Path) -> list[Any]:
    """What handlers are told of a run of many kinds of tasks."""
    journal: list[Any] = []
    made = classes(library, folder, journal)
    names = [
        name for name in vars(library.Event) if name.isupper() and not name.startswith("PROGRESS")
    ]
    for name in names:

        def tell(*given: Any, name: str = name) -> None:
            shown = [
                str(each).partition("B")[0]
                if isinstance(each, library.Task)
                else type(each).__name__
                for each in given
            ]
            journal.append((name, *shown))

        for cls in ("Base", "Ext"):
            made[cls].event_handler(getattr(library.Event, name))(tell)
    build(library, made["Everything"]())
    return journal


def test_handlers_are_told_what_luigis_are(tmp_path: Path) -> None:
    """T-80 to T-85."""
    mine = events_of(ours, tmp_path / "ours")
    theirs = events_of(ENGINES["luigi"], tmp_path / "theirs")
    assert sorted(map(str, mine)) == sorted(map(str, theirs))
    for family in ("Dyn", "Fail"):
        one, other = (
            [each for each in told if each[1:2] == (family,) and each[0] in _OF_A_RUN]
            for told in (mine, theirs)
        )
        assert one == other


_OF_A_RUN = ("START", "FAILURE", "PROCESSING_TIME", "SUCCESS")


def test_a_handler_that_raises_fails_no_task(tmp_path: Path, caplog: Any) -> None:
    """T-81, Q-18."""
    made = classes(ours, tmp_path, [])

    @made["Base"].event_handler(ours.Event.START)
    def _raise(task: Any) -> None:
        raise ValueError("handler")

    assert build(ours, made["Base"]()).status.name == "SUCCESS"
    assert "handler" in caplog.text


def test_batches_run_as_one(tmp_path: Path) -> None:
    """S-50, S-55: five tasks, at most three at once, by their greatest value."""
    texts = []
    for library in ENGINES.values():
        ran: list[Any] = []

        class Batched(library.Task):
            d = library.IntParameter(batch_method=max)
            max_batch_size = 3

            def complete(self) -> bool:
                return False

            def run(self, ran: list[Any] = ran) -> None:
                ran.append(self.d)

        Batched.__name__ = "BatchedOf" + library.__name__.rpartition(".")[2].title()
        tasks = [Batched(d) for d in range(1, 6)]
        texts.append(build(library, *tasks).summary_text)
        assert ran == [3, 5]
    assert "    - 5 BatchedOfLuigi(d=1...5)\n" in texts[1]
    assert texts[1] == texts[0]


def test_a_dynamic_task_that_waits_is_counted_once(tmp_path: Path) -> None:
    """Q-25 is mended: Luigi counts it as missing an external input and as not granted leave."""

    class Yields(classes(ours, tmp_path, [])["Base"]):
        def run(self) -> Any:
            yield Needed()

    class Needed(ours.ExternalTask):
        def output(self) -> Any:
            return ours.LocalTarget(str(tmp_path / "never"))

    result = build(ours, Yields())
    assert result.status.name == "MISSING_EXT"
    assert "Scheduled 2 tasks" in result.summary_text
    assert "* 1 had missing dependencies:\n        - 1 Yields()" in result.summary_text


def test_a_cycle_leaves_its_tasks_alone() -> None:
    """W-47b, Q-52: in this face no error, as in Luigi."""

    class Round(ours.Task):
        i = ours.IntParameter()

        def requires(self) -> Any:
            return Round(1 - self.i)

        def output(self) -> Any:
            return ours.LocalTarget("never.txt")

    result = build(ours, Round(0))
    assert (result.status.name, result.scheduling_succeeded) == ("NOT_RUN", True)


def test_nothing_to_do_is_a_success() -> None:
    """W-74."""
    result = build(ours)
    assert result.scheduling_succeeded
    assert "Did not schedule any tasks" in result.summary_text
    assert result.run_result is None


def test_what_is_no_task_stops_the_build(tmp_path: Path) -> None:
    """W-20, W-22, T-41."""
    made = classes(ours, tmp_path, [])

    class WantsTarget(made["Base"]):
        def requires(self) -> Any:
            return self.output()

    class Unfinished(ours.Task):
        def __init__(self) -> None:
            pass

    for root in (3, Unfinished()):
        with pytest.raises(ours.worker.TaskException, match="expected a task"):
            build(ours, root)
    with pytest.raises(NotARequirementError):
        build(ours, WantsTarget())
    assert ours.worker.TaskException is NotATaskError


def test_an_interrupt_goes_through(tmp_path: Path) -> None:
    """W-47."""

    class Interrupting(classes(ours, tmp_path, [])["Base"]):
        def run(self) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(ours, Interrupting())


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"no_such_option": 1}, UnknownParameterError, "no_such_option"),
        ({"workers": 0}, NotSupportedHereError, "--workers 0"),
        ({"local_scheduler": False, "scheduler_host": "far"}, NotSupportedHereError, "far"),
        ({"worker_scheduler_factory": object()}, NotSupportedHereError, "worker_scheduler_factory"),
        ({"take_lock": True}, NotSupportedHereError, "--take-lock"),
    ],
)
def test_options_that_cannot_be_kept_are_refused(
    options: dict[str, Any], error: type[Exception], text: str
) -> None:
    """C-20, C-40, C-42."""
    with pytest.raises(error, match=text):
        build(ours, **options)


def test_nothing_central_need_be_there_where_none_is_named(tmp_path: Path) -> None:
    """D6: without an address the scheduler is the one of this process."""
    assert build(ours, classes(ours, tmp_path, [])["Base"](), local_scheduler=False)


def test_the_old_mail_address_is_said_to_have_no_effect(caplog: pytest.LogCaptureFixture) -> None:
    """F-10: nobody waits for a mail that does not come."""
    ours.configuration.get_config().set("email", "receiver", "a@b.c")
    with caplog.at_level(logging.WARNING, "luigi-interface"):
        build(ours)
    assert "no mail is sent" in caplog.text


def test_the_same_command_runs_only_once(tmp_path: Path) -> None:
    """C-21, T-93: `lock_size` times, and other commands are not concerned."""
    code = (
        "import sys; from nbflow.compat.luigi._lock import hold_command_lock\n"
        f"with hold_command_lock({str(tmp_path)!r}, 1) as held:\n"
        "    print(held, flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    first = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "True\n"
        second = subprocess.run(command, input="", capture_output=True, text=True, check=True)
        other = subprocess.run(
            [sys.executable, "-c", f"{code}#"], input="", capture_output=True, text=True, check=True
        )
        assert (second.stdout, other.stdout) == ("False\n", "True\n")
    finally:
        first.communicate("")
    third = subprocess.run(command, input="", capture_output=True, text=True, check=True)
    assert third.stdout == "True\n"


def test_a_taken_lock_ends_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C-21, W-77: PidLockAlreadyTakenExit in Python, the code of already_running in a command."""
    from nbflow.compat.luigi._lock import hold_command_lock

    made = classes(ours, tmp_path, [])["Base"]
    words = [made.__name__, "--local-scheduler", "--lock-pid-dir", str(tmp_path)]
    with hold_command_lock(str(tmp_path), 1) as held:
        assert held
        with pytest.raises(PidLockAlreadyTakenExit, match="runs 1 times already"):
            ours.run(words)
        with pytest.raises(SystemExit) as end:
            ours.retcodes.run_with_retcodes([*words, "--retcode-already-running=10"])
        assert end.value.code == 10
        assert ours.run([*words, "--no-lock"])
        assert ours.run([*words, "--lock-size", "2"])


def test_the_log_is_set_up_once_as_configured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """C-44, C-50, I-06: `LEVEL: message` on the logger luigi-interface; a later call has no say."""
    monkeypatch.setattr(_log, "_configured", [])
    logging.getLogger("luigi-interface").handlers[:] = []
    made = classes(ours, tmp_path, [])
    build(ours, made["Fail"](), log_level="ERROR")
    build(ours, made["Base"](), log_level="DEBUG")
    text = capsys.readouterr().err
    assert text.startswith("ERROR: failed    Fail")
    assert "ValueError: no" in text
    assert "Summary" not in text


def test_logging_may_be_left_to_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """F-08: no_configure_logging."""
    monkeypatch.setattr(_log, "_configured", [])
    logger = logging.getLogger("luigi-interface")
    logger.handlers[:] = []
    ours.configuration.get_config().set("core", "no_configure_logging", "true")
    build(ours)
    assert logger.handlers == []


def test_a_missing_file_of_logging_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """C-50."""
    monkeypatch.setattr(_log, "_configured", [])
    with pytest.raises(OSError, match="there is no such file"):
        build(ours, logging_conf_file="nowhere.conf")


def test_the_summary_is_logged(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """W-74, I-06."""
    with caplog.at_level(logging.INFO, "luigi-interface"):
        result = build(ours, classes(ours, tmp_path, [])["Base"]())
    records = [record for record in caplog.records if record.name == "luigi-interface"]
    assert records[-1].getMessage() == result.summary_text
    assert records[-1].levelno == logging.INFO


class Parallel(ours.Task):
    folder = ours.Parameter()
    n = ours.IntParameter()

    def output(self) -> Any:
        return ours.LocalTarget(os.path.join(self.folder, f"{self.n}.txt"))

    def run(self) -> Any:
        if self.n == 9:
            os._exit(3)
        if self.n == 8:
            time.sleep(600)
        if self.n > 2:
            yield Parallel(self.folder, self.n - 3)
        with self.output().open("w") as file:
            file.write(str(os.getpid()))


def test_workers_are_processes(tmp_path: Path) -> None:
    """W-37, T-60: with dynamic requirements, whose generator starts again."""
    tasks = [Parallel(str(tmp_path), n) for n in range(6)]
    result = build(ours, *tasks, workers=2)
    assert result.status.name == "SUCCESS", result.summary_text
    pids = {(tmp_path / f"{n}.txt").read_text() for n in range(6)}
    assert str(os.getpid()) not in pids


@pytest.mark.parametrize(
    ("n", "event", "options", "text"),
    [
        (9, "PROCESS_FAILURE", {}, "exit code 3"),
        (8, "TIMEOUT", {"timeout": "1"}, "longer than its limit of 1 s"),
    ],
)
def test_a_task_that_is_ended_from_outside_is_told_of(
    n: int, event: str, options: dict[str, str], text: str, tmp_path: Path
) -> None:
    """T-83, W-44, W-04: force_multiprocessing, timeout."""
    config = ours.configuration.get_config()
    config.set("worker", "force_multiprocessing", "true")
    for name, value in options.items():
        config.set("worker", name, value)
    told: list[Any] = []
    handler = Parallel.event_handler(getattr(ours.Event, event))(lambda *given: told.append(given))
    try:
        result = build(ours, Parallel(str(tmp_path), n))
    finally:
        Parallel.remove_event_handler(getattr(ours.Event, event), handler)
    assert result.status.name == "FAILED"
    ((task, message),) = told
    assert task == Parallel(str(tmp_path), n)
    assert text in message
