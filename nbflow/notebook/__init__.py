"""Notebooks as sources of tasks: load, export, execute."""
