"""What an exception says, as data: type, message, traceback, and the user's own line."""

from __future__ import annotations

import linecache
import os
import re
import socket
import sysconfig
import traceback as tracebacks
from typing import TYPE_CHECKING

import msgspec

from nbflow.core.call import ErrorInfo
from nbflow.core.errors import MASK, NbflowError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

#: Characters of a message and of a traceback that are kept.
MESSAGE_LIMIT = 10_000
TRACEBACK_LIMIT = 100_000
#: A frame of a traceback as text, with the line of source below it where that is told.
_FRAME = re.compile(r'^  File "([^"\n]+)", line (\d+)(.*)\n(    .*\n)?', re.MULTILINE)
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def _folders(*keys: str) -> tuple[str, ...]:
    return tuple(os.path.abspath(sysconfig.get_path(key)) + os.sep for key in keys)


_INSTALLED = _folders("purelib", "platlib")
_FOREIGN = (*_INSTALLED, *_folders("stdlib", "platstdlib"))


def describe_error(
    error: BaseException,
    name_file: Callable[[str], str] | None = None,
    *,
    private: Sequence[str] = (),
) -> ErrorInfo:
    """Everything that is kept of `error`.

    Parameters
    ----------
    name_file
        Gives a file's name as people know it (`In[3]` for a cell's temporary file).
    private
        Texts that are masked wherever they occur: what connects to a server tells by which token.
    """
    name = name_file or (lambda file: file)
    file, line, function = "", 0, ""
    source: tuple[tuple[int, str], ...] = ()
    frame = _user_frame(error.__traceback__)
    if isinstance(error, SyntaxError) and error.filename:
        file, line = name(error.filename), error.lineno or 0
        source = _source_lines(error.filename, line)
    elif frame is not None:
        code, line = frame.tb_frame.f_code, frame.tb_lineno
        file, function = name(code.co_filename), code.co_name
        source = _source_lines(code.co_filename, line)
    return ErrorInfo(
        type=_type_name(type(error)),
        message=_masked(_message(error), private),
        traceback=_masked(_text(error, name)[-TRACEBACK_LIMIT:], private),
        file=file,
        line=line,
        function=function,
        source=source,
        notes=tuple(_masked(str(n), private) for n in getattr(error, "__notes__", ())),
        host=socket.gethostname(),
        pid=os.getpid(),
    )


def placed_here(info: ErrorInfo, name_file: Callable[[str], str]) -> ErrorInfo:
    """An error of another process, with the names and lines of files that only this one knows.

    Cells of a kernel are such: a worker process has their code, but neither number nor text.
    """

    def place(found: re.Match[str]) -> str:
        file, line, rest, text = found.groups()
        if not text:
            known = linecache.getline(file, int(line)).strip()
            text = f"    {known}\n" if known else ""
        return f'  File "{name_file(file)}", line {line}{rest}\n{text}'

    return msgspec.structs.replace(
        info,
        file=name_file(info.file),
        source=info.source or _source_lines(info.file, info.line),
        traceback=_FRAME.sub(place, info.traceback),
    )


def user_traceback(error: BaseException) -> TracebackType | None:
    """The traceback of `error` without the leading frames of nbflow."""
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.tb_next
    return frame or error.__traceback__


def _masked(text: str, private: Sequence[str]) -> str:
    for secret in private:
        text = text.replace(secret, MASK)
    return text


def _type_name(kind: type[BaseException]) -> str:
    """The class's name with its module; for nbflow's own errors the one that is printed."""
    if issubclass(kind, NbflowError):
        return kind.__name__.removesuffix("Error")
    plain = kind.__module__ in {"builtins", "__main__"}
    return kind.__qualname__ if plain else f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    try:
        return str(error)[:MESSAGE_LIMIT]
    except Exception as broken:  # noqa: BLE001 - a user's __str__ may raise anything
        return f"<its message cannot be shown: {type(broken).__name__}>"


def _user_frame(frame: TracebackType | None) -> TracebackType | None:
    """The innermost frame of the user's code, else of a library that somebody installed."""
    found = fallback = None
    while frame is not None:
        file = frame.tb_frame.f_code.co_filename
        if not file.startswith(_PACKAGE) and not file.startswith("<frozen"):
            if not file.startswith(_FOREIGN):
                found = frame
            elif file.startswith(_INSTALLED):
                fallback = frame
        frame = frame.tb_next
    return found or fallback


def _source_lines(file: str, line: int) -> tuple[tuple[int, str], ...]:
    lines = ((number, linecache.getline(file, number)) for number in range(line - 1, line + 2))
    return tuple((number, text.rstrip()) for number, text in lines if text)


def _text(error: BaseException, name: Callable[[str], str]) -> str:
    try:
        summary = tracebacks.TracebackException.from_exception(error)
    except Exception as broken:  # noqa: BLE001 - a user's __str__ may raise anything
        return f"{_type_name(type(error))}: <no traceback: {type(broken).__name__}>"
    part: tracebacks.TracebackException | None = summary
    while part is not None:
        for frame in part.stack:
            frame.filename = name(frame.filename)
        kept = [frame for frame in part.stack if not frame.filename.startswith(_PACKAGE)]
        part.stack = tracebacks.StackSummary.from_list(kept or list(part.stack))
        part = part.__cause__ or part.__context__
    return "".join(summary.format())
