"""Messages on a stream whose reader never waits for the rest of one.

A worker may be killed or stopped in the middle of a message, and what it forked may keep its end
open; its parent has others to serve. Each message has a header with a mark, so that what others
write to the descriptor is told from it.
"""

from __future__ import annotations

import os
import struct
import threading
from collections import deque

_HEADER = struct.Struct("!4sQ")
_MARK = b"nbf\n"
#: Bytes that are read at once.
_READ = 65_536


class FramingError(Exception):
    """The stream has something else than messages."""


class _Frame:
    """A message on its way, with what the calls that wrote it have returned."""

    __slots__ = ("content", "counts")

    def __init__(self, message: bytes) -> None:
        self.content = memoryview(_HEADER.pack(_MARK, len(message)) + message)
        self.counts: list[int] = []

    def write_to(self, descriptor: int) -> None:
        """Write what is not written yet."""
        while (written := sum(self.counts)) < len(self.content):
            # Not `counts.append(os.write(...))`: a signal's handler may raise between the two.
            self.counts.extend(map(os.write, (descriptor,), (self.content[written:],)))


class FrameWriter:
    """Writes messages to a descriptor that blocks. Thread-safe.

    An exception that a signal's handler raises may cut a message short; its rest is written
    before the next. A handler may write, too.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.RLock()
        self._waiting: deque[_Frame] = deque()
        self._is_writing = False

    def write(self, message: bytes) -> None:
        """Write `message`; raises OSError where nobody reads any more."""
        with self._lock:
            self._waiting.append(_Frame(message))
            if self._is_writing:
                return
            self._is_writing = True
            try:
                while self._waiting:
                    self._waiting[0].write_to(self._descriptor)
                    self._waiting.popleft()
            finally:
                self._is_writing = False


class FrameReader:
    """Takes messages from a descriptor, as they come."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._content = bytearray()

    def read(self) -> list[bytes]:
        """The messages that are whole after one more read, which blocks where nothing has come.

        Raises
        ------
        EOFError
            Nothing comes any more.
        FramingError
            What came is no message.
        OSError
            The descriptor is broken.
        """
        part = os.read(self._descriptor, _READ)
        if not part:
            raise EOFError
        self._content += part
        return self._take_whole()

    def _take_whole(self) -> list[bytes]:
        content, start, messages = self._content, 0, []
        while len(content) - start >= _HEADER.size:
            mark, length = _HEADER.unpack_from(content, start)
            if mark != _MARK:
                raise FramingError(f"a message was to begin, but there came {mark!r}")
            begin = start + _HEADER.size
            if len(content) - begin < length:
                break
            start = begin + length
            messages.append(bytes(content[begin:start]))
        del content[:start]
        return messages
