"""The parser of `luigi.toml`: values have the types of the file (F-06)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nbflow.compat.luigi.configuration.base_parser import NO_DEFAULT, ConfigFiles
from nbflow.core.model.frozen import recursively_freeze

if TYPE_CHECKING:
    from collections.abc import Iterable


class LuigiTomlParser(ConfigFiles):
    """`luigi.toml`: sections of several files are merged option by option.

    Nested tables are immutable. There are no dashes for underscores, and no variables.
    """

    _search_path: ClassVar[tuple[str, ...]] = ("/etc/luigi/luigi.toml", "luigi.toml")

    def __init__(self) -> None:
        self.data: dict[str, dict[str, Any]] = {}
        self.assigned = {}

    def read(self, filenames: Iterable[str] | str) -> list[str]:
        """Read files; give their names.

        Raises
        ------
        tomllib.TOMLDecodeError, OSError
            One is no TOML, or cannot be read.
        """
        import tomllib

        names = [filenames] if isinstance(filenames, str) else list(filenames)
        for name in names:
            with open(name, "rb") as file:
                for section, options in tomllib.load(file).items():
                    if isinstance(options, dict):
                        found = {key: recursively_table(value) for key, value in options.items()}
                        self.data.setdefault(section, {}).update(found)
        return names

    def get(self, section: str, option: str, default: Any = NO_DEFAULT, **_: Any) -> Any:
        """Give a value as the file has it.

        Raises
        ------
        KeyError
            It is not there, and there is no default.
        """
        found, value = self.find(section, option)
        if found:
            return value
        if default is NO_DEFAULT:
            raise KeyError(f"[{section}] {option}")
        return default

    getboolean = getint = getfloat = get

    def getintdict(self, section: str) -> dict[str, Any]:
        """Give all options of a section."""
        return dict(self.data.get(section, {}))

    def find(self, section: str, option: str) -> tuple[bool, Any]:
        """Say whether there is a value, and give it."""
        options = self.data.get(section, {})
        return option in options, options.get(option)

    def has_option(self, section: str, option: str) -> bool:
        """Say whether the option is there."""
        return self.find(section, option)[0]

    def set(self, section: str, option: str, value: Any = None) -> None:
        """Set an option; the section is made where it is missing."""
        self.data.setdefault(section, {})[option] = value
        self.assigned.setdefault(section, {})[option] = value
        self.changed()

    def sections(self) -> list[str]:
        """Give nothing: keys of TOML files are not checked against parameters (F-06)."""
        return []

    def __getitem__(self, section: str) -> dict[str, Any]:
        return self.data[section]


def recursively_table(value: Any) -> Any:
    """Freeze nested tables; lists stay as they are."""
    return recursively_freeze(value) if isinstance(value, dict) else value
