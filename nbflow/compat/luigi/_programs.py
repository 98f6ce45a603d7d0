"""Programs as parts of a format: what is read comes through one, what is written goes through one.

A program that fails is an error at the end of the stream, so that nothing is published (G-48).
"""

from __future__ import annotations

import io
import signal
import subprocess
import tempfile
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType
    from typing import Self

    Command = Sequence[str]

#: Ends of a program whose reader went away before it was through: all is well.
_CUT_SHORT = {-signal.SIGPIPE, 128 + signal.SIGPIPE} if hasattr(signal, "SIGPIPE") else set()


class _Program:
    """What both directions share: the process, its pipe on our side, and the stream behind it."""

    def __init__(self, process: subprocess.Popen[bytes], pipe: Any, behind: Any) -> None:
        self._process = process
        self._pipe = pipe
        self._behind = behind

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def __getattr__(self, name: str) -> Any:
        if name == "_pipe":
            raise AttributeError(name)
        return getattr(self._pipe, name)

    def __del__(self) -> None:
        if "_process" in self.__dict__:
            self.abort()

    @property
    def closed(self) -> bool:
        """Whether the program has ended and was seen to."""
        return self._process.returncode is not None

    def close(self) -> None:
        """Wait for the program's end, then close the stream behind it.

        Raises
        ------
        RuntimeError
            The program failed.
        """
        if self.closed:
            return
        code = self._end()
        if code:
            raise RuntimeError(
                f"{self._process.args!r} failed with exit code {code}: what it made of the stream "
                "cannot be trusted."
            )
        if self._behind is not None:
            self._behind.close()

    def abort(self) -> None:
        """Wait for the program's end, whatever it is; the stream behind it is left open."""
        if not self.closed:
            with suppress(OSError, ValueError):
                self._end()

    def _end(self) -> int:
        try:
            self._pipe.close()
        finally:
            code = self._process.wait()
        return code

    def seekable(self) -> bool:
        """No."""
        return False


class InputPipeProcessWrapper(_Program):
    """Reads what a program makes of a stream, as in ``zcat < stream``.

    Parameters
    ----------
    command
        The program and its words, or a `subprocess.Popen` whose standard output is a pipe.
    input_pipe
        What it reads; a stream without a descriptor is copied to a temporary file first.
    """

    def __init__(
        self, command: Command | subprocess.Popen[bytes], input_pipe: IO[bytes] | None = None
    ) -> None:
        source = None if input_pipe is None else _with_descriptor(input_pipe)
        process = (
            command
            if isinstance(command, subprocess.Popen)
            else self.create_subprocess(command, source)
        )
        super().__init__(process, process.stdout, source)

    def create_subprocess(
        self, command: Command, source: IO[bytes] | None
    ) -> subprocess.Popen[bytes]:
        """Start the program."""
        return subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE)

    def _end(self) -> int:
        code = super()._end()
        return 0 if code in _CUT_SHORT else code

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pipe
        self.close()

    def readable(self) -> bool:
        """Yes."""
        return True

    def writable(self) -> bool:
        """No."""
        return False


class OutputPipeProcessWrapper(_Program):
    """Writes a stream through a program, as in ``gzip > stream``; the stream has a descriptor."""

    def __init__(self, command: Command, output_pipe: IO[bytes] | None = None) -> None:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output_pipe)
        super().__init__(process, process.stdin, output_pipe)

    def write(self, data: bytes) -> int:
        """Send `data` to the program."""
        count: int = self._pipe.write(data)
        return count

    def writeLine(self, line: str | bytes) -> None:  # noqa: N802 - Luigi's name
        """Send one line without its end, which is added."""
        content = line.encode() if isinstance(line, str) else line
        if b"\n" in content:
            raise ValueError(f"a line has no line end in it: {line!r}")
        self.write(content + b"\n")

    def readable(self) -> bool:
        """No."""
        return False

    def writable(self) -> bool:
        """Yes."""
        return True


def _with_descriptor(stream: IO[bytes]) -> IO[bytes]:
    try:
        stream.fileno()
    except (AttributeError, io.UnsupportedOperation):
        import shutil

        with stream:
            copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed by whom it is given to
            shutil.copyfileobj(stream, copy)
        copy.seek(0)
        return copy
    return stream
