"""An unchanged `import luigi` after `install()`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Python = Callable[..., subprocess.CompletedProcess[str]]

JOBS = """
import luigi
import luigi.util
from luigi.tools.range import RangeDaily
from luigi.mock import MockTarget

class Part(luigi.Task):
    n = luigi.IntParameter()
    suffix = luigi.Parameter(default="none")

    def output(self):
        return luigi.LocalTarget(f"out/{self.n}.txt")

    def run(self):
        with self.output().open("w") as file:
            file.write(f"{self.n} {self.suffix} {Part(7).suffix}")

@luigi.util.inherits(Part)
class All(luigi.WrapperTask):
    n = None

    def requires(self):
        return [Part(n, self.suffix) for n in range(3)]
"""


def test_luigi_and_its_submodules_are_nbflows_own(python: Python) -> None:
    """I-04: the same module objects, so that classes are the same."""
    done = python(
        "from nbflow.compat import luigi as ours; ours.install(); ours.install()\n"
        "import luigi, luigi.util, luigi.configuration.cfg_parser\n"
        "from luigi.tools.range import RangeDaily\n"
        "import nbflow, nbflow.compat.luigi.util as util, nbflow.compat.luigi.tools.range as r\n"
        "assert luigi is ours and luigi.util is util and RangeDaily is r.RangeDaily\n"
        "assert luigi.Task is nbflow.Task and luigi.__name__ == 'nbflow.compat.luigi'\n"
        "assert util.__spec__.name == 'nbflow.compat.luigi.util'\n"
        "import importlib; importlib.reload(util)\n"
    )
    assert done.returncode == 0, done.stderr


def test_install_is_refused_where_luigi_itself_is_imported(python: Python) -> None:
    """The two would be mixed."""
    done = python(
        "import warnings; warnings.simplefilter('ignore')\n"
        "import luigi\nfrom nbflow.compat import luigi as ours\n"
        "try: ours.install()\nexcept Exception as error: print(type(error).__name__, error)\n"
    )
    assert done.stdout.startswith("NotSupportedHereError luigi itself was imported already")


def test_uninstall_gives_the_real_luigi_back(python: Python) -> None:
    """For tests of both in one process."""
    done = python(
        "import warnings; warnings.simplefilter('ignore')\n"
        "from nbflow.compat import luigi as ours\n"
        "ours.install(); import luigi, luigi.util; ours.uninstall()\n"
        "import luigi\nprint(luigi is ours, luigi.__name__)\n"
    )
    assert done.stdout == "False luigi\n", done.stderr


@pytest.mark.parametrize("name", ["luigi.contrib.s3", "luigi.server", "luigi.nothing"])
def test_what_is_not_there_says_so(python: Python, name: str) -> None:
    """Absent with a clear error, and an ImportError that pipelines may catch."""
    done = python(
        "from nbflow.compat import luigi; luigi.install()\n"
        f"try: import {name}\n"
        "except ModuleNotFoundError as error: print(error.name, '|', error)\n"
    )
    found, _, text = done.stdout.partition(" | ")
    assert name.startswith(found)
    assert "is not part of nbflow's compatibility with Luigi" in text


@pytest.mark.parametrize("workers", [1, 2])
def test_an_unchanged_module_runs_in_this_process_and_in_workers(
    python: Python, tmp_path: Path, workers: int
) -> None:
    """I-04, W-37, F-19: worker processes import luigi the same way and see what was set."""
    (tmp_path / "jobs.py").write_text(JOBS)
    (tmp_path / "luigi.cfg").write_text("[Part]\nsuffix = configured\n")
    done = python(
        "from nbflow.compat import luigi; luigi.install()\n"
        "import sys; sys.path.insert(0, '')\n"
        "import jobs\n"
        "if __name__ == '__main__':\n"
        "    luigi.configuration.get_config().set('Part', 'suffix', 'set')\n"
        f"    print(luigi.build([jobs.All()], local_scheduler=True, workers={workers}))\n"
    )
    assert done.stdout.endswith("True\n"), done.stderr
    texts = [Path(tmp_path, "out", f"{n}.txt").read_text() for n in range(3)]
    assert texts == [f"{n} none set" for n in range(3)]


def test_a_finder_of_the_process_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """`install` adds one finder, `uninstall` takes it away."""
    from nbflow.compat import luigi

    before: list[Any] = list(sys.meta_path)
    hidden = {name: sys.modules[name] for name in sys.modules if name.split(".")[0] == "luigi"}
    for name in hidden:
        monkeypatch.delitem(sys.modules, name)
    luigi.install()
    assert len(sys.meta_path) == len(before) + 1
    luigi.uninstall()
    assert sys.meta_path == before
