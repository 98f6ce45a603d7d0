"""`luigi.target`: targets on file systems, and the old names of their errors."""

from __future__ import annotations

from nbflow.compat.luigi._atomic_file import AtomicLocalFile
from nbflow.core.errors import MissingParentDirectoryError as MissingParentDirectory
from nbflow.core.errors import NotADirectoryTargetError as NotADirectory
from nbflow.core.errors import TargetError as FileSystemException
from nbflow.core.errors import TargetExistsError as FileAlreadyExists
from nbflow.core.model.target import FileSystem, FileSystemTarget, Target

__all__ = [
    "AtomicLocalFile",
    "FileAlreadyExists",
    "FileSystem",
    "FileSystemException",
    "FileSystemTarget",
    "MissingParentDirectory",
    "NotADirectory",
    "Target",
]
