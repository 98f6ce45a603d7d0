from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def _load_by_path(name, file):
    """Under importlib mode a folder of tests is no package; what it shares is loaded by path."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(file))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


_load_by_path("display_samples", "samples.py")
_load_by_path("display_graphs", "graphs.py")
