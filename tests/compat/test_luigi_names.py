"""Which of Luigi's names exist, and that they are nbflow's own objects."""

from __future__ import annotations

import logging
import re
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
    "scheduler": "Scheduler scheduler",
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


#: Modules of which pipelines import single names only.
_PARTLY = {"worker", "rpc", "scheduler", "cmdline", "cmdline_parser", "configuration.cfg_parser"}
#: Members of Luigi's classes that are of its own inside.
LACKING = {
    "DateMinuteParameter": {"deprecated_date_format"},
    "MixedUnicodeBytesFormat": {"wrapper_cls"},
    "NewlineFormat": {"wrapper_cls"},
    "Register": {"AMBIGUOUS_CLASS"},
    "TextFormat": {"wrapper_cls"},
    "core": {"ignore_unconsumed"},
}
#: What Luigi's modules define in passing: variables of types, an alias of a type, a counter.
UNSAID = {
    "parameter": {"ConfigPath", "DictT", "ListT", "T"}
    | {"ChoiceType", "EnumParameterType", "NumericalType", "TaskType"},
    "tools.range": {"most_common"},
}


@pytest.mark.parametrize("module", [name for name in SUBMODULES if name not in _PARTLY])
def test_submodules_have_all_names_that_luigis_define(module: str) -> None:
    """I-02, R-07, G-15, G-48."""
    theirs = import_module(f"luigi.{module}")
    mine = import_module(f"nbflow.compat.luigi.{module}")
    defined = {
        name
        for name, value in vars(theirs).items()
        if not name.startswith("_")
        and getattr(value, "__module__", theirs.__name__) == theirs.__name__
        and not isinstance(value, type(sys) | logging.Logger | re.Pattern)
    }
    missing = {name for name in defined if not hasattr(mine, name)}
    assert missing == UNSAID.get(module, set())
    for name in defined - missing:
        if isinstance(getattr(theirs, name), type) and not name.endswith("Wrapper"):
            found = getattr(mine, name)
            members = _members(getattr(theirs, name))
            lacking = {each for each in members if not hasattr(found, each)}
            assert lacking == LACKING.get(name, set()), name


def _members(cls: type) -> set[str]:
    """Public names that Luigi gives to a class; a wrapper has those of what it wraps."""
    bases = [base for base in cls.__mro__ if base.__module__.startswith("luigi.")]
    return {name for base in bases for name in vars(base) if not name.startswith("_")}


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


@pytest.mark.parametrize(
    "name",
    ["contrib.s3", "notifications", "server", "batch_notifier", "task_history", "setup_logging"],
)
def test_a_module_that_is_not_there_says_what_to_use(name: str) -> None:
    """D3."""
    first = name.partition(".")[0]
    assert isinstance(getattr(real, first, sys), type(sys))
    with pytest.raises(AttributeError, match=f"luigi.{first} is not part of .*: .*[a-z]"):
        getattr(luigi, first)


def test_the_summary_of_a_worker_says_where_the_text_is() -> None:
    """W-75."""
    with pytest.raises(nbflow.NotSupportedHereError, match="detailed_summary=True"):
        luigi.execution_summary.summary(None)


def test_ranges_are_an_attribute_of_the_top_level() -> None:
    """I-05."""
    assert luigi.range is luigi.tools.range
    assert luigi.range.RangeDaily.__name__ == real.range.RangeDaily.__name__


def test_the_register_tells_of_all_tasks_and_their_parameters() -> None:
    """R-07."""

    class Told(luigi.Task):
        day = luigi.DateParameter()
        size = luigi.IntParameter(default=1)

    assert "Told" in luigi.task_register.Register.tasks_str().split(",")
    found = [each for each in luigi.task_register.Register.get_all_params() if each[0] == "Told"]
    assert [each[1:3] for each in found] == [(False, "day"), (False, "size")]
    assert found[0][3] is dict(Told.get_params())["day"]


def test_importing_the_names_starts_nothing_heavy() -> None:
    """The face costs no more than what it names."""
    code = (
        "import sys; from nbflow.compat import luigi; luigi.Task, luigi.LocalTarget;"
        "print([m for m in ('pandas', 'IPython', 'asyncio', 'msgspec', 'sqlite3', 'multiprocessing')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
