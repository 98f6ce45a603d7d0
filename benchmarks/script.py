"""Small programs that measure themselves, each run in a fresh process; the last line is JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks.child import FAST


def run(code: str, *arguments: object) -> Any:
    """What the program `code` prints last, run in an empty folder that is a project of its own."""
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-", dir=FAST) as folder:
        environment = {**os.environ, "NBFLOW_HOME": os.path.join(folder, ".nbflow")}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (os.getcwd(), *sys.path)))
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
    return json.loads(done.stdout.splitlines()[-1])
