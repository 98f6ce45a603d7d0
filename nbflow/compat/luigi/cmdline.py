"""`luigi.cmdline`: the command `luigi`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from nbflow.compat.luigi.retcodes import run_with_retcodes

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["luigi_run"]


def luigi_run(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the task that the words of this process (or `argv`) name, and exit."""
    run_with_retcodes(sys.argv[1:] if argv is None else argv)
