"""Options of Luigi's that cannot be kept here, each refused by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.compat.luigi._log import logger
from nbflow.compat.luigi.configuration import get_config
from nbflow.core.errors import NotSupportedHereError

if TYPE_CHECKING:
    from nbflow.compat.luigi._sections import core, worker
    from nbflow.core.model.task import Config

#: What only a central scheduler gives; without effect where a local one is asked for.
_CENTRAL = ("scheduler_host", "scheduler_port", "scheduler_url", "assistant")
#: Options of the worker that would change what a run does.
_OF_WORKER = ("task_limit", "retry_external_tasks", "task_process_context")


def refuse_what_is_not_here(env: core, options: worker) -> None:
    """Refuse what would silently not be done.

    Raises
    ------
    NotSupportedHereError
        An option says more than its default; the text names it.
    """
    if not env.local_scheduler:
        for name in _changed(env, _CENTRAL):
            raise NotSupportedHereError(
                f"--{_flag(name)} {getattr(env, name)}: there is no client of a central scheduler "
                "yet. Give --local-scheduler, or take the option away; tasks of one project are "
                "never run twice at a time either way."
            )
    for name in _changed(env, ("take_lock",)):
        raise NotSupportedHereError(
            f"--{_flag(name)}: a run cannot be taken over. Interrupt the other one, or use "
            "--no-lock."
        )
    if env.workers < 1:
        raise NotSupportedHereError(
            f"--workers {env.workers}: tasks cannot be scheduled without being run. "
            "`nbflow plan` shows what would run."
        )
    for name in _changed(options, _OF_WORKER):
        raise NotSupportedHereError(
            f"[worker] {name}={getattr(options, name)}: this option is not supported. "
            "Take it out of the configuration."
        )


def warn_of_mail() -> None:
    """Say that nobody is written to, where somebody should be."""
    config = get_config()
    receiver = config.get("email", "receiver", "") or config.get("core", "error-email", "")
    if receiver:
        logger.warning("no mail is sent: [email] receiver=%s has no effect yet", receiver)


def _changed(section: Config, names: tuple[str, ...]) -> list[str]:
    defaults = {name: each.default for name, each in section.get_params()}
    return [name for name in names if getattr(section, name) != defaults[name]]


def _flag(name: str) -> str:
    return name.replace("_", "-")
