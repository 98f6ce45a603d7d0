from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from nbflow.core.errors import ConfigError
from nbflow.display.environment import DisplayMode, DisplaySettings, detect, in_kernel

KERNEL = SimpleNamespace(kernel=object(), user_ns={})
TERMINAL = SimpleNamespace(user_ns={})


@pytest.mark.parametrize(
    ("environ", "shell", "mode"),
    [
        ({"PYTEST_VERSION": "9", "JPY_SESSION_NAME": "x"}, KERNEL, "static"),
        ({"PYTEST_CURRENT_TEST": "t", "VSCODE_PID": "1"}, KERNEL, "static"),
        ({}, TERMINAL, "plain"),
        ({"SERVER_SOFTWARE": "voila/0.5"}, KERNEL, "widgets"),
        ({"VSCODE_PID": "1"}, KERNEL, "live"),
        ({"JPY_SESSION_NAME": "/a.ipynb"}, KERNEL, "live"),
        ({"JPY_SESSION_NAME": "/a.ipynb", "CI": "true"}, KERNEL, "static"),
        ({}, KERNEL, "static"),
    ],
)
def test_mode_follows_what_is_found(environ, shell, mode):
    assert detect(environ=environ, shell=shell).mode == mode


def test_vscode_is_seen_by_its_variable_in_the_namespace():
    shell = SimpleNamespace(kernel=object(), user_ns={"__vsc_ipynb_file__": "a.ipynb"})

    assert detect(environ={}, shell=shell).mode is DisplayMode.LIVE


def test_static_is_stable_unless_said_otherwise():
    assert detect("static", environ={}, shell=KERNEL) == DisplaySettings(DisplayMode.STATIC, True)
    assert not detect("live", environ={}, shell=KERNEL).stable
    assert not detect("static", stable=False, environ={}, shell=KERNEL).stable


def test_terminal_that_speaks_no_unicode_gets_ascii(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))

    assert detect("plain", environ={}, shell=TERMINAL).ascii
    assert not detect("plain", ascii=False, environ={}, shell=TERMINAL).ascii


def test_unknown_mode_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match=r"Did you mean static\?"):
        detect("statik", environ={}, shell=KERNEL)


def test_without_ipython_there_is_no_kernel():
    assert not in_kernel(TERMINAL)
    assert in_kernel(KERNEL)
