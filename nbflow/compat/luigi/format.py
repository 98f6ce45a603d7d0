"""`luigi.format`: what stands between a target's user and its bytes."""

from __future__ import annotations

from nbflow.targets.format import (
    UTF8,
    Bzip2,
    Bzip2Format,
    ChainFormat,
    Format,
    Gzip,
    GzipFormat,
    MixedUnicodeBytes,
    MixedUnicodeBytesFormat,
    NewlineFormat,
    Nop,
    NopFormat,
    SysNewLine,
    Text,
    TextFormat,
    get_default_format,
)

__all__ = [
    "UTF8",
    "Bzip2",
    "Bzip2Format",
    "ChainFormat",
    "Format",
    "Gzip",
    "GzipFormat",
    "MixedUnicodeBytes",
    "MixedUnicodeBytesFormat",
    "NewlineFormat",
    "Nop",
    "NopFormat",
    "SysNewLine",
    "Text",
    "TextFormat",
    "get_default_format",
]
