"""The SQL of the store, by name, from the files beside it."""

from __future__ import annotations

import pkgutil
import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Applied in this order; the position is the schema's version. A published one never changes.
_MIGRATIONS = ("0001_runs.sql",)

#: Rows of one INSERT, widest first. SQLite needs 3 to 7 us a row to prepare one, so that there are
#: few widths, each prepared once.
_WIDTHS = (512, 64, 8, 1)
#: Rows from which on the widest is worth its preparation.
_MANY = 1_024


def _read(file: str) -> str:
    text = pkgutil.get_data(__package__, f"sql/{file}")
    assert text is not None, f"nbflow was installed without {file}"
    return text.decode()


@cache
def migrations() -> tuple[tuple[int, str, str], ...]:
    """Version, name and SQL of each migration, in order."""
    return tuple(
        (version, name.removesuffix(".sql"), _read(name))
        for version, name in enumerate(_MIGRATIONS, 1)
    )


@cache
def _queries() -> dict[str, str]:
    parts = re.split(r"^-- name: (\w+)$", _read("queries.sql"), flags=re.MULTILINE)
    return {name: sql.strip() for name, sql in zip(parts[1::2], parts[2::2], strict=True)}


def query(name: str) -> str:
    """Statement `name` of queries.sql."""
    return _queries()[name]


def widths(rows: int) -> Iterator[int]:
    """Widths of the INSERTs that write `rows` rows: as few as there are statements for."""
    for width in _WIDTHS if rows >= _MANY else _WIDTHS[1:]:
        count, rows = divmod(rows, width)
        yield from (width,) * count


@cache
def insert(name: str, width: int) -> str:
    """Statement `name`, an INSERT of one row, widened to `width` rows."""
    head, values, rest = query(name).partition("VALUES ")
    end = rest.index(")") + 1
    return head + values + ",".join([rest[:end]] * width) + rest[end:]
