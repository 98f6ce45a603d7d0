"""How Sphinx builds the documentation; nothing is executed and nothing is fetched."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))

import generated  # noqa: E402 - found only by the path above

from nbflow._version import __version__  # noqa: E402

project = "nbflow"
author = "The nbflow developers"
copyright = author
release = version = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.graphviz", "sphinx.ext.napoleon"]
graphviz_dot = str(Path(sysconfig.get_path("scripts")) / "graphviz-pure")
graphviz_output_format = "svg"
exclude_patterns = ["_build", "_generated"]
default_role = "code"  # what docstrings mean by single backticks
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
#: Cells with magics are Python to no lexer; they are shown all the same.
suppress_warnings = ["misc.highlighting_failure"]
nb_execution_mode = "off"  # the notebooks are shown with the outputs that the tests compare

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"nbflow {release}"
html_show_sourcelink = False


def _copy_notebooks() -> None:
    """The tutorials, from where people run them; Sphinx reads only what lies below this folder."""
    target = DOCS / "_notebooks"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for notebook in sorted((DOCS.parent / "notebooks").glob("*.ipynb")):
        shutil.copy(notebook, target)


def setup(_app: object) -> None:
    """Bring in what is written elsewhere: notebooks, and tables that the code itself holds."""
    _copy_notebooks()
    generated.write(DOCS / "_generated")
