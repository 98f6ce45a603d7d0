"""Luigi's files that are moved into place at their end, and their base class (G-15).

nbflow's rule holds for them, too: what is closed while an exception is on its way is discarded.
"""

from __future__ import annotations

import io
import os
import tempfile
from typing import TYPE_CHECKING
from weakref import ref

from nbflow.core.model.target import temporary_name
from nbflow.targets.atomic import AtomicBytes, FileDraft

if TYPE_CHECKING:
    from nbflow.targets.atomic import Draft


class AtomicLocalFile(AtomicBytes):
    """A binary file that is written to `tmp_path`; a subclass says where it goes from there.

    A subclass overrides `move_to_final_destination`, and `generate_tmp_path` where the file is not
    to lie in the folder for temporary files.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._tmp_path = self.generate_tmp_path(path)
        draft: Draft = _Draft(self, path, self._tmp_path)
        stream = io.BufferedWriter(draft.raw)
        super().__init__(stream, stream, draft)

    @property
    def tmp_path(self) -> str:
        """Where the bytes are while the file is open."""
        return self._tmp_path

    def generate_tmp_path(self, path: str) -> str:
        """A name that nobody else has, in the folder for temporary files."""
        return os.path.join(tempfile.gettempdir(), os.path.basename(temporary_name(path)))

    def move_to_final_destination(self) -> None:
        """Let the whole file appear as `path`; called once, after it was closed."""
        raise NotImplementedError(f"{type(self).__name__} has no move_to_final_destination()")


class atomic_file(AtomicLocalFile):  # noqa: N801 - Luigi's name
    """A binary file of this machine that appears at its clean end."""

    def generate_tmp_path(self, path: str) -> str:
        """A name beside `path`, from which it can be renamed."""
        return temporary_name(path)

    def move_to_final_destination(self) -> None:
        """Rename it, onto what is there."""
        os.replace(self.tmp_path, self.path)


class _Draft(FileDraft):
    def __init__(self, file: AtomicLocalFile, path: str, temporary: str) -> None:
        # Weak, so that a file that nobody holds any more is removed at once.
        self._file = ref(file)
        super().__init__(path, temporary)

    def publish(self) -> None:
        """Let the file move itself."""
        file = self._file()
        assert file is not None, "it is what calls this"
        file.move_to_final_destination()
        self.discard()
