from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

# The streams of events are shared by the tests of this folder; under importlib mode a folder of
# tests is no package, so they are loaded by their path.
_path = Path(__file__).with_name("samples.py")
_spec = importlib.util.spec_from_file_location("display_samples", _path)
_module = importlib.util.module_from_spec(_spec)
sys.modules["display_samples"] = _module
_spec.loader.exec_module(_module)
