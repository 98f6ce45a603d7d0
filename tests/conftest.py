"""What all tests share: names of their own, a project of their own, a fresh interpreter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from nbflow.core.model import definitions, registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


# What a shell starts in the background ignores Ctrl-C, and nohup's what a closed terminal sends;
# the tests send both.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _tasks_of_other_tests_have_no_names(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hide the tasks of other test files: all are imported before the first test runs."""
    hidden = {
        key: cls
        for key, cls in definitions.newest_by_key.items()
        if key[0].rpartition(".")[2].startswith("test_") and key[0] != request.module.__name__
    }
    for key in hidden:
        del definitions.newest_by_key[key]
    registry._by_family.clear()
    yield
    definitions.newest_by_key.update(hidden)
    registry._by_family.clear()


@pytest.fixture
def project(nbflow_project: Path) -> Path:
    """An empty project, as the working directory."""
    return nbflow_project


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run code in a fresh interpreter, in a folder of the test's own."""

    def run(code: str, *, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


@pytest.fixture
def mount_disk(tmp_path: Path) -> Callable[[str], tuple[Path, tuple[str, ...]]]:
    """Make a file system of a test's own: its folder, and the words that run a program with it.

    Each such program finds it empty.
    """

    def mount(options: str) -> tuple[Path, tuple[str, ...]]:
        disk = tmp_path / "disk"
        disk.mkdir()
        script = f'mount -t tmpfs {options} none {disk} && exec "$@"'
        # Who is not root may mount in a name space where they are.
        spaces = ("--mount", "--map-root-user") if os.geteuid() else ("--mount",)
        inside = ("unshare", *spaces, "sh", "-c", script, "sh")
        try:
            probe = subprocess.run([*inside, "true"], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("no file system of its own: unshare is a program of Linux")
        if probe.returncode:
            # As in most containers; no package that a test could install changes that.
            pytest.skip(f"mounting is not allowed here: {probe.stderr.strip()}")
        return disk, inside

    return mount
