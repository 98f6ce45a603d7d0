"""The content of a target as a Python value, chosen by the ending of its name."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any

from nbflow.core.errors import PluginError, TargetError
from nbflow.targets.format import Bzip2, Gzip, NopFormat, TextFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.model.target import Target

#: Endings of compressed files: the first bytes that prove it, and the format.
_COMPRESSED = {".gz": (b"\x1f\x8b", Gzip), ".bz2": (b"BZh", Bzip2)}


def load(target: Target) -> Any:
    """Read `target`: `.json` is an object, `.csv`, `.tsv` and `.parquet` a DataFrame, others text.

    What is not UTF-8 text comes as bytes. `.gz` and `.bz2` after the ending are unpacked, also
    where the target's format does not say so.

    Raises
    ------
    TargetError
        It does not exist, has no `open()`, is a folder, or is not what its ending says.
    PluginError
        A package that reads the kind of file is missing.
    """
    name = str(getattr(target, "path", ""))
    stem, suffix = _split(name)
    if suffix in _COMPRESSED:
        _, suffix = _split(stem)
    read: Callable[[IO[Any]], Any] = _READERS.get(suffix, _read_text)
    with _open(target, name) as stream:
        try:
            return read(stream)
        except PluginError:
            raise
        except Exception as error:
            # pandas and json raise whatever they like for a file that is not of its kind.
            raise TargetError(
                f"cannot load {name}: it cannot be read as {suffix[1:] or 'text'} "
                f"({type(error).__name__}: {error}). Read it with open('r')."
            ) from error


def _split(name: str) -> tuple[str, str]:
    base = name.rpartition("/")[2]
    stem, dot, suffix = base.rpartition(".")
    return (stem, f".{suffix.lower()}") if dot and stem else (base, "")


def _open(target: Target, name: str) -> IO[Any]:
    form = getattr(target, "format", None)
    open_bytes = getattr(target, "open_bytes", None)
    try:
        if open_bytes is not None and isinstance(form, TextFormat | NopFormat):
            return _unpack(open_bytes(), name, form)
        if not hasattr(target, "open"):
            raise TargetError(
                f"cannot load {name or target!r}: a {type(target).__name__} has no open()."
            )
        stream: IO[Any] = target.open("r")
    except (FileNotFoundError, KeyError) as error:
        raise TargetError(
            f"cannot load {name}: it does not exist. Run the task that makes it first."
        ) from error
    except IsADirectoryError as error:
        raise TargetError(f"cannot load {name}: it is a folder.") from error
    return stream


def _unpack(pipe: IO[bytes], name: str, form: TextFormat | NopFormat) -> IO[Any]:
    magic, codec = _COMPRESSED.get(_split(name)[1], (None, None))
    if magic is not None and codec is not None:
        beginning = pipe.read(len(magic))
        pipe.seek(0)
        if beginning == magic:
            pipe = codec.pipe_reader(pipe)
    encoding = getattr(form, "encoding", "utf-8")
    if encoding.replace("-", "").lower() == "utf8":
        # Bytes serve every reader; only another encoding has to be told.
        return pipe
    return form.pipe_reader(pipe)


def _read_text(stream: IO[Any]) -> str | bytes:
    data = stream.read()
    if isinstance(data, str):
        return data
    try:
        text: str = io.TextIOWrapper(io.BytesIO(data), "utf-8").read()
    except UnicodeDecodeError:
        return bytes(data)
    return text


def _read_json(stream: IO[Any]) -> Any:
    import json

    return json.load(stream)


def _read_csv(stream: IO[Any], separator: str = ",") -> Any:
    return _pandas().read_csv(stream, sep=separator)


def _read_tsv(stream: IO[Any]) -> Any:
    return _read_csv(stream, "\t")


def _read_parquet(stream: IO[Any]) -> Any:
    try:
        return _pandas().read_parquet(io.BytesIO(stream.read()))
    except ImportError as error:
        raise PluginError(
            "reading parquet needs the package 'pyarrow': pip install pyarrow"
        ) from error


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError as error:
        raise PluginError(
            "loading a table needs the package 'pandas': pip install pandas"
        ) from error
    return pd


_READERS: dict[str, Callable[[IO[Any]], Any]] = {
    ".json": _read_json,
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".parquet": _read_parquet,
}
