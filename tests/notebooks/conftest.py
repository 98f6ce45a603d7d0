"""nbval on a copy of a notebook, in a process and a project of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

#: Strict: every output is compared, and nothing is sanitised.
NBVAL = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout", "300"]


@pytest.fixture
def notebooks() -> Path:
    """The folder of the tutorials."""
    return Path(__file__).resolve().parents[2] / "notebooks"


@pytest.fixture
def copied(notebooks: Path, tmp_path: Path) -> Callable[..., Path]:
    """Copy a notebook into an empty project, one for each `folder`."""

    def copy(name: str, folder: str = "project") -> Path:
        project = tmp_path / folder
        project.mkdir()
        (project / "pytest.ini").write_text("[pytest]\n")
        return Path(shutil.copy(notebooks / f"{name}.ipynb", project))

    return copy


@pytest.fixture
def nbval() -> Callable[[Path], subprocess.CompletedProcess[str]]:
    """Compare a notebook's outputs with those stored; this run's own pytest variables stay here."""

    def run(notebook: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", *NBVAL, notebook.name],
            cwd=notebook.parent,
            env={key: value for key, value in os.environ.items() if not key.startswith("PYTEST")},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    return run
