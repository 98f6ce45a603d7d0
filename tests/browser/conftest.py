"""One JupyterLab and one window for all tests of a process; a notebook and a kernel for each."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest


def _load_by_path(name, file):
    """Under importlib mode a folder of tests is no package; what it shares is loaded by path."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(file))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


lab = _load_by_path("browser_lab", "lab.py")
_load_by_path("browser_looks", "looks.py")
_load_by_path("browser_tasks", "tasks.py")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with lab.jupyter_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="session")
def window(server):
    """JupyterLab, loaded once."""
    with lab.chromium() as browser:
        context = browser.new_context(viewport={"width": 1200, "height": 1000})
        shown = lab.Lab(context.new_page(), server)
        shown.start()
        yield shown


@pytest.fixture
def notebook(window, request):
    """Make a notebook of the given cells, open it and wait for its kernel; closed after."""
    opened = []

    def open_cells(*cells):
        folder = re.sub(r"\W+", "-", request.node.name).strip("-")
        path = lab.write_notebook(window.server.root / folder / "flow.ipynb", cells)
        opened.append(window.open(str(path.relative_to(window.server.root))))
        return opened[-1]

    yield open_cells
    for each in opened:
        each.close()


@pytest.fixture(autouse=True)
def _light_and_wide(window):
    """Each test begins with the same window, and the page says no error."""
    window.set_theme(lab.LIGHT)
    window.set_width(1200)
    window.errors.clear()
    yield
    assert window.errors == []
    assert window.foreign == []
