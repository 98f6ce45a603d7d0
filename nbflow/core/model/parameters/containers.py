"""Parameters of nested values, written as JSON and frozen: a mapping, a list, a tuple.

Whatever the declaration says, a list's value is a tuple and a mapping's a `FrozenOrderedDict`, so
that a task can be compared and kept by its values (P-44 to P-48, Q-04).

A schema is a JSON schema as a dict (needs the `jsonschema` package), or any object with
``validate(value)``, which may change the value in place. It is asked for every value, also the
constructor's (P-48), and sees dicts and lists.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from nbflow.core.model.frozen import FrozenOrderedDict, recursively_freeze, recursively_unfreeze
from nbflow.core.model.parameters.base import NO_VALUE, Parameter, ParameterTypeWarning

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Unpack

    from nbflow.core.model.parameters.base import CommonOptions

J = TypeVar("J")


class _JsonParameter(Parameter[J]):
    """A nested value that may have to fit a schema."""

    def _declare(
        self,
        default: Any = NO_VALUE,
        *,
        schema: Any = None,
        **options: Unpack[CommonOptions],
    ) -> None:
        super()._declare(default, **options)
        self.schema = schema

    if not TYPE_CHECKING:
        __init__ = _declare

    def serialize(self, value: Any) -> str:
        return _encoder.encode(value)

    def normalize(self, value: Any) -> Any:
        if self.schema is not None:
            value = self._fitted(recursively_unfreeze(value))
        return recursively_freeze(value)

    def _fitted(self, value: Any) -> Any:
        validate = getattr(self.schema, "validate", None)
        if validate is not None:
            validate(value)
            return value
        try:
            import jsonschema
        except ImportError:
            warnings.warn(
                f"the schema of parameter {self.name!r} is ignored: `pip install jsonschema`",
                ParameterTypeWarning,
                stacklevel=4,
            )
            self.schema = None
        else:
            jsonschema.validate(instance=value, schema=self.schema)
        return value

    def _reason(self, value: Any, cause: BaseException | None) -> str:
        # Neither the positions of a JSON error nor the words of Python's parser help anybody.
        if isinstance(cause, (json.JSONDecodeError, SyntaxError, RecursionError)):
            return "not JSON"
        return super()._reason(value, cause)


class DictParameter(_JsonParameter[FrozenOrderedDict[str, Any]]):
    """A mapping, as JSON. See the module for `schema`."""

    annotation = dict
    example = '{"country": "SE"}'

    if TYPE_CHECKING:

        def __new__(  # type: ignore[misc]
            cls,
            default: Mapping[str, Any] = ...,
            *,
            schema: Any = ...,
            **options: Unpack[CommonOptions],
        ) -> FrozenOrderedDict[str, Any]: ...

    def parse(self, text: Any) -> Any:
        if not isinstance(text, str):
            return text
        return json.loads(text, object_pairs_hook=FrozenOrderedDict)

    def validate(self, value: Any) -> Any:
        if value is not None and not isinstance(value, Mapping):
            raise TypeError("not a mapping")
        return value


class ListParameter(_JsonParameter[tuple[Any, ...]]):
    """A list, as JSON; the value is a tuple. See the module for `schema`."""

    annotation: Any = list
    example = "[1, 2]"

    if TYPE_CHECKING:

        def __new__(  # type: ignore[misc]
            cls,
            default: Iterable[Any] = ...,
            *,
            schema: Any = ...,
            **options: Unpack[CommonOptions],
        ) -> tuple[Any, ...]: ...

    def parse(self, text: Any) -> Any:
        items = json.loads(text, object_pairs_hook=FrozenOrderedDict)
        return None if items is None else list(items)

    def validate(self, value: Any) -> Any:
        if value is not None and not isinstance(value, tuple):
            raise TypeError("not a list")
        return value


class TupleParameter(ListParameter):
    """A tuple, as JSON or as Python writes it; `((1, 2), (3, 4))`. See the module for `schema`."""

    annotation = tuple

    def parse(self, text: Any) -> Any:
        try:
            items = json.loads(text, object_pairs_hook=FrozenOrderedDict)
        except ValueError:
            items = _python_literal(text)
        return tuple(items)


def _python_literal(text: str) -> Any:
    from ast import literal_eval

    try:
        items = literal_eval(text)
    except (SyntaxError, MemoryError) as error:
        raise ValueError("neither JSON nor a tuple of Python") from error
    if isinstance(items, str):
        # The letters of ("abc") were hardly meant.
        raise ValueError("a text in brackets; a tuple of one has a comma: ('abc',)")  # noqa: TRY004
    return items


def _encode(value: Any) -> Any:
    if isinstance(value, FrozenOrderedDict):
        return value.get_wrapped()
    if isinstance(value, date):
        # TOML has dates; Luigi cannot write the id of a task with one in a list.
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


#: As `json.dumps` has it, made once.
_encoder = json.JSONEncoder(default=_encode)
