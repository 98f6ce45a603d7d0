"""`target(url)`: the kind of target that a path or URL asks for."""

from __future__ import annotations

import os
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from nbflow.core.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.model.target import FileSystemTarget
    from nbflow.targets.format import Format

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(?:://|::)")


def target(
    path: str | os.PathLike[str], format: Format | None = None, **storage_options: Any
) -> FileSystemTarget:
    """A target for a path (`data/out.csv`) or URL (`s3://bucket/key`, `file:///data/out.csv`).

    Parameters
    ----------
    format
        As for `LocalTarget`.
    storage_options
        Go to the store behind a URL, such as `endpoint_url` for S3; local files take none.

    Raises
    ------
    PluginError
        A plug-in of the group `nbflow.targets` has the scheme and cannot be loaded. A scheme that
        nothing serves is told when the target is first used.
    """
    text = os.fspath(path)
    found = _SCHEME.match(text)
    scheme = found[1].lower() if found else "file"
    if scheme in ("file", "local") and "::" not in text[:8]:
        return _local(text.removeprefix(f"{scheme}://"), format, storage_options)
    plugin = _plugins().get(scheme)
    if plugin is not None:
        return _load(plugin)(text, format=format, **storage_options)
    from nbflow.targets.remote import FsspecTarget

    return FsspecTarget(text, format, **storage_options)


def _local(path: str, format: Format | None, storage_options: dict[str, Any]) -> FileSystemTarget:
    from nbflow.targets.local import LocalTarget

    if storage_options:
        raise TypeError(f"{path} is a local file and takes no {', '.join(storage_options)}.")
    return LocalTarget(path, format)


@cache
def _plugins() -> dict[str, Any]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group="nbflow.targets")}


def _load(plugin: Any) -> Callable[..., FileSystemTarget]:
    try:
        kind: Callable[..., FileSystemTarget] = plugin.load()
    except (ImportError, AttributeError) as error:
        raise PluginError(
            f"target {plugin.name!r} cannot be loaded from {plugin.value}: {error}"
        ) from error
    return kind
