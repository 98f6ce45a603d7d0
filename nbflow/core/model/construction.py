"""How instances of one task class are made and named: code that is compiled on its first use.

A plain loop over the parameters costs 1.3 to 3 microseconds an instance; what is compiled here
costs half of that, for every step that the parameters do not need is left out.

Values are checked *before* the look-up in the cache, and a value that is not of its parameter's
own type is looked up with its type, so that `T(1)`, `T(1.0)` and `T(True)`, whose ids differ, are
three tasks. Source: Luigi T-02 to T-06 for identity and ids; this one rule differs (T-03a).
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any, Final, cast

from nbflow.core.model import defaults
from nbflow.core.model.annotations import collect
from nbflow.core.model.parameters.base import NO_VALUE, Parameter, ParameterVisibility

try:
    # A quarter of the time of hashlib's, which goes through OpenSSL, and nothing to load.
    from _md5 import md5  # type: ignore[import-not-found]
except ImportError:
    from hashlib import md5

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from nbflow.core.model.registry import Register

#: How much of a task's parameters its id shows: names, characters of each value, of the hash.
TASK_ID_INCLUDE_PARAMS: Final = 3
TASK_ID_TRUNCATE_PARAMS: Final = 16
TASK_ID_TRUNCATE_HASH: Final = 10

#: Entries of an instance cache before dead ones are looked for.
_FIRST_SWEEP: Final = 1024

_cache_enabled = True


class Plan:
    """What is known of one class; empty until its first use and after a change of the class.

    It lies in the class's `__dict__`. A pickle of the class carries an empty one.
    """

    __slots__ = (
        "cache",
        "describe",
        "frame_locals",
        "make",
        "parameters",
        "resolve",
        "sweep_at",
    )

    def __init__(self) -> None:
        #: Local variables around the class statement, for annotations that are text.
        self.frame_locals: dict[str, Any] | None = None
        self.clear()

    def clear(self) -> None:
        """Forget all that follows from the class's attributes."""
        #: By name, in the order of positions.
        self.parameters: dict[str, Parameter[Any]] | None = None
        #: Arguments to an instance, a cached one where there is one.
        self.make: Callable[..., Any] | None = None
        #: Arguments to the tuple of all values.
        self.resolve: Callable[..., tuple[Any, ...]] | None = None
        #: Tuple of all values to task id and JSON of the parameters.
        self.describe: Callable[[tuple[Any, ...]], tuple[str, str]] | None = None
        self.cache: dict[Any, weakref.ref[Any]] = {}
        self.sweep_at = _FIRST_SWEEP

    def sweep(self) -> None:
        """Drop the entries of instances that are gone. Thread-safe."""
        cache = self.cache
        # To copy makes one object. A tuple of the items would make one an item, and each of them
        # may start the garbage collector, whose finalizers let other threads add entries.
        for key, reference in cache.copy().items():
            if reference() is None and cache.get(key) is reference:
                cache.pop(key, None)
        self.sweep_at = max(_FIRST_SWEEP, 2 * len(self.cache))

    def __reduce__(self) -> tuple[type[Plan], tuple[()]]:
        return (Plan, ())


class MissingValue(Exception):  # noqa: N818 - a signal; the caller turns it into the error
    """A parameter has no value anywhere."""


def plan_of(cls: Register) -> Plan:
    """The compiled plan of `cls`."""
    plan: Plan = cls._nbflow_plan
    if plan.make is None:
        _compile(cls, plan)
    return plan


def parameters_of(cls: Register) -> dict[str, Parameter[Any]]:
    """Parameters of `cls` by name, in the order of their creation (Luigi T-16)."""
    plan: Plan = cls._nbflow_plan
    if plan.parameters is None:
        plan.parameters = _collect(cls)
    return plan.parameters


def cache_instances(enabled: bool) -> None:
    """Decide whether classes whose plan is compiled from now on keep their instances."""
    global _cache_enabled  # noqa: PLW0603 - Luigi R-08: one switch for the process
    _cache_enabled = enabled


def initialize(self: Any, *args: Any, **kwargs: Any) -> None:
    """Give a task its values. It is called only where a class has an `__init__` of its own."""
    cls = cast("Register", type(self))
    values = resolve_arguments(cls, args, kwargs)
    for name, value in zip(parameters_of(cls), values, strict=True):
        setattr(self, name, value)
    self._values = values


def resolve_arguments(
    cls: Register, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Any, ...]:
    """All values of a call of `cls`, in the order of its parameters (Luigi P-20).

    Raises
    ------
    ParameterError
        Something is missing, unknown, given twice or refused.
    """
    resolve = plan_of(cls).resolve
    assert resolve is not None
    try:
        return resolve(*args, **kwargs)
    except (TypeError, MissingValue) as error:
        explain(cls, args, kwargs, error)
        raise


def explain(
    cls: Register, args: Sequence[Any], kwargs: Mapping[str, Any], error: Exception
) -> None:
    """Raise what is wrong with the arguments of a call; return where the error is not of them."""
    # Python refuses arguments before it enters the function, so that the traceback ends in the
    # frame of the call.
    if isinstance(error, TypeError) and error.__traceback__.tb_next is not None:  # type: ignore[union-attr]
        return
    from nbflow.core.model.arguments import refuse

    raise refuse(cls, args, kwargs) from None


def _collect(cls: Register) -> dict[str, Parameter[Any]]:
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        own_plan = base.__dict__.get("_nbflow_plan")
        if own_plan is not None:
            collect(base, own_plan.frame_locals)
            own_plan.frame_locals = None
        found.update(base.__dict__)
    parameters = {name: value for name, value in found.items() if isinstance(value, Parameter)}
    for name, parameter in parameters.items():
        if not parameter.name:
            parameter.__set_name__(cls, name)  # it was set on the class later
    return dict(sorted(parameters.items(), key=lambda item: item[1].counter))


def _compile(cls: Register, plan: Plan) -> None:
    family = cls.get_task_family()
    parameters = parameters_of(cls)
    names = _Names(cls, plan, parameters, family)
    plan.resolve = names.function(_resolve_source(parameters))
    plan.describe = names.function(_describe_source(family, parameters))
    plan.cache.clear()
    own: tuple[Any, Any] = (cls.__init__, cls.__new__)  # type: ignore[misc]
    if own != (initialize, object.__new__):
        plan.make = _custom_maker(cls, plan)
    else:
        plan.make = names.function(_make_source(parameters))


class _Names(dict[str, Any]):
    """The namespace of a class's compiled functions; no parameter's name begins like these."""

    def __init__(
        self, cls: Register, plan: Plan, parameters: Mapping[str, Parameter[Any]], family: str
    ) -> None:
        super().__init__(
            __omitted=NO_VALUE,
            __type=type,
            __len=len,
            __cls=cls,
            __new=object.__new__,
            __plan=plan,
            __cache=plan.cache,
            __find=plan.cache.get,
            __ref=weakref.ref,
            __text=encode_basestring_ascii,
            __md5=md5,
            __clean=_clean,
        )
        fast_types = tuple(parameter.fast_type for parameter in parameters.values())
        self["__key"] = lambda values: _key(values, fast_types)
        for index, (name, parameter) in enumerate(parameters.items()):
            self[f"__type{index}"] = parameter.fast_type
            self[f"__convert{index}"] = _converter(family, name, parameter)
            self[f"__serialize{index}"] = _serializer(parameter)

    def function(self, source: str) -> Any:
        made: dict[str, Any] = {}
        exec(source, self, made)  # noqa: S102 - the text holds only names of parameters
        return made.popitem()[1]


def _converter(family: str, name: str, parameter: Parameter[Any]) -> Callable[[Any], Any]:
    """What a value goes through that is not of the parameter's own type, or was not given."""
    normalize = parameter.normalize
    warn = parameter._warn_on_wrong_param_type
    fast_type = parameter.fast_type
    current, resolve = defaults.current, defaults.resolve
    #: What an omitted value is, and the chain of sources for which it is that.
    kept: tuple[Any, Any] = (None, None)

    def convert(value: Any) -> Any:
        nonlocal kept
        if value is NO_VALUE:
            chain = current()
            known, value = kept
            if known is chain:
                return value
            value = resolve(family, parameter, name)
            if value is NO_VALUE:
                raise MissingValue(name)
            if type(value) is fast_type:  # another one may change, or be checked each time
                kept = (chain, value)
        else:
            value = normalize(value)
        # Luigi T-03: every value can be hashed, if what it holds can. Luigi leaves the order of
        # a set, and with it the id, to chance.
        if isinstance(value, list):
            value = tuple(value)
        elif isinstance(value, set):
            value = tuple(sorted(value, key=repr))
        warn(name, value)
        return value

    return convert


def _serializer(parameter: Parameter[Any]) -> Callable[[Any], str]:
    if type(parameter).serialize is Parameter.serialize:
        return str
    return parameter.serialize


def _arguments(parameters: Mapping[str, Parameter[Any]]) -> str:
    positional = [f"{name}=__omitted" for name, each in parameters.items() if each.positional]
    named = [f"{name}=__omitted" for name, each in parameters.items() if not each.positional]
    return ", ".join([*positional, *(["*"] if named else []), *named])


def _tuple(names: Iterable[str]) -> str:
    return f"({''.join(f'{name}, ' for name in names)})"


def _resolve_source(parameters: Mapping[str, Parameter[Any]]) -> str:
    lines = [f"def resolve({_arguments(parameters)}):"]
    for index, name in enumerate(parameters):
        lines += [
            f"  if __type({name}) is not __type{index}:",
            f"    {name} = __convert{index}({name})",
        ]
    return "\n".join([*lines, f"  return {_tuple(parameters)}"])


def _make_source(parameters: Mapping[str, Parameter[Any]]) -> str:
    lines = [f"def make({_arguments(parameters)}):", "  __exact = True"]
    for index, name in enumerate(parameters):
        lines += [
            f"  if __type({name}) is not __type{index}:",
            f"    {name} = __convert{index}({name})",
            f"    if __type({name}) is not __type{index}: __exact = False",
        ]
    lines += [f"  __values = {_tuple(parameters)}"]
    if _cache_enabled:
        lines += [
            "  __at = __values if __exact else __key(__values)",
            "  __found = __find(__at)",
            "  if __found is not None:",
            "    __self = __found()",
            "    if __self is not None: return __self",
        ]
    lines += ["  __self = __new(__cls)"]
    lines += [f"  __self.{name} = {name}" for name in parameters]
    lines += ["  __self._values = __values"]
    if _cache_enabled:
        lines += [
            "  if __at is not None:",
            "    __cache[__at] = __ref(__self)",
            "    if __len(__cache) > __plan.sweep_at: __plan.sweep()",
        ]
    return "\n".join([*lines, "  return __self"])


def _custom_maker(cls: Register, plan: Plan) -> Callable[..., Any]:
    """For classes with an `__init__` of their own, which is given the arguments as they came."""
    fast_types = tuple(parameter.fast_type for parameter in parameters_of(cls).values())
    cache = plan.cache if _cache_enabled else None

    def make(*args: Any, **kwargs: Any) -> Any:
        at = _key(resolve_arguments(cls, args, kwargs), fast_types)
        found = None if cache is None else cache.get(at)
        instance = None if found is None else found()
        if instance is None:
            instance = type.__call__(cls, *args, **kwargs)
            if cache is not None and at is not None:
                cache[at] = weakref.ref(instance)
                if len(cache) > plan.sweep_at:
                    plan.sweep()
        return instance

    return make


def _key(values: tuple[Any, ...], fast_types: tuple[type | None, ...]) -> tuple[Any, ...] | None:
    """What equal instances have in common; None where it cannot be hashed (Luigi T-03)."""
    try:
        key = tuple(
            value if type(value) is fast_type else _identity(value)
            for value, fast_type in zip(values, fast_types, strict=True)
        )
        hash(key)
    except TypeError:
        return None
    return key


def _identity(value: Any) -> Any:
    """`value` with its type, and with those of what it holds."""
    if type(value) is tuple:
        return (tuple, *map(_identity, value))
    if isinstance(value, Mapping) and type(value).__hash__ is not None:
        return (type(value), frozenset((key, _identity(each)) for key, each in value.items()))
    return (type(value), value)


def _describe_source(family: str, parameters: Mapping[str, Parameter[Any]]) -> str:
    public = sorted(
        name
        for name, parameter in parameters.items()
        if parameter.significant and parameter.visibility is ParameterVisibility.PUBLIC
    )
    shared = [name for name, parameter in parameters.items() if not parameter.is_private]
    summary = ", ".join(
        f"{name}[:{TASK_ID_TRUNCATE_PARAMS}]" for name in public[:TASK_ID_INCLUDE_PARAMS]
    )
    parts = f"'_'.join(({summary},))" if summary else "''"
    lines = ["def describe(__values):", f"  {_tuple(parameters)} = __values"]
    lines += [
        f"  {name} = __serialize{index}({name})"
        for index, name in enumerate(parameters)
        if name in shared
    ]
    lines += [
        f"  __json = {_object(public)}",
        "  __hash = __md5(__json.encode(), usedforsecurity=False).hexdigest()",
        f"  __id = {family + '_'!r} + __clean({parts}) + '_' + __hash[:{TASK_ID_TRUNCATE_HASH}]",
        f"  return __id, {'__json' if public == shared else _object(shared)}",
    ]
    return "\n".join(lines)


def _object(names: Sequence[str]) -> str:
    """Expression for the compact JSON object of the variables `names`, which hold text."""
    template = ",".join(f"{encode_basestring_ascii(name)}:%s" for name in names)
    values = _tuple(f"__text({name})" for name in names)
    return f"{f'{{{template}}}'!r} % {values}"


class _Letters(dict[int, str]):
    """What becomes of each character of an id's summary."""

    def __missing__(self, character: int) -> str:
        letter = chr(character)
        kept = letter if letter.isascii() and (letter.isalnum() or letter == "_") else "_"
        return self.setdefault(character, kept) if character < 128 else kept


_letters = _Letters()


def _clean(summary: str) -> str:
    """`summary` with `_` for each character that is no ASCII letter or digit."""
    if summary.isascii() and ("_" + summary).isidentifier():
        return summary
    return summary.translate(_letters)


def task_id_str(family: str, params: Mapping[str, str]) -> str:
    """Make the id of a task from its family and its significant public serialized values.

    `Family_<first 16 characters of the first 3 values>_<10 hex digits of the MD5 of their JSON>`,
    values in the alphabetical order of their names, each character but `[A-Za-z0-9_]` as `_`
    (Luigi T-05).
    """
    names = sorted(params)
    members = (f"{encode_basestring_ascii(n)}:{encode_basestring_ascii(params[n])}" for n in names)
    text = f"{{{','.join(members)}}}"
    digest = md5(text.encode(), usedforsecurity=False).hexdigest()[:TASK_ID_TRUNCATE_HASH]
    shown = (params[name][:TASK_ID_TRUNCATE_PARAMS] for name in names[:TASK_ID_INCLUDE_PARAMS])
    return f"{family}_{_clean('_'.join(shown))}_{digest}"
