"""Processes from a clean server process, without the caller's main module.

The standard library's forkserver method runs the main script of the caller again in each child;
a notebook has none, and a script must not be run twice. Classes of the main module travel by value
instead (`nbflow.executors.payload`).
"""

from __future__ import annotations

import io
import os
import threading
from multiprocessing import forkserver, get_context, reduction, spawn, util
from multiprocessing.context import ForkServerProcess, set_spawning_popen
from multiprocessing.popen_forkserver import Popen as ForkServerPopen
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class _Popen(ForkServerPopen):
    """Starts a process as its base does, with preparation data that name no main module.

    Its end may be asked for by several threads: each start of a process asks all that there are.
    The answer can be read once, and the second who tries would take another process's, or wait.
    """

    def __init__(self, process_obj: Any) -> None:
        self._asking = threading.Lock()
        super().__init__(process_obj)

    def poll(self, flag: int = os.WNOHANG) -> int | None:
        """The exit code; None while it runs, and while another thread reads the code."""
        if self.returncode is not None or not self._asking.acquire(blocking=flag != os.WNOHANG):
            return self.returncode
        try:
            return super().poll(flag)
        finally:
            self._asking.release()

    def close(self) -> None:
        """Give the descriptors back; an exit code that is known stays so."""
        with self._asking:
            super().close()

    def _launch(self, process_obj: Any) -> None:
        data = spawn.get_preparation_data(process_obj._name)
        data.pop("init_main_from_path", None)
        data.pop("init_main_from_name", None)
        buffer = io.BytesIO()
        set_spawning_popen(self)
        try:
            reduction.dump(data, buffer)
            reduction.dump(process_obj, buffer)
        finally:
            set_spawning_popen(None)
        self.sentinel, writer = forkserver.connect_to_new_process(self._fds)  # type: ignore[attr-defined]
        # While this end is open the child knows that its parent lives.
        alive = os.dup(writer)
        self.finalizer = util.Finalize(self, _close, (alive, self.sentinel))
        with open(writer, "wb", closefd=True) as file:
            file.write(buffer.getbuffer())
        self.pid = forkserver.read_signed(self.sentinel)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


class _Process(ForkServerProcess):
    @staticmethod
    def _Popen(process_obj: Any) -> _Popen:  # noqa: N802 - multiprocessing's name
        return _Popen(process_obj)


def new_process(
    target: Callable[..., None], arguments: tuple[Any, ...], *, preload: tuple[str, ...]
) -> _Process:
    """A process that is not started yet; `preload` are modules that the server imports once."""
    get_context("forkserver").set_forkserver_preload(list(preload))
    return _Process(target=target, args=arguments, daemon=False)
