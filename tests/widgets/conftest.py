"""A page without a browser: it takes the messages that widgets send, and sends what a person does."""

from __future__ import annotations

import importlib.util
import sys
import threading
import time
from pathlib import Path

import pytest


def _load_by_path(name, path):
    """Under importlib mode a folder of tests is no package; what it shares is loaded by path."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)


_load_by_path("magics_kernels", Path(__file__).parent.with_name("magics") / "kernels.py")
_load_by_path("display_samples", Path(__file__).parent.with_name("display") / "samples.py")
_load_by_path("display_graphs", Path(__file__).parent.with_name("display") / "graphs.py")
_load_by_path("widgets_waiting", Path(__file__).with_name("waiting.py"))


class Page:
    """What the widgets of a test have sent."""

    def __init__(self):
        #: (time, id of the widget, kind, data) of each message.
        self.messages = []
        self._lock = threading.Lock()

    def take(self, comm, kind, data):
        with self._lock:
            self.messages.append((time.monotonic(), comm.comm_id, kind, data or {}))

    def opened(self):
        """Ids of the widgets that were made."""
        return [comm for _, comm, kind, _ in self.messages if kind == "comm_open"]

    def closed(self):
        return [comm for _, comm, kind, _ in self.messages if kind == "comm_close"]

    def updates(self, panel):
        """Times at which a panel's widget was told something."""
        model = panel.widget.model_id
        return [at for at, comm, kind, _ in self.messages if (comm, kind) == (model, "comm_msg")]

    def state(self, panel):
        """What the page knows of a panel's widget."""
        model, found = panel.widget.model_id, {}
        for _, comm, _, data in list(self.messages):
            if comm == model:
                found |= data.get("state", {})
        return found

    def everything(self):
        """All that was sent, as text."""
        return repr([data for *_, data in self.messages])

    def act(self, panel, action, **message):
        """Do what a person does, from a thread of its own, as subshells do."""
        content = {"do": action, **message}
        thread = threading.Thread(
            target=panel._receive, args=(panel.widget, content, []), name="subshell"
        )
        thread.start()
        thread.join()


@pytest.fixture
def page(monkeypatch):
    """Everything that widgets send goes to this page."""
    import comm
    from comm.base_comm import BaseComm

    from nbflow.display.render import renderer

    shown = Page()

    class PageComm(BaseComm):
        def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
            shown.take(self, msg_type, data)

    monkeypatch.setattr(comm, "create_comm", PageComm)
    yield shown
    renderer.stop()


@pytest.fixture
def control(project, monkeypatch):
    """Widgets of this process, in an empty project, before a live page."""
    from nbflow.invocation.panels import LocalControl

    monkeypatch.setenv("NBFLOW_DISPLAY", "live")
    monkeypatch.setenv("NBFLOW_STABLE", "false")
    return LocalControl()
