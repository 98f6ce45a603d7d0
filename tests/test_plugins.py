"""Parts found by name: ours cheaply, others by entry points, a missing package by its extra."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from nbflow import plugins
from nbflow.core.errors import PluginError


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """An installed distribution with entry points of its own."""
    metadata = tmp_path / "cluster-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: cluster\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[nbflow.executors]\n"
        "cluster = cluster_of_test:Executor\n"
        "broken = cluster_of_test:Nothing\n"
        "dask = dask_of_test:Executor\n"
        "odd = odd_of_test:Executor\n"
    )
    (tmp_path / "cluster_of_test.py").write_text("class Executor: pass\n")
    (tmp_path / "dask_of_test.py").write_text("raise ModuleNotFoundError(name='distributed')\n")
    (tmp_path / "odd_of_test.py").write_text("import surely_not_installed.part\n")
    monkeypatch.syspath_prepend(tmp_path)


def test_ours_are_the_entry_points_of_the_distribution():
    pyproject = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text())
    declared = {
        group.removeprefix("nbflow."): entries
        for group, entries in pyproject["project"]["entry-points"].items()
        if group.startswith("nbflow.")
    }

    assert declared == plugins.BUILT_IN


def test_ours_are_loaded_without_looking_at_distributions(python):
    done = python(
        "import sys; from nbflow import plugins\n"
        "plugins.BUILT_IN['executors']['given'] = 'json:loads'\n"
        "import json; assert plugins.load('executors', 'given') is json.loads\n"
        "assert 'importlib.metadata' not in sys.modules"
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("distribution")
def test_part_of_another_distribution_is_found():
    assert plugins.load("executors", "cluster").__name__ == "Executor"
    assert {"inline", "cluster"} <= set(plugins.names("executors"))


@pytest.mark.usefixtures("distribution")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clster", "there is no executor 'clster'. Did you mean cluster"),
        ("dask", "executor 'dask' needs the package 'distributed': pip install 'nbflow[dask]'"),
        ("odd", "needs the package 'surely_not_installed': pip install surely_not_installed"),
        ("broken", "executor 'broken' cannot be loaded from cluster_of_test:Nothing"),
    ],
)
def test_part_that_cannot_be_had_says_what_to_install(name, message):
    with pytest.raises(PluginError) as caught:
        plugins.load("executors", name)

    assert message in str(caught.value)
