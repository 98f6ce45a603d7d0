"""`luigi.format`: what stands between a target's user and its bytes."""

from __future__ import annotations

from nbflow.compat.luigi._programs import InputPipeProcessWrapper, OutputPipeProcessWrapper
from nbflow.compat.luigi._wrappers import (
    BaseWrapper,
    FileWrapper,
    MixedUnicodeBytesWrapper,
    NewlineWrapper,
    TextWrapper,
    WrappedFormat,
)
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
    "BaseWrapper",
    "Bzip2",
    "Bzip2Format",
    "ChainFormat",
    "FileWrapper",
    "Format",
    "Gzip",
    "GzipFormat",
    "InputPipeProcessWrapper",
    "MixedUnicodeBytes",
    "MixedUnicodeBytesFormat",
    "MixedUnicodeBytesWrapper",
    "NewlineFormat",
    "NewlineWrapper",
    "Nop",
    "NopFormat",
    "OutputPipeProcessWrapper",
    "SysNewLine",
    "Text",
    "TextFormat",
    "TextWrapper",
    "WrappedFormat",
    "get_default_format",
]
