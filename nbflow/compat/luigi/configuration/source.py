"""Values of omitted parameters by Luigi's configuration: `[Family] name` (P-20, P-24, P-26)."""

from __future__ import annotations

import warnings
from typing import Any

from nbflow.compat.luigi.configuration.cfg_parser import LuigiConfigParser
from nbflow.compat.luigi.configuration.files import get_config
from nbflow.compat.luigi.parameter import UnconsumedParameterWarning
from nbflow.core.errors import RegistryError
from nbflow.core.model import defaults
from nbflow.core.model.registry import get_task_cls

#: Asked before nbflow's own configuration.
_LAYER = -1
#: (Family, key) pairs of which a warning was given.
_warned: set[tuple[str, str]] = set()


class ConfigSource:
    """`luigi.cfg` or `luigi.toml` as a source of omitted values."""

    def __init__(self) -> None:
        self._checked: set[str] = set()

    def lookup(self, family: str, name: str) -> tuple[bool, object, str]:
        """See `nbflow.core.model.defaults.Source`."""
        config = get_config()
        if family not in self._checked:
            self._checked.add(family)
            if isinstance(config, LuigiConfigParser) and config.has_section(family):
                _warn_of_unconsumed(config, family)
        found, value = config.find(family, name)
        files = ", ".join(config.loaded) or "the configuration"
        return found, value, f"{files} [{family}]"


def connect() -> None:
    """Let tasks have values of the configuration as it is now."""
    defaults.set_provider(ConfigSource, layer=_LAYER)


def disconnect() -> None:
    """Let tasks have no values of Luigi's configuration."""
    defaults.set_provider(None, layer=_LAYER)


def _warn_of_unconsumed(config: LuigiConfigParser, family: str) -> None:
    """Tell of keys that are no parameters; those of [DEFAULT] are nobody's fault (Q-48)."""
    try:
        cls: Any = get_task_cls(family)
    except RegistryError:
        return
    known = {*dict(cls.get_params()), *getattr(cls, "ignore_unconsumed", ())}
    for key in config.options(family):
        name = key.replace("-", "_")
        if key in config.defaults() or name in known or (family, key) in _warned:
            continue
        _warned.add((family, key))
        warnings.warn(
            f"[{family}] {key}: {family} has no such parameter",
            UnconsumedParameterWarning,
            stacklevel=8,
        )
