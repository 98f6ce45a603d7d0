"""Which parser is in force, and which files it reads beside those that it knows."""

from __future__ import annotations

import os
import warnings

from nbflow.compat.luigi.configuration.cfg_parser import LuigiConfigParser
from nbflow.compat.luigi.configuration.toml_parser import LuigiTomlParser

#: By the word in LUIGI_CONFIG_PARSER, and by the end of a file's name.
PARSERS: dict[str, type[LuigiConfigParser | LuigiTomlParser]] = {
    "cfg": LuigiConfigParser,
    "conf": LuigiConfigParser,
    "ini": LuigiConfigParser,
    "toml": LuigiTomlParser,
}
_read_variable: list[str] = []


def get_config(parser: str | None = None) -> LuigiConfigParser | LuigiTomlParser:
    """Give the configuration of this process.

    Parameters
    ----------
    parser
        "cfg" or "toml"; by default what LUIGI_CONFIG_PARSER says, else "cfg".

    Raises
    ------
    KeyError
        There is no such parser.
    """
    _add_named_file()
    return PARSERS[parser or _default_parser()].instance()


def add_config_path(path: str) -> bool:
    """Read one more file, after all others; its end says which parser is meant.

    Returns
    -------
    bool
        False, with a warning, where there is no such file.
    """
    if not os.path.isfile(path):
        warnings.warn(f"configuration file {path} does not exist", UserWarning, stacklevel=2)
        return False
    default = _default_parser()
    parser = PARSERS.get(os.path.splitext(path)[1].lstrip("."), PARSERS[default])
    if parser is not PARSERS[default]:
        warnings.warn(
            f"{path} is not read for tasks: the parser in force is {default}. "
            "Set LUIGI_CONFIG_PARSER, or use one kind of file.",
            UserWarning,
            stacklevel=2,
        )
    parser.add_config_path(path)
    return True


def _default_parser() -> str:
    word = os.environ.get("LUIGI_CONFIG_PARSER", "cfg")
    if word in PARSERS:
        return word
    warnings.warn(
        f"LUIGI_CONFIG_PARSER={word}: choose cfg or toml; taken as cfg", UserWarning, stacklevel=3
    )
    return "cfg"


def _add_named_file() -> None:
    """Add the file that LUIGI_CONFIG_PATH names, once."""
    path = os.environ.get("LUIGI_CONFIG_PATH")
    if path and path not in _read_variable:
        _read_variable.append(path)
        add_config_path(path)
