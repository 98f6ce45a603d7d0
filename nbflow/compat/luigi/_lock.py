"""Lets one command line run only so many times at once (C-21)."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from hashlib import md5
from typing import TYPE_CHECKING

from nbflow.core.errors import NotSupportedHereError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def hold_command_lock(folder: str, size: int) -> Iterator[bool]:
    """Hold one of `size` locks of this process's command line; say whether one was free.

    The lock is the operating system's and ends with the process, however that ends.
    """
    os.makedirs(folder, mode=0o700, exist_ok=True)
    command = md5("\0".join(sys.orig_argv).encode(), usedforsecurity=False).hexdigest()
    for slot in range(size):
        path = os.path.join(folder, f"{command}.{slot}.lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if _lock(descriptor):
                yield True
                return
        finally:
            os.close(descriptor)
    yield False


def _lock(descriptor: int) -> bool:
    if sys.platform == "win32":
        raise NotSupportedHereError("the lock of a command needs a POSIX system. Use --no-lock.")
    from fcntl import LOCK_EX, LOCK_NB, flock

    try:
        flock(descriptor, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True
