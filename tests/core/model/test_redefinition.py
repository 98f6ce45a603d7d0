"""Classes that are defined again: in cells, by reloading, by functions that make classes."""

from __future__ import annotations

import gc
import linecache
import sys
import types
import weakref

import pytest

from nbflow.core.errors import StaleInstanceError
from nbflow.core.model import callbacks, registry
from nbflow.core.model.definitions import version_of
from nbflow.core.model.registry import definition_of, get_task_cls, newest, rebind
from nbflow.core.model.task import requirements_of

SETUP = """
from nbflow.core.model.task import Task
from nbflow.core.model.parameters import IntParameter, Parameter
from nbflow.core.model.inheritance import requires, copies
"""
CLEAN = """
class CleanData(Task):
    n = IntParameter(default=1)

    def run(self):
        return "old"
"""


class Notebook:
    """Executes cells as a kernel does: each with a file name of its own, in one namespace."""

    def __init__(self, name="nb:redefined", *, is_notebook=True):
        self.module = types.ModuleType(name)
        self.cells = 0
        if is_notebook:
            self.module.__nbflow_notebook__ = "/x/redefined.ipynb"
        sys.modules[name] = self.module
        self.told = []
        self.unsubscribe = registry.on_redefinition(self.told.append)
        self.run(SETUP)

    def run(self, source):
        self.cells += 1
        file = f"/x/redefined.ipynb:cell {self.cells} (id abc)"
        lines = source.splitlines(keepends=True)
        linecache.cache[file] = (len(source), None, lines, file)
        exec(compile(source, file, "exec"), self.module.__dict__)

    def __getattr__(self, name):
        return getattr(self.module, name)

    def close(self):
        self.unsubscribe()
        del sys.modules[self.module.__name__]
        for value in vars(self.module).values():
            if isinstance(value, registry.Register):
                registry.forget(value)


@pytest.fixture
def notebook():
    notebook = Notebook()
    yield notebook
    notebook.close()


def test_newest_definition_is_found_by_name(notebook):
    notebook.run(CLEAN)
    old = notebook.CleanData
    notebook.run(CLEAN.replace("old", "new"))

    assert get_task_cls("CleanData") is notebook.CleanData is not old
    assert newest(old) is notebook.CleanData
    assert newest(notebook.CleanData) is notebook.CleanData


def test_unchanged_cell_keeps_the_version_and_says_nothing(notebook):
    notebook.run(CLEAN)
    first = definition_of(notebook.CleanData)
    task = notebook.CleanData(1)
    notebook.run("# a comment\n" + CLEAN.replace("return", "'''Docs.'''\n        return"))
    registry.settle_redefinitions()
    second = definition_of(notebook.CleanData)

    assert (first.version, second.version) == (1, 1)
    assert first.code_hash == second.code_hash
    assert notebook.told == []
    assert repr(task) == "CleanData(n=1)"


def test_changed_cell_raises_the_version_and_is_told(notebook):
    notebook.run(CLEAN)
    first = definition_of(notebook.CleanData)
    notebook.run(CLEAN.replace("old", "new"))
    registry.settle_redefinitions()
    second = definition_of(notebook.CleanData)

    assert (first.version, second.version) == (1, 2)
    assert first.code_hash != second.code_hash
    (told,) = notebook.told
    assert told == (notebook.CleanData, 1, 2, ("run()",))


def test_versions_are_compared_also_where_nobody_settles(notebook):
    notebook.run(CLEAN)
    for word in ("old", "new", "newer", "newest", "newest"):
        notebook.run(CLEAN.replace("old", word))
        assert definition_of(notebook.CleanData).version >= 1

    assert definition_of(notebook.CleanData).version == 4


def test_unsubscribed_listener_hears_nothing(notebook):
    notebook.run(CLEAN)
    notebook.unsubscribe()
    notebook.run(CLEAN.replace("old", "new"))
    registry.settle_redefinitions()

    assert notebook.told == []


def test_change_of_a_parameter_is_told(notebook):
    notebook.run(CLEAN)
    notebook.run(CLEAN.replace("default=1", "default=2"))
    registry.settle_redefinitions()

    assert notebook.told[0].changed == ("n",)


def test_changed_helper_in_the_same_cell_raises_the_version(notebook):
    cell = "def helper():\n    return 1\n" + CLEAN.replace('"old"', "helper()")
    notebook.run(cell)
    registry.settle_redefinitions()
    notebook.run(cell.replace("return 1", "return 2"))
    registry.settle_redefinitions()

    assert notebook.told[0].changed == ("helper()",)


def test_changed_helper_alone_changes_the_hash_and_no_version(notebook):
    notebook.run("def helper():\n    return 1\n" + CLEAN.replace('"old"', "helper()"))
    before = definition_of(notebook.CleanData)
    notebook.run("def helper():\n    return 2\n")
    registry.settle_redefinitions()
    after = definition_of(notebook.CleanData)

    assert before.code_hash != after.code_hash
    assert (before.version, after.version) == (1, 1)
    assert notebook.told == []


def test_old_instance_says_so(notebook):
    notebook.run(CLEAN)
    task = notebook.CleanData(1)
    notebook.run(CLEAN.replace("old", "new"))

    assert repr(task) == "CleanData(n=1) (v1, outdated)"
    assert repr(notebook.CleanData(1)) == "CleanData(n=1)"
    assert task.run() == "old"
    assert version_of(type(task)) == 1


def test_instance_of_a_definition_that_nobody_compared_is_just_outdated(notebook):
    notebook.run(CLEAN)
    notebook.run(CLEAN.replace("old", "new"))
    between = notebook.CleanData(1)
    notebook.run(CLEAN.replace("old", "newer"))

    assert repr(between) == "CleanData(n=1) (outdated)"


def test_cell_is_known(notebook):
    notebook.run(CLEAN)

    assert definition_of(notebook.CleanData).cell == "/x/redefined.ipynb:cell 2"


def test_cell_of_a_kernel_is_its_number(notebook):
    notebook.module._ih = ["", "a", "b", "c"]
    exec(SETUP + CLEAN, notebook.module.__dict__)

    assert definition_of(notebook.CleanData).cell == "In[3]"


# Instances of what was replaced ---------------------------------------------------------------


def test_old_instance_is_bound_to_the_newest_definition(notebook):
    notebook.run(CLEAN)
    task = notebook.CleanData(5)
    notebook.run(CLEAN.replace("old", "new"))

    again = rebind(task)

    assert again is notebook.CleanData(5)
    assert again.run() == "new"
    assert rebind(again) is again


def test_requirements_are_bound_to_the_newest_definition(notebook):
    notebook.run(CLEAN)
    notebook.run(
        "kept = CleanData(5)\n"
        "class Report(Task):\n"
        "    def requires(self): return kept\n"
        "@requires(CleanData)\n"
        "class Other(Task): pass\n"
    )
    notebook.run(CLEAN.replace("old", "new") + "    def output(self): return 'there'\n")

    for task in (notebook.Report(), notebook.Other(5)):
        (dep,) = requirements_of(task)
        assert dep is notebook.CleanData(5)
        assert task.input() == "there"


@pytest.mark.parametrize(
    "change",
    [
        ("n = IntParameter(default=1)", "m = IntParameter(default=1)"),
        (
            "n = IntParameter(default=1)",
            "n = IntParameter(default=1)\n    m = IntParameter()",
        ),
    ],
)
def test_instance_that_no_longer_fits_is_refused(notebook, change):
    notebook.run(CLEAN)
    task = notebook.CleanData(5)
    notebook.run(CLEAN.replace(*change))

    with pytest.raises(StaleInstanceError) as caught:
        rebind(task)

    needed = "m=…" if "m = IntParameter()" in change[1] else ""
    assert str(caught.value) == (
        f"CleanData(n=5) was created from CleanData v1; make it again: CleanData({needed})"
    )


def test_instances_of_old_and_new_are_not_equal(notebook):
    notebook.run(CLEAN)
    old = notebook.CleanData(1)
    notebook.run(CLEAN)

    assert old != notebook.CleanData(1)
    assert old.task_id == notebook.CleanData(1).task_id


def test_old_definitions_do_not_stay_in_memory(notebook):
    def definitions():
        gc.collect()
        return sum(reference() is not None for reference in references)

    references = []
    for number in range(100):
        notebook.run(CLEAN.replace("old", str(number)))
        task = notebook.CleanData(number)
        repr(task)
        task.task_id
        references.append(weakref.ref(notebook.CleanData))
    del task

    # The newest, and the one that it is still to be compared with.
    assert definitions() == 2
    registry.settle_redefinitions()
    assert definitions() == 1


# What is no redefinition ----------------------------------------------------------------------


def test_function_that_makes_classes_makes_them_side_by_side(notebook):
    notebook.run(
        "def make(number):\n"
        "    class Made(Task):\n"
        "        n = IntParameter(default=0)\n"
        "        def run(self): return number\n"
        "    return Made\n"
        "first, second = make(1), make(2)\n"
    )
    one, two = notebook.first(), notebook.second()

    assert [rebind(one).run(), rebind(two).run()] == [1, 2]
    assert repr(one) == repr(two) == "Made(n=0)"
    assert get_task_cls("Made") is notebook.second
    assert definition_of(notebook.first).version == 1


def test_function_that_is_changed_makes_newer_classes(notebook):
    cell = (
        "def make(number):\n"
        "    class Made(Task):\n"
        "        def run(self): return number\n"
        "    return Made\n"
        "first, second = make(1), make(2)\n"
    )
    notebook.run(cell)
    old = [notebook.first(), notebook.second()]
    notebook.run(cell.replace("return number", "return -number"))
    registry.settle_redefinitions()

    for task in old:  # nobody can know which of the two it is now
        with pytest.raises(StaleInstanceError, match="make it again: Made"):
            rebind(task)
    assert {definition_of(cls).version for cls in (notebook.first, notebook.second)} == {2}


def test_siblings_that_nobody_holds_are_forgotten(notebook):
    notebook.run("def make():\n    class Made(Task): pass\n    return Made\n")
    references = [weakref.ref(notebook.make()) for _ in range(50)]
    gc.collect()

    assert sum(reference() is not None for reference in references) == 1


def test_subclass_of_the_same_name_does_not_outdate_its_base(notebook):
    notebook.run(CLEAN)
    task = notebook.CleanData(1)
    notebook.run("class CleanData(CleanData): pass")

    assert get_task_cls("CleanData") is notebook.CleanData
    assert repr(task) == "CleanData(n=1)"
    assert rebind(task) is task


def test_decorated_class_that_is_run_again_unchanged_keeps_its_version(notebook):
    cell = CLEAN + "@copies(CleanData)\nclass Copy(Task):\n    def output(self): return None\n"
    notebook.run(cell)
    old = notebook.Copy(1)
    notebook.run(cell)
    registry.settle_redefinitions()

    assert get_task_cls("Copy") is notebook.Copy
    assert definition_of(notebook.Copy).version == 1
    assert definition_of(notebook.Copy).cell == "/x/redefined.ipynb:cell 3"
    assert rebind(old) is notebook.Copy(1)
    assert notebook.told == []


def test_reloaded_module_replaces_its_classes():
    module = Notebook("ordinary.module", is_notebook=False)
    try:
        module.run(CLEAN)
        old = module.CleanData(1)
        module.run(CLEAN.replace("old", "new"))

        assert rebind(old).run() == "new"
        assert definition_of(module.CleanData).version == 2
    finally:
        module.close()


def test_nested_class_is_replaced_with_its_outer_one(notebook):
    cell = "class Outer:\n    class Inner(Task):\n        def run(self): return 1\n"
    notebook.run(cell)
    old = notebook.Outer.Inner()
    notebook.run(cell.replace("return 1", "return 2"))

    assert rebind(old).run() == 2
    assert get_task_cls("nb:redefined.Outer.Inner") is notebook.Outer.Inner


# Handlers -------------------------------------------------------------------------------------


def test_handler_stays_when_its_class_is_defined_again(notebook):
    notebook.run(CLEAN + "heard = []\n")
    notebook.run("@CleanData.event_handler('e')\ndef listen(task): heard.append(task.n)\n")
    notebook.run(CLEAN)

    notebook.CleanData(3).trigger_event("e", notebook.CleanData(3))

    assert notebook.heard == [3]


def test_handler_whose_cell_is_run_again_is_called_once(notebook):
    cell = "@CleanData.event_handler('e')\ndef listen(task): heard.append('{}')\n"
    notebook.run(CLEAN + "heard = []\n")
    notebook.run(cell.format("old"))
    notebook.run(CLEAN)
    notebook.run(cell.format("new"))

    notebook.CleanData(3).trigger_event("e", notebook.CleanData(3))

    assert notebook.heard == ["new"]


def test_lambda_is_not_carried_over(notebook):
    notebook.run(CLEAN + "heard = []\n")
    notebook.run("CleanData.event_handler('e')(lambda task: heard.append(1))")
    notebook.run(CLEAN)

    callbacks.trigger(notebook.CleanData(1), "e", None)

    assert notebook.heard == []
