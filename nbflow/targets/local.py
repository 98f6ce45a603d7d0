"""Files and folders of this machine as targets.

Source: Luigi G-20 to G-29. By intent otherwise: text is UTF-8, an unfinished file is never
published (see `nbflow.targets.atomic`), and its remains go at once.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
from functools import cache
from typing import IO, TYPE_CHECKING, Any

from nbflow.core.context import current, publish
from nbflow.core.errors import (
    MissingParentDirectoryError,
    NotADirectoryTargetError,
    TargetExistsError,
)
from nbflow.core.model.target import FileSystem, FileSystemTarget, temporary_name
from nbflow.targets.aside import AsideToken, clean_up_after, remove_tree
from nbflow.targets.atomic import FileDraft, write_atomically
from nbflow.targets.format import Format, get_default_format

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nbflow.core.call import FileRecord
    from nbflow.targets.snapshot import ExistenceSnapshot

_FOLDER_IN_THE_WAY = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}
_tmp_numbers = itertools.count()
_default_format = get_default_format()


class LocalFileSystem(FileSystem):
    """The file system of this machine."""

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder at `path`; a link to nothing does not count."""
        # Not os.path.exists: an exception for each file that is not there costs as much as the
        # look at it (3.0 against 1.7 us).
        try:
            return os.access(path, os.F_OK)
        except ValueError:  # a null character, as there
            return False

    def exists_many(self, paths: Iterable[str]) -> set[str]:
        """Those of `paths` that exist, with one listing for a folder that is asked often."""
        snapshot = self.snapshot()
        return {path for path in paths if snapshot.exists(path)}

    def snapshot(self) -> ExistenceSnapshot:
        """Something to ask about many paths while a run is planned; never to verify outputs."""
        from nbflow.targets.snapshot import ExistenceSnapshot

        return ExistenceSnapshot()

    def mkdir(self, path: str, parents: bool = True, raise_if_exists: bool = False) -> None:
        """Make the folder `path`; see `FileSystem.mkdir` for the errors."""
        try:
            if parents:
                os.makedirs(path)
            else:
                os.mkdir(path)
        except FileExistsError as error:
            if not os.path.isdir(path):
                raise NotADirectoryTargetError(
                    f"cannot make the folder {path}: a file has that name."
                ) from error
            if raise_if_exists:
                raise TargetExistsError(f"the folder {path} exists already.") from error
        except FileNotFoundError as error:
            raise MissingParentDirectoryError(
                f"cannot make the folder {path}: the one above it does not exist. "
                "Use parents=True to make it too."
            ) from error

    def isdir(self, path: str) -> bool:
        """Whether `path` is a folder."""
        return os.path.isdir(path)

    def listdir(self, path: str) -> Iterator[str]:
        """Paths of all files below the folder `path`, at any depth."""
        for folder, _, names in os.walk(path):
            for name in names:
                yield os.path.join(folder, name)

    def remove(self, path: str, recursive: bool = True, skip_trash: bool = True) -> None:  # noqa: ARG002 - Luigi's signature
        """Remove the file or, if `recursive`, the folder with all that is in it."""
        if recursive:
            remove_tree(path)
        else:
            os.remove(path)

    def move(self, old_path: str, new_path: str, raise_if_exists: bool = False) -> None:
        """Move a file or folder, replacing `new_path` in one step, across devices too."""
        _prepare(old_path, new_path, raise_if_exists=raise_if_exists)
        try:
            self.publish(old_path, new_path)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy(old_path, new_path)
            remove_tree(old_path)

    def copy(self, old_path: str, new_path: str, raise_if_exists: bool = False) -> None:
        """Copy a file with its permissions; `new_path` appears when it is whole."""
        _prepare(old_path, new_path, raise_if_exists=raise_if_exists)
        self._copy(old_path, new_path)

    def publish(self, temporary: str, path: str) -> None:
        """Rename `temporary` onto `path` on behalf of the running task.

        A file replaces a file in one step. A folder replaces what is there in two, the old one
        moving aside first: in between there is nothing at `path`, never a half.
        """
        context = current()
        rename = publish if context is None else context.publish
        try:
            rename(temporary, path)
        except OSError as error:
            if error.errno not in _FOLDER_IN_THE_WAY or not os.path.isdir(temporary):
                raise
            old = AsideToken(path)
            try:
                old.take()
                rename(temporary, path)
            except BaseException:
                old.restore()
                raise
            old.discard()

    def _copy(self, path: str, dest: str) -> None:
        import shutil

        temporary = temporary_name(dest)
        try:
            if os.path.isdir(path):
                shutil.copytree(path, temporary, symlinks=True)
            else:
                shutil.copy(path, temporary)
            self.publish(temporary, dest)
        except BaseException:
            if os.path.lexists(temporary):
                remove_tree(temporary)
            raise


class LocalTarget(FileSystemTarget):
    """A file or folder of this machine.

    Parameters
    ----------
    path
        Relative ones follow the working directory at the time of use; `~` is a plain character.
    format
        What stands between the user and the bytes; text in UTF-8 if not given.
    is_tmp
        Remove the file when this object goes; `path` may then be left out.
    """

    fs = LocalFileSystem()
    format: Format = _default_format
    is_tmp = False

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        format: Format | None = None,
        is_tmp: bool = False,
    ) -> None:
        if is_tmp:
            import weakref

            path = path or _temporary_file()
            self.is_tmp = True
            weakref.finalize(self, _remove_own, str(path), os.getpid())
        if not path:
            raise ValueError("LocalTarget needs a path, as in LocalTarget('data/out.csv').")
        self.path = str(path)
        if format is not None:
            self.format = format

    def open(self, mode: str = "r") -> IO[Any]:
        """Open for reading (`"r"`) or writing (`"w"`); the format decides between text and bytes.

        What is written appears at the path as a whole, at the clean end of the `with` block, and
        replaces what was there. Missing folders above it are made.
        """
        kind = mode if mode == "w" else mode.replace("b", "").replace("t", "")
        if kind == "w":
            return write_atomically(_open_draft(self), self.format)
        if kind != "r":
            raise ValueError(f"{self.path} can be opened with 'r' or 'w', not with {mode!r}.")
        pipe = self.open_bytes()
        try:
            return self.format.pipe_reader(pipe)
        except BaseException:
            pipe.close()
            raise

    def open_bytes(self) -> IO[bytes]:
        """Open for reading the bytes as they are stored, whatever the format."""
        return open(self.path, "rb")

    def file_record(self) -> FileRecord | None:
        """The file as it is now, asked with one system call; None if it does not exist.

        The size of a folder is not known and is -1. A subclass's own `exists` has its say too.
        """
        record = _record_type()
        try:
            found = os.stat(self.path)
        except (OSError, ValueError):  # as os.path.exists
            return None
        if type(self) is not LocalTarget and not self.exists():
            return None
        size = -1 if stat.S_ISDIR(found.st_mode) else found.st_size
        return record(self.path, size, found.st_mtime)

    def set_aside(self) -> AsideToken:
        """Move what is there out of the way; the token can put it back or drop it."""
        token = AsideToken(self.path)
        token.take()
        return token

    def clean_up_after(self, process: int) -> None:
        """Remove what `process`, which is gone, was writing; put back what it had moved aside."""
        clean_up_after(process, self.path)

    def makedirs(self) -> None:
        """Make the folders above the path."""
        folder = os.path.dirname(self.path.rstrip("/"))
        if folder:
            self.fs.mkdir(folder)

    def move(self, new_path: str, raise_if_exists: bool = False) -> None:
        """Move the file or folder to `new_path`; this target still names the old path."""
        self.fs.move(self.path, new_path, raise_if_exists=raise_if_exists)

    def move_dir(self, new_path: str) -> None:
        """Move the folder to `new_path`."""
        self.move(new_path)

    def copy(self, new_path: str, raise_if_exists: bool = False) -> None:
        """Copy the file to `new_path`."""
        self.fs.copy(self.path, new_path, raise_if_exists)

    @property
    def fn(self) -> str:
        """The path, by its old name."""
        import warnings

        warnings.warn("LocalTarget.fn is now LocalTarget.path", DeprecationWarning, stacklevel=2)
        return self.path


class LocalDraft(FileDraft):
    """An unfinished file beside its place."""

    def __init__(self, target: LocalTarget, temporary: str) -> None:
        self._fs = target.fs
        self._context = current()
        super().__init__(target.path, temporary)

    def publish(self) -> None:
        """Rename it on behalf of the task that runs here, or else of the one that opened it."""
        context = current() or self._context
        if context is None:
            self._fs.publish(self.temporary, self.path)
        else:
            context.publish(self.temporary, self.path)


@cache
def _record_type() -> type[FileRecord]:
    """What `file_record` makes; it comes with msgspec, which no target needs before a run."""
    from nbflow.core.call import FileRecord

    return FileRecord


def _open_draft(target: LocalTarget) -> LocalDraft:
    path = target.path
    if path[-1] == "/":
        raise IsADirectoryError(errno.EISDIR, "cannot write a file to the name of a folder", path)
    temporary = temporary_name(path)
    for _ in range(100):
        try:
            return LocalDraft(target, temporary)
        except FileExistsError:
            temporary = temporary_name(path)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG or len(os.path.basename(path)) < 150:
                # Under its own name, not that of the temporary file.
                raise OSError(error.errno, error.strerror, path) from None
            short = f".nbflow-tmp-{os.getpid()}-{next(_tmp_numbers)}"
            temporary = os.path.join(os.path.dirname(path), short)
    raise FileNotFoundError(errno.ENOENT, "its folder vanishes as often as it is made", path)


def _prepare(path: str, dest: str, *, raise_if_exists: bool) -> None:
    if raise_if_exists and os.path.lexists(dest):
        raise TargetExistsError(f"cannot write {dest} from {path}: the destination exists.")
    os.makedirs(os.path.dirname(dest.rstrip("/")) or ".", exist_ok=True)


def _temporary_file() -> str:
    import tempfile

    name = f"nbflow-tmp-{os.getpid()}-{next(_tmp_numbers)}"
    return temporary_name(os.path.join(tempfile.gettempdir(), name))


def _remove_own(path: str, process: int) -> None:
    # A forked child has a copy of the target, the file is the parent's.
    if process == os.getpid() and os.path.lexists(path):
        remove_tree(path)
