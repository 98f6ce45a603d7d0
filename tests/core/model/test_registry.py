"""Names of task classes: families, namespaces, look-up, ambiguity, tasks from words."""

from __future__ import annotations

import datetime as dt
import json
import pickle
import subprocess
import sys
import types
import warnings

import cloudpickle
import pytest

from nbflow.core.errors import (
    AmbiguousTaskError,
    BadValueError,
    DuplicateParameterError,
    MissingParameterError,
    UnknownParameterError,
    UnknownTaskError,
)
from nbflow.core.model import registry
from nbflow.core.model.parameters import (
    DateParameter,
    IntParameter,
    Parameter,
    ParameterVisibility,
    TaskParameter,
)
from nbflow.core.model.registry import (
    build_task,
    definition_of,
    get_task_cls,
    load_task,
    task_classes,
)
from nbflow.core.model.task import ExternalTask, Task, WrapperTask

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import luigi
    import luigi.task_register


class RegistryReport(Task):
    date = DateParameter()
    base = Parameter(default="EUR")
    limit = IntParameter(default=3, significant=False)


@pytest.fixture
def module():
    """Makes modules whose code is given as text; they are gone afterwards."""
    made = []

    def make(name, source):
        module = types.ModuleType(name)
        sys.modules[name] = module
        made.append(name)
        exec(compile(source, f"/somewhere/{name.replace('.', '/')}.py", "exec"), module.__dict__)
        return module

    yield make
    for name in made:
        module = sys.modules.pop(name)
        for value in vars(module).values():
            if isinstance(value, registry.Register):
                registry.forget(value)


@pytest.fixture(autouse=True)
def no_namespaces():
    yield
    registry._namespaces.clear()
    luigi.task_register.Register._default_namespace_dict.clear()


IMPORTS = """
from nbflow.core.model.task import Task
from nbflow.core.model.parameters import IntParameter, Parameter
"""
CLASS = (
    IMPORTS
    + """
class Sales(Task):
    n = IntParameter(default=1)
"""
)


def sub_of(module):
    return f"import sys\nclass Sales(sys.modules[{module!r}].Sales): pass"


# Look-up --------------------------------------------------------------------------------------


def test_class_is_found_by_its_family():
    class Spaced(Task):
        task_namespace = "some.where"

    assert get_task_cls("RegistryReport") is RegistryReport
    assert get_task_cls("some.where.Spaced") is Spaced
    assert registry.Register.get_task_cls("RegistryReport") is RegistryReport
    assert "some.where.Spaced" in registry.Register.task_names()


def test_family_follows_later_changes_of_the_class():
    class Renamed(Task):
        pass

    Renamed.task_namespace = "late"

    assert get_task_cls("late.Renamed") is Renamed
    with pytest.raises(UnknownTaskError):
        get_task_cls("Renamed")
    assert Renamed().task_id.startswith("late.Renamed_")


def test_unknown_name_suggests_what_is_close():
    with pytest.raises(UnknownTaskError) as caught:
        get_task_cls("RegistryReprot")

    assert str(caught.value).startswith(
        "no task named 'RegistryReprot'. Did you mean RegistryReport?  ("
    )
    assert str(caught.value).endswith(" tasks are registered: %nbflow tasks)")
    assert caught.value.title == "UnknownTask"


def test_name_without_its_namespace_suggests_the_family():
    class Fitted(Task):
        task_namespace = "delays.of.planes"

    with pytest.raises(UnknownTaskError, match=r"Did you mean delays\.of\.planes\.Fitted\?"):
        get_task_cls("Fitted")


def test_base_classes_have_no_names_of_their_own():
    for name in ("Task", "BaseTask", "ExternalTask", "WrapperTask", "Config"):
        with pytest.raises(UnknownTaskError):
            get_task_cls(name)
    assert ExternalTask not in task_classes()


def test_two_modules_with_one_family_are_ambiguous(module):
    sales = module("sales.tasks", CLASS)
    module("hr.tasks", CLASS)

    with pytest.raises(AmbiguousTaskError) as caught:
        get_task_cls("Sales")

    assert str(caught.value) == (
        "'Sales' exists in sales.tasks and hr.tasks. Write sales.tasks.Sales or hr.tasks.Sales."
    )
    assert get_task_cls("sales.tasks.Sales") is sales.Sales
    assert sum(cls.__name__ == "Sales" for cls in task_classes()) == 2


def test_ambiguity_names_the_files(module):
    for name in ("sales.files", "hr.files"):
        made = module(name, CLASS)
        made.__file__ = f"/somewhere/{name}.py"

    with pytest.raises(AmbiguousTaskError, match=r"sales.files \(/somewhere/sales.files.py\) and"):
        get_task_cls("Sales")


def test_subclass_of_the_same_name_takes_over(module):
    base = module("first.tasks", CLASS)
    derived = module("second.tasks", sub_of("first.tasks"))

    assert get_task_cls("Sales") is derived.Sales
    assert get_task_cls("first.tasks.Sales") is base.Sales


def test_subclass_still_takes_over_when_its_bases_module_is_loaded_again(module):
    first = module("first.again", CLASS)
    derived = module("second.again", sub_of("first.again"))
    exec(compile(CLASS, "/somewhere/again.py", "exec"), first.__dict__)

    assert get_task_cls("Sales") is derived.Sales


def test_siblings_of_the_same_name_are_ambiguous(module):
    module("one.base", CLASS)
    module("two.sub", sub_of("one.base"))
    module("three.sub", sub_of("one.base"))

    with pytest.raises(AmbiguousTaskError):
        get_task_cls("Sales")


def test_invisible_class_is_not_found():
    class Unseen(Task):
        _visible_in_registry = False

    class UnseenToo(Unseen):
        pass

    with pytest.raises(UnknownTaskError):
        get_task_cls("Unseen")
    with pytest.raises(UnknownTaskError):
        get_task_cls("UnseenToo")


def test_forgotten_class_is_not_found(module):
    made = module("forgotten.tasks", CLASS)
    registry.forget(made.Sales)

    with pytest.raises(UnknownTaskError):
        get_task_cls("Sales")


def test_task_parameter_looks_classes_up():
    class Takes(Task):
        which = TaskParameter()

    task = build_task(Takes, {"which": "RegistryReport"})

    assert task.which is RegistryReport
    assert task.params_json == '{"which":"RegistryReport"}'
    with pytest.raises(BadValueError, match="no task named 'Nothing'"):
        build_task(Takes, {"which": "Nothing"})


# Namespaces -----------------------------------------------------------------------------------


def families(library, task):
    """Families of classes that are defined while namespaces change."""
    found = []

    def define(base, **body):
        cls = type(base)("N", (base,), {"__module__": "a.b.c", **body})
        found.append(cls.get_task_family())
        return cls

    define(task)
    library.namespace("nsA")
    first = define(task)
    second = define(first, task_namespace="nsB")
    define(second)
    define(task, task_namespace="")
    define(task, task_namespace=None)
    library.namespace("scoped", scope="a.b")
    define(task)
    library.namespace("other", scope="a.bc")
    define(task)
    library.auto_namespace(scope="a.b.c")
    define(task)
    library.namespace(scope="a.b.c")
    define(task)
    library.namespace(scope="a.b")
    library.namespace()
    define(first)
    library.auto_namespace()
    define(task)
    return found


@pytest.mark.filterwarnings("ignore")
def test_namespaces_equal_luigis():
    assert families(registry, Task) == families(luigi, luigi.Task)


# Tasks from words -----------------------------------------------------------------------------


def test_text_is_parsed_and_objects_are_taken():
    day = dt.date(2026, 8, 22)

    task = build_task(RegistryReport, {"date": "2026-08-22", "limit": 5})

    assert task is RegistryReport(day, limit=5)
    assert build_task(RegistryReport, [("date", day)]) is RegistryReport(day)


def test_words_that_do_not_fit():
    with pytest.raises(UnknownParameterError) as unknown:
        build_task(RegistryReport, {"dat": "2026-08-22"})
    with pytest.raises(MissingParameterError) as missing:
        build_task(RegistryReport, {})
    with pytest.raises(DuplicateParameterError) as twice:
        build_task(RegistryReport, [("date", "2026-08-01"), ("date", "2026-08-02")])
    with pytest.raises(BadValueError) as bad:
        build_task(RegistryReport, {"date": "2026-13-01"})

    assert str(unknown.value) == (
        "RegistryReport has no parameter 'dat'. Did you mean date?  Parameters: date*, base, limit."
    )
    assert str(missing.value) == (
        "RegistryReport needs date (Date, e.g. date=2026-08-22). Optional: base, limit."
    )
    assert str(twice.value) == "date is given twice (2026-08-01, 2026-08-02)."
    assert str(bad.value).startswith("date=2026-13-01 — ")


def test_several_missing_parameters_are_all_named():
    class Needy(Task):
        a = IntParameter()
        b = Parameter()

    with pytest.raises(MissingParameterError) as caught:
        build_task(Needy, {})

    assert str(caught.value) == "Needy needs a (Int, e.g. a=42) and b (Str)."


def test_task_is_loaded_from_what_another_process_says(module):
    made = module("loaded.tasks", CLASS)
    task = made.Sales(5)

    again = load_task(task.task_family, json.loads(task.params_json), module=task.task_module)

    assert again is task


def test_module_decides_between_two_of_one_family(module):
    sales, hr = module("sales.load", CLASS), module("hr.load", CLASS)

    assert type(load_task("Sales", {"n": "1"}, module="hr.load")) is hr.Sales
    assert type(load_task("Sales", {"n": "1"}, module="sales.load")) is sales.Sales


def test_module_is_imported_when_it_is_not_there_yet(tmp_path, monkeypatch):
    (tmp_path / "registry_import_me.py").write_text(CLASS.replace("Sales", "ImportedLate"))
    monkeypatch.syspath_prepend(str(tmp_path))

    task = load_task("ImportedLate", {"n": "3"}, module="registry_import_me")

    assert task.n == 3
    assert task.task_module == "registry_import_me"


# Definitions ----------------------------------------------------------------------------------


def test_definition_says_what_a_class_is():
    class Whole(WrapperTask):
        task_namespace = "w"
        a = IntParameter()
        b = IntParameter(significant=False)
        c = IntParameter(visibility=ParameterVisibility.HIDDEN)

    definition = definition_of(Whole)

    assert definition.family == "w.Whole"
    assert definition.module == __name__
    assert definition.qualname.endswith("<locals>.Whole")
    assert definition.version == 1
    assert definition.unshown == ("b", "c")
    assert definition.cell is None
    assert definition.is_wrapper
    assert not definition.is_external
    assert [parameter.name for parameter in definition.parameters] == ["a", "b", "c"]
    assert definition_of(Whole) is definition


# Travelling -----------------------------------------------------------------------------------


def test_class_of_a_notebook_travels_by_value(module):
    source = CLASS + "    def run(self): return HELPER + self.n\nHELPER = 1\n"
    made = module("travelling", source)
    made.__nbflow_notebook__ = "/x/travelling.ipynb"
    made.Sales.task_namespace = "ns"
    task = made.Sales(7)
    task.found = 3
    cloudpickle.register_pickle_by_value(made)
    try:
        packed = cloudpickle.dumps((task, definition_of(made.Sales).code_hash))
    finally:
        cloudpickle.unregister_pickle_by_value(made)
    # A process that has never seen the class.
    code = (
        "import pickle, sys; task, _ = pickle.loads(sys.stdin.buffer.read());"
        "cls = type(task); print(task.task_id, task.found, task.run(), cls(8).run(),"
        "cls(n=7) == task, cls.get_task_family())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=packed, capture_output=True, check=True
    )

    assert done.stdout.decode().split() == [task.task_id, "3", "8", "9", "True", "ns.Sales"]


def test_unpickled_class_does_not_disturb_the_one_that_is_there(module):
    heard = []
    made = module("disturbed", CLASS)
    made.Sales.event_handler("e")(heard.append)
    task, parameter = made.Sales(7), made.Sales.n
    before = definition_of(made.Sales)
    cloudpickle.register_pickle_by_value(made)
    try:
        packed = cloudpickle.dumps(task)
        again = cloudpickle.loads(packed)
        again_and_again = cloudpickle.loads(packed)
    finally:
        cloudpickle.unregister_pickle_by_value(made)

    assert type(again) is type(again_and_again) is made.Sales is get_task_cls("Sales")
    assert again == task
    assert repr(task) == "Sales(n=7)"
    assert made.Sales(7) is task
    assert made.Sales.n is parameter
    task.trigger_event("e", 1)
    assert heard == [1]
    registry.settle_redefinitions()
    assert definition_of(made.Sales) == before


def test_unpickled_class_of_another_process_does_not_replace_the_one_that_is_there(module):
    code = (
        "import sys, types, cloudpickle\n"
        "module = sys.modules['elsewhere'] = types.ModuleType('elsewhere')\n"
        f"exec({CLASS!r}, module.__dict__)\n"
        "cloudpickle.register_pickle_by_value(module)\n"
        "sys.stdout.buffer.write(cloudpickle.dumps(module.Sales(7)))"
    )
    packed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    made = module("elsewhere", CLASS)

    travelled = cloudpickle.loads(packed)

    assert type(travelled) is not made.Sales
    assert travelled.task_id == made.Sales(7).task_id
    assert get_task_cls("Sales") is made.Sales
    assert repr(made.Sales(7)) == "Sales(n=7)"


def test_pickling_a_task_does_not_change_its_code(module):
    made = module("pickled", CLASS)
    made.__nbflow_notebook__ = "/x/pickled.ipynb"
    before = definition_of(made.Sales)
    pickle.dumps(made.Sales(1))
    registry.settle_redefinitions()

    assert definition_of(made.Sales) == before
