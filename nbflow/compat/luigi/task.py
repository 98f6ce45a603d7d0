"""`luigi.task`: tasks, and nested structures of them."""

from __future__ import annotations

from nbflow.compat.luigi.parameter import (
    Parameter,
    ParameterVisibility,
    UnconsumedParameterWarning,
)
from nbflow.core.model.registry import Register, auto_namespace, namespace
from nbflow.core.model.task import (
    TASK_ID_INCLUDE_PARAMS,
    TASK_ID_TRUNCATE_HASH,
    TASK_ID_TRUNCATE_PARAMS,
    BulkCompleteNotImplementedError,
    Config,
    DynamicRequirements,
    ExternalTask,
    MixinNaiveBulkComplete,
    Task,
    WrapperTask,
    externalize,
    flatten,
    flatten_output,
    getpaths,
    task_id_str,
)

__all__ = [
    "TASK_ID_INCLUDE_PARAMS",
    "TASK_ID_TRUNCATE_HASH",
    "TASK_ID_TRUNCATE_PARAMS",
    "BulkCompleteNotImplementedError",
    "Config",
    "DynamicRequirements",
    "ExternalTask",
    "MixinNaiveBulkComplete",
    "Parameter",
    "ParameterVisibility",
    "Register",
    "Task",
    "UnconsumedParameterWarning",
    "WrapperTask",
    "auto_namespace",
    "externalize",
    "flatten",
    "flatten_output",
    "getpaths",
    "namespace",
    "task_id_str",
]
