"""`luigi.util`: decorators by which a task takes over from others."""

from __future__ import annotations

from nbflow.core.model.inheritance import (
    common_params,
    copies,
    delegates,
    get_previous_completed,
    inherits,
    previous,
    requires,
)

__all__ = [
    "common_params",
    "copies",
    "delegates",
    "get_previous_completed",
    "inherits",
    "previous",
    "requires",
]
