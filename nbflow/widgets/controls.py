"""Which control a parameter has in a form, and what is written in it.

The page knows text, true or false, lists of texts, and "not set" (None). Values are made of these
by the parameter itself, so that form, magic and command line agree.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, get_args

from nbflow.core.model import registry
from nbflow.core.model.parameters import (
    BoolParameter,
    ChoiceListParameter,
    DateHourParameter,
    DateMinuteParameter,
    DateParameter,
    DateSecondParameter,
    DictParameter,
    EnumListParameter,
    FloatParameter,
    IntParameter,
    ListParameter,
    MonthParameter,
    NumericalParameter,
    OptionalParameterMixin,
    TaskParameter,
    YearParameter,
)

if TYPE_CHECKING:
    from nbflow.core.model.parameters import Parameter

    #: What a control holds.
    Raw = str | bool | list[str] | None

#: Choices of which more are typed instead of opened.
_MANY = 20
_DATETIMES = (DateHourParameter, DateMinuteParameter, DateSecondParameter)
_JSON = (ListParameter, DictParameter)
_SEVERAL = (ChoiceListParameter, EnumListParameter)


class ControlKind(StrEnum):
    """How a value is entered; the page has an element for each."""

    TEXT = "text"
    PASSWORD = "password"  # noqa: S105 - the name of a control
    INTEGER = "integer"
    NUMBER = "number"
    DATE = "date"
    DATETIME = "datetime"
    CHECKBOX = "checkbox"
    #: One of a short list, and one of a long one.
    SELECT = "select"
    COMBOBOX = "combobox"
    #: Some of a list.
    MULTIPLE = "multiple"
    #: Any texts.
    TAGS = "tags"
    #: JSON over several lines.
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One parameter in a form, as the page gets it."""

    name: str
    kind: ControlKind
    label: str
    required: bool
    #: The type in words, and what it means.
    type: str
    meaning: str = ""
    choices: tuple[str, ...] = ()
    #: What a value looks like.
    example: str = ""
    #: It may be without a value.
    optional: bool = False
    #: Of a number or a time; empty for any.
    least: str = ""
    most: str = ""
    step: str = ""

    def as_json(self) -> dict[str, Any]:
        """The field as the page gets it."""
        return asdict(self)


def field_of(parameter: Parameter[Any]) -> Field:
    """The control of a parameter."""
    kind = _kind(parameter)
    least, most, step = _limits(parameter)
    return Field(
        name=parameter.name,
        kind=kind,
        label=parameter.name,
        required=not parameter.has_default,
        type=parameter.kind if parameter.choices_text() else parameter.type_label,
        meaning=parameter.description or "",
        choices=_choices(parameter) if kind in _LISTED else (),
        example="" if parameter.is_private else parameter.example,
        optional=isinstance(parameter, OptionalParameterMixin),
        least=least,
        most=most,
        step=step,
    )


def written(parameter: Parameter[Any], value: Any) -> Raw:
    """What the control holds for a value; never asked for a private one."""
    if value is None:
        return None
    kind = _kind(parameter)
    if kind is ControlKind.CHECKBOX:
        return bool(value)
    if kind is ControlKind.MULTIPLE:
        return [text for text in parameter.serialize(value).split(",") if text]
    if kind is ControlKind.TAGS:
        return [str(each) for each in value]
    if kind is ControlKind.DATETIME:
        return str(value.isoformat(timespec="seconds"))
    text = parameter.serialize(value)
    if kind is ControlKind.SELECT:
        # Luigi writes True for what is typed as true.
        return next((c for c in _choices(parameter) if c.lower() == text.lower()), text)
    return text


def read(parameter: Parameter[Any], raw: Raw) -> Any:
    """The value that a control holds.

    Raises
    ------
    BadValueError
        As every face says it.
    """
    if raw is None:
        return parameter.from_object(None)
    kind = _kind(parameter)
    if isinstance(raw, bool):
        return parameter.from_object(raw)
    if isinstance(raw, list):
        return parameter.from_text(",".join(raw) if kind is ControlKind.MULTIPLE else _json(raw))
    if kind is ControlKind.DATETIME:
        try:
            return parameter.from_object(dt.datetime.fromisoformat(raw))
        except ValueError:
            return parameter.from_text(raw)
    return parameter.from_text(raw)


def _json(texts: list[str]) -> str:
    return json.dumps(texts, ensure_ascii=False)


def _kind(parameter: Parameter[Any]) -> ControlKind:
    if parameter.is_private:
        return ControlKind.PASSWORD
    if isinstance(parameter, BoolParameter):
        is_optional = isinstance(parameter, OptionalParameterMixin)
        return ControlKind.SELECT if is_optional else ControlKind.CHECKBOX
    if isinstance(parameter, _SEVERAL):
        return ControlKind.MULTIPLE
    choices = parameter.choices_text()
    if choices is not None:
        return ControlKind.SELECT if len(choices) <= _MANY else ControlKind.COMBOBOX
    if isinstance(parameter, TaskParameter):
        return ControlKind.COMBOBOX
    if isinstance(parameter, _JSON):
        is_texts = isinstance(parameter, ListParameter) and get_args(parameter.annotation)[:1] == (
            str,
        )
        return ControlKind.TAGS if is_texts else ControlKind.JSON
    if isinstance(parameter, _DATETIMES):
        return ControlKind.DATETIME
    if isinstance(parameter, DateParameter):
        is_day = not isinstance(parameter, (MonthParameter, YearParameter))
        return ControlKind.DATE if is_day else ControlKind.TEXT
    return _kind_of_number(parameter)


def _kind_of_number(parameter: Parameter[Any]) -> ControlKind:
    if isinstance(parameter, NumericalParameter):
        return ControlKind.INTEGER if parameter.var_type is int else ControlKind.NUMBER
    if isinstance(parameter, IntParameter):
        return ControlKind.INTEGER
    return ControlKind.NUMBER if isinstance(parameter, FloatParameter) else ControlKind.TEXT


_LISTED = {ControlKind.SELECT, ControlKind.COMBOBOX, ControlKind.MULTIPLE}


def _choices(parameter: Parameter[Any]) -> tuple[str, ...]:
    if isinstance(parameter, TaskParameter):
        return tuple(cls.task_family for cls in registry.task_classes())
    choices = parameter.choices_text() or ()
    return tuple(choices)


def _limits(parameter: Parameter[Any]) -> tuple[str, str, str]:
    """Least, most and step, for the arrows of the control; the parameter itself decides."""
    if isinstance(parameter, NumericalParameter):
        step = "1" if parameter.var_type is int else "any"
        return str(parameter.min_value), str(parameter.max_value), step
    if isinstance(parameter, IntParameter):
        return "", "", "1"
    steps = {DateHourParameter: "3600", DateMinuteParameter: "60", DateSecondParameter: "1"}
    for cls, step in steps.items():
        if isinstance(parameter, cls):
            return "", "", step
    return "", "", "any"
