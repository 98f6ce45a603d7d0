"""`luigi.configuration`: `luigi.cfg` and `luigi.toml`, where they lie, and the values they give.

Source: contract F-01 to F-05, F-19. The files are those of the working directory at the first use.
"""

from __future__ import annotations

from nbflow.compat.luigi.configuration.cfg_parser import LuigiConfigParser
from nbflow.compat.luigi.configuration.files import add_config_path, get_config
from nbflow.compat.luigi.configuration.toml_parser import LuigiTomlParser

__all__ = ["LuigiConfigParser", "LuigiTomlParser", "add_config_path", "get_config"]
