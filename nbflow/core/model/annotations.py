"""Which annotations in a task's body are parameters, and which class of parameter each one means.

``date: dt.date``, ``n: int = 3``, ``model: Literal["ols", "gbm"] = "ols"`` and
``rate: Annotated[float, Param(significant=False)]`` are declarations; the one table of types is
`type_rows`. Not parameters are

- names that are in the body as an explicit Parameter already (the annotation serves checkers only),
- names that begin with an underscore, and names that `Task` itself has,
- ``ClassVar`` and ``Final``,
- names whose value is a function, property or other descriptor,
- annotations without a value for what a base class has,
- names of a type that is not in the table, *if* they have a value; without one that is an error.

Annotations that are text are evaluated in the module, then in the frame around the class, never in
the class's body: there the name `date` may be the parameter. An annotation that evaluates to a
Parameter counts as absent.
"""

from __future__ import annotations

import collections.abc
import re
import sys
import types
import typing
import warnings
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nbflow.core.errors import ParameterError
from nbflow.core.model.frozen import FrozenOrderedDict
from nbflow.core.model.interval import DateInterval
from nbflow.core.model.parameters.base import (
    NO_VALUE,
    Parameter,
    ParameterTypeWarning,
    next_position,
)
from nbflow.core.model.parameters.choices import (
    ChoiceListParameter,
    ChoiceParameter,
    EnumListParameter,
    EnumParameter,
)
from nbflow.core.model.parameters.containers import DictParameter, ListParameter, TupleParameter
from nbflow.core.model.parameters.dates import (
    DateIntervalParameter,
    DateParameter,
    DateSecondParameter,
    TimeDeltaParameter,
)
from nbflow.core.model.parameters.optional import OPTIONAL, OptionalIntParameter
from nbflow.core.model.parameters.scalars import (
    BoolParameter,
    FloatParameter,
    IntParameter,
    PathParameter,
    StrParameter,
    TaskParameter,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Text of an annotation that says "no parameter", where its inside cannot be evaluated.
_NO_FIELD: Final = r"(?:\w+\.)*(?:ClassVar|Final)\b"

#: Element types of lists and mappings that JSON keeps as they are.
_JSON_TYPES: Final = frozenset({Any, str, int, float, bool, type(None), list, tuple, dict})


class Param:
    """Options of a parameter that is declared by an annotation alone.

    ``rate: Annotated[float, Param(significant=False, description="per day")] = 0.1``. Takes what
    the class of the parameter takes by name: `significant`, `description`, `visibility`,
    `positional`, `batch_method`, and for days `interval` and `start`.
    """

    __slots__ = ("options",)

    def __init__(self, **options: Any) -> None:
        self.options = options

    def __repr__(self) -> str:
        return f"Param({', '.join(f'{name}={value!r}' for name, value in self.options.items())})"


class Body(NamedTuple):
    """What is noted of a class's body when it is made, and travels with the class.

    cloudpickle brings the attributes in alphabetical order.
    """

    #: Place of the body in the order of all declarations.
    position: int
    #: The names that have a value, in the order of the lines.
    names: tuple[str, ...]


class TypeRow(NamedTuple):
    """One line of the table of types."""

    #: As it is written in a task's body.
    annotation: str
    #: The class that stands for it.
    parameter: type[Parameter[Any]]
    #: What a value looks like on a command line.
    example: str


class _Recipe(NamedTuple):
    cls: type[Parameter[Any]]
    options: Mapping[str, Any] = {}


class _Unresolved(NamedTuple):
    """An annotation that is text and cannot be evaluated."""

    text: str
    reason: str


def type_rows() -> Iterator[TypeRow]:
    """Yield the types that an annotation may have, as the documentation shows them."""
    for annotation, parameter in _plain_types().items():
        prefix = "dt." if annotation.__module__ == "datetime" else ""
        yield TypeRow(f"{prefix}{annotation.__name__}", parameter, parameter.example)
    yield TypeRow("Color (an Enum)", EnumParameter, "RED")
    yield TypeRow('Literal["ols", "gbm"]', ChoiceParameter, "ols")
    yield TypeRow("list[Color]", EnumListParameter, "RED,BLUE")
    yield TypeRow('list[Literal["a", "b"]]', ChoiceListParameter, "a,b")
    yield TypeRow("list[int], Sequence[int]", ListParameter, ListParameter.example)
    yield TypeRow("tuple[int, str]", TupleParameter, '[1, "a"]')
    yield TypeRow("dict[str, Any], Mapping[str, Any]", DictParameter, DictParameter.example)
    yield TypeRow("type[Task]", TaskParameter, "Report")
    yield TypeRow("int | None (any of these)", OptionalIntParameter, IntParameter.example)


def collect(
    cls: type, frame_locals: Mapping[str, Any] | None = None, *, root: type | None = None
) -> dict[str, Parameter[Any]]:
    """Put a Parameter on `cls` for each annotation of its own body that declares one.

    Its bases must have been collected before. Asking again changes nothing.

    Parameters
    ----------
    frame_locals
        Local variables of the function around the class statement.
    root
        The class whose attributes are never parameters; `Task` if omitted.

    Returns
    -------
    dict
        The new parameters by name.

    Raises
    ------
    ParameterError
        An annotation is of no known type and has no default, a default is not of its type, or an
        option is unknown. The class is left as it was.
    """
    annotations = _own_annotations(cls)
    if not annotations:
        return {}
    if root is None:
        from nbflow.core.model.task import Task

        root = Task
    if issubclass(root, cls):
        return {}
    scope = _Scope(cls, frame_locals)
    made = {}
    for name, annotation in annotations.items():
        if _may_declare(cls, name, root):
            parameter = _parameter(cls, name, annotation, scope)
            if parameter is not None:
                made[name] = parameter
    _place(cls, annotations, made)
    for name, parameter in made.items():
        parameter.__set_name__(cls, name)
        setattr(cls, name, parameter)
    return made


def parameter_class(annotation: Any) -> type[Parameter[Any]] | None:
    """Give the class of parameter that an annotation means; None if it is not in the table."""
    recipe = _recipe(annotation, _Scope(object, None))
    return None if recipe is None else recipe.cls


class _Scope:
    """Where the annotations of one class that are text are evaluated."""

    def __init__(self, cls: type, frame_locals: Mapping[str, Any] | None) -> None:
        module = sys.modules.get(cls.__module__)
        self._namespaces: list[dict[str, Any]] = [] if module is None else [vars(module)]
        # A class that came from another process brings what its functions use.
        functions = (each for each in vars(cls).values() if isinstance(each, types.FunctionType))
        self._namespaces.extend(function.__globals__ for function in functions)
        self._locals = frame_locals

    def evaluate(self, text: str) -> Any:
        """Give what `text` means, or `_Unresolved`."""
        problem: Exception = NameError(f"there is no module in which {text!r} could be looked up")
        for namespace in self._namespaces:
            for local in (None, self._locals):
                try:
                    return eval(text, namespace, local)  # noqa: S307 - it stands in the user's code
                except Exception as error:  # noqa: BLE001 - whatever the user's expression raises
                    problem = error
        return _Unresolved(text, f"{type(problem).__name__}: {problem}")

    def resolved(self, annotation: Any) -> Any:
        """Give `annotation`, evaluated if it is text (`list["Color"]` holds some)."""
        for _ in range(2):  # under `from __future__ import annotations` quotes make text of text
            if isinstance(annotation, typing.ForwardRef):
                annotation = annotation.__forward_arg__
            if isinstance(annotation, str):
                annotation = self.evaluate(annotation)
        return annotation


def _may_declare(cls: type, name: str, root: type) -> bool:
    """Whether the annotation of `name` counts, whatever type it is."""
    if name.startswith("_") or _has(root, name):
        return False
    if name not in cls.__dict__:
        return not any(_has_own(base, name) for base in cls.__mro__[1:])
    value = cls.__dict__[name]
    return not isinstance(value, Parameter) and not hasattr(type(value), "__get__")


def _has(root: type, name: str) -> bool:
    return any(_has_own(base, name) for base in root.__mro__)


def _has_own(cls: type, name: str) -> bool:
    return name in cls.__dict__ or name in _own_annotations(cls)


def _own_annotations(cls: type) -> Mapping[str, Any]:
    # `inspect.get_annotations` does the same, and costs an import that a run does not need.
    found: Mapping[str, Any] = cls.__dict__.get("__annotations__", {})  # noqa: RUF063
    return found


def _parameter(cls: type, name: str, annotation: Any, scope: _Scope) -> Parameter[Any] | None:
    where = f"{cls.__name__}.{name}"
    default = cls.__dict__.get(name, NO_VALUE)
    annotation = scope.resolved(annotation)
    if isinstance(annotation, Parameter) or _is_no_field(annotation):
        return None
    recipe = _recipe(annotation, scope)
    if recipe is not None:
        parameter = _made(where, recipe, default)
        if default is not None:
            is_annotated = typing.get_origin(annotation) is typing.Annotated
            parameter.annotation = annotation.__origin__ if is_annotated else annotation
        return parameter
    if default is NO_VALUE:
        raise ParameterError(_unknown(where, annotation))
    if isinstance(annotation, _Unresolved):
        warnings.warn(
            f"{where} is taken as a plain attribute, not as a parameter: its annotation "
            f"{annotation.text!r} cannot be evaluated ({annotation.reason})",
            ParameterTypeWarning,
            stacklevel=4,
        )
    return None


def _is_no_field(annotation: Any) -> bool:
    if isinstance(annotation, _Unresolved):
        return re.match(_NO_FIELD, annotation.text) is not None
    outer = typing.get_origin(annotation) or annotation
    return outer is typing.ClassVar or outer is typing.Final


def _made(where: str, recipe: _Recipe, default: Any) -> Parameter[Any]:
    """Make the parameter with its default in the parameter's own type."""
    cls = OPTIONAL.get(recipe.cls, recipe.cls) if default is None else recipe.cls
    options = recipe.options if default is NO_VALUE else {**recipe.options, "default": default}
    try:
        parameter: Parameter[Any] = cls(**options)
    except (TypeError, ParameterError) as error:
        raise ParameterError(f"{where}: {error}") from error
    if default is not NO_VALUE and default is not None:
        parameter.default = parameter.checked(
            lambda: parameter.validate(parameter.normalize(default)), default, where
        )
    return parameter


def _unknown(where: str, annotation: Any) -> str:
    if isinstance(annotation, _Unresolved):
        return (
            f"{where}: the annotation {annotation.text!r} cannot be evaluated "
            f"({annotation.reason}). Import what it names, outside of `if TYPE_CHECKING`."
        )
    shown = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Parameter):
        return f"{where}: write `{where.rsplit('.', maxsplit=1)[-1]} = {shown}()`."
    known = ", ".join(row.annotation for row in type_rows())
    return (
        f"{where}: no parameter is of type {shown}. Write a Parameter of your own, "
        f"ClassVar[{shown}] if it is no parameter, or one of these types: {known}."
    )


@cache
def _plain_types() -> Mapping[Any, type[Parameter[Any]]]:
    """Types that stand for themselves."""
    from pathlib import Path  # loaded on first use: `import nbflow` stays light

    return {
        str: StrParameter,
        int: IntParameter,
        float: FloatParameter,
        bool: BoolParameter,
        Path: PathParameter,
        date: DateParameter,
        datetime: DateSecondParameter,
        timedelta: TimeDeltaParameter,
        DateInterval: DateIntervalParameter,
        list: ListParameter,
        tuple: TupleParameter,
        dict: DictParameter,
    }


_UNIONS: Final = (typing.Union, types.UnionType)

#: The class for several of what the other stands for.
_SEVERAL: Final[Mapping[Any, type[Parameter[Any]]]] = {
    EnumParameter: EnumListParameter,
    ChoiceParameter: ChoiceListParameter,
}

#: The class for a parametrized container, by its origin.
_CONTAINERS: Final[Mapping[Any, type[Parameter[Any]]]] = {
    list: ListParameter,
    tuple: TupleParameter,
    dict: DictParameter,
    FrozenOrderedDict: DictParameter,
    collections.abc.Sequence: ListParameter,
    collections.abc.Mapping: DictParameter,
}


def _recipe(annotation: Any, scope: _Scope) -> _Recipe | None:
    """Give the parameter that `annotation` means, or None."""
    annotation = scope.resolved(annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is None:
        return _of_class(annotation, scope)
    if origin is typing.Annotated:
        return _of_annotated(arguments[0], annotation.__metadata__, scope)
    if origin in _UNIONS:
        return _of_union(arguments, scope)
    if origin is typing.Literal:
        return _of_literal(arguments)
    if origin is type:
        is_task = hasattr(scope.resolved(arguments[0]), "get_task_family")
        return _Recipe(TaskParameter) if is_task else None
    if origin in _CONTAINERS:
        return _of_container(annotation, scope)
    return None


def _of_class(annotation: Any, scope: _Scope) -> _Recipe | None:
    named = getattr(annotation, "__supertype__", None) or getattr(annotation, "__value__", None)
    if named is not None and not isinstance(annotation, type):
        return _recipe(named, scope)  # a NewType or a type alias
    if not isinstance(annotation, type):
        return None
    if issubclass(annotation, Enum):
        return _Recipe(EnumParameter, {"enum": annotation})
    cls = _plain_types().get(annotation) or _CONTAINERS.get(annotation)
    return None if cls is None else _Recipe(cls)


def _of_annotated(inner: Any, metadata: tuple[Any, ...], scope: _Scope) -> _Recipe | None:
    recipe = _recipe(inner, scope)
    if recipe is None:
        return None
    options = dict(recipe.options)
    for each in metadata:
        if isinstance(each, Param):
            options.update(each.options)
    return _Recipe(recipe.cls, options)


def _of_union(members: tuple[Any, ...], scope: _Scope) -> _Recipe | None:
    others = [member for member in members if member is not type(None)]
    recipe = _recipe(others[0], scope) if len(others) == 1 else None
    return None if recipe is None else _Recipe(OPTIONAL.get(recipe.cls, recipe.cls), recipe.options)


def _of_literal(values: tuple[Any, ...]) -> _Recipe:
    choices = [value for value in values if value is not None]
    kinds = {type(choice) for choice in choices}
    options = {"choices": choices, "var_type": kinds.pop() if len(kinds) == 1 else None}
    return _Recipe(ChoiceParameter if None not in values else OPTIONAL[ChoiceParameter], options)


def _of_container(annotation: Any, scope: _Scope) -> _Recipe | None:
    """A list of enum members or choices; else nothing that JSON would not give back."""
    cls, elements = _CONTAINERS[typing.get_origin(annotation)], set(typing.get_args(annotation))
    elements.discard(...)
    if cls is not DictParameter and len(elements) == 1:
        element = _recipe(elements.pop(), scope)
        several = _SEVERAL.get(element.cls) if element is not None else None
        if element is not None and several is not None:
            return _Recipe(several, element.options)
    return _Recipe(cls) if _is_json(annotation, scope) else None


def _is_json(annotation: Any, scope: _Scope) -> bool:
    """Whether a value of this type is the same after JSON, but for freezing."""
    annotation = scope.resolved(annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return {type(value) for value in arguments} <= _JSON_TYPES
    if origin is None or not arguments:
        return (origin or annotation) in _JSON_TYPES
    if _CONTAINERS.get(origin) is DictParameter and scope.resolved(arguments[0]) not in {str, Any}:
        return False  # JSON has no other keys
    known = origin in _CONTAINERS or origin in _UNIONS
    return known and all(each is ... or _is_json(each, scope) for each in arguments)


def _place(cls: type, annotations: Mapping[str, Any], made: Mapping[str, Parameter[Any]]) -> None:
    """Give the new parameters their places among the explicit ones, in the order of the lines."""
    body = cls.__dict__.get("_declared_at") or Body(next_position(), ())
    counter: int | None = None
    waiting: list[Parameter[Any]] = []
    for name in _lines(cls, [*body.names, *cls.__dict__], annotations, made):
        if name not in made:
            counter = cls.__dict__[name].counter
            _count_up_to(counter, waiting)
            waiting.clear()
        elif counter is None:
            waiting.append(made[name])
        else:
            counter += 1
            made[name].counter = counter
    if waiting:
        _count_up_to(body.position, waiting)


def _count_up_to(end: int, parameters: list[Parameter[Any]]) -> None:
    for place, parameter in enumerate(parameters, start=end - len(parameters)):
        parameter.counter = place


def _lines(
    cls: type,
    names: list[str],
    annotations: Mapping[str, Any],
    made: Mapping[str, Parameter[Any]],
) -> list[str]:
    """Names of all parameters of the body, in order.

    Python keeps the order of annotations and that of values, and a line may be in one only: an
    annotation without a value counts as standing right after the annotated line before it.
    """
    own = cls.__dict__
    valued = {
        name: None
        for name in names
        if name in own and (name in made or isinstance(own[name], Parameter))
    }
    order: list[str] = []
    for name in annotations:
        if name in made and name not in own:
            order.append(name)
        while name in valued:
            first = next(iter(valued))
            del valued[first]
            order.append(first)
    return [*order, *valued]
