"""Streams of events to record, and where."""

from __future__ import annotations

import os
import runpy

import pytest

Stream = runpy.run_path(os.path.join(os.path.dirname(__file__), "streams.py"))["Stream"]


@pytest.fixture
def make_stream():
    """The class that makes a run's events."""
    return Stream


@pytest.fixture
def stream():
    """The events of one run, made one by one."""
    return Stream()


@pytest.fixture
def path(tmp_path):
    """Where a project's database lies."""
    return str(tmp_path / ".nbflow" / "nbflow.db")
