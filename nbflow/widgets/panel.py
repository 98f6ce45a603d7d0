"""What all widgets are: state that goes out by one thread, and actions that come in as messages.

A panel is a plain object. Its widget is made when a page shows it, in the thread of the cell, and
never where nobody watches: there the panel is shown as HTML and text. Only the renderer's thread
writes to the widget; only the page sends messages, and a message is answered by setting what
`state` reads, under the panel's lock.

Private values are no part of a state.
"""

from __future__ import annotations

import logging
import threading
import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from nbflow.core.errors import NotSupportedHereError
from nbflow.display import html
from nbflow.display.environment import DisplayMode, detect
from nbflow.display.render import ERRORS, HEARTBEAT, renderer
from nbflow.widgets.front_end import widget_class

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbflow.display.environment import DisplaySettings

logger = logging.getLogger("nbflow.widgets")

_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class Panel:
    """A view of something, in a page and as it is saved.

    Parameters
    ----------
    settings
        How things are drawn here; None: as it is found.
    """

    #: Name of the page's code.
    view: ClassVar[str] = ""
    #: Names in the state, each a trait of the widget.
    fields: ClassVar[tuple[str, ...]] = ()
    #: Seconds between two updates, at least.
    interval = 0.2

    def __init__(self, settings: DisplaySettings | None = None) -> None:
        self.settings = detect() if settings is None else settings
        #: Unique on a page; the id of the output too.
        self.scope = f"nbf{uuid.uuid4().hex[:8]}"
        #: Held for as long as it takes to read or change what `state` reads.
        self.lock = threading.RLock()
        self.changed = False
        self.urgent = False
        self._visible = True
        self._widget: Any = None
        self._sent: dict[str, Any] = {}
        self._sending = threading.Lock()
        self._failures = 0

    # -- what a subclass says --------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What the page shows, as JSON values by the names in `fields`."""
        raise NotImplementedError

    def html(self) -> str:
        """The panel without a kernel, as HTML that needs no script."""
        raise NotImplementedError

    def text(self) -> str:
        """The panel as text; the same for the same content."""
        raise NotImplementedError

    def act(self, action: str, message: Mapping[str, Any]) -> None:
        """Do what a person asked for; called in any thread, and must not take long."""

    @property
    def follows(self) -> bool:
        """Whether it shows something that goes on, so that time alone changes it."""
        return False

    # -- showing ---------------------------------------------------------------------------------

    @property
    def is_live(self) -> bool:
        """Whether somebody can act on it: a page with a kernel behind it."""
        return self.settings.mode in {DisplayMode.LIVE, DisplayMode.WIDGETS}

    @property
    def widget(self) -> Any:
        """The widget itself, to be put into a layout of ipywidgets; made when first asked for.

        Raises
        ------
        RuntimeError
            It is asked for outside of the thread of cells.
        """
        if self._widget is None:
            if threading.current_thread() is not threading.main_thread():
                raise RuntimeError("a widget is made by a cell, not by another thread")
            state = self.state()
            widget = widget_class(self.view, self.fields)(**state)
            widget.on_msg(self._receive)
            self._sent = state
            self._widget = widget
            self.touch(urgent=False)
        return self._widget

    def bundle(self) -> dict[str, Any]:
        """What a cell shows: the widget's view where somebody can act, and HTML and text."""
        data: dict[str, Any] = {"text/plain": self.text(), "text/html": self.html()}
        if not self.is_live:
            return data
        try:
            model_id = self.widget.model_id
        except NotSupportedHereError as error:
            # What it would show can still be read.
            data["text/plain"] += f"\n({error})"
            data["text/html"] += html.note_html(str(error))
            return data
        data[_WIDGET_VIEW] = {"version_major": 2, "version_minor": 0, "model_id": model_id}
        return data

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return self.bundle()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        if self.settings.mode is DisplayMode.PLAIN:
            print(self.text())  # noqa: T201 - a terminal's output
            return
        display(self.bundle(), raw=True, display_id=self.scope)
        _shown.note(self)

    def __repr__(self) -> str:
        return self.text()

    def close(self, *, replace: bool = True) -> None:
        """Take the widget back; its output shows what it showed last, as HTML.

        Parameters
        ----------
        replace
            False where the output is gone already.
        """
        renderer.forget(self)
        with self._sending:
            widget, self._widget = self._widget, None
            if widget is None:
                return
            if replace:
                self._replace()
            # Its layout is a model of its own, and would stay.
            widget.layout.close()
            widget.close()

    def _replace(self) -> None:
        """Put HTML and text into every output that shows the widget."""
        from IPython.core.interactiveshell import InteractiveShell

        if InteractiveShell.initialized():
            InteractiveShell.instance().display_pub.publish(
                data={"text/html": self.html(), "text/plain": self.text()},
                metadata={},
                transient={"display_id": self.scope},
                update=True,
            )
            renderer.count()

    @property
    def visible(self) -> bool:
        """Whether it is to be seen; what is not is not kept up to date."""
        return self._visible

    @visible.setter
    def visible(self, visible: bool) -> None:
        self._visible = visible
        if visible:
            self.touch()

    # -- updates ---------------------------------------------------------------------------------

    def touch(self, *, urgent: bool = True) -> None:
        """Let the page be brought up to date soon; cheap, in any thread."""
        self.changed = True
        if self._widget is None or not self._visible:
            return
        self.urgent = self.urgent or urgent
        renderer.add(self)
        if not renderer.is_running:
            self.draw()  # a platform without threads
        elif urgent:
            renderer.wake()

    def draw(self) -> None:
        """Send what has changed; called by the renderer."""
        self.changed = self.urgent = False
        self._send(self.state())
        if not (self.follows and self._visible):
            renderer.forget(self)
            if self.changed and self._visible:
                renderer.add(self)  # it changed meanwhile

    def finish(self) -> None:
        """Send the last state."""
        self._send(self.state())

    def resend(self) -> None:
        """Send the last state as a whole: the server may have dropped it."""
        with self._sending:
            if self._widget is not None:
                self._widget.send_state(list(self.fields))
                renderer.count()

    def is_due(self, now: float, drawn_at: float, interval: float) -> bool:
        """Whether it is time to send."""
        if self.urgent:
            return now - drawn_at >= self.interval
        return now - drawn_at >= (interval if self.changed else max(interval, HEARTBEAT))

    def _send(self, state: Mapping[str, Any]) -> None:
        with self._sending:
            widget = self._widget
            if widget is None or self._failures >= ERRORS:
                return
            changed = {k: v for k, v in state.items() if self._sent.get(k, self) != v}
            if not changed:
                return
            self._sent = dict(state)
            try:
                # One message; nobody else writes to these traits.
                with widget.hold_sync():
                    for name, value in changed.items():
                        setattr(widget, name, value)
            except Exception:
                self._failures += 1
                logger.exception("a widget could not be updated")
            renderer.count()

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Take a message of the page: whatever is wrong, no output lands in a cell."""
        action = content.get("do") if isinstance(content, dict) else None
        if not isinstance(action, str):
            return
        try:
            self.act(action, content)
        except Exception:
            logger.exception("%s could not be done", action)
        self.touch()


class _Shown:
    """Which panels a cell shows: when it is run again, those that it showed before are closed.

    A page keeps the widgets of an output that is gone, and the kernel would keep them up to date.
    """

    def __init__(self) -> None:
        #: Id of the execution, and what it has shown, by cell.
        self._by_cell: dict[str, tuple[str, list[Panel]]] = {}

    def note(self, panel: Panel) -> None:
        """Take note that the cell which runs shows `panel`."""
        cell, execution = _running_cell()
        if not cell:
            return
        earlier, panels = self._by_cell.get(cell, ("", []))
        if earlier != execution:
            for old in panels:
                if old is not panel:
                    old.close(replace=False)
            panels = []
        self._by_cell[cell] = execution, [*panels, panel]


_shown = _Shown()


def _running_cell() -> tuple[str, str]:
    """Ids of the cell and of its execution; empty where the front end does not tell them."""
    from IPython.core.interactiveshell import InteractiveShell

    shell: Any = InteractiveShell.instance() if InteractiveShell.initialized() else None
    parent = getattr(shell, "parent_header", None) or {}
    cell = str(parent.get("metadata", {}).get("cellId", ""))
    return cell, str(parent.get("header", {}).get("msg_id", ""))
