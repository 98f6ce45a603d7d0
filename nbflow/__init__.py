"""The public names of nbflow, each loaded when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbflow._version import __version__

if TYPE_CHECKING:
    from nbflow.core.errors import (
        AmbiguousTaskError,
        BadValueError,
        CycleError,
        MissingParameterError,
        NbflowError,
        NotSupportedHereError,
        RunFailedError,
        RunInterrupted,
        UnknownParameterError,
        UnknownTaskError,
    )
    from nbflow.core.model.annotations import Param
    from nbflow.core.model.callbacks import Event
    from nbflow.core.model.inheritance import (
        common_params,
        copies,
        delegates,
        inherits,
        previous,
        requires,
    )
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
        ParameterVisibility,
        PathParameter,
        StrParameter,
        TaskParameter,
        TimeDeltaParameter,
        TupleParameter,
        YearParameter,
    )
    from nbflow.core.model.registry import auto_namespace, namespace
    from nbflow.core.model.target import FileSystem, FileSystemTarget, Target
    from nbflow.core.model.task import (
        Config,
        DynamicRequirements,
        ExternalTask,
        Task,
        WrapperTask,
        externalize,
    )
    from nbflow.invocation.panels import dashboard, form
    from nbflow.session import (
        Dag,
        Plan,
        Run,
        RunOptions,
        RunResult,
        build,
        dag,
        history,
        plan,
        run,
        start,
    )
    from nbflow.session.timelines import TimelineView, timeline
    from nbflow.targets.local import LocalTarget
    from nbflow.targets.mock import MockTarget
    from nbflow.targets.open_target import target
    from nbflow.targets.remote import FsspecTarget

    #: The result of the run that ended last in this process; None before the first.
    last: RunResult | None

_HOMES = {
    "nbflow.core.errors": (
        "AmbiguousTaskError",
        "BadValueError",
        "CycleError",
        "MissingParameterError",
        "NbflowError",
        "NotSupportedHereError",
        "RunFailedError",
        "RunInterrupted",
        "UnknownParameterError",
        "UnknownTaskError",
    ),
    "nbflow.core.model.annotations": ("Param",),
    "nbflow.core.model.callbacks": ("Event",),
    "nbflow.core.model.inheritance": (
        "common_params",
        "copies",
        "delegates",
        "inherits",
        "previous",
        "requires",
    ),
    "nbflow.core.model.parameters": (
        "BoolParameter",
        "ChoiceListParameter",
        "ChoiceParameter",
        "DateHourParameter",
        "DateIntervalParameter",
        "DateMinuteParameter",
        "DateParameter",
        "DateSecondParameter",
        "DictParameter",
        "EnumListParameter",
        "EnumParameter",
        "FloatParameter",
        "IntParameter",
        "ListParameter",
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
        "ParameterVisibility",
        "PathParameter",
        "StrParameter",
        "TaskParameter",
        "TimeDeltaParameter",
        "TupleParameter",
        "YearParameter",
    ),
    "nbflow.core.model.registry": ("auto_namespace", "namespace"),
    "nbflow.core.model.target": ("FileSystem", "FileSystemTarget", "Target"),
    "nbflow.core.model.task": (
        "Config",
        "DynamicRequirements",
        "ExternalTask",
        "Task",
        "WrapperTask",
        "externalize",
    ),
    "nbflow.invocation.panels": ("dashboard", "form"),
    "nbflow.session": (
        "Dag",
        "Plan",
        "Run",
        "RunOptions",
        "RunResult",
        "build",
        "dag",
        "history",
        "plan",
        "run",
        "start",
    ),
    "nbflow.session.timelines": ("TimelineView", "timeline"),
    "nbflow.targets.local": ("LocalTarget",),
    "nbflow.targets.mock": ("MockTarget",),
    "nbflow.targets.open_target": ("target",),
    "nbflow.targets.remote": ("FsspecTarget",),
}
_LAZY = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AmbiguousTaskError",
    "BadValueError",
    "BoolParameter",
    "ChoiceListParameter",
    "ChoiceParameter",
    "Config",
    "CycleError",
    "Dag",
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
    "FileSystem",
    "FileSystemTarget",
    "FloatParameter",
    "FsspecTarget",
    "IntParameter",
    "ListParameter",
    "LocalTarget",
    "MissingParameterError",
    "MockTarget",
    "MonthParameter",
    "NbflowError",
    "NotSupportedHereError",
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
    "Param",
    "Parameter",
    "ParameterVisibility",
    "PathParameter",
    "Plan",
    "Run",
    "RunFailedError",
    "RunInterrupted",
    "RunOptions",
    "RunResult",
    "StrParameter",
    "Target",
    "Task",
    "TaskParameter",
    "TimeDeltaParameter",
    "TimelineView",
    "TupleParameter",
    "UnknownParameterError",
    "UnknownTaskError",
    "WrapperTask",
    "YearParameter",
    "__version__",
    "auto_namespace",
    "build",
    "common_params",
    "copies",
    "dag",
    "dashboard",
    "delegates",
    "externalize",
    "form",
    "history",
    "inherits",
    "last",
    "namespace",
    "plan",
    "previous",
    "requires",
    "run",
    "start",
    "target",
    "timeline",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        module = _LAZY.get(name)
        if module is not None:
            from importlib import import_module

            if module.startswith("nbflow.core.model"):
                _connect_configuration()
            value = getattr(import_module(module), name)
            globals()[name] = value
            return value
        if name == "widgets":
            from importlib import import_module

            return import_module("nbflow.widgets")
        if name == "last":
            from nbflow.session import last_result

            return last_result()
        raise AttributeError(f"module 'nbflow' has no attribute {name!r}")


_connected: list[bool] = []


def _connect_configuration() -> None:
    """Let omitted parameters have the values of `[tasks.<Family>]`; read when first needed."""
    if _connected:
        return
    _connected.append(True)
    from nbflow.core.model import defaults

    def provide() -> defaults.Source:
        from nbflow import config

        return config.provide_defaults()

    defaults.set_provider(provide)


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(shell: Any) -> None:
    """Add `%nbflow` to the notebook: `%load_ext nbflow`."""
    from nbflow import magics

    magics.load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take everything back that `%load_ext nbflow` added."""
    from nbflow import magics

    magics.unload(shell)
