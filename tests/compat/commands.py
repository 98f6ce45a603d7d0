"""The command `luigi` of either engine, in this process: its exit code and what it printed."""

from __future__ import annotations

import io
import logging
import warnings
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import luigi as real
    import luigi.retcodes
    import luigi.setup_logging

from nbflow.compat import luigi as ours

__all__ = ["ENGINES", "ours", "real", "run_command"]

ENGINES = {"luigi": real, "nbflow": ours}


def run_command(library: Any, *words: str) -> tuple[int | None, str, str]:
    """Exit code, standard output, standard error with the log."""
    out, err = io.StringIO(), io.StringIO()
    logger = logging.getLogger("luigi-interface")
    handler = logging.StreamHandler(err)
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)  # each engine sets it up once a process
    try:
        with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            library.retcodes.run_with_retcodes([*words, "--no-lock"])
    except SystemExit as end:
        return 1 if isinstance(end.code, str) else end.code, out.getvalue(), err.getvalue()
    except Exception as error:  # Luigi lets some through, and Python exits with 1
        return 1, out.getvalue(), f"{err.getvalue()}{type(error).__name__}: {error}"
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    return None, out.getvalue(), err.getvalue()
