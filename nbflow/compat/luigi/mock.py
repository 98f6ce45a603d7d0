"""`luigi.mock`: files in memory, for tests of pipelines."""

from __future__ import annotations

from nbflow.targets.mock import MockFileSystem, MockTarget

__all__ = ["MockFileSystem", "MockTarget"]
