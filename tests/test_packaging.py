"""Wheel and sdist hold what they should, and the wheel works in an environment of its own."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from nbflow.plugins import BUILT_IN

ROOT = Path(__file__).resolve().parent.parent

#: Run by the fresh environment's Python: starts a kernel there and reports what its cells said.
KERNEL_SESSION = """
import json, sys
from jupyter_client.manager import start_new_kernel

cells = json.load(sys.stdin)
manager, client = start_new_kernel(kernel_name="python3")
replies = []
try:
    for cell in cells:
        reply = client.execute_interactive(cell, timeout=120, output_hook=lambda message: None)
        replies.append([reply["content"]["status"], reply["content"].get("evalue")])
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
print(json.dumps(replies))
"""

DEFINITION = """
import nbflow, os

class Hello(nbflow.Task):
    name = nbflow.Parameter()
    def output(self):
        return nbflow.LocalTarget(f"hello-{self.name}.txt")
    def run(self):
        with self.output().open("w") as file:
            file.write(os.path.dirname(nbflow.__file__))
"""

CELLS = [DEFINITION, "%load_ext nbflow", "%nbflow run Hello name=wheel"]


def command(*words, **options):
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=600, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel"]
    command(*words, "-d", str(folder), cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    [path] = built.glob("nbflow-*.whl")
    return path


def test_contents_of_the_wheel_are_the_package_and_its_data(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    package = {name for name in names if name.startswith("nbflow/")}
    tracked = command("git", "ls-files", "nbflow", cwd=ROOT).split()

    assert package >= set(tracked)
    assert "nbflow/py.typed" in package
    assert any(name.endswith(".sql") for name in package)
    assert {name.split("/")[0] for name in names} - {"nbflow"} == {wheel.name[:12] + ".dist-info"}
    assert not [name for name in names if "__pycache__" in name]


def test_contents_of_the_wheel_tell_the_licence_and_the_command(wheel):
    archive = zipfile.ZipFile(wheel)
    info = wheel.name[:12] + ".dist-info"

    assert b"Apache License" in archive.read(f"{info}/licenses/LICENSE")
    assert b"nbflow = nbflow.cli:main" in archive.read(f"{info}/entry_points.txt")


def test_contents_of_the_wheel_name_the_parts_that_are_found_without_looking(wheel):
    text = zipfile.ZipFile(wheel).read(wheel.name[:12] + ".dist-info/entry_points.txt").decode()
    declared = configparser.ConfigParser(delimiters="=")
    declared.read_string(text)

    for group, parts in BUILT_IN.items():
        assert dict(declared[f"nbflow.{group}"]) == parts


def test_contents_of_the_sdist_are_sources_without_what_was_made_from_them(built):
    [path] = built.glob("nbflow-*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert names >= {"pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"}
    assert names >= {"nbflow/py.typed", "tests/test_packaging.py", "examples/flights/data.py"}
    assert "notebooks/01_first_task.ipynb" in names
    made = ("notebooks/data/", "docs/_build/", "docs/_notebooks/", ".venv", "uv.lock", ".nbflow/")
    assert [name for name in names if name.startswith(made)] == []


def test_wheel_runs_a_task_in_a_kernel_of_a_fresh_environment(wheel, tmp_path):
    python = tmp_path / "venv" / "bin" / "python"
    uv = [sys.executable, "-m", "uv"]
    command(*uv, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv"))
    command(*uv, "pip", "install", "--quiet", "--python", str(python), str(wheel))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    plain = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}

    said = command(
        str(python), "-c", KERNEL_SESSION, input=json.dumps(CELLS), cwd=elsewhere, env=plain
    )

    assert json.loads(said) == [["ok", None]] * len(CELLS)
    assert (elsewhere / "hello-wheel.txt").read_text().startswith(str(tmp_path / "venv"))
