"""Parameters with a list of allowed values: choices and enums, one of them or several."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from nbflow.core.errors import ParameterError, did_you_mean
from nbflow.core.model.parameters.base import NO_VALUE, Parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Unpack

    from nbflow.core.model.parameters.base import CommonOptions

C = TypeVar("C")
E = TypeVar("E", bound=Enum)

_SEPARATOR = ","


class ChoiceParameter(Parameter[C]):
    """One of a list of values; any other is refused, in the constructor too (P-50).

    Parameters
    ----------
    choices
        The values, in the order in which they are shown.
    var_type
        Their type, and what makes one of text that is written otherwise (``0.10``); None where the
        values are of several types.

    Raises
    ------
    ParameterError
        There are no choices, or one is not exactly of `var_type`.
    """

    kind = "Choice"

    def _declare(
        self,
        default: Any = NO_VALUE,
        *,
        choices: Iterable[C] | None = None,
        var_type: Callable[[Any], C] | None = str,  # type: ignore[assignment]
        **options: Unpack[CommonOptions],
    ) -> None:
        super()._declare(default, **options)
        if choices is None:
            raise ParameterError(f"{type(self).__name__} needs choices, an iterable of values.")
        self.choices: tuple[C, ...] = tuple(dict.fromkeys(choices))
        self.var_type = var_type
        for choice in self.choices:
            if var_type is not None and type(choice) is not var_type:
                raise ParameterError(f"the choice {choice!r} is not of type {var_type!r}.")
        self.annotation = Literal[self.choices]
        self._by_text = {str(choice): choice for choice in self.choices}
        self._allowed = frozenset(self.choices)

    if TYPE_CHECKING:

        def __new__(  # type: ignore[misc]
            cls,
            default: C = ...,
            *,
            choices: Iterable[C],
            var_type: Callable[[Any], C] | None = ...,
            **options: Unpack[CommonOptions],
        ) -> C: ...

    else:
        __init__ = _declare

    @property
    def type_label(self) -> str:
        return f"{self.kind} {'|'.join(self._by_text)}"

    def choices_text(self) -> tuple[str, ...] | None:
        return tuple(self._by_text)

    def parse(self, text: str) -> Any:
        return self._one(self._from_words(text))

    def normalize(self, value: Any) -> Any:
        return self._one(value)

    def _from_words(self, text: str) -> Any:
        # `bool("False")` is True: how a choice is written goes before what its type makes of text.
        if text in self._by_text or self.var_type is None:
            return self._by_text.get(text, text)
        return self.var_type(text)

    def _one(self, value: Any) -> Any:
        try:
            allowed = value in self._allowed
        except TypeError:
            allowed = False
        if not allowed:
            raise self.bad_value(value, ValueError(value))
        return value


class ChoiceListParameter(ChoiceParameter[C]):
    """Some of a list of values, as a tuple; as text joined by commas, "" for none (P-51)."""

    kind = "Choices"

    def _declare(
        self,
        default: Any = NO_VALUE,
        var_type: Callable[[Any], C] | None = str,  # type: ignore[assignment]
        choices: Iterable[C] | None = None,
        **options: Unpack[CommonOptions],
    ) -> None:
        super()._declare(default, var_type=var_type, choices=choices, **options)
        self.annotation = tuple[self.annotation, ...]  # type: ignore[name-defined]
        self.example = _SEPARATOR.join(tuple(self._by_text)[:2])

    if TYPE_CHECKING:

        def __new__(  # type: ignore[misc]
            cls,
            default: Iterable[C] = ...,
            var_type: Callable[[Any], C] | None = ...,
            choices: Iterable[C] = ...,
            **options: Unpack[CommonOptions],
        ) -> tuple[C, ...]: ...

    else:
        __init__ = _declare

    def parse(self, text: str) -> Any:
        words = text.split(_SEPARATOR) if text else []
        return self.normalize(map(self._from_words, words))

    def normalize(self, value: Any) -> Any:
        return tuple(self._one(item) for item in value)

    def serialize(self, value: Any) -> str:
        return _joined(value, str)

    def _explain(self, value: Any, cause: BaseException | None) -> str:  # noqa: ARG002
        return _explain_list(self, value)


class EnumParameter(Parameter[E]):
    """A member of an enum; as text its name, in its own case (P-42).

    Parameters
    ----------
    enum
        The class.

    Raises
    ------
    ParameterError
        No class was given.
    """

    kind = "Enum"

    def _declare(
        self,
        default: Any = NO_VALUE,
        *,
        enum: type[E] | None = None,
        **options: Unpack[CommonOptions],
    ) -> None:
        super()._declare(default, **options)
        if enum is None:
            raise ParameterError(f"{type(self).__name__} needs enum, the class of its values.")
        self.enum: type[Any] = enum
        self.annotation = enum
        if type(self).normalize is Parameter.normalize:
            self.fast_type = enum

    if TYPE_CHECKING:

        def __new__(  # type: ignore[misc]
            cls, default: E = ..., *, enum: type[E], **options: Unpack[CommonOptions]
        ) -> E: ...

    else:
        __init__ = _declare

    @property
    def type_label(self) -> str:
        return f"{self.kind} {'|'.join(self.enum.__members__)}"

    def choices_text(self) -> tuple[str, ...] | None:
        return tuple(self.enum.__members__)

    def parse(self, text: str) -> Any:
        return self._member(text)

    def serialize(self, value: Any) -> str:
        return _name(value)

    def validate(self, value: Any) -> Any:
        if not isinstance(value, self.enum):
            raise TypeError(value)
        return value

    def _member(self, name: str) -> Any:
        try:
            return self.enum[name]
        except KeyError as error:
            raise self.bad_value(name, error) from error


class EnumListParameter(EnumParameter[E]):
    """Some members of an enum, as a tuple; as text their names joined by commas (P-43)."""

    kind = "Enums"

    def _declare(
        self,
        default: Any = NO_VALUE,
        *,
        enum: type[E] | None = None,
        **options: Unpack[CommonOptions],
    ) -> None:
        super()._declare(default, enum=enum, **options)
        self.annotation = tuple[self.annotation, ...]  # type: ignore[name-defined]
        self.example = _SEPARATOR.join(tuple(self.enum.__members__)[:2])

    if TYPE_CHECKING:

        def __new__(  # type: ignore[misc]
            cls, default: Iterable[E] = ..., *, enum: type[E], **options: Unpack[CommonOptions]
        ) -> tuple[E, ...]: ...

    else:
        __init__ = _declare

    def parse(self, text: str) -> Any:
        return tuple(map(self._member, text.split(_SEPARATOR))) if text else ()

    def normalize(self, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    def serialize(self, value: Any) -> str:
        return _joined(value, _name)

    def validate(self, value: Any) -> Any:
        return tuple(map(super().validate, value))

    def _explain(self, value: Any, cause: BaseException | None) -> str:  # noqa: ARG002
        return _explain_list(self, value)


def _name(value: Any) -> str:
    return str(value.name) if isinstance(value, Enum) else str(value)


def _joined(value: Any, one: Callable[[Any], str]) -> str:
    if isinstance(value, (list, tuple)):
        return _SEPARATOR.join(map(one, value))
    return str(value)


def _explain_list(parameter: Parameter[Any], value: Any) -> str:
    allowed = parameter.choices_text() or ()
    words = value.split(_SEPARATOR) if isinstance(value, str) else []
    wrong = [word for word in words if word not in allowed]
    look = f"choose among {', '.join(allowed)}, joined by commas."
    if parameter.is_private or not wrong:
        return look
    return f"{wrong[0][:80]!r} is not allowed: {look}{did_you_mean(wrong[0][:80], allowed)}"
