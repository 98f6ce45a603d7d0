"""Where the output goes: a live page, a file that is written without one, or a terminal.

The kernel is not asked for what the page can do; it is seen from the environment that the front
end's server gave the kernel, as no message tells it.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from nbflow.core.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping


class DisplayMode(StrEnum):
    """How cards are shown."""

    #: Shown at once and updated; the last state stays.
    LIVE = "live"
    #: As live, and runs are shown by widgets.
    WIDGETS = "widgets"
    #: One display, at the end.
    STATIC = "static"
    #: Text only.
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class DisplaySettings:
    """How to draw here.

    Attributes
    ----------
    stable
        Nothing that differs between two runs of the same notebook: no durations, run ids, hosts,
        process ids or clocks.
    ascii
        No character outside of ASCII is drawn by nbflow.
    """

    mode: DisplayMode
    stable: bool = False
    ascii: bool = False


def detect(
    display: str = "auto",
    *,
    stable: bool | None = None,
    ascii: bool | None = None,
    environ: Mapping[str, str] | None = None,
    shell: Any = None,
) -> DisplaySettings:
    """How to draw in this process.

    Parameters
    ----------
    display
        A mode, or `auto`: by what is found.
    stable, ascii
        None: by what is found.
    environ
        Instead of this process's environment.
    shell
        IPython's shell, instead of the one that runs.

    Raises
    ------
    ConfigError
        `display` is no mode.
    """
    environ = os.environ if environ is None else environ
    shell = _running_shell() if shell is None else shell
    if display == "auto":
        mode = _found_mode(environ, shell)
    else:
        modes = ["auto", *DisplayMode]
        if display not in modes:
            raise ConfigError(
                f"display={display} is no mode; choose one of {', '.join(modes)}."
                f"{did_you_mean(display, modes)}"
            )
        mode = DisplayMode(display)
    return DisplaySettings(
        mode,
        stable=mode is DisplayMode.STATIC if stable is None else stable,
        ascii=(mode is DisplayMode.PLAIN and not _speaks_unicode()) if ascii is None else ascii,
    )


def in_kernel(shell: Any = None) -> bool:
    """True in the kernel of a notebook, False in a terminal, a script or a worker."""
    shell = _running_shell() if shell is None else shell
    return getattr(shell, "kernel", None) is not None


def name_file(file: str) -> str:
    """`file` as people know it: `In[3]` for the code of a cell of this kernel."""
    shell = _running_shell()
    named = None if shell is None else shell.compile.format_code_name(file)
    return file if named is None else str(named[1])


def _found_mode(environ: Mapping[str, str], shell: Any) -> DisplayMode:
    # A kernel that nbval started inherits pytest's variables, and may inherit an editor's as well.
    if "PYTEST_VERSION" in environ or "PYTEST_CURRENT_TEST" in environ:
        return DisplayMode.STATIC
    if not in_kernel(shell):
        return DisplayMode.PLAIN
    if sys.platform == "emscripten" or "google.colab" in sys.modules:
        return DisplayMode.LIVE
    if environ.get("SERVER_SOFTWARE", "").startswith("voila/"):
        return DisplayMode.WIDGETS
    if environ.get("CI", "").lower() in {"1", "true"}:
        return DisplayMode.STATIC
    live = "VSCODE_PID" in environ or "VSCODE_CWD" in environ or "JPY_SESSION_NAME" in environ
    live = live or "__vsc_ipynb_file__" in getattr(shell, "user_ns", {})
    return DisplayMode.LIVE if live else DisplayMode.STATIC


def _running_shell() -> Any:
    """IPython's shell if one runs; IPython is not imported for the question."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None else None


def _speaks_unicode() -> bool:
    try:
        "○✓".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
