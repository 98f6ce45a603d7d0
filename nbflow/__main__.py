"""`python -m nbflow` is the command `nbflow`."""

from __future__ import annotations

import sys

from nbflow.cli import main

sys.exit(main())
