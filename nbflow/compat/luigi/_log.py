"""What a run says on the logger `luigi-interface`, and how that logger is set up (C-50, I-06)."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from nbflow.compat.luigi.configuration import LuigiTomlParser, get_config
from nbflow.core import events as ev
from nbflow.core.model.frozen import recursively_unfreeze
from nbflow.core.status import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.compat.luigi._sections import core

logger = logging.getLogger("luigi-interface")
_configured: list[bool] = []


def configure_logging(env: core) -> None:
    """Set up the logger by the options, once a process; a later call changes nothing.

    Raises
    ------
    OSError
        The file named by `logging_conf_file` is not there.
    """
    config = get_config()
    if _configured or config.getboolean("core", "no_configure_logging", False):
        return
    _configured.append(True)
    if env.logging_conf_file:
        from logging.config import fileConfig

        if not os.path.isfile(env.logging_conf_file):
            raise OSError(f"logging_conf_file={env.logging_conf_file}: there is no such file.")
        fileConfig(env.logging_conf_file)
    elif isinstance(config, LuigiTomlParser) and "logging" in config.data:
        from logging.config import dictConfig

        dictConfig(recursively_unfreeze(config.data["logging"]))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(env.log_level)


class Narrator:
    """Tells each start and end of a task as it happens; follows the event stream."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def __call__(self, events: Sequence[ev.RunEvent]) -> None:
        """Take the next events."""
        for event in events:
            self._tell(event)

    def _tell(self, event: ev.RunEvent) -> None:
        match event:
            case ev.TaskAdded():
                self._names[event.task.task_id] = event.task.describe()
                self._tell_added(event)
            case ev.PlanFailed():
                name = self._names[event.task_id]
                logger.warning("%s cannot be scheduled:\n%s", name, event.error.traceback)
            case ev.TaskStarted():
                logger.info("running   %s", self._names[event.task_id])
            case ev.TaskSuspended():
                logger.info("waiting   %s", self._names[event.task_id])
            case ev.TaskSucceeded():
                logger.info("done      %s", self._names[event.task_id])
            case ev.TaskFailed():
                name = self._names[event.task_id]
                logger.error("failed    %s\n%s", name, event.error.traceback)
            case ev.TaskRequeued():
                logger.info("pending   %s (%s)", self._names[event.task_id], event.reason)

    def _tell_added(self, event: ev.TaskAdded) -> None:
        name = self._names[event.task.task_id]
        if event.runnable:
            logger.info("%s is %s", name, event.status)
        elif event.status is TaskStatus.PENDING:
            logger.warning("%s is not complete, and no task of this run makes it", name)
