"""`luigi.local_target`: files of this machine."""

from __future__ import annotations

from nbflow.compat.luigi._atomic_file import atomic_file
from nbflow.targets.local import LocalFileSystem, LocalTarget

__all__ = ["LocalFileSystem", "LocalTarget", "atomic_file"]
