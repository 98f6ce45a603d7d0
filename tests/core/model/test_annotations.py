"""From annotations to parameters: types, defaults, what is none, order, and names of text."""

from __future__ import annotations

import datetime as dt
import enum
import itertools
import pickle
import subprocess
import sys
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, NewType, Optional

import cloudpickle
import pytest

from nbflow.core.errors import BadValueError, ParameterError
from nbflow.core.model import annotations, interval
from nbflow.core.model import parameters as p
from nbflow.core.model.annotations import Param, parameter_class, type_rows
from nbflow.core.model.inheritance import inherits
from nbflow.core.model.parameters import DateParameter, IntParameter
from nbflow.core.model.task import Task

if TYPE_CHECKING:
    from decimal import Decimal


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Other(Task):
    pass


_numbers = itertools.count()

UserId = NewType("UserId", int)


def parameters(cls: Any) -> dict[str, Any]:
    return dict(cls.get_params())


def kinds(cls: Any) -> dict[str, str]:
    return {name: type(each).__name__ for name, each in cls.get_params()}


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (str, p.StrParameter),
        (int, p.IntParameter),
        (float, p.FloatParameter),
        (bool, p.BoolParameter),
        (Path, p.PathParameter),
        (dt.date, p.DateParameter),
        (dt.datetime, p.DateSecondParameter),
        (dt.timedelta, p.TimeDeltaParameter),
        (interval.DateInterval, p.DateIntervalParameter),
        (Color, p.EnumParameter),
        (Literal["a", "b"], p.ChoiceParameter),
        (Literal["a", None], p.OptionalChoiceParameter),  # noqa: PYI061
        (list, p.ListParameter),
        (list[int], p.ListParameter),
        (list[dict[str, float | None]], p.ListParameter),
        (Sequence[str], p.ListParameter),
        (tuple, p.TupleParameter),
        (tuple[int, str], p.TupleParameter),
        (tuple[int, ...], p.TupleParameter),
        (dict, p.DictParameter),
        (dict[str, Any], p.DictParameter),
        (Mapping[str, list[int]], p.DictParameter),
        (list[Color], p.EnumListParameter),
        (tuple[Color, ...], p.EnumListParameter),
        (list[Literal["a", "b"]], p.ChoiceListParameter),
        (type[Other], p.TaskParameter),
        (type[Task], p.TaskParameter),
        (int | None, p.OptionalIntParameter),
        (Optional[str], p.OptionalStrParameter),  # noqa: UP045
        (Color | None, p.OptionalEnumParameter),
        (list[Color] | None, p.OptionalEnumListParameter),
        (type[Other] | None, p.OptionalTaskParameter),
        (Annotated[float, "a word"], p.FloatParameter),
        (UserId, p.IntParameter),
        (object, None),
        (Any, None),
        (int | str, None),
        (complex, None),
        (type[int], None),
        (list[dt.date], None),
        (list[Path], None),
        (dict[int, str], None),
        (set[int], None),
    ],
)
def test_type_means_a_class_of_parameter(annotation: Any, expected: Any) -> None:
    assert parameter_class(annotation) is expected


def test_table_of_types_is_true() -> None:
    names = {"Color": Color, "Task": Task, "dt": dt, "DateInterval": interval.DateInterval}

    for row in type_rows():
        for text in (
            row.annotation.replace("list[int], ", "").replace("[str, Any], M", "|M").split("|M")
        ):
            written = text.split(" (")[0]
            if written == "dict":
                continue
            found = eval(
                written if not written.startswith("apping") else f"M{written}", globals() | names
            )
            assert parameter_class(found) in {row.parameter, p.ListParameter}
    assert len({row.annotation for row in type_rows()}) == len(list(type_rows()))


def test_annotated_names_are_parameters_with_their_defaults() -> None:
    class Report(Task):
        date: dt.date
        n: int = 3
        model: Literal["ols", "gbm"] = "ols"
        rate: Annotated[float, Param(significant=False, description="per day")] = 0.1
        base: str | None
        where: Path = Path("x")

    made = parameters(Report)

    assert list(made) == ["date", "n", "model", "rate", "base", "where"]
    assert not made["date"].has_default
    assert (made["n"].default, made["model"].default, made["base"].default) == (3, "ols", None)
    assert (made["rate"].significant, made["rate"].description) == (False, "per day")
    task = Report(date=dt.date(2026, 1, 2))
    assert (task.date, task.n, task.rate, task.where) == (dt.date(2026, 1, 2), 3, 0.1, Path("x"))
    assert isinstance(Report.n, IntParameter)
    assert made["rate"].annotation is float


def test_annotated_and_luigis_declarations_have_one_id() -> None:
    def annotated() -> Any:
        class Twin(Task):
            date: dt.date
            n: int = 3

        return Twin

    def declared() -> Any:
        class Twin(Task):
            date = p.DateParameter()
            n = p.IntParameter(default=3)

        return Twin

    day = dt.date(2026, 1, 2)

    assert annotated()(date=day).task_id == declared()(date=day).task_id


def test_annotation_beside_an_explicit_parameter_is_for_checkers_only() -> None:
    class Report(Task):
        date: dt.date = p.MonthParameter()
        odd: Decimal = p.Parameter()

    assert kinds(Report) == {"date": "MonthParameter", "odd": "Parameter"}


def test_what_is_no_parameter_stays_what_it_is() -> None:
    class Report(Task):
        priority: int = 5
        resources: dict[str, int] = {"gpu": 1}
        retry_count: int = 2
        _hidden: int
        _cache: dict[str, int] = {}
        LIMIT: ClassVar[int] = 3
        TABLE: Final = "t"
        NAMES: Final[tuple[str, ...]] = ("a",)
        odd: ClassVar[Decimal]
        quoted: "ClassVar[Decimal]"  # noqa: UP037
        client: object = None
        numbers: complex = 1j

        @property
        def computed(self) -> int:
            return 1

        computed: int

        def method(self) -> int:
            return 1

        method: Any

    assert parameters(Report) == {}
    assert (Report.priority, Report.LIMIT, Report.TABLE, Report.client) == (5, 3, "t", None)
    assert Report().resources == {"gpu": 1}


def test_unknown_type_without_a_default_is_an_error_that_names_it() -> None:
    class Report(Task):
        z: complex

    with pytest.raises(ParameterError) as caught:
        Report()

    assert str(caught.value).startswith(
        "Report.z: no parameter is of type complex. Write a Parameter of your own, "
        "ClassVar[complex] if it is no parameter, or one of these types: str, int, float, bool, "
    )


def test_name_that_cannot_be_evaluated_is_an_error_without_a_default() -> None:
    class Report(Task):
        price: Decimal

    with pytest.raises(
        ParameterError,
        match=r"Report.price: the annotation 'Decimal' cannot be evaluated \(NameError: .*\)\. "
        r"Import what it names, outside of `if TYPE_CHECKING`\.",
    ):
        Report()


def test_name_that_cannot_be_evaluated_is_warned_of_with_a_default() -> None:
    class Report(Task):
        price: Decimal = None

    with pytest.warns(p.ParameterTypeWarning, match="plain attribute, not as a parameter"):
        assert parameters(Report) == {}


def test_class_of_parameter_as_annotation_is_told_how_to_write_it() -> None:
    class Report(Task):
        n: IntParameter

    with pytest.raises(ParameterError, match=r"Report.n: write `n = IntParameter\(\)`\."):
        Report()


def test_class_with_a_wrong_annotation_fails_each_time_and_in_the_same_way() -> None:
    class Report(Task):
        n: int = 3
        z: complex

    for _ in range(2):
        with pytest.raises(ParameterError, match=r"Report\.z"):
            Report()


@pytest.mark.parametrize(
    ("annotation", "default", "message"),
    [
        (int, "3", r"R\.x=3 — not a whole number\."),
        (dt.date, "2026-01-02", r"R\.x=2026-01-02 — expected a datetime.date, got str; write"),
        (Literal["a", "b"], "c", r"R\.x=c — choose one of a, b\."),
        (Color, "RED", r"R\.x=RED — choose one of RED, BLUE\."),
        (list[int], 3, r"R\.x=3 — not a list\."),
    ],
)
def test_default_of_the_wrong_type_is_an_error(annotation: Any, default: Any, message: str) -> None:
    cls = type(Task)("R", (Task,), {"__annotations__": {"x": annotation}, "x": default})

    with pytest.raises(BadValueError, match=message):
        cls()


def test_default_is_brought_into_the_parameters_type() -> None:
    class Report(Task):
        rate: float = 3
        tags: list[str] = ["a"]
        where: Path = "x"
        none: int = None
        by_class: type[Task] = Other

    report = Report()

    assert (report.rate, type(report.rate)) == (3.0, float)
    assert (report.tags, report.where, report.none) == (("a",), Path("x"), None)
    assert report.by_class is Other
    assert kinds(Report)["none"] == "OptionalIntParameter"


def test_unknown_option_of_param_is_an_error() -> None:
    class Report(Task):
        n: Annotated[int, Param(signifcant=False)] = 3

    with pytest.raises(ParameterError, match=r"Report\.n: .*signifcant"):
        Report()


def test_options_of_the_class_can_be_given_by_param() -> None:
    class Report(Task):
        week: Annotated[dt.date, Param(interval=7)] | None

    assert Report(week=dt.date(2024, 1, 5)).week == dt.date(2024, 1, 4)
    assert repr(Param(interval=7)) == "Param(interval=7)"


def test_order_is_that_of_the_lines() -> None:
    class Report(Task):
        a: int
        b = IntParameter()
        c: int = 3
        d: dt.date = DateParameter()
        e: int
        f: int = 4
        g = IntParameter()

    assert list(parameters(Report)) == list("abcdefg")


def test_order_of_annotations_alone_is_theirs() -> None:
    class Report(Task):
        b: int
        a: int = 1
        c: int

    assert list(parameters(Report)) == ["b", "a", "c"]
    assert (Report(1, 2, 3).b, Report(1, 2, 3).a) == (1, 2)


def test_inherited_parameters_come_first_whoever_is_used_first() -> None:
    class Base(Task):
        x: int

    class Middle(Base):
        y = IntParameter()

    class Sub(Middle):
        z: int = 1

    class Unrelated(Task):
        n: int

    parameters(Unrelated)

    assert list(parameters(Sub)) == ["x", "y", "z"]
    assert list(parameters(Middle)) == ["x", "y"]


def test_annotation_without_a_value_leaves_what_is_inherited() -> None:
    class Base(Task):
        n: int = 3

    class Narrowed(Base):
        n: int
        priority: int

    class Changed(Base):
        n: int = 4

    class Taken(Base):
        n = 5

    assert Narrowed().n == 3
    assert Changed().n == 4
    assert Narrowed.n is Base.n
    assert parameters(Taken) == {}


def test_annotation_suppresses_what_a_decorator_would_bring() -> None:
    class Source(Task):
        date = DateParameter(default=dt.date(2026, 1, 2))

    @inherits(Source)
    class Report(Task):
        date: dt.date
        n: int = 1

    assert kinds(Report) == {"date": "DateParameter", "n": "IntParameter"}
    assert Report.date is not Source.date
    assert not Report.date.has_default


def test_text_is_looked_up_in_the_module_and_not_in_the_body() -> None:
    class Report(Task):
        date: date = DateParameter()
        day: dt.date
        Color: Color

    assert kinds(Report) == {
        "date": "DateParameter",
        "day": "DateParameter",
        "Color": "EnumParameter",
    }


def test_text_is_looked_up_in_the_function_around_the_class() -> None:
    class Size(enum.Enum):
        SMALL = 1

    class Report(Task):
        size: Size = Size.SMALL
        sizes: list[Size] = []

    assert kinds(Report) == {"size": "EnumParameter", "sizes": "EnumListParameter"}


def cell(source: str) -> dict[str, Any]:
    """Run a cell without `from __future__ import annotations`, in a module of its own."""
    name = f"annotated_{next(_numbers)}"
    module = types.ModuleType(name)
    sys.modules[name] = module
    try:
        exec(compile(source, "<cell>", "exec", dont_inherit=True), vars(module))
        for value in list(vars(module).values()):
            if isinstance(value, type) and issubclass(value, Task) and value is not Task:
                value.get_params()
    finally:
        del sys.modules[name]
    return vars(module)


def test_annotation_that_became_the_parameter_counts_as_absent() -> None:
    names = cell(
        "from datetime import date\n"
        "from nbflow.core.model.task import Task\n"
        "from nbflow.core.model.parameters import DateParameter\n"
        "class Report(Task):\n"
        "    date: date = DateParameter()\n"
        "    day: date\n"
    )

    # `day: date` was evaluated in the body, where `date` is the parameter already.
    assert kinds(names["Report"]) == {"date": "DateParameter"}


def test_text_in_the_annotations_of_a_cell_is_evaluated() -> None:
    names = cell(
        "import datetime as dt\n"
        "from typing import Optional\n"
        "from nbflow.core.model.task import Task\n"
        "class Report(Task):\n"
        "    day: 'dt.date'\n"
        "    days: list['int'] = ()\n"
        "    last: Optional['dt.date'] = None\n"
    )

    assert kinds(names["Report"]) == {
        "day": "DateParameter",
        "days": "ListParameter",
        "last": "OptionalDateParameter",
    }


def test_attributes_of_a_plain_mixin_are_not_taken() -> None:
    class Mixin:
        verbose: bool = False
        engine: complex

    class Report(Mixin, Task):
        n: int = 1

    assert list(parameters(Report)) == ["n"]


def test_collecting_again_changes_nothing() -> None:
    class Report(Task):
        n: int = 3

    first = parameters(Report)["n"]

    assert annotations.collect(Report) == {}
    assert parameters(Report)["n"] is first


def test_class_that_is_sent_by_value_has_the_same_parameters_in_the_same_order() -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    source = (
        "from __future__ import annotations\n"
        "import datetime as dt\n"
        "from nbflow.core.model.task import Task\n"
        "from nbflow.core.model.parameters import IntParameter\n"
        "class Base(Task):\n"
        "    date: dt.date\n"
        "    def run(self): dt\n"
        "class Report(Base):\n"
        "    y = IntParameter()\n"
        "    n: int = 3\n"
        "    def run(self): dt\n"
    )
    exec(source, names)
    code = (
        "import pickle, sys, datetime\n"
        "cls = pickle.loads(sys.stdin.buffer.read())\n"
        "print([name for name, _ in cls.get_params()], cls(datetime.date(2026, 1, 2), 5).task_id)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        input=cloudpickle.dumps(names["Report"]),
        capture_output=True,
        check=False,
    )

    expected = names["Report"](dt.date(2026, 1, 2), 5)
    assert done.stdout.decode().strip() == f"['date', 'y', 'n'] {expected.task_id}", done.stderr


def test_parameters_of_annotations_survive_pickling() -> None:
    made = parameters(_Module)["color"]

    again = pickle.loads(pickle.dumps(made))

    assert (again.name, again.default, again.enum) == ("color", Color.RED, Color)


class _Module(Task):
    color: Color = Color.RED
