"""Widgets where a person acts; empty until the notebook experience fills it."""
