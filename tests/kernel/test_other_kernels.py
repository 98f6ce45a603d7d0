"""The message-level tests on older releases of ipykernel, whose routing of messages differs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = (
    "tests/kernel/test_background.py",
    "tests/kernel/test_loading.py",
    "tests/kernel/test_rates.py",
    "tests/kernel/test_redefinition_kernel.py",
    "tests/kernel/test_stop.py",
    "tests/magics/test_kernel.py",
    "tests/magics/test_live_kernel.py",
    "tests/widgets/test_widgets_kernel.py",
)


@pytest.fixture
def python_with(tmp_path):
    """An interpreter that has all packages of this one, but for the ipykernel that is asked for."""

    def make(version):
        venv = tmp_path / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
        python = venv / "bin" / "python"
        install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps"]
        subprocess.run([*install, "--python", python, f"ipykernel=={version}"], check=True)
        (packages,) = venv.glob("lib/python*/site-packages")
        # After its own packages come ours, and what ours name by .pth files: nbflow itself.
        ours = sysconfig.get_path("purelib")
        (packages / "others.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
        # The layout engine is found beside the interpreter.
        engine = Path(sysconfig.get_path("scripts"), "graphviz-pure")
        (venv / "bin" / engine.name).symlink_to(engine)
        found = subprocess.run(
            [python, "-c", "import ipykernel, nbflow; print(ipykernel.__version__)"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert found.stdout.strip() == version
        return python

    return make


@pytest.mark.nightly
@pytest.mark.parametrize("version", ["6.31.0", "7.3.0"])
def test_messages_are_as_promised_on_another_ipykernel(version, python_with):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS],
        cwd=ROOT,
        env=environment | {"NBFLOW_KERNEL_PYTHON": str(python_with(version))},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )

    passed = re.search(r"(\d+) passed", done.stdout)
    print(f"T-10 ipykernel {version}: {passed[0] if passed else done.stdout[-500:]}")
    assert done.returncode == 0, done.stdout[-6000:]
