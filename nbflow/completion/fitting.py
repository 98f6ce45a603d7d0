"""Whether an object of the notebook may be meant for a parameter, as far as its type tells."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin


def fits(value: object, annotation: Any) -> bool:
    """Whether `value` is of the type that `annotation` says; a guess that never raises."""
    if annotation is None or annotation is type(None):
        return value is None
    if isinstance(annotation, type) and get_origin(annotation) is None:
        if isinstance(value, bool) or annotation is bool:
            return isinstance(value, bool) and annotation is bool
        return isinstance(value, (int, float) if annotation is float else annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        # Not `in`: the value may be an array, whose comparison is no truth.
        return any(type(value) is type(each) and value == each for each in arguments)
    if isinstance(origin, type):
        return isinstance(value, (list, tuple) if origin in {list, tuple} else origin)
    return any(fits(value, each) for each in arguments)
