"""The sections of Luigi's configuration that its programs read, as typed classes.

Source: contract C-20, W-04, S-03, W-76, F-08, F-09. Their lower-case names are the sections' names.
"""

# ruff: noqa: N801

from __future__ import annotations

import os
import tempfile
from datetime import timedelta
from typing import TYPE_CHECKING

from nbflow.core.model.parameters import (
    BoolParameter,
    ChoiceParameter,
    FloatParameter,
    IntParameter,
    OptionalIntParameter,
    OptionalParameter,
    Parameter,
    TimeDeltaParameter,
)
from nbflow.core.model.task import Config

if TYPE_CHECKING:
    from nbflow.core.model.parameters.base import ConfigPath


def _formerly(name: str) -> ConfigPath:
    """An option's old place in `[core]`."""
    return {"section": "core", "name": name}


class core(Config):
    """How a command is run."""

    _visible_in_registry = False
    use_cmdline_section = False

    local_scheduler = BoolParameter(
        default=False,
        description="Schedule in this process, without a central scheduler",
        always_in_help=True,
    )
    scheduler_host = Parameter(
        default="localhost",
        description="Host of the central scheduler",
        config_path=_formerly("default-scheduler-host"),
    )
    scheduler_port = IntParameter(
        default=8082,
        description="Port of the central scheduler",
        config_path=_formerly("default-scheduler-port"),
    )
    scheduler_url = Parameter(
        default="",
        description="Whole URL of the central scheduler",
        config_path=_formerly("default-scheduler-url"),
    )
    lock_size = IntParameter(default=1, description="How often one command may run at a time")
    no_lock = BoolParameter(default=False, description="Let one command run any number of times")
    lock_pid_dir = Parameter(
        default=os.path.join(tempfile.gettempdir(), "luigi"), description="Where the locks lie"
    )
    take_lock = BoolParameter(default=False, description="End the command that has the lock")
    workers = IntParameter(default=1, description="Tasks that run at a time")
    logging_conf_file = Parameter(default="", description="File for logging.config.fileConfig")
    log_level = ChoiceParameter(
        default="DEBUG",
        choices=["NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        description="Least level of what is logged",
    )
    module = Parameter(
        default="", description="Module with the tasks, imported first", always_in_help=True
    )
    parallel_scheduling = BoolParameter(default=False, description="Taken, and without effect")
    parallel_scheduling_processes = IntParameter(default=0, description="Taken, and without effect")
    assistant = BoolParameter(default=False, description="Run tasks that others have scheduled")
    help = BoolParameter(
        default=False, description="Show the flags of the task", always_in_help=True
    )
    help_all = BoolParameter(
        default=False, description="Show the flags of every task", always_in_help=True
    )


class worker(Config):
    """How tasks are run."""

    _visible_in_registry = False

    id = Parameter(default="", description="Taken, and without effect")
    ping_interval = FloatParameter(default=1.0, config_path=_formerly("worker-ping-interval"))
    keep_alive = BoolParameter(
        default=False,
        description="Wait for tasks that are tried again later",
        config_path=_formerly("worker-keep-alive"),
    )
    count_uniques = BoolParameter(default=False, config_path=_formerly("worker-count-uniques"))
    count_last_scheduled = BoolParameter(default=False)
    wait_interval = FloatParameter(default=1.0, config_path=_formerly("worker-wait-interval"))
    wait_jitter = FloatParameter(default=5.0)
    max_keep_alive_idle_duration = TimeDeltaParameter(
        default=timedelta(0),
        description="How long to wait while nothing runs; 0: as long as it takes",
    )
    max_reschedules = IntParameter(default=1, config_path=_formerly("worker-max-reschedules"))
    timeout = IntParameter(
        default=0,
        description="Seconds that a task may run; 0: no limit",
        config_path=_formerly("worker-timeout"),
    )
    task_limit = OptionalIntParameter(default=None, config_path=_formerly("worker-task-limit"))
    retry_external_tasks = BoolParameter(
        default=False, config_path=_formerly("retry-external-tasks")
    )
    send_failure_email = BoolParameter(default=True)
    no_install_shutdown_handler = BoolParameter(default=False)
    check_unfulfilled_deps = BoolParameter(
        default=True, description="Ask for requirements once more just before a task runs"
    )
    check_complete_on_run = BoolParameter(
        default=False, description="A task that is not complete after its run has failed"
    )
    force_multiprocessing = BoolParameter(
        default=False, description="Run tasks in a process of their own in any case"
    )
    task_process_context = OptionalParameter(default=None)
    cache_task_completion = BoolParameter(default=False, description="Taken, and without effect")


class scheduler(Config):
    """By which numbers it is decided what runs."""

    _visible_in_registry = False

    retry_delay = FloatParameter(
        default=900.0, description="Seconds until a failed task is tried again; negative: never"
    )
    remove_delay = FloatParameter(default=600.0)
    worker_disconnect_delay = FloatParameter(default=60.0)
    disable_window = IntParameter(default=3600, description="Seconds in which failures are counted")
    retry_count = IntParameter(default=999_999_999, description="Failures that disable a task")
    disable_hard_timeout = IntParameter(
        default=999_999_999,
        description="Seconds after the first failure from which on the next one disables a task",
    )
    disable_persist = IntParameter(default=86_400, description="Seconds that a task stays disabled")
    max_shown_tasks = IntParameter(default=100_000)
    max_graph_nodes = IntParameter(default=100_000)
    prune_on_get_work = BoolParameter(default=False)
    pause_enabled = BoolParameter(default=True)
    send_messages = BoolParameter(default=True)
    stable_done_cooldown_secs = IntParameter(
        default=10, description="Seconds in which a task that was done is not taken for pending"
    )


class retcode(Config):
    """What the command exits with."""

    _visible_in_registry = False

    unhandled_exception = IntParameter(default=4, description="Something was raised")
    missing_data = IntParameter(default=0, description="An external input is missing")
    task_failed = IntParameter(default=0, description="A task failed")
    already_running = IntParameter(default=0, description="It runs elsewhere")
    scheduling_error = IntParameter(
        default=0, description="complete() or requires() of a task raised"
    )
    not_run = IntParameter(default=0, description="A task was not given leave to run")


class execution_summary(Config):
    """How long the summary of a run is."""

    _visible_in_registry = False

    summary_length = IntParameter(
        default=5, description="Families of tasks that are listed for each outcome; 0: all"
    )


#: All of them, as the command line offers their options.
SECTIONS: tuple[type[Config], ...] = (core, worker, scheduler, retcode, execution_summary)
