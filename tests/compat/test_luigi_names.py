"""Which of Luigi's names exist, and that they are nbflow's own objects."""

from __future__ import annotations

import subprocess
import sys
import warnings
from importlib import import_module
from typing import Any

import pytest

import nbflow
from nbflow.compat import luigi

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import luigi as real

#: What Luigi exposes and nbflow means to have (I-01); `range` and modules are tested apart.
TOP = [name for name in real.__all__ if not isinstance(getattr(real, name), type(sys))]
#: Submodules, with names that pipelines import from them (I-02, T-90 to T-95, W-82, W-83).
SUBMODULES = {
    "task": "Task flatten getpaths flatten_output externalize task_id_str MixinNaiveBulkComplete "
    "BulkCompleteNotImplementedError namespace auto_namespace Config DynamicRequirements",
    "parameter": "ParameterVisibility ParameterException MissingParameterException "
    "UnknownParameterException DuplicateParameterException OptionalParameterTypeWarning "
    "UnconsumedParameterWarning FrozenOrderedDict OptionalParameterMixin _no_value "
    "_DateParameterBase _DatetimeParameterBase",
    "target": "Target FileSystem FileSystemTarget FileSystemException FileAlreadyExists "
    "MissingParentDirectory NotADirectory",
    "local_target": "LocalTarget LocalFileSystem",
    "format": "Text UTF8 Nop SysNewLine Gzip Bzip2 MixedUnicodeBytes Format TextFormat "
    "ChainFormat NewlineFormat GzipFormat Bzip2Format NopFormat get_default_format",
    "mock": "MockTarget MockFileSystem",
    "util": "inherits requires copies delegates previous common_params get_previous_completed",
    "event": "Event",
    "date_interval": "Custom Date DateInterval Month Week Year",
    "freezing": "FrozenOrderedDict recursively_freeze recursively_unfreeze",
    "configuration": "get_config add_config_path LuigiConfigParser LuigiTomlParser",
    "configuration.cfg_parser": "LuigiConfigParser InterpolationMissingEnvvarError",
    "task_register": "Register load_task TaskClassException TaskClassNotFoundException "
    "TaskClassAmbigiousException",
    "task_status": "PENDING FAILED DONE RUNNING BATCH_RUNNING SUSPENDED UNKNOWN DISABLED",
    "interface": "build run core LuigiRunResult PidLockAlreadyTakenExit",
    "execution_summary": "LuigiStatusCode LuigiRunResult execution_summary",
    "retcodes": "retcode run_with_retcodes",
    "worker": "worker TaskException",
    "rpc": "RPCError RemoteScheduler",
    "cmdline": "luigi_run",
    "cmdline_parser": "CmdlineParser",
    "tools.range": "RangeBase RangeDaily RangeDailyBase RangeHourly RangeHourlyBase "
    "RangeByMinutes RangeByMinutesBase RangeMonthly RangeEvent",
}


@pytest.mark.parametrize("name", TOP)
def test_each_top_level_name_of_luigi_is_there(name: str) -> None:
    """I-01."""
    assert name in luigi.__all__
    assert getattr(luigi, name) is not None


@pytest.mark.parametrize("module", SUBMODULES)
def test_submodules_have_the_names_that_pipelines_import(module: str) -> None:
    """I-02, I-03, T-90 to T-95."""
    theirs = import_module(f"luigi.{module}")
    found: Any = luigi
    for part in module.split("."):
        found = getattr(found, part)
    for name in SUBMODULES[module].split():
        assert hasattr(theirs, name), name
        assert hasattr(found, name), name
        assert name in getattr(found, "__all__", name)


@pytest.mark.parametrize(
    "name", [name for name in luigi.__all__ if name in nbflow.__all__ and name[0].isupper()]
)
def test_classes_are_the_same_objects(name: str) -> None:
    """D3, I-04."""
    assert getattr(luigi, name) is getattr(nbflow, name)


def test_statuses_have_luigis_words_and_faces() -> None:
    """W-72, W-82."""
    assert [(each.name, each.value) for each in luigi.LuigiStatusCode] == [
        (each.name, each.value) for each in real.LuigiStatusCode
    ]
    for name in SUBMODULES["task_status"].split():
        assert getattr(luigi.task_status, name) == getattr(real.task_status, name)


@pytest.mark.parametrize(
    ("home", "name"),
    [
        ("interface", "core"),
        ("worker", "worker"),
        ("retcodes", "retcode"),
        ("execution_summary", "execution_summary"),
    ],
)
def test_sections_have_luigis_options_and_defaults(home: str, name: str) -> None:
    """C-20, W-04, W-76, F-09."""
    theirs = getattr(import_module(f"luigi.{home}"), name)()
    mine = getattr(import_module(f"nbflow.compat.luigi.{home}"), name)()
    assert mine.param_kwargs == theirs.param_kwargs


def test_a_central_schedulers_client_is_refused_with_a_sentence() -> None:
    """I-01: the name is there; nothing answers for it."""
    with pytest.raises(nbflow.NotSupportedHereError, match="local_scheduler=True"):
        luigi.RemoteScheduler("http://host:8082")


def test_an_unknown_name_says_whose_it_is() -> None:
    """I-01."""
    with pytest.raises(AttributeError, match="nbflow has no 'nothing'"):
        _ = luigi.nothing


def test_importing_the_names_starts_nothing_heavy() -> None:
    """The face costs no more than what it names."""
    code = (
        "import sys; from nbflow.compat import luigi; luigi.Task, luigi.LocalTarget;"
        "print([m for m in ('pandas', 'IPython', 'asyncio', 'msgspec', 'sqlite3', 'multiprocessing')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
