"""The parser of `luigi.cfg`: case-sensitive options, `%(name)s`, `${VARIABLE}`, typed getters."""

from __future__ import annotations

import os
import re
import warnings
from configparser import (
    BasicInterpolation,
    ConfigParser,
    InterpolationError,
    NoOptionError,
    NoSectionError,
)
from typing import TYPE_CHECKING, Any, ClassVar

from nbflow.compat.luigi.configuration.base_parser import NO_DEFAULT, ConfigFiles

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

_VARIABLE = re.compile(r"\$\{(\w+)\}")


class InterpolationMissingEnvvarError(InterpolationError):
    """`${NAME}` names no variable of the environment."""

    def __init__(self, option: str, section: str, value: str, envvar: str) -> None:
        super().__init__(
            option,
            section,
            f"[{section}] {option} = {value}: there is no environment variable {envvar}. "
            "Set it, or write $NAME without braces for the plain text.",
        )


class _Interpolation(BasicInterpolation):
    """Puts options, then variables of the environment, into a value."""

    def before_get(
        self,
        parser: MutableMapping[str, Any],
        section: str,
        option: str,
        value: str,
        defaults: Any,
    ) -> str:
        text = super().before_get(parser, section, option, value, defaults)

        def of_environment(match: re.Match[str]) -> str:
            if match[1] not in os.environ:
                raise InterpolationMissingEnvvarError(option, section, value, match[1])
            return os.environ[match[1]]

        return _VARIABLE.sub(of_environment, text) if isinstance(text, str) else text


class LuigiConfigParser(ConfigFiles, ConfigParser):
    """`luigi.cfg` (F-04, F-05).

    The getters take a default as their third argument. An option is looked for as it is written
    with underscores, then with dashes, which is deprecated.
    """

    _search_path: ClassVar[tuple[str, ...]] = (
        "/etc/luigi/client.cfg",
        "/etc/luigi/luigi.cfg",
        "client.cfg",
        "luigi.cfg",
    )
    optionxform = staticmethod(str)  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("interpolation", _Interpolation())
        ConfigParser.__init__(self, *args, **kwargs)
        self.assigned = {}

    def reload(self) -> list[str]:
        """Read all files again; give those that are there."""
        loaded = super().reload()
        for path in loaded:
            if os.path.basename(path) == "client.cfg":
                warnings.warn(f"{path}: rename it to luigi.cfg", DeprecationWarning, stacklevel=2)
        return loaded

    def read(self, filenames: Any, encoding: str | None = None) -> list[Any]:
        """Read files; give the names of those that were read."""
        return ConfigParser.read(self, filenames, encoding)

    def get(  # type: ignore[override]
        self, section: str, option: str, default: Any = NO_DEFAULT, **kwargs: Any
    ) -> Any:
        """Give the text of an option.

        Raises
        ------
        NoSectionError, NoOptionError
            It is not there, and there is no default.
        """
        return self._get_or(ConfigParser.get, section, option, default, None, kwargs)

    def getboolean(
        self, section: str, option: str, default: Any = NO_DEFAULT, **kwargs: Any
    ) -> Any:
        """Give a truth: yes, true, on, 1 or their opposites. A default of another type is none."""
        return self._get_or(ConfigParser.getboolean, section, option, default, bool, kwargs)

    def getint(self, section: str, option: str, default: Any = NO_DEFAULT, **kwargs: Any) -> Any:
        """Give a whole number. A default of another type is none."""
        return self._get_or(ConfigParser.getint, section, option, default, int, kwargs)

    def getfloat(self, section: str, option: str, default: Any = NO_DEFAULT, **kwargs: Any) -> Any:
        """Give a number. A default of another type is none."""
        return self._get_or(ConfigParser.getfloat, section, option, default, float, kwargs)

    def getintdict(self, section: str) -> dict[str, int]:
        """Give all options of a section as whole numbers, without those of [DEFAULT]."""
        if not self.has_section(section):
            return {}
        inherited = self.defaults()
        return {name: int(text) for name, text in self.items(section) if name not in inherited}

    def has_option(self, section: str, option: str) -> bool:
        """Say whether the option is there, in either spelling."""
        return self._spelled(section, option) is not None

    def find(self, section: str, option: str) -> tuple[bool, Any]:
        """Say whether there is a value, and give it."""
        spelled = self._spelled(section, option)
        return (
            (False, None) if spelled is None else (True, ConfigParser.get(self, section, spelled))
        )

    def set(self, section: str, option: str, value: str | None = None) -> None:
        """Set an option; the section is made where it is missing."""
        if section != self.default_section and not self.has_section(section):
            self.add_section(section)
        ConfigParser.set(self, section, option, value)
        self.assigned.setdefault(section, {})[option] = value
        self.changed()

    def remove_option(self, section: str, option: str) -> bool:
        """Take an option away; say whether it was there."""
        removed = ConfigParser.remove_option(self, section, option)
        self.assigned.get(section, {}).pop(option, None)
        self.changed()
        return removed

    def remove_section(self, section: str) -> bool:
        """Take a section away; say whether it was there."""
        removed = ConfigParser.remove_section(self, section)
        self.assigned.pop(section, None)
        self.changed()
        return removed

    def _spelled(self, section: str, option: str) -> str | None:
        """The spelling of the option that the section has."""
        dashed = option.replace("_", "-")
        for spelling in dict.fromkeys((option.replace("-", "_"), dashed, option)):
            if ConfigParser.has_option(self, section, spelling):
                if spelling == dashed and "-" in dashed:
                    warnings.warn(
                        f"[{section}] {dashed}: write {option.replace('-', '_')}",
                        DeprecationWarning,
                        stacklevel=4,
                    )
                return spelling
        return None

    def _get_or(  # noqa: PLR0917 - private
        self,
        method: Callable[..., Any],
        section: str,
        option: str,
        default: Any,
        kind: type | None,
        kwargs: dict[str, Any],
    ) -> Any:
        try:
            return method(self, section, self._spelled(section, option) or option, **kwargs)
        except (NoOptionError, NoSectionError):
            wrong = kind is not None and default is not None and not isinstance(default, kind)
            if default is NO_DEFAULT or wrong:
                raise
            return default
