"""The SQL of the store, by name, from the files beside it."""

from __future__ import annotations

import pkgutil
import re
from functools import cache

#: Applied in this order; the position is the schema's version. A published one never changes.
_MIGRATIONS = ("0001_runs.sql",)

#: Rows of one INSERT. More gain nothing, and the statement grows with them.
ROWS = 512


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


@cache
def _insert_parts(name: str) -> tuple[str, str, str]:
    head, values, rest = query(name).partition("VALUES ")
    end = rest.index(")") + 1
    return head + values, rest[:end], rest[end:]


@cache
def _full_insert(name: str) -> str:
    return _insert_of(name, ROWS)


def _insert_of(name: str, rows: int) -> str:
    head, row, tail = _insert_parts(name)
    return head + ",".join([row] * rows) + tail


def insert(name: str, rows: int) -> str:
    """Statement `name`, an INSERT of one row, for `rows` rows (at most ROWS)."""
    return _full_insert(name) if rows == ROWS else _insert_of(name, rows)
