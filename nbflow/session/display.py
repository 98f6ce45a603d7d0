"""How things are drawn here: what is configured, and else what is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow import config
from nbflow.display.environment import DisplaySettings, detect

if TYPE_CHECKING:
    from nbflow.display.drawing import DrawingOptions


def display_settings() -> DisplaySettings:
    """The mode, and whether drawings are stable and in ASCII; raises ConfigError."""
    return detect(
        config.value("display"), stable=config.value("stable"), ascii=config.value("ascii")
    )


def drawing_options(*, rank: str = "", expand: bool = False) -> DrawingOptions:
    """How graphs are drawn here; see `DrawingOptions`."""
    from nbflow.display.drawing import DrawingOptions

    return DrawingOptions(
        rank=rank,
        expand=expand,
        engine=config.value("dot"),
        stable=display_settings().stable,
    )
