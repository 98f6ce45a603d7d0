"""`luigi.event`: the names of what happens to a task."""

from __future__ import annotations

from nbflow.core.model.callbacks import Event

__all__ = ["Event"]
