"""What both parsers share: one object a process, made of a list of files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Stands for a default that was not given.
NO_DEFAULT: Final[Any] = object()


class ConfigFiles:
    """A configuration read from files, later ones before earlier ones.

    `instance()` is the one of the process; it is read when it is first asked for.
    """

    #: Where files of this kind lie, in the order of reading.
    _search_path: ClassVar[tuple[str, ...]] = ()
    _added: ClassVar[list[str]] = []
    #: What was set by the program, by section and option.
    assigned: dict[str, dict[str, Any]]
    #: Names of the files that were read.
    loaded: list[str]
    _instance: ClassVar[Self | None] = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._added = []
        cls._instance = None

    @classmethod
    def instance(cls) -> Self:
        """Give the configuration of this process."""
        if cls._instance is None:
            fresh = cls()
            fresh.reload()
            cls._instance = fresh
        return cls._instance

    @classmethod
    def add_config_path(cls, path: str) -> None:
        """Read one more file after all others, now and at each reload."""
        cls._added.append(path)
        if cls._instance is not None:
            cls._instance.reload()

    def reload(self) -> list[str]:
        """Read all files again; give those that are there."""
        paths = [*self._search_path, *self._added]
        self.loaded = self.read([path for path in paths if os.path.isfile(path)])
        self.changed()
        return self.loaded

    def read(self, filenames: Iterable[str]) -> list[str]:
        """Read files; give the names of those that were read."""
        raise NotImplementedError

    def changed(self) -> None:
        """Let tasks that are made from now on have the values as they are now (F-19)."""
        if type(self)._instance is self:
            from nbflow.compat.luigi.configuration.source import connect

            connect()

    def find(self, section: str, option: str) -> tuple[bool, Any]:
        """Say whether there is a value, and give it."""
        raise NotImplementedError
