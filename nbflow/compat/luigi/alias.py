"""Lets an unchanged `import luigi` lead to nbflow: `install()` (I-04).

`luigi.util` and `nbflow.compat.luigi.util` are then the same module object, so that classes are the
same whichever way they were imported.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from typing import TYPE_CHECKING

from nbflow.core.errors import NotSupportedHereError
from nbflow.executors.imports import in_workers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

_HERE = "nbflow.compat.luigi"
_INSTALLED = f"{_HERE}.installed"


class _SameModule(Loader):
    """Gives the module of another name as it is."""

    def __init__(self, real: str) -> None:
        self._real = real
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Import the module under its own name."""
        del spec
        module = import_module(self._real)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is left to do but to give the module its own spec back."""
        module.__spec__ = self._spec


class _Finder(MetaPathFinder):
    """Finds `luigi` and what is below it."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`.

        Raises
        ------
        ModuleNotFoundError
            Luigi has such a module, perhaps, and nbflow has not.
        """
        del path, target
        if fullname != "luigi" and not fullname.startswith("luigi."):
            return None
        real = f"{_HERE}{fullname.removeprefix('luigi')}"
        found = find_spec(real)
        if found is None:
            raise ModuleNotFoundError(missing_text(fullname), name=fullname)
        is_package = found.submodule_search_locations is not None
        return ModuleSpec(fullname, _SameModule(real), is_package=is_package)


#: What to do without a module of Luigi's.
_ADVICE = {
    "batch_notifier": "no mail is sent; a handler of Event.FAILURE can tell whom you want",
    "contrib": "for files elsewhere there is nbflow.target('s3://...'), for programs subprocess",
    "db_task_history": "each run is recorded anyway: nbflow.history()",
    "lock": "tasks of one project are never run twice at a time, without a lock of yours",
    "metrics": "how long tasks took is in nbflow.history()",
    "mypy": "parameters are typed without a plugin",
    "notifications": "no mail is sent; a handler of Event.FAILURE can tell whom you want",
    "server": "the scheduler is in the process of the run and has no such face",
    "setup_logging": "configure the standard library's logging",
    "task_history": "each run is recorded anyway: nbflow.history()",
}


def missing_text(name: str) -> str:
    """What to do without `name`, a module of Luigi's or a part of one."""
    advice = _ADVICE.get(name.split(".")[1], "take the import out")
    return f"{name} is not part of nbflow's compatibility with Luigi: {advice}."


def is_known_to_miss(name: str) -> bool:
    """Whether Luigi has a module of that name and nbflow has not."""
    return name in _ADVICE


_finder = _Finder()


def install() -> None:
    """Let `import luigi` and `import luigi.util` of this process lead to nbflow.

    Worker processes do the same. Twice is as good as once.

    Raises
    ------
    NotSupportedHereError
        Luigi itself was imported already.
    """
    known = sys.modules.get("luigi")
    if known is not None and known is not sys.modules.get(_HERE):
        raise NotSupportedHereError(
            "luigi itself was imported already, and its classes would be mixed with nbflow's. "
            "Call install() before anything that imports luigi."
        )
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    if _INSTALLED not in in_workers:
        in_workers.append(_INSTALLED)


def uninstall() -> None:
    """Undo `install()`; modules that are imported already keep what they have."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    if _INSTALLED in in_workers:
        in_workers.remove(_INSTALLED)
    for name in [name for name in sys.modules if name == "luigi" or name.startswith("luigi.")]:
        real = f"{_HERE}{name.removeprefix('luigi')}"
        if sys.modules[name] is sys.modules.get(real):
            del sys.modules[name]
