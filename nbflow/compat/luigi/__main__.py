"""`python -m nbflow.compat.luigi --module jobs MyTask --date 2013-01-15 --local-scheduler`."""

from __future__ import annotations

import os
import sys

from nbflow.compat.luigi.alias import install
from nbflow.compat.luigi.cmdline import luigi_run

if __name__ == "__main__":
    # As `python script.py` does, a module of the working directory can be imported.
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    install()
    luigi_run()
