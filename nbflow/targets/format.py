"""Formats: what stands between the user's reads and writes and the bytes of a target.

A format turns a stream of bytes into the stream that the user sees. `Text >> Gzip` is text for the
user and gzip on disk: the left format is the user's side (Luigi G-40 to G-47). Everything is done
in this process by the standard library.
"""

from __future__ import annotations

import io
import itertools
import os
import re
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class Format:
    """What `Target.open` puts around the stream of bytes.

    A subclass overrides `pipe_reader` and `pipe_writer`. Whether a written file is published is
    not its business: it closes the stream that it was given when its own is closed, no more.
    """

    #: What the user's side takes: "unicode", "bytes" or None for either.
    input: str | None = None
    #: What goes down to the next format or to the target.
    output: str | None = None

    def pipe_reader(self, input_pipe: IO[Any]) -> IO[Any]:
        """The stream that the user reads, made of the stream of bytes `input_pipe`."""
        raise NotImplementedError(f"{type(self).__name__} cannot be read: it has no pipe_reader()")

    def pipe_writer(self, output_pipe: IO[Any]) -> IO[Any]:
        """The stream that the user writes, made of the stream of bytes `output_pipe`."""
        raise NotImplementedError(f"{type(self).__name__} cannot write: it has no pipe_writer()")

    def __rshift__(self, below: Format) -> ChainFormat:
        return ChainFormat(self, below)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ChainFormat(Format):
    """Several formats, the user's side first.

    Parameters
    ----------
    check_consistency
        Raise TypeError where a format does not give what the next one takes.
    """

    def __init__(self, *formats: Format, check_consistency: bool = True) -> None:
        self.formats = formats
        if check_consistency:
            for above, below in itertools.pairwise(formats):
                _check_pair(above, below)
        self.input = formats[0].input if formats else None
        self.output = formats[-1].output if formats else None

    def pipe_reader(self, input_pipe: IO[Any]) -> IO[Any]:
        """Build from the bytes up to the user's side."""
        for each in reversed(self.formats):
            input_pipe = each.pipe_reader(input_pipe)
        return input_pipe

    def pipe_writer(self, output_pipe: IO[Any]) -> IO[Any]:
        """Build from the bytes up to the user's side."""
        for each in reversed(self.formats):
            output_pipe = each.pipe_writer(output_pipe)
        return output_pipe

    def __repr__(self) -> str:
        return " >> ".join(map(repr, self.formats))


def _check_pair(above: Format, below: Format) -> None:
    if above.output and below.input and above.output != below.input:
        raise TypeError(
            f"{above!r} >> {below!r}: the left one gives {above.output}, the right one takes "
            f"{below.input}. The user's side stands left, as in Text >> Gzip."
        )


class TextFormat(Format):
    """Text for the user, bytes below.

    Parameters
    ----------
    encoding, errors, newline, line_buffering
        As in `io.TextIOWrapper`. Without `newline`, reading understands every kind of line end
        and writing leaves them as they are, so that a file has the same bytes on every platform.
    """

    input = "unicode"
    output = "bytes"

    def __init__(
        self,
        encoding: str = "utf-8",
        errors: str | None = None,
        newline: str | None = None,
        line_buffering: bool = False,
    ) -> None:
        self.encoding = encoding
        self.errors = errors
        self.newline = newline
        self.line_buffering = line_buffering

    def pipe_reader(self, input_pipe: IO[Any]) -> IO[Any]:
        """Decode."""
        return io.TextIOWrapper(input_pipe, self.encoding, self.errors, self.newline)

    def pipe_writer(self, output_pipe: IO[Any]) -> IO[Any]:
        """Encode."""
        newline = "\n" if self.newline is None else self.newline
        return io.TextIOWrapper(
            output_pipe, self.encoding, self.errors, newline, self.line_buffering
        )

    def __repr__(self) -> str:
        return f"TextFormat({self.encoding!r})"


class NopFormat(Format):
    """Bytes as they are."""

    def pipe_reader(self, input_pipe: IO[Any]) -> IO[Any]:
        """Hand through."""
        return input_pipe

    def pipe_writer(self, output_pipe: IO[Any]) -> IO[Any]:
        """Hand through."""
        return output_pipe


class NewlineFormat(Format):
    r"""Bytes with one kind of line end.

    Parameters
    ----------
    newline
        Every line end becomes this, in both directions; None is ``\n`` for reading and the
        system's for writing; ``""`` leaves them as they are.
    """

    input = "bytes"
    output = "bytes"

    def __init__(self, newline: str | None = None) -> None:
        if newline not in (None, "", "\n", "\r", "\r\n"):
            raise ValueError(f"newline is None, '', '\\n', '\\r' or '\\r\\n', not {newline!r}")
        self.newline = newline

    def pipe_reader(self, input_pipe: IO[Any]) -> IO[Any]:
        """Convert what is read."""
        if self.newline == "":
            return input_pipe
        newline = "\n" if self.newline is None else self.newline
        return io.BufferedReader(_NewlineStream(input_pipe, newline.encode()))

    def pipe_writer(self, output_pipe: IO[Any]) -> IO[Any]:
        """Convert what is written."""
        if self.newline == "":
            return output_pipe
        newline = os.linesep if self.newline is None else self.newline
        return io.BufferedWriter(_NewlineStream(output_pipe, newline.encode()))


class GzipFormat(Format):
    """Gzip below; the bytes depend on what is written alone: no time and no name go in.

    Parameters
    ----------
    compression_level
        1 (fast) to 9 (small); None is 6, as in the gzip program.
    """

    input = "bytes"
    output = "bytes"

    def __init__(self, compression_level: int | None = None) -> None:
        self.compression_level = compression_level

    def pipe_reader(self, input_pipe: IO[Any]) -> IO[Any]:
        """Decompress."""
        import gzip

        codec = gzip.GzipFile(fileobj=input_pipe, mode="rb")
        return io.BufferedReader(_CodecStream(codec, input_pipe))

    def pipe_writer(self, output_pipe: IO[Any]) -> IO[Any]:
        """Compress."""
        import gzip

        level = 6 if self.compression_level is None else self.compression_level
        codec = gzip.GzipFile("", "wb", level, output_pipe, mtime=0)
        return io.BufferedWriter(_CodecStream(codec, output_pipe))


class Bzip2Format(Format):
    """Bzip2 below."""

    input = "bytes"
    output = "bytes"

    def pipe_reader(self, input_pipe: IO[Any]) -> IO[Any]:
        """Decompress."""
        import bz2

        return io.BufferedReader(_CodecStream(bz2.BZ2File(input_pipe), input_pipe))

    def pipe_writer(self, output_pipe: IO[Any]) -> IO[Any]:
        """Compress."""
        import bz2

        codec = bz2.BZ2File(output_pipe, "wb")
        return io.BufferedWriter(_CodecStream(codec, output_pipe))


class MixedUnicodeBytesFormat(Format):
    """Bytes below; the user may write bytes or, with a warning, text, which goes down as UTF-8."""

    output = "bytes"

    def pipe_reader(self, input_pipe: IO[Any]) -> IO[Any]:
        """Hand through."""
        return input_pipe

    def pipe_writer(self, output_pipe: IO[Any]) -> IO[Any]:
        """Encode what is text."""
        return cast("IO[Any]", _MixedWriter(output_pipe))


class _PipeStream(io.RawIOBase):
    """A stream over the stream of bytes below, which it closes with itself."""

    def __init__(self, pipe: IO[Any]) -> None:
        self._pipe = pipe

    def readable(self) -> bool:
        return self._pipe.readable()

    def writable(self) -> bool:
        return self._pipe.writable()

    def finish(self) -> None:
        """Send down what is still held back."""

    def close(self) -> None:
        if self.closed:
            return
        try:
            self.finish()
        finally:
            try:
                self._pipe.close()
            finally:
                super().close()


class _CodecStream(_PipeStream):
    """A compressor or decompressor of the standard library; they leave their pipe open."""

    def __init__(self, codec: Any, pipe: IO[Any]) -> None:
        super().__init__(pipe)
        self._codec = codec

    def readinto(self, buffer: WriteableBuffer) -> int:
        count: int = self._codec.readinto(buffer)
        return count

    def readall(self) -> bytes:
        data: bytes = self._codec.read()
        return data

    def write(self, data: ReadableBuffer) -> int:
        count: int = self._codec.write(data)
        return count

    def tell(self) -> int:
        position: int = self._codec.tell()
        return position

    def finish(self) -> None:
        self._codec.close()


class _NewlineStream(_PipeStream):
    r"""Changes line ends; a ``\r`` at the end of a piece waits for the ``\n`` that may follow."""

    _LINE_END = re.compile(rb"\r\n?|\n")

    def __init__(self, pipe: IO[Any], newline: bytes) -> None:
        super().__init__(pipe)
        self._newline = newline
        self._waiting = b""
        self._ready = b""

    def _convert(self, data: bytes, *, last: bool) -> bytes:
        data = self._waiting + data
        self._waiting = b"\r" if data.endswith(b"\r") and not last else b""
        whole = data[:-1] if self._waiting else data
        return self._LINE_END.sub(lambda _: self._newline, whole)

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        while not self._ready:
            data: bytes = self._pipe.read(io.DEFAULT_BUFFER_SIZE)
            self._ready = self._convert(data, last=not data)
            if not data:
                break
        piece, self._ready = self._ready[: len(view)], self._ready[len(view) :]
        view[: len(piece)] = piece
        return len(piece)

    def write(self, data: ReadableBuffer) -> int:
        given = bytes(data)
        self._pipe.write(self._convert(given, last=False))
        return len(given)

    def finish(self) -> None:
        if self._pipe.writable():
            self._pipe.write(self._convert(b"", last=True))


class _MixedWriter(_PipeStream):
    """Takes text and bytes."""

    def write(self, data: str | ReadableBuffer) -> int:
        if isinstance(data, str):
            import warnings

            warnings.warn("text written to a stream of bytes; it goes in as UTF-8", stacklevel=2)
            data = data.encode("utf-8")
        count: int = self._pipe.write(data)
        return count

    def flush(self) -> None:
        if not self._pipe.closed:
            self._pipe.flush()


Text = TextFormat()
UTF8 = TextFormat(encoding="utf8")
Nop = NopFormat()
SysNewLine = NewlineFormat()
Gzip = GzipFormat()
Bzip2 = Bzip2Format()
MixedUnicodeBytes = MixedUnicodeBytesFormat()


def get_default_format() -> Format:
    """The format of a target that names none: text in UTF-8."""
    return Text
