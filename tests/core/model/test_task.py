"""What a task is and does, held against Luigi where both say something."""

from __future__ import annotations

import copy
import datetime as dt
import gc
import inspect
import pickle
import subprocess
import sys
import warnings
import weakref
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core import context
from nbflow.core.errors import (
    DuplicateParameterError,
    MissingParameterError,
    NotARequirementError,
    UnknownParameterError,
)
from nbflow.core.model import defaults, registry
from nbflow.core.model.parameters import (
    BoolParameter,
    DateHourParameter,
    DateParameter,
    DictParameter,
    FloatParameter,
    IntParameter,
    ListParameter,
    Parameter,
    ParameterVisibility,
    TupleParameter,
)
from nbflow.core.model.target import Target
from nbflow.core.model.task import (
    BulkCompleteNotImplementedError,
    Config,
    DynamicRequirements,
    ExternalTask,
    MixinNaiveBulkComplete,
    Task,
    WrapperTask,
    externalize,
    is_external,
    private_texts,
    requirements_of,
    task_id_str,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import luigi
    import luigi.parameter
    import luigi.task

PRIVATE = ParameterVisibility.PRIVATE
HIDDEN = ParameterVisibility.HIDDEN


class There(Target):
    def __init__(self, there=True):
        self.there = there

    def exists(self):
        return self.there


class NoParameters(Task):
    pass


class Dep(Task):
    i = IntParameter()

    def output(self):
        return There()


class Mixed(Task):
    date = DateParameter()
    base = Parameter(default="EUR")
    note = Parameter(default="", significant=False)
    path = Parameter(default="x", visibility=HIDDEN)
    password = Parameter(default="secret", visibility=PRIVATE)


# Identity -------------------------------------------------------------------------------------


def test_golden_ids():
    class NoP(Task):
        pass

    class MyTask(Task):
        task_namespace = "my_namespace"
        my_param = Parameter()

    assert NoP().task_id == "NoP__99914b932b"
    assert MyTask(my_param="hello").task_id == "my_namespace.MyTask_hello_890907e7ce"
    assert [Dep(i).task_id for i in range(4)] == [
        "Dep_0_d010c9c495",
        "Dep_1_64a8d99e05",
        "Dep_2_a9facda7c5",
        "Dep_3_5d0c77e0b0",
    ]
    assert task_id_str("F", {"a": "x" * 40, "b": "2"}) == "F_xxxxxxxxxxxxxxxx_2_5e8fdefd3a"
    assert task_id_str("NoP", {}) == "NoP__99914b932b"


def test_id_shows_the_first_three_parameters_of_the_alphabet():
    class Zoo(Task):
        z = Parameter(default="z")
        dh = DateHourParameter(default=dt.datetime(2024, 1, 2, 3))  # noqa: DTZ001
        d = DateParameter(default=dt.date(2024, 1, 2))
        b = BoolParameter(default=True)

    assert Zoo().task_id.startswith("Zoo_True_2024_01_02_2024_01_02T03_")


@given(
    st.dictionaries(st.sampled_from("abcdefg"), st.text(), max_size=5),
    st.sampled_from(["F", "name.space.F"]),
)
def test_ids_equal_luigis(params, family):
    assert task_id_str(family, params) == luigi.task.task_id_str(family, params)


@given(
    st.text(), st.integers(), st.floats(allow_nan=False), st.dates(min_value=dt.date(1970, 1, 1))
)
def test_ids_of_instances_equal_luigis(text, number, fraction, day):
    class Same(Task):
        text = Parameter()
        number = IntParameter()
        fraction = FloatParameter()
        day = DateParameter()
        things = ListParameter()

    class Luigis(luigi.Task):
        text = luigi.Parameter()
        number = luigi.IntParameter()
        fraction = luigi.FloatParameter()
        day = luigi.DateParameter()
        things = luigi.ListParameter()

    values = (text, number, fraction, day, [text, number])
    ours, theirs = Same(*values), Luigis(*values)

    assert ours.task_id == theirs.task_id.replace("Luigis", "Same", 1)
    assert ours.to_str_params() == theirs.to_str_params()


def test_hidden_private_and_insignificant_values_are_not_part_of_the_id():
    day = dt.date(2024, 1, 2)

    one = Mixed(day)
    other = Mixed(day, note="n", path="y", password="p")

    assert one == other
    assert hash(one) == hash(other)
    assert one is not other


def test_equal_values_give_one_instance():
    assert Dep(1) is Dep(1)
    assert Dep(1) is Dep(i=1)
    assert Dep(1) is not Dep(2)


def test_values_of_different_types_are_different_tasks():
    one, flag, fraction = Dep(1), Dep(True), Dep(1.0)

    assert [task.task_id.split("_")[1] for task in (one, flag, fraction)] == ["1", "True", "1"]
    assert len({one, flag, fraction}) == 3
    assert Dep(True) is flag
    assert Dep(1.0) is fraction


def test_containers_are_told_apart_by_the_types_inside():
    class Listing(Task):
        things = ListParameter()
        more = DictParameter(default={})

    assert Listing([1]) is Listing((1,))
    assert Listing([1]) is not Listing([True])
    assert Listing([1], more={"a": 1}) is not Listing([1], more={"a": True})
    assert Listing([1], more={"a": 1, "b": 2}) is Listing([1], more={"b": 2, "a": 1})


def test_lists_and_sets_become_tuples_and_unhashable_values_are_not_cached():
    class Loose(Parameter):
        def _warn_on_wrong_param_type(self, name, value):
            pass

    class Unhashable(Task):
        value = Loose()

    assert Unhashable([1]) is Unhashable([1])
    assert Unhashable([1]).value == (1,)
    assert Unhashable({"b", "a", "c"}).value == ("a", "b", "c")
    for value in ({"a": 1}, {"a": [1]}, ({"a"}, [1])):
        assert Unhashable(value) is not Unhashable(value)


def test_same_id_of_different_classes_is_not_equal():
    class Dep2(Task):
        i = IntParameter()

    assert Dep(1) != externalize(Dep)(1)
    assert Dep(1) != Dep2(1)
    assert Dep(1) != "Dep"


def test_instance_lives_as_long_as_somebody_holds_it():
    cache = Dep._nbflow_plan.cache
    task = Dep(123456)
    task.mark = 1

    assert Dep(123456).mark == 1

    del task
    gc.collect()
    assert not hasattr(Dep(123456), "mark")
    for i in range(10_000):
        Dep(i)
    assert len(cache) < 5_000


def test_cache_can_be_disabled_and_cleared():
    registry.disable_instance_cache()
    try:
        assert Dep(1) is not Dep(1)
        assert Dep(1) == Dep(1)
    finally:
        registry.clear_instance_cache()
    assert Dep(1) is Dep(1)

    kept = Dep(1)
    registry.Register.clear_instance_cache()
    assert Dep(1) is not kept


def test_class_has_no_task_id():
    with pytest.raises(AttributeError, match="only its instances"):
        Dep.task_id
    assert Dep.task_family == "Dep"
    assert Dep(1).task_family == "Dep"
    assert Dep(1).task_module == __name__


def test_assignment_changes_the_attribute_alone():
    task = Dep(77)
    task.i = 5

    assert task.i == 5
    assert task.task_id == "Dep_77_" + task_id_str("Dep", {"i": "77"})[-10:]
    assert task.param_kwargs == {"i": 77}


def test_task_survives_pickle_and_copy():
    task = Mixed(dt.date(2024, 1, 2), password="p")
    task.found = 3
    expected = task.task_id

    for again in (pickle.loads(pickle.dumps(task)), copy.copy(task)):
        assert again == task
        assert again.task_id == expected
        assert (again.password, again.found) == ("p", 3)


# Calls ----------------------------------------------------------------------------------------


def test_missing_parameter_says_what_it_looks_like():
    with pytest.raises(MissingParameterError) as caught:
        Mixed()

    assert str(caught.value) == (
        "Mixed needs date (Date, e.g. date=2026-08-22). Optional: base, note, path, password."
    )


def test_unknown_parameter_lists_all_with_stars_on_the_required():
    with pytest.raises(UnknownParameterError) as caught:
        Mixed(dat="x")

    assert str(caught.value) == (
        "Mixed has no parameter 'dat'. Did you mean date?  "
        "Parameters: date*, base, note, path, password."
    )
    with pytest.raises(UnknownParameterError, match="it has none at all"):
        NoParameters(x=1)


def test_parameter_given_twice_shows_both_values():
    with pytest.raises(DuplicateParameterError, match=r"^i is given twice \(1, 2\)\.$"):
        Dep(1, i=2)
    with pytest.raises(DuplicateParameterError, match=r"password is given twice \(••••, ••••\)"):
        Mixed(dt.date(2024, 1, 2), "EUR", "", "x", "one", password="two")


def test_too_many_values_by_position():
    with pytest.raises(UnknownParameterError, match=r"takes 1 values by position \(i\)"):
        Dep(1, 2)


def test_type_error_of_the_users_own_code_is_not_explained_away():
    class Fussy(Parameter):
        def normalize(self, value):
            return value + 1

    class FussyTask(Task):
        x = Fussy()

    with pytest.raises(TypeError, match="concatenate"):
        FussyTask("a")


def test_parameter_that_is_not_positional_is_given_by_name():
    class Named(Task):
        a = IntParameter(positional=False)
        b = IntParameter()

    assert Named(1, a=2).param_kwargs == {"a": 2, "b": 1}
    with pytest.raises(UnknownParameterError):
        Named(1, 2)


def test_omitted_value_follows_the_sources():
    class Sourced(Task):
        n = IntParameter(default=1)

    assert Sourced().n == 1
    with defaults.override({"Sourced": {"n": "5"}}):
        assert Sourced().n == 5
        with defaults.override({"Sourced": {"n": "6"}}):
            assert Sourced().n == 6
        assert Sourced().n == 5
    assert Sourced().n == 1


def test_required_value_may_come_from_a_source():
    with defaults.override({"Dep": {"i": "5"}}):
        assert Dep().i == 5
        with pytest.raises(UnknownParameterError, match=r"Parameters: i\."):
            Dep(x=1)
    with pytest.raises(MissingParameterError):
        Dep()


def test_parameters_have_names_that_compiled_code_must_not_stumble_over():
    class Names(Task):
        type = Parameter(default="a")
        len = Parameter(default="b")
        cls = Parameter(default="c")
        self = Parameter(default="d")
        values = Parameter(default="e")
        args = Parameter(default="f")
        ünicode = Parameter(default="g")  # noqa: PLC2401

    task = Names(self="s", ünicode="ü")

    assert list(task.param_kwargs.values()) == ["a", "b", "c", "s", "e", "f", "ü"]
    assert task.params_json.startswith('{"type":"a","len":"b"')
    assert task.task_id.startswith("Names_f_c_b_")


def test_own_init_gets_the_arguments_as_they_came():
    seen = []

    class Own(Task):
        a = IntParameter()
        b = IntParameter(default=2)

        def __init__(self, *args, **kwargs):
            seen.append((args, kwargs))
            super().__init__(*args, **kwargs)
            self.sum = self.a + self.b

    task = Own(1)

    assert (task.sum, task.initialized()) == (3, True)
    assert Own(a=1) is task
    assert seen == [((1,), {})]
    with pytest.raises(MissingParameterError):
        Own()


def test_init_that_forgets_super_is_noticed():
    class Forgetful(Task):
        def __init__(self):
            pass

    task = Forgetful()

    assert not task.initialized()
    assert repr(task) == "Forgetful(<AttributeError>)"


def test_parameter_that_is_set_later_counts():
    class Late(Task):
        a = IntParameter(default=1)

    assert Late().task_id.startswith("Late_1_")
    Late.b = IntParameter(default=2)

    assert Late(b=3).param_kwargs == {"a": 1, "b": 3}
    del Late.b
    assert Late().param_kwargs == {"a": 1}


def test_subclass_can_suppress_and_override_parameters():
    class Base(Task):
        a = IntParameter()
        b = IntParameter(default=2)

    class Sub(Base):
        a = None
        b = IntParameter(default=3)
        c = IntParameter(default=4)

    assert Sub().param_kwargs == {"b": 3, "c": 4}


def test_order_of_parameters_equals_luigis():
    class OurMixin:
        m = IntParameter(default=0)

    class OurBase(Task):
        x = IntParameter(default=0)
        a = IntParameter(default=0)

    class Ours(OurMixin, OurBase):
        c = IntParameter(default=0)
        a = IntParameter(default=1)

    class TheirMixin:
        m = luigi.IntParameter(default=0)

    class TheirBase(luigi.Task):
        x = luigi.IntParameter(default=0)
        a = luigi.IntParameter(default=0)

    class Theirs(TheirMixin, TheirBase):
        c = luigi.IntParameter(default=0)
        a = luigi.IntParameter(default=1)

    assert Ours.get_param_names(True) == Theirs.get_param_names(True) == ["m", "x", "c", "a"]


def test_annotated_parameters_work_in_a_function():
    class Annotated(Task):
        date: dt.date
        n: int = 3

    assert Annotated(dt.date(2024, 1, 2)).param_kwargs == {
        "date": dt.date(2024, 1, 2),
        "n": 3,
    }


def test_signature_shows_the_parameters():
    assert str(inspect.signature(Dep)) == "(i: int)"
    assert str(inspect.signature(Mixed)) == (
        "(date: datetime.date, base: str = 'EUR', note: str = '', path: str = 'x', "
        "password: str = '••••')"
    )


def test_signature_of_required_parameters_after_optional_ones():
    class Late(Task):
        a = IntParameter(default=1)
        b = IntParameter()
        c = IntParameter(positional=False)

    assert str(inspect.signature(Late)) == "(a: int = 1, *, b: int, c: int)"


def test_abstract_task_cannot_be_made():
    import abc

    class Abstract(Task):
        @abc.abstractmethod
        def make(self): ...

    with pytest.raises(TypeError, match="abstract"):
        Abstract()


def test_wrong_type_is_warned_of_at_the_callers_line():
    with pytest.warns(UserWarning, match="'base'") as caught:
        Mixed(dt.date(2024, 1, 2), base=5)

    assert caught[0].filename == __file__


# Text -----------------------------------------------------------------------------------------


def test_repr_has_the_significant_parameters_in_order():
    task = Mixed(dt.date(2024, 1, 2), note="n")

    assert repr(task) == str(task) == "Mixed(date=2024-01-02, base=EUR, path=x, password=••••)"


def test_repr_never_raises_and_is_short():
    class Crashing(Parameter):
        def serialize(self, value):
            raise RuntimeError

    class Odd(Task):
        color = Crashing()

    class Huge(Task):
        text = Parameter()

    assert repr(Odd("x")) == "Odd(<RuntimeError>)"
    assert len(repr(Huge("x" * 1_000_000))) < 300
    assert "\n" not in repr(Huge("a\nb"))


def test_json_of_parameters_is_in_order_and_without_private_ones():
    task = Mixed(dt.date(2024, 1, 2), base='"ü')

    assert task.params_json == '{"date":"2024-01-02","base":"\\"\\u00fc","note":"","path":"x"}'
    assert Dep(1).params_json == '{"i":"1"}'
    assert NoParameters().params_json == "{}"


def test_private_texts_are_found_inside_of_containers_and_as_a_repr_writes_them():
    class Connects(Task):
        hosts = DictParameter(visibility=ParameterVisibility.PRIVATE)
        words = ListParameter(visibility=ParameterVisibility.PRIVATE)
        shown = Parameter()

    found = private_texts(Connects({"db": ["sesame-1"]}, ["it's\nsesame-2", "ab"], "public"))

    assert set(found) == {"sesame-1", "it's\nsesame-2", "it's\\nsesame-2"}


def test_string_parameters():
    task = Mixed(dt.date(2024, 1, 2))

    assert task.to_str_params() == {"date": "2024-01-02", "base": "EUR", "note": "", "path": "x"}
    assert list(task.to_str_params(only_significant=True)) == ["date", "base", "path"]
    assert list(task.to_str_params(only_public=True)) == ["date", "base", "note"]
    assert Mixed.from_str_params({**task.to_str_params(), "unknown": "x"}) is task
    assert task._get_param_visibilities() == {"date": 0, "base": 0, "note": 0, "path": 1}
    assert Mixed.get_param_names() == ["date", "base", "path", "password"]


def test_batch_parameters():
    class Batch(Task):
        i = IntParameter(batch_method=max)

    assert Batch.batch_param_names() == ["i"]
    assert Batch(1).batchable
    assert not Dep(1).batchable
    assert Batch.from_str_params({"i": ["1", "3", "2"]}).i == 3


def test_values_of_a_call():
    values = Mixed.get_param_values(Mixed.get_params(), [dt.date(2024, 1, 2)], {"note": "n"})

    assert values[:3] == [("date", dt.date(2024, 1, 2)), ("base", "EUR"), ("note", "n")]


def test_deprecated_spellings_warn():
    with pytest.warns(DeprecationWarning, match="param_kwargs"):
        assert Dep(1).param_args == (1,)
    with pytest.warns(DeprecationWarning, match="disable_window"):
        assert Dep(1).disable_window_seconds is None


def test_owner_list():
    class Owned(Task):
        owner_email = "a@b,c@d"

    class OwnedByMany(Task):
        @property
        def owner_email(self):
            return ["x@y"]

    assert Owned()._owner_list() == ["a@b", "c@d"]
    assert OwnedByMany()._owner_list() == ["x@y"]
    assert Dep(1)._owner_list() == []


def test_steering_attributes_have_luigis_defaults():
    ours, theirs = NoParameters(), luigi.Task()

    for name in (
        "priority",
        "disabled",
        "resources",
        "worker_timeout",
        "max_batch_size",
        "retry_count",
        "disable_hard_timeout",
        "disable_window",
        "owner_email",
        "accepts_messages",
        "use_cmdline_section",
        "batchable",
    ):
        assert getattr(ours, name) == getattr(theirs, name), name


# The graph ------------------------------------------------------------------------------------


def test_complete_when_all_outputs_exist():
    class Several(Task):
        flags = TupleParameter()

        def output(self):
            return {"a": There(self.flags[0]), "b": [There(self.flags[1])]}

    assert Several((True, True)).complete() is True
    assert Several((True, False)).complete() is False
    assert Several((True, True)).has_output()


def test_task_without_output_is_not_complete():
    assert NoParameters().complete() is False
    assert not NoParameters().has_output()
    assert NoParameters().requires() == []
    assert NoParameters().input() == []
    assert NoParameters().run() is None


def test_input_has_the_structure_of_requires():
    class Parent(Task):
        def requires(self):
            return {"a": Dep(1), "b": [Dep(2), (Dep(3),)]}

    found = Parent().input()

    assert isinstance(found["a"], There)
    assert isinstance(found["b"][1], tuple)
    assert [dep.i for dep in Parent().deps()] == [1, 2, 3]


def test_wrapper_is_complete_when_its_requirements_are():
    class Wrap(WrapperTask):
        i = IntParameter()

        def requires(self):
            return [Dep(1), NoParameters()] if self.i else Dep(1)

    assert Wrap(0).complete()
    assert not Wrap(1).complete()


def test_external_task_has_no_run():
    class Raw(ExternalTask):
        pass

    class Promised(Task):
        run = NotImplemented

    assert is_external(Raw())
    assert is_external(Raw)
    assert is_external(Promised())
    assert not is_external(Dep(1))


def test_externalize_makes_a_class_that_hides_from_the_registry():
    External = externalize(Dep)

    assert External is not Dep
    assert is_external(External)
    assert not is_external(Dep)
    assert External(1).task_id == Dep(1).task_id
    assert registry.get_task_cls("Dep") is Dep
    assert External.__name__ == "Dep"
    assert External.__doc__ == Dep.__doc__


def test_externalize_makes_an_equal_instance_and_leaves_its_argument_alone():
    external = externalize(Dep(1))

    assert external == Dep(1)
    assert external is not Dep(1)
    assert is_external(external)
    assert not is_external(Dep(1))


def test_clone_takes_over_what_the_target_class_wants():
    class Wider(Task):
        i = IntParameter()
        extra = Parameter(default="d")
        color = Parameter(default="red")

    source = Dep(4)
    source.color = "blue"

    assert source.clone(Wider).param_kwargs == {"i": 4, "extra": "d", "color": "blue"}
    assert source.clone(Wider, extra="e", unknown=1).extra == "e"
    assert source.clone(i=5) is Dep(5)
    assert source.clone() is source


def test_bulk_complete():
    class Naive(MixinNaiveBulkComplete, Task):
        i = IntParameter()
        j = IntParameter(default=0)

        def complete(self):
            return self.i % 2 == 0

    assert Naive.bulk_complete([1, 2, (4, 1), {"i": 6}, [3]]) == [2, (4, 1), {"i": 6}]
    with pytest.raises(BulkCompleteNotImplementedError):
        Dep.bulk_complete([1])


def test_dynamic_requirements():
    dynamic = DynamicRequirements({"a": Dep(1), "b": [NoParameters()]})

    assert dynamic.flat_requirements == [Dep(1), NoParameters()]
    assert isinstance(dynamic.paths["a"], There)
    assert not dynamic.complete()
    assert dynamic.complete(lambda task: True)
    assert DynamicRequirements(NoParameters(), lambda complete: True).complete()


def test_requirement_that_is_no_task_is_named():
    class Wrong(Task):
        def requires(self):
            return [Dep(1), There()]

    with pytest.raises(NotARequirementError) as caught:
        requirements_of(Wrong())

    assert str(caught.value).startswith("Wrong() requires <")
    assert "which is a There and no task" in str(caught.value)


def test_requirements_of_asks_templates_too():
    class Template(Task):
        def _requires(self):
            return [super()._requires(), Dep(1)]

        def requires(self):
            return Dep(2)

    class Old(Task):
        def deps(self):
            return [Dep(3)]

    assert requirements_of(Template()) == [Dep(2), Dep(1)]
    assert requirements_of(Old()) == [Dep(3)]


def test_failure_text_has_the_traceback():
    try:
        raise ValueError("no good")
    except ValueError as error:
        text = Dep(1).on_failure(error)

    assert text.startswith("Runtime error:\nTraceback")
    assert text.endswith("ValueError: no good\n")
    assert Dep(1).on_success() is None


def test_config_is_a_typed_view():
    class mysection(Config):
        option = IntParameter(default=7)

    with defaults.override({"mysection": {"option": "8"}}):
        assert mysection().option == 8


# While it runs --------------------------------------------------------------------------------


@dataclass
class Listener:
    heard: list[dict[str, Any]] = field(default_factory=list)
    given_back: list[Any] = field(default_factory=list)

    def report_progress(self, **news):
        self.heard.append(news)

    def decrease_resources(self, amounts):
        self.given_back.append(amounts)


def test_reports_go_to_the_runs_reporter():
    listener = Listener()
    task = Dep(1)

    with context.running(context.TaskContext(task.task_id, reporter=listener, messages="queue")):
        task.progress(3, 5, "partitions")
        task.progress(0.25)
        task.status("join rates")
    with context.running(context.TaskContext(task.task_id, reporter=listener, messages="queue")):
        task.set_progress_percentage(80)
        task.set_status_message("nearly")
        task.set_tracking_url("http://x")
        task.decrease_running_resources({"gpu": 1})
        assert task.scheduler_messages == "queue"

    assert listener.heard == [
        {"fraction": 0.6, "message": "3/5 partitions"},
        {"fraction": 0.25},
        {"message": "join rates"},
        {"fraction": 0.8},
        {"message": "nearly"},
        {"tracking_url": "http://x"},
    ]
    assert listener.given_back == [{"gpu": 1}]


def test_reports_outside_of_a_run_do_nothing():
    task = Dep(1)

    task.progress(1, 2)
    task.status("x")
    task.set_tracking_url("http://x")
    task.decrease_running_resources({"gpu": 1})
    assert task.scheduler_messages is None
    with task.no_unpicklable_properties():
        pickle.dumps(task)


def test_flood_of_reports_is_merged_and_its_last_is_kept():
    listener = Listener()
    running = context.TaskContext("x", reporter=listener)

    with context.running(running):
        for done in range(10_001):
            Dep(1).progress(done, 10_000)
    running.flush()

    assert len(listener.heard) < 200
    assert listener.heard[-1] == {"fraction": 1.0, "message": "10000/10000"}


def test_fraction_stays_between_0_and_1():
    listener = Listener()

    with context.running(context.TaskContext("x", reporter=listener)):
        for done, total in ((7, 5), (-1, 5), (0, 0)):
            Dep(1).progress(done, total)

    assert [news["fraction"] for news in listener.heard] == [1.0, 0.0, 0.0]


# Weight ---------------------------------------------------------------------------------------


def test_importing_tasks_is_light():
    heavy = "msgspec asyncio inspect pandas IPython importlib.metadata concurrent.futures subprocess sqlite3 logging ast tokenize"
    code = f"""
import sys
before = set(sys.modules)
from nbflow.core.model.task import Task
from nbflow.core.model.parameters import IntParameter
class A(Task):
    i = IntParameter()
A(1).task_id
print(sorted(set({heavy.split()}) & (set(sys.modules) - before)))
"""
    found = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )

    assert found.stdout.strip() == "[]"


def test_tasks_can_be_made_while_those_that_are_gone_are_forgotten():
    class Kept(Task):
        n = IntParameter()

    def make_another(phase, _facts):
        # As another thread does, when a finalizer lets it run.
        if phase == "start":
            plan.cache[len(plan.cache), "new"] = weakref.ref(kept[0])

    kept = [Kept(n) for n in range(5_000)]
    plan = Kept._nbflow_plan
    Kept(-1)  # gone at once
    thresholds = gc.get_threshold()
    gc.callbacks.append(make_another)
    gc.set_threshold(1)
    try:
        plan.sweep()
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(make_another)

    assert all(Kept(n) is task for n, task in enumerate(kept))
    assert None not in [reference() for reference in plan.cache.values()]
