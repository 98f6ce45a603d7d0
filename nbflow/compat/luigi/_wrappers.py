"""Base classes of formats that put an object of one's own around a stream (G-48)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, ClassVar

from nbflow.targets.format import Format, MixedUnicodeBytesFormat, NewlineFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self


class BaseWrapper:
    """Is in all that a subclass does not override the stream it was given."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        if name == "_stream":
            raise AttributeError(name)
        return getattr(self._stream, name)

    def __enter__(self) -> Self:
        self._stream.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stream.__exit__(kind, error, traceback)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._stream)


class FileWrapper(BaseWrapper):
    """A file to which attributes can be added."""


class TextWrapper(io.TextIOWrapper):
    """Text around a stream of bytes."""


class NewlineWrapper(BaseWrapper):
    """A stream of bytes with one kind of line end; see `NewlineFormat`."""

    def __init__(self, stream: Any, newline: str | None = None) -> None:
        super().__init__(_around(stream, NewlineFormat(newline)))


class MixedUnicodeBytesWrapper(BaseWrapper):
    """A stream of bytes to which text may be written, with a warning."""

    def __init__(self, stream: Any) -> None:
        super().__init__(_around(stream, MixedUnicodeBytesFormat()))


def _around(stream: Any, form: Format) -> Any:
    return form.pipe_reader(stream) if stream.readable() else form.pipe_writer(stream)


class WrappedFormat(Format):
    """Puts `wrapper_cls` around what is read and what is written.

    The arguments go to each wrapper, after the stream.
    """

    wrapper_cls: ClassVar[Callable[..., Any]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs

    def pipe_reader(self, input_pipe: Any) -> Any:
        """Wrap what is read."""
        return self.wrapper_cls(input_pipe, *self.args, **self.kwargs)

    def pipe_writer(self, output_pipe: Any) -> Any:
        """Wrap what is written."""
        return self.wrapper_cls(output_pipe, *self.args, **self.kwargs)
