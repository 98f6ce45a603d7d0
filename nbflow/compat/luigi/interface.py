"""`luigi.interface`: run tasks by Luigi's rules, from Python or from the words of a command.

Source: contract C-40 to C-48, W-70 to W-72. The scheduler is always the one of this process.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nbflow import config as settings
from nbflow.compat.luigi._lock import hold_command_lock
from nbflow.compat.luigi._log import Narrator, configure_logging, logger
from nbflow.compat.luigi._partition import Story
from nbflow.compat.luigi._refusals import refuse_what_is_not_here, warn_of_mail
from nbflow.compat.luigi._sections import core, scheduler, worker
from nbflow.compat.luigi.configuration import get_config
from nbflow.compat.luigi.execution_summary import LuigiRunResult
from nbflow.core.errors import NotATaskError, NotSupportedHereError
from nbflow.core.events import RetryPolicy
from nbflow.core.model import defaults
from nbflow.core.model.task import Task
from nbflow.core.policy import LUIGI
from nbflow.core.scheduler.policy import SchedulerConfig
from nbflow.core.status import RunStatus
from nbflow.session import RunOptions, start

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["LuigiRunResult", "PidLockAlreadyTakenExit", "build", "core", "run"]


class PidLockAlreadyTakenExit(SystemExit):
    """The same command runs already, as often as it may."""


def build(
    tasks: Iterable[Task],
    worker_scheduler_factory: None = None,
    detailed_summary: bool = False,
    **env_params: Any,
) -> bool | LuigiRunResult:
    """Run tasks and what they require.

    Parameters
    ----------
    detailed_summary
        Give a LuigiRunResult, not only its `scheduling_succeeded`.
    env_params
        Options of the section `core`: `local_scheduler`, `workers`, `log_level`, `no_lock` (True
        if not given) and so on.

    Raises
    ------
    UnknownParameterError
        `env_params` has a name that is no option.
    NotSupportedHereError
        An option cannot be kept here.
    NotATaskError, NotARequirementError
        A root, or something that `requires()` gave, is no task.
    """
    env_params.setdefault("no_lock", True)
    _refuse_factory(worker_scheduler_factory)
    result = run_tasks(list(tasks), core(**env_params))
    return result if detailed_summary else result.scheduling_succeeded


def run(  # noqa: PLR0917 - Luigi's order
    cmdline_args: Sequence[str] | None = None,
    main_task_cls: type[Task] | None = None,
    worker_scheduler_factory: None = None,
    use_dynamic_argparse: object = None,
    local_scheduler: bool = False,
    detailed_summary: bool = False,
) -> bool | LuigiRunResult:
    """Run the task that the words of a command name.

    Parameters
    ----------
    cmdline_args
        The words; those of this process if not given.
    main_task_cls
        The root task's class, if it is not the first word.
    local_scheduler
        As if `--local-scheduler` were given.

    Raises
    ------
    SystemExit
        The words are wrong, or ask for help; PidLockAlreadyTakenExit: it runs already.
    """
    from nbflow.compat.luigi.cmdline_parser import CmdlineParser

    if use_dynamic_argparse is not None:
        import warnings

        warnings.warn("use_dynamic_argparse has no effect", DeprecationWarning, stacklevel=2)
    _refuse_factory(worker_scheduler_factory)
    if type(cmdline_args) is str:
        raise TypeError("cmdline_args is a list of words, as sys.argv[1:], and not one text.")
    words = list(sys.argv[1:] if cmdline_args is None else cmdline_args)
    if main_task_cls is not None:
        words.insert(0, main_task_cls.task_family)
    if local_scheduler:
        words.append("--local-scheduler")
    with CmdlineParser.global_instance(words) as line:
        result = run_tasks([line.get_task_obj()], core())
    return result if detailed_summary else result.scheduling_succeeded


def run_tasks(tasks: list[Task], env: core) -> LuigiRunResult:
    """Run tasks by the options of `env` and of the configuration, and tell how it ended.

    Raises
    ------
    PidLockAlreadyTakenExit
        The same command runs already.
    KeyboardInterrupt
        The user stopped the run.
    """
    options = worker()
    configure_logging(env)
    refuse_what_is_not_here(env, options)
    warn_of_mail()
    with _lock(env), _assigned_values():
        result = _run(tasks, _run_options(env, options))
    logger.info(result.summary_text)
    return result


def _run(tasks: list[Task], options: RunOptions) -> LuigiRunResult:
    story = Story()
    if not tasks:
        return LuigiRunResult(None, story)
    for task in tasks:
        if not isinstance(task, Task) or not task.initialized():
            raise NotATaskError(
                f"expected a task, found {type(task).__name__}; a task with an __init__ of its "
                "own calls super().__init__ in it."
            )
    handle = start(*tasks, options=options, subscribers=(story, Narrator()), background=False)
    result = handle.wait()
    if result.status is RunStatus.INTERRUPTED:
        result.raise_for_status()
    return LuigiRunResult(result, story)


def _run_options(env: core, options: worker) -> RunOptions:
    idle = options.max_keep_alive_idle_duration.total_seconds() or None
    several = env.workers > 1 or options.force_multiprocessing
    return RunOptions(
        workers=env.workers,
        executor="process" if several else "auto",
        timeout=options.timeout or None,
        tee=True,
        store=settings.value("store"),
        where="luigi",
        policy=replace(
            LUIGI,
            check_dependencies_before_run=options.check_unfulfilled_deps,
            check_complete_after_run=options.check_complete_on_run,
            idle_seconds=idle if options.keep_alive else 0.0,
        ),
        scheduler=_scheduler_config(options),
    )


def _scheduler_config(options: worker) -> SchedulerConfig:
    given = scheduler()
    return SchedulerConfig(
        retry=RetryPolicy(
            retry_count=given.retry_count,
            retry_delay=given.retry_delay,
            disable_window=given.disable_window,
            disable_hard_timeout=given.disable_hard_timeout,
        ),
        disable_persist=given.disable_persist,
        max_reschedules=options.max_reschedules,
        resources={**settings.resources(), **get_config().getintdict("resources")},
    )


@contextmanager
def _lock(env: core) -> Iterator[None]:
    if env.no_lock:
        yield
        return
    with hold_command_lock(env.lock_pid_dir, env.lock_size) as held:
        if not held:
            raise PidLockAlreadyTakenExit(
                f"the same command runs {env.lock_size} times already; use --no-lock to let it"
            )
        yield


@contextmanager
def _assigned_values() -> Iterator[None]:
    """Let worker processes know what the program has set in its configuration (F-19)."""
    assigned = defaults.Overrides(get_config().assigned, "the configuration")
    with defaults.commanded(*defaults.commands(), assigned):
        yield


def _refuse_factory(factory: object) -> None:
    if factory is not None:
        raise NotSupportedHereError(
            f"worker_scheduler_factory={factory!r:.80}: workers and schedulers of your own cannot "
            "be used here. Leave it out."
        )
