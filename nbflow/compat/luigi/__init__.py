"""Luigi's names for nbflow's parts: `from nbflow.compat import luigi`, or `install()`.

Tasks, parameters and targets are the same objects as nbflow's; runs follow Luigi's rules
(`nbflow.core.policy.LUIGI`). Configuration is read from `luigi.cfg` or `luigi.toml`, before
nbflow's own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import nbflow
from nbflow.compat.luigi.alias import install, is_known_to_miss, missing_text, uninstall
from nbflow.compat.luigi.configuration.source import connect
from nbflow.core.model.callbacks import Event
from nbflow.core.model.parameters import (
    BoolParameter,
    ChoiceListParameter,
    ChoiceParameter,
    DateHourParameter,
    DateIntervalParameter,
    DateMinuteParameter,
    DateParameter,
    DateSecondParameter,
    DictParameter,
    EnumListParameter,
    EnumParameter,
    FloatParameter,
    IntParameter,
    ListParameter,
    MonthParameter,
    NumericalParameter,
    OptionalBoolParameter,
    OptionalChoiceParameter,
    OptionalDateParameter,
    OptionalDictParameter,
    OptionalFloatParameter,
    OptionalIntParameter,
    OptionalListParameter,
    OptionalNumericalParameter,
    OptionalParameter,
    OptionalPathParameter,
    OptionalStrParameter,
    OptionalTupleParameter,
    Parameter,
    PathParameter,
    StrParameter,
    TaskParameter,
    TimeDeltaParameter,
    TupleParameter,
    YearParameter,
)
from nbflow.core.model.registry import auto_namespace, namespace
from nbflow.core.model.target import Target
from nbflow.core.model.task import Config, DynamicRequirements, ExternalTask, Task, WrapperTask
from nbflow.executors.imports import in_workers
from nbflow.targets.local import LocalTarget

if TYPE_CHECKING:
    from nbflow.compat.luigi.execution_summary import LuigiStatusCode
    from nbflow.compat.luigi.interface import build, run
    from nbflow.compat.luigi.rpc import RemoteScheduler, RPCError

#: The version of Luigi whose behaviour is meant.
__version__ = "3.8.1"

__all__ = [
    "BoolParameter",
    "ChoiceListParameter",
    "ChoiceParameter",
    "Config",
    "DateHourParameter",
    "DateIntervalParameter",
    "DateMinuteParameter",
    "DateParameter",
    "DateSecondParameter",
    "DictParameter",
    "DynamicRequirements",
    "EnumListParameter",
    "EnumParameter",
    "Event",
    "ExternalTask",
    "FloatParameter",
    "IntParameter",
    "ListParameter",
    "LocalTarget",
    "LuigiStatusCode",
    "MonthParameter",
    "NumericalParameter",
    "OptionalBoolParameter",
    "OptionalChoiceParameter",
    "OptionalDateParameter",
    "OptionalDictParameter",
    "OptionalFloatParameter",
    "OptionalIntParameter",
    "OptionalListParameter",
    "OptionalNumericalParameter",
    "OptionalParameter",
    "OptionalPathParameter",
    "OptionalStrParameter",
    "OptionalTupleParameter",
    "Parameter",
    "PathParameter",
    "RPCError",
    "RemoteScheduler",
    "StrParameter",
    "Target",
    "Task",
    "TaskParameter",
    "TimeDeltaParameter",
    "TupleParameter",
    "WrapperTask",
    "YearParameter",
    "__version__",
    "auto_namespace",
    "build",
    "install",
    "namespace",
    "run",
    "uninstall",
]

#: Names that bring the machinery of runs with them, by their module.
_LAZY = {
    "LuigiStatusCode": "execution_summary",
    "RPCError": "rpc",
    "RemoteScheduler": "rpc",
    "build": "interface",
    "run": "interface",
}
#: Modules that are attributes without being imported (I-03).
_MODULES = frozenset(
    {
        "cmdline",
        "cmdline_parser",
        "configuration",
        "date_interval",
        "event",
        "execution_summary",
        "format",
        "freezing",
        "interface",
        "local_target",
        "mock",
        "parameter",
        "retcodes",
        "rpc",
        "scheduler",
        "target",
        "task",
        "task_register",
        "task_status",
        "tools",
        "util",
        "worker",
    }
)

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return import_module(f"{__name__}.{name}")
        if name in _LAZY:
            value = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
            globals()[name] = value
            return value
        if name == "range":
            return import_module(f"{__name__}.tools.range")
        if is_known_to_miss(name):
            raise AttributeError(missing_text(f"luigi.{name}"))
        raise AttributeError(f"nbflow has no {name!r} of Luigi's")


nbflow._connect_configuration()
connect()
if __name__ not in in_workers:
    in_workers.append(__name__)
