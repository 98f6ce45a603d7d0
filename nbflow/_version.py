"""The version of nbflow, read by the build and by `nbflow --version`."""

from __future__ import annotations

__version__ = "0.1.0"
