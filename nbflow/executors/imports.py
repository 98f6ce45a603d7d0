"""Modules that every worker process imports before its first task."""

from __future__ import annotations

in_workers: list[str] = []
