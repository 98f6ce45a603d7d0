"""Kernels for the tests of this folder, by the same means as the tests of the magics."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


def _load_by_path(name, path):
    """Under importlib mode a folder of tests is no package; what it shares is loaded by path."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


kernels = _load_by_path(
    "magics_kernels", Path(__file__).resolve().parents[1] / "magics" / "kernels.py"
)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A kernel in an empty project, without nbflow, that believes in a live page."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "nbflow.toml").touch()
    with kernels.kernel(folder, NBFLOW_DISPLAY="live") as running:
        yield running
