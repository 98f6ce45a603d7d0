"""`luigi.retcodes`: what a command exits with (W-76 to W-78)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from nbflow.compat.luigi._log import configure_logging, logger
from nbflow.compat.luigi._sections import core, retcode
from nbflow.core.errors import NbflowError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.compat.luigi.execution_summary import LuigiRunResult

__all__ = ["exit_code_of", "retcode", "run_with_retcodes"]


def run_with_retcodes(argv: Sequence[str]) -> NoReturn:
    """Run the task that the words `argv` name, and exit.

    Raises
    ------
    SystemExit
        Always; its code follows from `[retcode]`. Wrong words: 2; no such task or module: 1.
    """
    from nbflow.compat.luigi.cmdline_parser import CmdlineParser
    from nbflow.compat.luigi.interface import PidLockAlreadyTakenExit, run_tasks

    with CmdlineParser.global_instance(argv) as line:
        codes = retcode()
        env = core()
        configure_logging(env)
        try:
            result = run_tasks([line.get_task_obj()], env)
        except PidLockAlreadyTakenExit:
            sys.exit(codes.already_running)
        except NbflowError as error:
            logger.error("%s: %s", error.title, error)
            sys.exit(codes.unhandled_exception)
        except Exception:  # noqa: BLE001 - the user's requires() and complete() may raise anything
            logger.exception("something that is not a task's failure was raised")
            sys.exit(codes.unhandled_exception)
    sys.exit(exit_code_of(result, codes))


def exit_code_of(result: LuigiRunResult, codes: retcode) -> int:
    """The highest code of what holds; that of `not_run` where the root is left for no reason."""
    found = result.partition
    code: int = max(
        codes.missing_data if found.missing_external else 0,
        codes.task_failed if found.failed else 0,
        codes.already_running if found.run_elsewhere else 0,
        codes.scheduling_error if found.scheduling_error else 0,
        codes.not_run if found.not_run else 0,
    )
    if code == 0 and not found.completed.union(found.already_done).issuperset(found.roots):
        return int(codes.not_run)
    return code
