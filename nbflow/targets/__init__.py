"""Targets that can be read and written: files, memory, and their formats."""
