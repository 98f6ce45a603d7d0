"""What a parameter is: its declaration, Luigi's protocol, and the two doors that faces use.

Luigi's protocol is `parse`, `serialize`, `normalize` and `next_in_enumeration`; a subclass may
override any of them (contract P-02). A constructor's values are only normalized, text is parsed and
then normalized (P-03).

Faces (magic lines, the command line, forms) never call the protocol themselves: they use
`Parameter.from_text` and `Parameter.from_object`, which also validate, and which turn whatever goes
wrong into a `BadValueError` with the same words everywhere.
"""

from __future__ import annotations

import itertools
import reprlib
import warnings
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic

from nbflow.core.errors import MASK, BadValueError, ParameterError, did_you_mean, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypedDict, Unpack

    from typing_extensions import TypeVar

    T = TypeVar("T", default=str)

    class ConfigPath(TypedDict):
        """A further place in the configuration (deprecated, P-09)."""

        section: str
        name: str

    class CommonOptions(TypedDict, total=False):
        """What every parameter class takes by name."""

        is_global: bool
        significant: bool
        description: str | None
        config_path: ConfigPath | None
        positional: bool
        always_in_help: bool
        batch_method: Callable[[Iterable[Any]], Any] | None
        visibility: ParameterVisibility

else:
    from typing import TypeVar

    T = TypeVar("T")

#: Longest piece of a value in an error's text.
_SHOWN: Final = 80

#: Room between two declarations, for parameters that are made from annotations standing between.
_STEP: Final = 1 << 16

_positions = itertools.count(_STEP, _STEP)


class NoValue(Enum):
    """The type of `NO_VALUE`."""

    NO_VALUE = "no value"

    def __repr__(self) -> str:
        return "<no value>"


#: "Nothing was given", which is not None: `default=None` is a default (P-06).
NO_VALUE: Final = NoValue.NO_VALUE


class ParameterVisibility(IntEnum):
    """Who may see a parameter's value (P-13)."""

    #: Shown everywhere, part of the task id.
    PUBLIC = 0
    #: Not part of the task id, not on pages; sent to the scheduler and kept in the history.
    HIDDEN = 1
    #: Never leaves the process of the task, and is never shown.
    PRIVATE = 2

    @classmethod
    def has_value(cls, value: object) -> bool:
        """Whether `value` is one of the three, or its number."""
        return any(value == member.value for member in cls)

    def serialize(self) -> int:
        """The number that travels."""
        return self.value


class ParameterTypeWarning(UserWarning):
    """A constructor was given a value of another type than the parameter's."""


class OptionalParameterTypeWarning(ParameterTypeWarning):
    """A constructor was given a value that is neither None nor of the parameter's type."""


def next_position() -> int:
    """A place in the order of declarations, after all that exist."""
    return next(_positions)


class Parameter(Generic[T]):
    """A value of a task that is given when the task is named; text, if no subclass says otherwise.

    On the class the attribute is the Parameter, on an instance it is the value, which lies in the
    instance's `__dict__`. Assigning to it there is allowed and changes neither the task id nor the
    recorded parameters (P-04).

    Parameters
    ----------
    default
        Value where none is given; it is normalized, not parsed. None is a value.
    is_global
        Deprecated spelling of ``positional=False``.
    significant
        Whether the value belongs to the task's identity.
    description
        Shown in help, tables and forms.
    config_path
        Deprecated: ``{"section": ..., "name": ...}``, a further place in the configuration.
    positional
        Whether the value may be given by position.
    always_in_help
        Shown in the short help too.
    batch_method
        Makes one value of many (`max`, `tuple`); its presence makes the task batchable.
    visibility
        Who may see the value.

    Raises
    ------
    ParameterError
        A `config_path` without section or name.
    """

    #: What the kind of value is called in tables and messages; by default from the class's name.
    kind: str = "Str"
    #: Where nothing was declared and nothing given.
    implicit_default: ClassVar[Any] = NO_VALUE
    #: What is wrong with a value that is refused; None: the words of the exception.
    complaint: ClassVar[str | None] = None
    #: A value of exactly this type is its own normal form and needs no warning.
    fast_type: type | None = str
    #: Whether a `str` is taken as it stands, so that a face need not parse it.
    is_text: bool = True
    #: What a value looks like when typed; "" where there is no good example.
    example: str = ""
    #: The type of the value, for signatures.
    annotation: Any = str

    name: str = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = cls.__dict__
        if "kind" not in own:
            name = cls.__name__.removeprefix("Optional").removesuffix("Parameter")
            cls.kind = name or cls.__name__
        if "annotation" not in own and Parameter in cls.__bases__:
            cls.annotation = _type_argument(own.get("__orig_bases__", ()))
        if not _declared_with(cls, "fast_type", "normalize"):
            cls.fast_type = None
        if not _declared_with(cls, "is_text", "parse"):
            cls.is_text = False

    def _declare_common(  # noqa: PLR0917 - Luigi's order (P-01)
        self,
        default: T | NoValue = NO_VALUE,
        is_global: bool = False,
        significant: bool = True,
        description: str | None = None,
        config_path: ConfigPath | None = None,
        positional: bool = True,
        always_in_help: bool = False,
        batch_method: Callable[[Iterable[Any]], Any] | None = None,
        visibility: ParameterVisibility = ParameterVisibility.PUBLIC,
    ) -> None:
        if is_global:
            warnings.warn(
                "is_global=True is deprecated: write positional=False",
                DeprecationWarning,
                stacklevel=2,
            )
        if config_path is not None and not {"section", "name"} <= config_path.keys():
            raise ParameterError(
                f"config_path needs 'section' and 'name', and has {sorted(config_path)}."
            )
        self.default: Any = self.implicit_default if default is NO_VALUE else default
        self.significant = significant
        self.description = description
        self.config_path = config_path
        self.positional = positional and not is_global
        self.always_in_help = always_in_help
        self.batch_method = batch_method
        self.visibility = _visibility(visibility)
        #: Place in the order of declarations; a lower one comes first.
        self.counter = next_position()

    _declare_common.__qualname__ = "Parameter.__init__"  # as a TypeError calls it

    if TYPE_CHECKING:
        # To a type checker `IntParameter()` *is* an int, so that `n: int = IntParameter()` reads
        # as a typed field. mypy prefers `__init__` where one class has both, hence the branches.
        def __new__(cls, default: T = ..., **options: Unpack[CommonOptions]) -> T: ...  # type: ignore[misc]

        def _declare(self, default: Any = ..., *args: Any, **options: Any) -> None:
            """Take the options of this class; what `__init__` is."""

    else:
        __init__ = _declare = _declare_common

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        # There is no `__set__`: an instance's own value is found before this is asked.
        if instance is None:
            return self
        raise AttributeError(
            f"{type(instance).__name__} has no value for its parameter {self.name or '?'!r}: "
            "it was attached to the class after the instance was made, or `__init__` was "
            "overridden without a call of `super().__init__`."
        )

    def __repr__(self) -> str:
        default = f", default={self.shown(self.default)}" if self.has_default else ""
        return f"<{type(self).__name__} {self.name or '?'}: {self.type_label}{default}>"

    @property
    def has_default(self) -> bool:
        """Whether a value need not be given."""
        return self.default is not NO_VALUE

    @property
    def is_private(self) -> bool:
        """Whether the value may never be shown."""
        return self.visibility is ParameterVisibility.PRIVATE

    @property
    def type_label(self) -> str:
        """The kind of value with what limits it: `Date`, `Choice EUR|USD|GBP`, `Int 1..10000`."""
        return self.kind

    def choices_text(self) -> tuple[str, ...] | None:
        """All values as they are typed, in order; None where they are not a short list."""
        return None

    # Luigi's protocol

    def parse(self, text: str) -> Any:
        """Make a value of text. Raises what it likes for text that is none."""
        return text

    def serialize(self, value: Any) -> str:
        """Make text of a value, such that `parse` gives the value back; part of the task id."""
        return str(value)

    def normalize(self, value: Any) -> Any:
        """Bring a value to its normal form: round, freeze, refuse. Called for every value."""
        return value

    def next_in_enumeration(self, value: Any) -> Any:
        """Give the value after `value`, None where there is no order; makes "1..3" in summaries."""

    def parse_list(self, texts: Sequence[str]) -> Any:
        """Make one value of the texts of a batch (P-14)."""
        if self.batch_method is None:
            raise NotImplementedError(f"parameter {self.name!r} has no batch_method")
        if not texts:
            raise ValueError(f"parameter {self.name!r}: a batch of no values")
        return self.batch_method(map(self.parse, texts))

    _parse_list = parse_list

    def serialize_list(self, values: Iterable[Any]) -> list[str]:
        """Make text of each value of a batch."""
        return [self.serialize(value) for value in values]

    def _warn_on_wrong_param_type(self, name: str, value: Any) -> None:
        if type(self) is Parameter and not isinstance(value, str):
            self._warn(f"parameter {name!r} is of type string, and got {self._described(value)}")

    def has_task_value(self, family: str, name: str) -> bool:
        """Whether a task of `family` has a value for this parameter where none is given (P-29)."""
        from nbflow.core.model import defaults

        return defaults.resolve(family, self, name) is not NO_VALUE

    def task_value(self, family: str, name: str) -> Any:
        """Give the value that a task of `family` has where none is given (P-29)."""
        from nbflow.core.errors import MissingParameterError
        from nbflow.core.model import defaults

        value = defaults.resolve(family, self, name)
        if value is NO_VALUE:
            raise MissingParameterError(f"{family} needs {name} ({self.type_label}).")
        return value

    # The doors for faces

    def validate(self, value: Any) -> Any:
        """Give a normalized value in the parameter's own type, if nothing is lost by that.

        Only the doors ask it; a constructor takes what it is given, as in Luigi (P-03).

        Raises
        ------
        ValueError, TypeError
            The value is none of this parameter's.
        """
        return value

    def from_text(self, text: str, name: str | None = None) -> Any:
        """Make a checked value of what a person typed.

        Parameters
        ----------
        name
            What the parameter is called in an error; its own name if omitted.

        Raises
        ------
        BadValueError
            Whatever was wrong; the text is that of every face. A PRIVATE value is not in it.
        """
        return self.checked(lambda: self.validate(self.normalize(self.parse(text))), text, name)

    def from_object(self, value: Any, name: str | None = None) -> Any:
        """Make a checked value of a Python object; a `str` is parsed unless `is_text`.

        Scalars and arrays of NumPy count as the Python objects that they stand for.

        Raises
        ------
        BadValueError
            As `from_text`.
        """
        value = _plain(value)
        if isinstance(value, str) and not self.is_text:
            return self.from_text(value, name)
        if value is None and self.default is None:
            return None
        return self.checked(lambda: self.validate(self.normalize(value)), value, name)

    def from_source(self, value: Any, name: str | None = None) -> Any:
        """Make a value of one in the configuration: text by Luigi's rules, else a TOML native.

        A native that is not of the parameter's type is read as if it had been written in quotes,
        so that `timeout = 90`, `year = 2014` and `day = 2026-08-22` mean what they say.

        Raises
        ------
        BadValueError
            As `from_text`.
        """
        if isinstance(value, str):
            return self.checked(lambda: self.normalize(self.parse(value)), value, name)
        try:
            return self.from_object(value, name)
        except BadValueError:
            if isinstance(value, (list, dict)):
                raise
            return self.from_text(str(value), name)

    def shown(self, value: Any) -> str:
        """Text of a value for people: on one line, short, and masked where it is private."""
        if self.is_private:
            return MASK
        return shorten(self.serialize(value), limit=_SHOWN)

    def bad_value(
        self, value: Any, cause: BaseException | None = None, name: str | None = None
    ) -> BadValueError:
        """Make the error that refuses `value`; the caller raises it."""
        name = self.name if name is None else name
        shown = self._described(value)
        error = BadValueError(
            f"{name}={shown} — {self._explain(value, cause)}", parameter=name, value=shown
        )
        error.__cause__ = None if self.is_private else cause
        return error

    def checked(self, make: Callable[[], Any], value: Any, name: str | None) -> Any:
        """Give what `make()` makes of `value`; whatever it raises becomes a BadValueError."""
        try:
            return make()
        except BadValueError as error:
            cause: BaseException | None = error.__cause__ or error
        except Exception as error:  # noqa: BLE001 - parse, normalize and validate may be the user's
            cause = error
        # Raised out here, so that a private value does not stand in the exception's context.
        raise self.bad_value(value, cause, name)

    def _explain(self, value: Any, cause: BaseException | None) -> str:
        """What is wrong, what is allowed, and one next step; in whole sentences."""
        choices = self.choices_text()
        if choices is not None:
            guess = isinstance(value, str) and not self.is_private
            close = did_you_mean(value[:_SHOWN], choices) if guess else ""
            return f"choose one of {_enumerate(choices)}.{close}"
        look = f" {self.kind} parameters look like {self.example}." if self.example else ""
        reason = self._reason(value, cause)
        return f"{reason if reason.endswith(('.', '?')) else reason + '.'}{look}"

    def _reason(self, value: Any, cause: BaseException | None) -> str:  # noqa: ARG002
        if self.complaint is not None:
            return self.complaint
        if self.is_private or cause is None:
            return "not accepted"
        lines = str(cause).splitlines() or [type(cause).__name__]
        return shorten(lines[0]).rstrip(".")

    def _described(self, value: Any) -> str:
        if self.is_private:
            return MASK
        if isinstance(value, str):
            return shorten(value, limit=_SHOWN)
        if type(value).__module__ in {"builtins", "datetime", "decimal", "pathlib"}:
            text = reprlib.repr(value) if hasattr(value, "__len__") else str(value)
            return shorten(text, limit=_SHOWN)
        return f"<{type(value).__name__}>"

    def _warn(
        self, message: str, category: type[ParameterTypeWarning] = ParameterTypeWarning
    ) -> None:
        # After `_warn`, the hook, conversion, compiled constructor and metaclass comes the caller.
        warnings.warn(message, category, stacklevel=6)


def _declared_with(cls: type, attribute: str, method: str) -> bool:
    """Whether the class that says `attribute` is also the one whose `method` is in force."""
    owner = next(base for base in cls.__mro__ if attribute in base.__dict__)
    return getattr(cls, method) is getattr(owner, method)


def _type_argument(bases: Iterable[Any]) -> Any:
    for base in bases:
        if getattr(base, "__origin__", None) is Parameter:
            return base.__args__[0]
    return Any


def _visibility(value: Any) -> ParameterVisibility:
    if ParameterVisibility.has_value(value):
        return ParameterVisibility(value)
    warnings.warn(
        f"visibility={value!r} is none of PUBLIC, HIDDEN, PRIVATE; taken as PUBLIC",
        ParameterTypeWarning,
        stacklevel=3,
    )
    return ParameterVisibility.PUBLIC


def _enumerate(choices: Sequence[str], limit: int = 20) -> str:
    shown = ", ".join(shorten(choice, limit=_SHOWN) for choice in choices[:limit])
    return shown if len(choices) <= limit else f"{shown}, … ({len(choices)} in all)"


def _plain(value: Any) -> Any:
    """The Python object that a NumPy scalar or array stands for; anything else as it is."""
    if type(value).__module__ != "numpy" or not hasattr(value, "tolist"):
        return value
    if getattr(value.dtype, "kind", "") in "mM":
        # Nanoseconds would become an int.
        value = value.astype(f"{value.dtype.str[1:3]}[us]")
    return value.tolist()
