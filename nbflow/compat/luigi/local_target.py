"""`luigi.local_target`: files of this machine."""

from __future__ import annotations

from nbflow.targets.local import LocalFileSystem, LocalTarget

__all__ = ["LocalFileSystem", "LocalTarget"]
