r"""Make any text safe to show: nothing in it acts on a terminal, a page or a reader's eye.

Control characters, terminal escapes and characters that turn the direction of text are shown as
escapes (`\x1b`, `\u202e`), long text is cut, markup is quoted.
"""

from __future__ import annotations

import html
import os
import re

#: Characters of a value that are shown.
VALUE_LIMIT = 200
#: Blanks that are harmless, although Python does not call them printable.
_BLANKS = frozenset("\u00a0\u2009\u202f\u3000")
#: What stands before a colon that is not part of a path.
_SCHEME = re.compile(r"^([^/?#]*):")


def visible(text: object, *, limit: int = VALUE_LIMIT) -> str:
    """`text` on one line of at most about `limit` characters, every character harmless."""
    value = text if isinstance(text, str) else str(text)
    if len(value) > limit:
        value = value[: limit - 1] + "…"
    if value.isprintable():
        return value
    return "".join(c if c.isprintable() or c in _BLANKS else _escaped(c) for c in value)


def visible_line(text: str, *, limit: int = 500) -> str:
    """A line of code or output: as `visible`, and tabs become blanks."""
    return visible(text.rstrip("\r\n").expandtabs(4), limit=limit)


def markup(text: object, *, limit: int = VALUE_LIMIT) -> str:
    """`text` as `visible` shows it, quoted for HTML and SVG, in text and in attributes."""
    return html.escape(visible(text, limit=limit), quote=True)


def cut_middle(text: str, limit: int) -> str:
    """`text` of at most `limit` characters, cut in the middle: both ends of a name matter."""
    if len(text) <= limit:
        return text
    head = (limit - 1) * 3 // 5
    return f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"


def safe_link(url: str) -> str | None:
    """`url` if a link to it can do no harm: http, https or a relative path; else None."""
    if not url.isprintable() or " " in url or url.startswith("//"):
        return None
    scheme = _SCHEME.match(url)
    return url if scheme is None or scheme[1].lower() in {"http", "https"} else None


def shown_path(path: str) -> str:
    """`path` as a person beside the notebook writes it: relative where it lies below."""
    if "://" in path or not os.path.isabs(path):
        return path
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
