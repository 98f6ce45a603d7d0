"""Written files that appear under their name after a clean end, and otherwise not at all.

The rule: a file that is closed without a clean end of its `with` block is discarded, whatever the
user's `finally` does. Without a `with` block, `close()` publishes unless an exception that came up
after the file was opened is on its way. A file that is never closed is discarded.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from io import FileIO
from typing import IO, TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from nbflow.targets.format import Format


class Draft(Protocol):
    """An unfinished file: the raw stream that takes its bytes, and what becomes of them."""

    #: Where it will appear.
    path: str

    @property
    def raw(self) -> Any:
        """`io.RawIOBase` or `io.BytesIO`; closing it drops what was not yet written."""
        ...

    def publish(self) -> None:
        """Make the whole file appear as `path`; called once, after the stream was closed."""
        ...

    def discard(self) -> None:
        """Close without flushing and leave nothing behind; never raises, may be called twice.

        In a forked child it closes only: the file is the parent's.
        """
        ...


def write_atomically(draft: Draft, form: Format) -> IO[Any]:
    """The stream that the user writes: `form` over `draft`, published on a clean end only.

    `draft` belongs to the result from here on.
    """
    try:
        pipe: Any = io.BufferedWriter(draft.raw)
        stream: Any = form.pipe_writer(pipe)
        # The exact type first: asking an abstract class costs 0.4 us.
        is_text = type(stream) is io.TextIOWrapper or isinstance(stream, io.TextIOBase)
        kind: Any = AtomicText if is_text else AtomicBytes
        file: IO[Any] = kind(stream, pipe, draft)
    except BaseException:
        draft.discard()
        raise
    return file


class FileDraft:
    """A draft whose bytes are in the new local file `temporary`; subclasses publish it."""

    # The raw stream is held, not inherited: of an exact FileIO the buffer asks in C whether it is
    # closed, of a subclass by attribute, several times a file (4 us in all).
    raw: FileIO | None = None
    #: "" while there is nothing of ours.
    temporary = ""

    def __init__(
        self, path: str, temporary: str, opener: Callable[[str, int], int] | None = None
    ) -> None:
        self.path = path
        self._process = os.getpid()
        self.temporary = temporary
        try:
            self.raw = FileIO(temporary, "x", opener=opener)
        except OSError:
            del self.temporary  # not made, or somebody else's
            raise

    def discard(self) -> None:
        """Close and remove it, unless this is a forked child and the file its parent's."""
        # What led here is told; of a file that cannot even be removed the temporary name remains.
        if self.raw is not None:
            with suppress(OSError):
                self.raw.close()
        if self.temporary and self._process == os.getpid():
            with suppress(OSError):
                os.unlink(self.temporary)

    def __del__(self) -> None:
        # Interrupted before anybody had it.
        if self.raw is None or not self.raw.closed:
            self.discard()


class _AtomicFile:
    """What both kinds of file share: the decision at the end, everything else goes to the stream.

    The stream is held, not inherited: `write` stays the C method, three times as fast for small
    pieces as that of a subclass of `io.TextIOWrapper`. Its base classes are not inherited either,
    only registered: their finalizer would cost a microsecond a file.
    """

    mode: str
    #: None once the file was published or discarded.
    _draft: Draft | None = None

    def __init__(self, stream: Any, pipe: io.BufferedWriter[Any], draft: Draft) -> None:
        self._stream = stream
        self._pipe = pipe
        self._blocks = 0
        exception = sys.exception()
        self._older = None if exception is None else (exception, exception.__traceback__)
        self.name = draft.path
        self.write = stream.write
        self._draft = draft

    def __enter__(self) -> Self:
        if self._draft is None or self._stream.closed:
            raise ValueError(f"{self.name} is closed: call open() again")
        self._blocks += 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._blocks -= 1
        if kind is not None:
            self.discard()
        elif self._draft is not None:
            self._close_stream()
            if not self._blocks:
                self._publish()

    def close(self) -> None:
        """Publish, unless an exception is on its way; in a `with` block its end decides."""
        if self._draft is None:
            return
        if self._blocks:
            self._close_stream()
        elif self._is_failing():
            self._tell_of_discarding()
            self.discard()
        else:
            self._close_stream()
            self._publish()

    def discard(self) -> None:
        """Close, and leave no trace of what was written."""
        if self._draft is None:
            return
        self._draft.discard()
        self._draft = self._older = None
        # The bytes have nowhere to go now, which a stream of any format may report in its own way.
        with suppress(Exception):
            self._stream.close()

    def _is_failing(self) -> bool:
        """Whether an exception is on its way that was not there when the file was opened.

        An exception that was being handled already is none of this file's, as long as it was not
        raised again since (which its traceback shows, except for a bare `raise` in one frame).
        """
        exception = sys.exception()
        if exception is None:
            return False
        if self._older is None:
            return True
        known, traceback = self._older
        if exception is known:
            return exception.__traceback__ is not traceback
        return all(exception is not each for each in _context_chain(known))

    def _tell_of_discarding(self) -> None:
        import logging

        logging.getLogger("nbflow").warning(
            "%s was closed while %s was raised or handled: what was written so far is discarded",
            self.name,
            type(sys.exception()).__name__,
        )

    def _close_stream(self) -> None:
        try:
            self._stream.close()
            # A format of the user's may leave the pipe open.
            self._pipe.close()
        except BaseException as error:
            error.add_note(f"while closing {self.name}; nothing was published")
            self.discard()
            raise

    def _publish(self) -> None:
        try:
            self._draft.publish()  # type: ignore[union-attr] # the callers have asked
        except BaseException:
            self.discard()
            raise
        self._draft = self._older = None

    def __del__(self) -> None:
        if self._draft is None:
            return
        self.discard()
        import warnings

        warnings.warn(
            f"{self.name} was opened for writing and never closed: nothing was published. "
            "Write in a `with` block.",
            ResourceWarning,
            source=self,
            stacklevel=2,
        )

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written."""
        return self._draft is None or bool(self._stream.closed)

    def flush(self) -> None:
        """Hand what was written to the operating system; it is not published by that."""
        self._stream.flush()

    def fileno(self) -> int:
        """Descriptor of the unfinished file."""
        return int(self._stream.fileno())

    def tell(self) -> int:
        """Position in the stream."""
        return int(self._stream.tell())

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move in the stream, where the format can."""
        return int(self._stream.seek(offset, whence))

    def truncate(self, size: int | None = None, /) -> int:
        """Cut the stream, where the format can."""
        return int(self._stream.truncate(size))

    def seekable(self) -> bool:
        """Whether `seek` works."""
        return bool(self._stream.seekable())

    def writable(self) -> bool:
        """Yes."""
        return True

    def __iter__(self) -> Iterator[Any]:
        return iter(self._stream)

    def __next__(self) -> Any:
        return next(self._stream)

    def __getattr__(self, name: str) -> Any:
        if name == "_stream":
            raise AttributeError(name)
        return getattr(self._stream, name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}{' closed' if self.closed else ''}>"


@io.TextIOBase.register
class AtomicText(_AtomicFile):
    """A text file that is being written; `write` is that of the format's stream."""

    mode = "w"


@io.BufferedIOBase.register
class AtomicBytes(_AtomicFile):
    """A binary file that is being written; `write` is that of the format's stream."""

    mode = "wb"


def _context_chain(exception: BaseException | None) -> Iterator[BaseException]:
    """`exception` and those that were being handled when it was raised."""
    seen: set[int] = set()
    while exception is not None and id(exception) not in seen:
        seen.add(id(exception))
        yield exception
        exception = exception.__context__
