"""The walk that says what a run consists of."""

from __future__ import annotations

import sys
from typing import ClassVar

import pytest

import nbflow
from nbflow.core.errors import CycleError, NotARequirementError
from nbflow.core.model.target import Target
from nbflow.core.policy import LUIGI
from nbflow.core.status import TaskStatus
from nbflow.runtime.plan import Planner


class Switch(Target):
    """A target that says what it is told, and counts how often it is asked."""

    def __init__(self, on: bool) -> None:
        self.on = on

    def exists(self) -> bool:
        return self.on


class Counting(nbflow.Task):
    """A task of a graph that is given by name; counts the questions."""

    name = nbflow.StrParameter()
    requirements: ClassVar[dict[str, list[str]]] = {}
    complete_ones: ClassVar[set[str]] = set()
    asked: ClassVar[dict[str, list[str]]] = {}

    @classmethod
    def build(cls, requirements, complete=()):
        Counting.requirements = requirements
        Counting.complete_ones = set(complete)
        Counting.asked = {"complete": [], "requires": []}
        return cls(next(iter(requirements)))

    def complete(self):
        self.asked["complete"].append(self.name)
        return self.name in self.complete_ones

    def requires(self):
        self.asked["requires"].append(self.name)
        return [Counting(name) for name in self.requirements.get(self.name, ())]


def names(commands):
    return [command.task.params.split('"')[3] for command in commands]


def test_requirements_come_before_what_requires_them():
    root = Counting.build({"root": ["a", "b"], "a": ["c"], "b": ["c"]})

    commands = list(Planner().expand(root))

    assert names(commands) == ["c", "a", "b", "root"]
    assert [len(c.deps) for c in commands] == [0, 1, 1, 2]
    assert {c.status for c in commands} == {TaskStatus.PENDING}


def test_what_was_complete_and_is_lost_is_planned_again():
    root = Counting.build({"root": ["a"], "a": ["b"], "b": []}, complete=["a"])
    planner = Planner()
    list(planner.expand(root))
    Counting.complete_ones.clear()

    commands = list(planner.expand(Counting("a"), again=True))

    assert names(commands) == ["b", "a"]
    assert {c.status for c in commands} == {TaskStatus.PENDING}


def test_each_task_is_asked_once_also_where_many_require_it():
    root = Counting.build({"root": ["a", "b", "c"], "a": ["x"], "b": ["x"], "c": ["x"]})

    list(Planner().expand(root))

    assert sorted(Counting.asked["complete"]) == ["a", "b", "c", "root", "x"]
    assert sorted(Counting.asked["requires"]) == ["a", "b", "c", "root", "x"]


def test_what_lies_under_a_complete_task_is_not_walked():
    root = Counting.build({"root": ["a"], "a": ["deep"]}, complete=["a"])

    commands = list(Planner().expand(root))

    assert names(commands) == ["a", "root"]
    assert commands[0].status is TaskStatus.DONE
    assert "deep" not in Counting.asked["complete"]


def test_a_cycle_is_named_with_its_path():
    root = Counting.build({"root": ["a"], "a": ["b"], "b": ["a"]})

    with pytest.raises(CycleError) as caught:
        list(Planner().expand(root))

    assert caught.value.path == (
        "Counting(name=a)",
        "Counting(name=b)",
        "Counting(name=a)",
    )


def test_luigis_policy_lets_a_cycle_pass():
    root = Counting.build({"root": ["a"], "a": ["root"]})

    commands = list(Planner(policy=LUIGI).expand(root))

    assert names(commands) == ["a", "root"]


class Failing(nbflow.Task):
    where = nbflow.StrParameter()

    def complete(self):
        if self.where == "complete":
            raise OSError("no route to storage")
        return "maybe" if self.where == "value" else False

    def requires(self):
        if self.where == "requires":
            raise KeyError("region")
        return Switch(True) if self.where == "target" else []


class Around(nbflow.Task):
    def requires(self):
        return [Failing(w) for w in ("complete", "requires", "value", "target", "fine")]

    def complete(self):
        return False


def test_an_error_in_one_task_leaves_the_others_alone():
    commands = list(Planner().expand(Around()))

    by_name = dict(zip(names(commands[:-1]), commands, strict=False))
    assert by_name["fine"].status is TaskStatus.PENDING
    assert by_name["complete"].error.message == "no route to storage"
    assert by_name["requires"].error.type == "KeyError"
    assert "must return True or False" in by_name["value"].error.message
    assert "Switch" in by_name["target"].error.message
    assert all(by_name[n].status is TaskStatus.UNKNOWN for n in by_name if n != "fine")
    assert commands[-1].status is TaskStatus.PENDING


@pytest.mark.parametrize("where", ["complete", "requires"])
def test_a_task_that_wants_to_exit_python_is_one_that_cannot_be_planned(where):
    class Exits(nbflow.Task):
        def complete(self):
            return sys.exit(0) if where == "complete" else False

        def requires(self):
            sys.exit(0)

    (command,) = Planner().expand(Exits())

    assert command.status is TaskStatus.UNKNOWN
    assert command.error.type == "SystemExit"


def test_luigis_policy_stops_at_a_requirement_that_is_no_task():
    with pytest.raises(NotARequirementError, match="Switch"):
        list(Planner(policy=LUIGI).expand(Failing("target")))


class Leaf(nbflow.Task):
    number = nbflow.IntParameter()
    there: ClassVar[set[int]] = set()
    questions: ClassVar[int] = 0

    def complete(self):
        Leaf.questions += 1
        return self.number in self.there


class Inner(nbflow.WrapperTask):
    def requires(self):
        return [Leaf(1), Leaf(2)]


class Outer(nbflow.WrapperTask):
    def requires(self):
        return [Inner(), Leaf(2), Leaf(3)]


@pytest.mark.parametrize("there", [set(), {1, 2}, {1, 2, 3}])
def test_wrappers_are_answered_from_what_is_known_of_their_requirements(there):
    Leaf.there, Leaf.questions = there, 0

    statuses = {c.task.family: c.status for c in Planner().expand(Outer())}

    assert Leaf.questions == 3
    done = {True: TaskStatus.DONE, False: TaskStatus.PENDING}
    assert statuses["Inner"] is done[{1, 2} <= there]
    assert statuses["Outer"] is done[{1, 2, 3} <= there]


class Input(nbflow.ExternalTask):
    there = nbflow.BoolParameter()

    def output(self):
        return Switch(self.there)


def test_an_external_input_that_is_missing_cannot_be_run():
    missing, there = [next(iter(Planner().expand(Input(there=there)))) for there in (False, True)]

    assert (missing.status, missing.runnable) == (TaskStatus.PENDING, False)
    assert there.status is TaskStatus.DONE


def test_a_forced_task_is_planned_although_it_is_complete():
    root = Counting.build({"root": ["a"]}, complete=["root", "a"])
    planner = Planner(force=lambda task: task == root)

    commands = list(planner.expand(root))

    assert [c.status for c in commands] == [TaskStatus.DONE, TaskStatus.PENDING]
    assert planner.forced == {root.task_id}


def test_a_forced_task_below_a_complete_one_is_found():
    root = Counting.build({"root": ["a"], "a": ["b"]}, complete=["root", "a", "b"])
    planner = Planner(force=lambda task: task.name == "b", descend=True)

    statuses = dict(zip(["b", "a", "root"], [c.status for c in planner.expand(root)], strict=True))

    assert statuses["b"] is TaskStatus.PENDING
    assert statuses["a"] is statuses["root"] is TaskStatus.DONE


def test_a_disabled_task_is_told_as_such():
    class Off(nbflow.Task):
        disabled = True

        def complete(self):
            return False

    assert next(iter(Planner().expand(Off()))).status is TaskStatus.DISABLED


@pytest.mark.parametrize("shape", ["chain", "fan"])
def test_a_hundred_thousand_tasks_are_walked_without_recursion(shape):
    size = 100_000

    class Big(nbflow.Task):
        number = nbflow.IntParameter()

        def complete(self):
            return False

        def requires(self):
            if shape == "chain":
                return Big(self.number - 1) if self.number else []
            return [Big(i) for i in range(1, size)] if self.number == 0 else []

    root = Big(size - 1 if shape == "chain" else 0)

    assert sum(1 for _ in Planner().expand(root)) == size


def test_the_same_task_reached_from_two_roots_is_planned_once():
    first = Counting.build({"a": ["x"], "b": ["x"]})
    planner = Planner()

    commands = list(planner.expand(first, Counting("b")))

    assert names(commands) == ["x", "a", "b"]


def test_private_parameters_are_not_in_the_record():
    class Secret(nbflow.Task):
        shown = nbflow.StrParameter()
        token = nbflow.StrParameter(visibility=nbflow.ParameterVisibility.PRIVATE)

        def complete(self):
            return True

    command = next(iter(Planner().expand(Secret(shown="x", token="hunter2"))))

    assert "hunter2" not in repr(command)
    assert command.task.params == '{"shown":"x"}'


def test_handlers_are_told_what_the_walk_finds():
    told = []
    event = nbflow.Event
    for name in (event.DEPENDENCY_DISCOVERED, event.DEPENDENCY_MISSING, event.BROKEN_TASK):
        nbflow.Task.event_handler(name)(
            lambda *tasks, name=name: told.append((name, *(str(t) for t in tasks)))
        )
    try:
        list(Planner().expand(Counting.build({"root": ["a"]})))
        list(Planner().expand(Input(there=False)))
        list(Planner().expand(Failing("requires")))
        list(Planner().expand(Failing("complete")))
    finally:
        del nbflow.Task._event_handlers

    assert (event.DEPENDENCY_DISCOVERED, "Counting(name=root)", "Counting(name=a)") in told
    assert (event.DEPENDENCY_MISSING, "Input(there=False)") in told
    assert (event.BROKEN_TASK, "Failing(where=requires)", "'region'") in told
    assert told[-1] == (event.DEPENDENCY_MISSING, "Failing(where=complete)")


@pytest.mark.parametrize("wrong", ["out.csv", ["out.csv"]])
def test_an_output_that_is_no_target_is_told_with_the_way_out(wrong):
    class Wrong(nbflow.Task):
        def output(self):
            return wrong

    told = next(iter(Planner().expand(Wrong()))).error.message

    assert "returned 'out.csv', which is a str and no target" in told
    assert "nbflow.LocalTarget('out.csv')" in told
