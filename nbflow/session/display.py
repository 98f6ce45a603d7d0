"""How things are drawn here: what is configured, and else what is found."""

from __future__ import annotations

from nbflow import config
from nbflow.display.environment import DisplaySettings, detect


def display_settings() -> DisplaySettings:
    """The mode, and whether drawings are stable and in ASCII; raises ConfigError."""
    return detect(
        config.value("display"), stable=config.value("stable"), ascii=config.value("ascii")
    )
