"""Importing this module installs the alias: what worker processes do first."""

from __future__ import annotations

from nbflow.compat.luigi.alias import install

install()
