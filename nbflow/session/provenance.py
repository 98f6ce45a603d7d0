"""Who starts a run, from where, with which code: what is recorded with it."""

from __future__ import annotations

import getpass
import os
import platform
import secrets
import socket
import time
from typing import TYPE_CHECKING

from nbflow._version import __version__
from nbflow.core.events import RunInfo

if TYPE_CHECKING:
    from nbflow.core.model.task import Task
    from nbflow.session.options import RunOptions

#: Seconds for which the answer of git about one folder is used again.
GIT_SECONDS = 30.0
_git_answers: dict[str, tuple[float, str, bool | None]] = {}


def new_run_id(now: float) -> str:
    """`r-20260822-153012-ab12`: local time and four random hexadecimal digits."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    return f"r-{stamp}-{secrets.token_hex(2)}"


def describe_run(roots: tuple[Task, ...], options: RunOptions, folder: str) -> RunInfo:
    """Everything that is recorded of a run before it starts.

    Parameters
    ----------
    folder
        Whose git commit is recorded; empty: none.
    """
    commit, dirty = git_state(folder) if folder else ("", None)
    return RunInfo(
        roots=tuple(root.task_id for root in roots),
        root_names=tuple(root.describe() for root in roots),
        name=options.name,
        invocation=options.invocation,
        where=options.where or "python",
        user=_user(),
        host=socket.gethostname(),
        pid=os.getpid(),
        workers=options.workers,
        executor=options.executor_name,
        policy=options.policy.name,
        nbflow=__version__,
        python=platform.python_version(),
        git_commit=commit,
        git_dirty=dirty,
    )


def git_state(folder: str) -> tuple[str, bool | None]:
    """Commit and whether tracked files were changed; ("", None) where git does not say.

    Asks git at most once in `GIT_SECONDS` for one folder.
    """
    now = time.monotonic()
    known = _git_answers.get(folder)
    if known is not None and now - known[0] < GIT_SECONDS:
        return known[1], known[2]
    commit, dirty = _ask_git(folder)
    _git_answers[folder] = (now, commit, dirty)
    return commit, dirty


def _ask_git(folder: str) -> tuple[str, bool | None]:
    """One call: the branch header has the commit, any other line a change."""
    if not _inside_repository(folder):
        return "", None
    import subprocess

    command = ("git", "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    try:
        answer = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return "", None
    commit, dirty = "", False
    for line in answer.stdout.splitlines():
        if line.startswith("# branch.oid "):
            commit = line.removeprefix("# branch.oid ")
        elif not line.startswith("#"):
            dirty = True
    return ("", None) if commit in {"", "(initial)"} else (commit, dirty)


def _inside_repository(folder: str) -> bool:
    path = os.path.abspath(folder)
    while not os.path.exists(os.path.join(path, ".git")):
        parent = os.path.dirname(path)
        if parent == path:
            return False
        path = parent
    return True


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no entry in the password database, no variable
        return ""
