"""A real JupyterLab in Debian's Chromium, for tests, pictures and measurements.

One server and one window serve many notebooks. Every wait is for a state that stays once it is
reached; what passes by is missed on a busy machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser, Locator, Page

CHROMIUM = os.environ.get("NBFLOW_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
)
#: Seconds after which a page, a server or a cell that does not answer is given up.
PATIENCE = 60
#: Messages a second at which this server drops messages of a kernel: a tenth of its default, so
#: that everything here holds beside a server under load.
MESSAGE_LIMIT = 100

LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"

#: Nothing reaches out, nothing covers the page, and cells below the window are in the page too.
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/extensionmanager-extension:plugin": {"enabled": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/completer-extension:manager": {"autoCompletion": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}

#: What every notebook is asked through.
_APP = "window.jupyterapp"
_PANEL = f"{_APP}.shell.currentWidget"

#: Waits for the picture of an output to be decoded and painted.
_PICTURED = """(area) => new Promise(done => {
  const look = () => {
    const image = area.querySelector('img[src^="data:image/svg"]');
    if (!image) return requestAnimationFrame(look);
    image.decode().then(() => requestAnimationFrame(() => requestAnimationFrame(done)));
  };
  look();
})"""


@dataclass(frozen=True)
class Server:
    """A JupyterLab that runs; notebooks are below `root`."""

    base: str
    token: str
    root: Path
    log: Path
    process: subprocess.Popen[bytes]

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Let all kernels and their workers stand still meanwhile; the server answers on."""
        import psutil

        stopped = psutil.Process(self.process.pid).children(recursive=True)
        for each in stopped:
            each.suspend()
        try:
            yield
        finally:
            for each in stopped:
                each.resume()


@contextlib.contextmanager
def jupyter_lab(root: Path, **environment: str) -> Iterator[Server]:
    """JupyterLab on loopback with settings of its own; ended after.

    Parameters
    ----------
    environment
        For its kernels, above this process's without pytest's marks.
    """
    home = Path(tempfile.mkdtemp(prefix="nbflow-lab-"))
    overrides = home / "config" / "labconfig" / "default_setting_overrides.json"
    overrides.parent.mkdir(parents=True)
    overrides.write_text(json.dumps(SETTINGS))
    port, token = _free_port(), secrets.token_hex(16)
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            _command(root, port),
            cwd=root,
            env=_environment(home, token) | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        server = Server(f"http://127.0.0.1:{port}", token, root, home / "log", process)
        try:
            _wait_for_answer(server)
            yield server
        finally:
            _end(process)
            shutil.rmtree(home, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _command(root: Path, port: int) -> list[str]:
    return [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--expose-app-in-browser",
        f"--ServerApp.root_dir={root}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ZMQChannelsWebsocketConnection.iopub_msg_rate_limit={MESSAGE_LIMIT}",
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]


def _environment(home: Path, token: str) -> dict[str, str]:
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "NBFLOW", "CI"))
    }
    return inherited | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTER_TOKEN": token,
        "JUPYTER_PLATFORM_DIRS": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _wait_for_answer(server: Server) -> None:
    request = urllib.request.Request(
        f"{server.base}/api/status", headers={"Authorization": f"token {server.token}"}
    )
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                answer.read()
        except OSError:
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(server.log.read_text()[-4000:]) from None
            time.sleep(0.1)  # until it answers: there is nothing to wait on
        else:
            return


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(15)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window on the screen."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=list(CHROMIUM_FLAGS)
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Lab:
    """JupyterLab in one window; notebooks are opened in it one after the other."""

    page: Page
    server: Server
    #: What the page said as an error, and what it asked of other servers.
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE * 1000)
        self.page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        self.page.on("pageerror", lambda error: self.errors.append(f"uncaught {error}"))
        self.page.on("request", self._note_foreign)

    def _note_foreign(self, request: Any) -> None:
        if not request.url.startswith((self.server.base, "data:", "blob:", "ws:")):
            self.foreign.append(request.url)

    # -- the window ------------------------------------------------------------------------------

    def start(self) -> None:
        """Load the application, with nothing open and the side bar away."""
        self.page.goto(f"{self.server.base}/lab?token={self.server.token}&reset")
        self.page.wait_for_function(f"() => {_APP}?.restored !== undefined")
        self.page.evaluate(f"() => {_APP}.restored.then(() => true)")
        self.execute("application:toggle-left-area")
        self.page.wait_for_function("() => !document.querySelector('#jp-left-stack').offsetParent")

    def execute(self, command: str, **arguments: Any) -> None:
        """Execute a command of JupyterLab and wait for its end."""
        self.page.evaluate(
            f"([name, given]) => {_APP}.commands.execute(name, given).then(() => true)",
            [command, arguments],
        )

    def set_theme(self, name: str) -> None:
        """Switch to `LIGHT` or `DARK`."""
        self.execute("apputils:change-theme", theme=name)
        self.page.wait_for_function(
            "(light) => document.body.dataset.jpThemeLight === light",
            arg=str(name == LIGHT).lower(),
        )
        # While the theme loads, moons circle over the page; they fade.
        self.page.wait_for_function("() => !document.querySelector('#jupyterlab-splash')")

    def set_width(self, width: int, height: int = 1000) -> None:
        """Give the window a size, and wait until the page is laid out in it."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.wait_for_function(
            """(width) => {
              const shell = document.querySelector('#jp-main-dock-panel').getBoundingClientRect();
              const shown = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)');
              const right = shown ? shown.getBoundingClientRect().right : shell.right;
              return shell.right > width - 60 && shell.right <= width
                && Math.abs(right - shell.right) < 10;
            }""",
            arg=width,
        )

    # -- one notebook ----------------------------------------------------------------------------

    def open(self, path: str) -> Notebook:
        """Open a notebook and wait for its kernel."""
        self.execute("docmanager:open", path=path, factory="Notebook")
        notebook = Notebook(self, path)
        notebook.wait_for_kernel()
        return notebook


@dataclass
class Notebook:
    """The notebook in front of the window."""

    lab: Lab
    path: str

    @property
    def page(self) -> Page:
        """The window's page."""
        return self.lab.page

    def wait_for_kernel(self) -> None:
        """Wait until there is a kernel and it is idle; cells sent before are lost."""
        self.page.wait_for_function(
            f"(path) => {_PANEL}?.context?.path === path && {_PANEL}.context.isReady"
            f" && {_PANEL}.sessionContext.session?.kernel?.status === 'idle'",
            arg=self.path,
        )

    def begin(self, cell: int) -> None:
        """Send a cell to the kernel and do not wait for it."""
        self.page.evaluate(
            f"""(cell) => {{
                const notebook = {_PANEL}.content;
                notebook.activeCellIndex = cell;
                notebook.deselectAll();
                window.nbflowRan = false;
                {_APP}.commands.execute('notebook:run-cell').finally(() => window.nbflowRan = true);
            }}""",
            cell,
        )

    def wait_for_end(self) -> None:
        """Wait until the cell that was begun has its reply."""
        self.page.wait_for_function("() => window.nbflowRan === true")

    def run(self, *cells: int) -> None:
        """Run cells, each to its end."""
        for cell in cells:
            self.begin(cell)
            self.wait_for_end()

    def write(self, cell: int, source: str) -> None:
        """Change the source of a cell."""
        self.page.evaluate(
            f"([cell, source]) => {_PANEL}.content.widgets[cell].model.sharedModel"
            ".setSource(source)",
            [cell, source],
        )

    def select(self, cell: int) -> None:
        """Make a cell the active one."""
        self.page.evaluate(f"(cell) => {{ {_PANEL}.content.activeCellIndex = cell; }}", cell)

    def interrupt(self) -> None:
        """Press the stop button."""
        self.page.locator(
            "[data-command='notebook:interrupt-kernel'] button, "
            "jp-button[data-command='notebook:interrupt-kernel']"
        ).first.click()

    def outputs(self, cell: int) -> Locator:
        """The output area of a cell."""
        return self._panel().locator(".jp-Cell").nth(cell).locator(".jp-Cell-outputArea")

    def final_card(self, cell: int) -> Locator:
        """The card of a run in a cell, once the run has ended."""
        card = self.outputs(cell).locator("[data-nbflow='run'][data-nbflow-final='1']").last
        card.wait_for()
        return card

    def wait_for_picture(self, cell: int) -> None:
        """Wait until the drawn graph of a cell is painted."""
        self.outputs(cell).evaluate(_PICTURED)

    def bundles(self, cell: int) -> list[dict[str, Any]]:
        """The outputs of a cell as they are saved."""
        found: list[dict[str, Any]] = self.page.evaluate(
            f"(cell) => {_PANEL}.content.widgets[cell].model.toJSON().outputs", cell
        )
        return found

    def save(self) -> bytes:
        """Save the notebook; returns what is in its file."""
        self.page.evaluate(f"() => {_PANEL}.context.save().then(() => true)")
        return self.lab.server.root.joinpath(self.path).read_bytes()

    def close(self) -> None:
        """End the kernel and close the tab; changes are thrown away."""
        self.page.evaluate(
            f"""async () => {{
                const panel = {_PANEL};
                await panel.sessionContext.shutdown();
                panel.context.model.dirty = false;
                panel.dispose();
            }}"""
        )

    def _panel(self) -> Locator:
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")


def write_notebook(path: Path, cells: Sequence[str]) -> Path:
    """A notebook of code cells, in a project of its own folder."""
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "nbflow.toml").touch()
    nbformat.write(notebook, path)
    return path
