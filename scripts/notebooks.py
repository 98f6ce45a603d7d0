"""Execute notebooks: `show` prints what its cells show, `save` stores the outputs in the file.

`show` runs in the notebook's folder and leaves the file as it is. `save` runs a copy in a folder of
its own, in the static and stable form that the tests compare, so that saving twice changes nothing.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

#: Seconds that one cell may take.
CELL_TIMEOUT = 600


def execute(notebook: Any, folder: Path) -> None:
    """Run all cells in a new kernel whose working directory is `folder`."""
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        # ipykernel warns of every connection over TCP, also on this machine alone.
        extra_arguments=["--log-level=ERROR"],
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()


def text_of(output: Any) -> str:
    """What an output says as plain text."""
    if output["output_type"] == "stream":
        return str(output["text"]).rstrip("\n")
    return str(output.get("data", {}).get("text/plain", "")).rstrip("\n")


def show(path: Path) -> None:
    """Run the notebook where it lies and print its cells with their outputs."""
    notebook = nbformat.read(path, as_version=4)
    execute(notebook, path.parent.resolve())
    for cell in notebook.cells:
        texts = [text_of(output) for output in cell.get("outputs", ())]
        if not any(texts):
            continue
        print(*(f">>> {line}" for line in cell.source.splitlines()), sep="\n")
        print(*filter(None, texts), sep="\n", end="\n\n")


def save(path: Path) -> None:
    """Run a copy of the notebook in an empty folder and store its outputs in the file."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory(prefix="notebook-") as folder:
        shutil.copy(path, folder)  # one of them runs itself from the command line
        execute(notebook, Path(folder))
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, path)


def main(arguments: list[str]) -> int:
    """Show or save the notebooks named."""
    action = {"show": show, "save": save}[arguments[0]]
    if action is save:
        os.environ["NBFLOW_DISPLAY"] = "static"
    for name in arguments[1:]:
        action(Path(name))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
