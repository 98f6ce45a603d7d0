"""Every notebook shows, cell for cell, what its stored outputs say; compared strictly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

STORED = sorted(
    path.stem for path in (Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb")
)


def test_there_are_notebooks():
    assert "01_first_task" in STORED


@pytest.mark.parametrize("name", STORED)
def test_outputs_are_those_stored(name, copied, nbval):
    done = nbval(copied(name))

    assert done.returncode == 0, done.stdout


@pytest.mark.nightly
@pytest.mark.parametrize("name", STORED)
def test_outputs_are_those_stored_every_time(name, copied, nbval):
    for repeat in range(20):
        done = nbval(copied(name, f"project-{repeat}"))

        assert done.returncode == 0, f"repeat {repeat}: {done.stdout}"


@pytest.mark.parametrize("name", STORED)
def test_notebook_is_saved_for_everybody(name, notebooks):
    text = (notebooks / f"{name}.ipynb").read_text()
    content = json.loads(text)

    assert content["metadata"]["kernelspec"]["name"] == "python3"
    assert "widgets" not in content["metadata"]
    assert "NBVAL_" not in text
    assert str(Path.home()) not in text


@pytest.mark.parametrize("name", STORED)
def test_notebook_asserts_what_it_tells(name, notebooks):
    content = json.loads((notebooks / f"{name}.ipynb").read_text())

    sources = ["".join(cell["source"]) for cell in content["cells"]]

    assert sum(line.startswith("assert ") for text in sources for line in text.splitlines()) >= 3
