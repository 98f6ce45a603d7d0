"""What pytest finds when nbflow is installed: fixtures for tests of tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from nbflow.testing.clock import Clock


@pytest.fixture
def nbflow_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as the working directory: history, logs and locks lie in it."""
    (tmp_path / "nbflow.toml").touch()
    monkeypatch.delenv("NBFLOW_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def nbflow_clock() -> Clock:
    """A clock that only the test moves, at 0."""
    from nbflow.testing.clock import Clock

    return Clock()
