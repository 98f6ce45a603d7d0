"""Running one task alone, without files."""

from __future__ import annotations

import os

import pytest

import nbflow
from nbflow.core.errors import IncompleteOutputError, NotARequirementError
from nbflow.core.events import RunInfo
from nbflow.core.scheduler.commands import NothingReady, Pause, RequestTask, StartRun
from nbflow.targets.format import Gzip, Text
from nbflow.testing import Clock, FakeScheduler, run_task


class Words(nbflow.Task):
    name = nbflow.StrParameter()

    def output(self):
        return nbflow.LocalTarget(f"/no/such/folder/{self.name}.txt")


class Count(nbflow.Task):
    name = nbflow.StrParameter(default="x")

    def requires(self):
        return Words(self.name)

    def output(self):
        return nbflow.LocalTarget("/no/such/folder/count.json")

    def run(self):
        with self.input().open() as file:
            words = file.read().split()
        self.progress(len(words), len(words), "words")
        print("counted")
        with self.output().open("w") as file:
            file.write(str(len(words)))


def test_a_task_runs_with_given_inputs_and_touches_no_file():
    run = run_task(Count(), inputs="one two three")

    assert run.text() == "3"
    assert run.load() == 3
    assert run.printed == "counted\n"
    assert run.progress == [{"fraction": 1.0, "message": "3/3 words"}]
    assert not os.path.exists("/no/such/folder")


def test_the_task_is_as_it_was_afterwards():
    task = Count()
    run_task(task, inputs="one")

    assert task.output().path == "/no/such/folder/count.json"
    assert type(task.output()) is nbflow.LocalTarget


def test_two_runs_do_not_see_each_other():
    first = run_task(Count(), inputs="one")
    second = run_task(Count(), inputs="one two")

    assert (first.text(), second.text()) == ("1", "2")


def test_what_run_raises_is_raised():
    class Breaks(nbflow.Task):
        def run(self):
            raise KeyError("amount")

    with pytest.raises(KeyError, match="amount"):
        run_task(Breaks())


def test_a_declared_output_that_is_not_written_is_an_error():
    class Forgets(Count):
        def run(self):
            pass

    with pytest.raises(IncompleteOutputError, match=r"count\.json"):
        run_task(Forgets(), inputs="")


class Sums(nbflow.Task):
    def output(self):
        return {"sum": nbflow.LocalTarget("sum.txt")}

    def run(self):
        parts = yield [Words("a"), Words("b")]
        texts = []
        for part in parts:
            with part.open() as file:
                texts.append(file.read())
        with self.output()["sum"].open("w") as file:
            file.write("+".join(texts))


def test_yielded_requirements_get_what_the_test_provides():
    run = run_task(Sums(), provide=lambda task: task.name.upper())

    assert run.text() == "A+B"
    assert run.yielded == [[Words("a"), Words("b")]]


def test_yielding_something_else_is_an_error():
    class Wrong(nbflow.Task):
        def run(self):
            yield 3

    with pytest.raises(NotARequirementError):
        run_task(Wrong())


def test_formats_are_those_of_the_task():
    class Packs(nbflow.Task):
        def output(self):
            return nbflow.LocalTarget("packed.gz", format=Text >> Gzip)

        def run(self):
            with self.output().open("w") as file:
                file.write("packed")

    run = run_task(Packs())

    assert run.text() == "packed"
    assert run.outputs.fs.get_data("packed.gz")[:2] == b"\x1f\x8b"


def test_structures_of_inputs_keep_their_form():
    class Joins(nbflow.Task):
        def output(self):
            return nbflow.LocalTarget("joined.txt")

        def run(self):
            given = self.input()
            with given["left"].open() as left, given["right"][0].open() as right:
                text = left.read() + right.read()
            with self.output().open("w") as file:
                file.write(text)

    assert run_task(Joins(), inputs={"left": "l", "right": ["r"]}).text() == "lr"


def test_several_outputs_must_be_named():
    class Two(nbflow.Task):
        def output(self):
            return [nbflow.LocalTarget("a.txt"), nbflow.LocalTarget("b.txt")]

        def run(self):
            for target in self.output():
                with target.open("w") as file:
                    file.write("x")

    run = run_task(Two())

    assert [target.path for target in run.outputs] == ["a.txt", "b.txt"]
    with pytest.raises(ValueError, match="2 outputs"):
        run.text()


def test_a_clock_moves_only_by_hand():
    clock = Clock(10.0)
    clock.advance(5)
    clock.sleep(1)

    assert clock() == 16.0


def test_a_fake_scheduler_keeps_what_was_asked_and_decided():
    scheduler = FakeScheduler()
    scheduler.handle(StartRun(run_id="r", info=RunInfo(roots=())))
    scheduler.answer(RequestTask, NothingReady(pending=7))

    first = scheduler.handle(RequestTask(run_id="r", worker_id="w"))
    second = scheduler.handle(RequestTask(run_id="r", worker_id="w"))

    assert (first.pending, second.pending) == (7, 0)
    assert [type(command).__name__ for command in scheduler.commands] == [
        "StartRun",
        "RequestTask",
        "RequestTask",
    ]
    assert scheduler.summary.run_id == "r"
    assert len(scheduler.events) == scheduler.last_seq


def test_a_repeating_scheduler_checks_that_answers_agree():
    scheduler = FakeScheduler()
    scheduler.repeat_everything()

    scheduler.handle(Pause(session="s", sequence=1))

    assert len(scheduler.events) == scheduler.last_seq


def test_the_fixtures_are_there_for_every_test(nbflow_project, nbflow_clock):
    assert os.getcwd() == str(nbflow_project)
    assert nbflow_clock() == 0.0


def test_pytest_finds_the_fixtures_without_loading_the_engine(python):
    code = "import nbflow.testing.fixtures, sys; print('msgspec' in sys.modules)"

    assert python(code).stdout.strip() == "False"
