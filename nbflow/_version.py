"""The version of nbflow, read by the build and by `nbflow --version`."""

__version__ = "0.1.0"
