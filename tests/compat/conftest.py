"""What tests of Luigi's names share: an empty project, and both configurations as they were."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import luigi as real

from nbflow.compat import luigi as ours
from nbflow.compat.luigi.configuration.source import connect, disconnect
from nbflow.executors.imports import in_workers

# What the import does to the process is not for the tests of other folders.
disconnect()
in_workers.remove(ours.__name__)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def quiet_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The face is in force; runs are not recorded, and log nothing where no test listens."""
    connect()
    in_workers.append(ours.__name__)
    monkeypatch.setenv("NBFLOW_STORE", "memory:")
    logger = logging.getLogger("luigi-interface")
    level, handlers = logger.level, list(logger.handlers)
    yield project
    disconnect()
    in_workers.remove(ours.__name__)
    logger.setLevel(level)
    logger.handlers[:] = handlers
    for library in (real, ours):
        config = library.configuration.LuigiConfigParser._instance
        for section in config.sections() if config is not None else ():
            config.remove_section(section)
