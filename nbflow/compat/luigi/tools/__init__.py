"""`luigi.tools`: recurring tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name == "range":
            from importlib import import_module

            return import_module(f"{__name__}.range")
        raise AttributeError(f"nbflow has no {name!r} of Luigi's tools")
