"""A real kernel, driven message by message."""

from __future__ import annotations

import os
import queue
import time
from contextlib import contextmanager
from types import SimpleNamespace

#: The interpreter of the kernels, where it is another one: it may have another ipykernel.
PYTHON = os.environ.get("NBFLOW_KERNEL_PYTHON", "")
#: Seconds after which a kernel that says nothing is given up.
PATIENCE = 60


class Kernel:
    """One ipykernel; `run` executes a cell and gives all messages that belong to it."""

    def __init__(self, manager, client):
        self.manager = manager
        self.client = client
        #: Messages whose parent is not the cell that `run` waits for.
        self.strays = []

    def run(self, source, *, interrupt_when=None):
        """Execute a cell.

        Parameters
        ----------
        interrupt_when
            Called with each message of the cell; the kernel is interrupted once when it is true.
        """
        # An error makes the kernel abort what has come meanwhile; the next cell may be that early.
        msg_id = self.client.execute(source, stop_on_error=False)
        messages, idle = [], False
        deadline = time.monotonic() + PATIENCE
        while not idle:
            message = self.client.get_iopub_msg(timeout=max(0.1, deadline - time.monotonic()))
            message["received"] = time.monotonic()
            if message["parent_header"].get("msg_id") != msg_id:
                self.strays.append(message)
                continue
            messages.append(message)
            idle = (
                message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
            )
            if interrupt_when is not None and interrupt_when(message):
                self.manager.interrupt_kernel()
                interrupt_when = None
        reply = self.client.get_shell_msg(timeout=PATIENCE)
        while reply["parent_header"].get("msg_id") != msg_id:
            reply = self.client.get_shell_msg(timeout=PATIENCE)
        return SimpleNamespace(
            messages=messages,
            reply=reply["content"],
            displays=[m["content"] for m in messages if m["msg_type"] == "display_data"],
            updates=[m["content"] for m in messages if m["msg_type"] == "update_display_data"],
            results=[m["content"] for m in messages if m["msg_type"] == "execute_result"],
            errors=[m["content"] for m in messages if m["msg_type"] == "error"],
            stream="".join(m["content"]["text"] for m in messages if m["msg_type"] == "stream"),
            seconds=messages[-1]["received"] - messages[0]["received"],
        )

    def until(self, accept, *, seconds=PATIENCE):
        """Messages outside of cells until `accept` is true for one; TimeoutError else."""
        deadline = time.monotonic() + seconds
        for message in self.strays:
            if accept(message):
                return message
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=max(0.05, deadline - time.monotonic()))
            except queue.Empty:
                break
            message["received"] = time.monotonic()
            self.strays.append(message)
            if accept(message):
                return message
        raise TimeoutError("no such message")


@contextmanager
def kernel(folder, **environment):
    """A kernel in `folder`; `environment` is added to this process's, without pytest's marks."""
    from jupyter_client.manager import KernelManager

    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "NBFLOW", "CI"))
    }
    manager = KernelManager(kernel_name="python3")
    if PYTHON:
        manager.kernel_spec.argv[0] = PYTHON
    manager.start_kernel(
        cwd=str(folder),
        env={**inherited, "IPYTHONDIR": str(folder / "ipython"), **environment},
    )
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
