"""The commands of a contributor: there, short, saying what they do, and understood by sh."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted(
    path for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix
)
ASKED = {"setup", "check", "test", "demo", "lab", "docs", "bench", "environment"}


def test_the_documented_commands_are_there():
    assert {script.name for script in SCRIPTS} >= ASKED


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_script_is_executable_short_and_says_its_usage(script):
    lines = script.read_text().splitlines()

    assert os.access(script, os.X_OK)
    assert lines[0] == "#!/bin/sh"
    assert lines[2].startswith(f"# usage: scripts/{script.name}")
    assert 5 <= len(lines) <= 35


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_sh_understands_the_script(script):
    assert subprocess.run(["sh", "-n", script], check=False).returncode == 0


def test_the_gate_runs_check_and_test():
    steps = (ROOT / ".ci" / "run").read_text().splitlines()

    assert {"step scripts/check", "step scripts/test"} <= set(steps)
