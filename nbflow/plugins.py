"""Parts that are found by name: executors, stores, targets, notifiers; loaded when asked for.

Ours are found without `importlib.metadata`, which costs a program 48 ms; others by entry points
of the groups `nbflow.executors`, `nbflow.stores`, ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbflow.core.errors import PluginError, did_you_mean, shorten

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

#: Group to name to `module:attribute`; the same as the entry points of the distribution.
BUILT_IN: dict[str, dict[str, str]] = {
    "executors": {
        "inline": "nbflow.executors.inline:InlineExecutor",
        "thread": "nbflow.executors.thread:ThreadExecutor",
        "process": "nbflow.executors.process:ProcessExecutor",
    },
    "stores": {
        "memory": "nbflow.stores.memory:MemoryStore",
        "sqlite": "nbflow.stores.sqlite:SqliteRecorder",
    },
}

#: Package that a part needs, to the extra of nbflow that installs it.
_EXTRAS = {
    "adlfs": "azure",
    "apprise": "notify",
    "distributed": "dask",
    "docker": "docker",
    "gcsfs": "gcs",
    "kubernetes": "kubernetes",
    "nbclient": "notebooks",
    "nbformat": "notebooks",
    "psycopg": "postgres",
    "pyspark": "spark",
    "s3fs": "s3",
    "sqlalchemy": "sql",
}


def load(group: str, name: str) -> Any:
    """The object called `name` in a group, such as `load("executors", "process")`.

    Raises
    ------
    PluginError
        Nothing has that name, or a package that it needs is missing.
    """
    reference = BUILT_IN.get(group, {}).get(name)
    if reference is None:
        entry_point = _entry_points(group).get(name)
        if entry_point is None:
            raise _unknown(group, name)
        reference = entry_point.value
    return _load(reference, f"{group.removesuffix('s')} {name!r}")


def names(group: str) -> list[str]:
    """Every name in a group, ours first; looks at all installed distributions."""
    return list(dict.fromkeys([*BUILT_IN.get(group, {}), *sorted(_entry_points(group))]))


def _entry_points(group: str) -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=f"nbflow.{group}")}


def _load(reference: str, what: str) -> Any:
    from importlib import import_module

    module, _, attribute = reference.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise _missing(what, error, module) from error
    except (ImportError, AttributeError) as error:
        raise PluginError(f"{what} cannot be loaded from {reference}: {error}.") from error


def _missing(what: str, error: ModuleNotFoundError, module: str) -> PluginError:
    package = (error.name or module).partition(".")[0]
    extra = _EXTRAS.get(package)
    install = f"'nbflow[{extra}]'" if extra else package
    return PluginError(f"{what} needs the package {package!r}: pip install {install}")


def _unknown(group: str, name: str) -> PluginError:
    known = names(group)
    return PluginError(
        f"there is no {group.removesuffix('s')} {shorten(name)!r}.{did_you_mean(name, known)}  "
        f"Known: {', '.join(known) or 'none'}."
    )
