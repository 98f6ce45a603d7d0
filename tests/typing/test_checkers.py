"""Both type checkers agree with `declarations` and find all `mistakes`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILES = [str(HERE / "declarations.py"), str(HERE / "mistakes.py")]


@pytest.mark.parametrize(
    "checker", [["mypy", "--no-error-summary"], ["basedpyright"]], ids=["mypy", "basedpyright"]
)
def test_checker_finds_the_mistakes_and_nothing_else(checker: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *checker, *FILES],
        capture_output=True,
        check=False,
        cwd=ROOT,
        text=True,
        timeout=600,
    )

    assert done.returncode == 0, done.stdout + done.stderr
