"""The floors hold: no module imports from above its own, and a planted violation is found."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINT_IMPORTS = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]


def lint(folder):
    return subprocess.run(
        LINT_IMPORTS,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PYTHONPATH": str(folder)},
    )


def copy_of_the_package(folder):
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "nbflow", folder / "nbflow", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)


def test_every_import_goes_down():
    checked = lint(ROOT)

    assert checked.returncode == 0, checked.stdout


def test_an_import_that_goes_up_is_found(tmp_path):
    copy_of_the_package(tmp_path)
    with (tmp_path / "nbflow" / "core" / "status.py").open("a") as file:
        file.write("\n\ndef planted() -> None:\n    import nbflow.session\n")

    checked = lint(tmp_path)

    assert checked.returncode == 1
    assert "nbflow.core.status -> nbflow.session" in checked.stdout


def test_a_module_without_a_floor_is_found(tmp_path):
    copy_of_the_package(tmp_path)
    (tmp_path / "nbflow" / "stray.py").write_text('"""No floor."""\n')

    checked = lint(tmp_path)

    assert checked.returncode == 1
    assert "stray" in checked.stdout
