"""Files on any store that fsspec can reach: S3, Google Cloud Storage, SFTP, memory and others.

What is written collects in a local file first and goes to the store as a whole at the clean end:
in one upload where the store shows an object only when it is complete, else under a temporary name
that is then moved. Streams of the stores themselves publish what they have when an exception ends
their `with` block, and are not used for writing.
"""

from __future__ import annotations

import itertools
import os
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any

from nbflow.core.errors import PluginError, TargetError, did_you_mean
from nbflow.core.model.target import FileSystem, FileSystemTarget, temporary_name
from nbflow.targets.atomic import FileDraft, write_atomically
from nbflow.targets.format import Format, get_default_format

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nbflow.core.call import FileRecord

#: Stores where an upload is visible when it is complete, and not before.
OBJECT_STORES = frozenset(["abfs", "abfss", "az", "gcs", "gs", "oci", "oss", "s3", "s3a"])
#: Questions about one folder that are asked one by one; a listing costs about as much as a few.
QUESTIONS_BEFORE_LISTING = 4
#: Seconds in which a store answers a question, and the bytes a second that it takes at least: where
#: a server stands still in the middle of an upload its client would wait for ever.
ANSWER_SECONDS = 60.0
SLOWEST = 100_000
#: Scheme to the package that serves it and the extra of nbflow that installs it.
_PACKAGES = {
    "abfs": ("adlfs", "azure"),
    "abfss": ("adlfs", "azure"),
    "az": ("adlfs", "azure"),
    "gcs": ("gcsfs", "gcs"),
    "gs": ("gcsfs", "gcs"),
    "s3": ("s3fs", "s3"),
    "s3a": ("s3fs", "s3"),
}
_numbers = itertools.count()


class FsspecFileSystem(FileSystem):
    """The stores that fsspec reaches, by URL.

    Parameters
    ----------
    storage_options
        Go to the store's own file system, such as `endpoint_url` or `key` for S3.

    Whatever a store raises becomes a TargetError, except that a missing file is FileNotFoundError.
    """

    def __init__(self, **storage_options: Any) -> None:
        self.storage_options = storage_options

    def locate(self, url: str) -> tuple[Any, str]:
        """The store's file system (of fsspec) and the path inside it.

        Raises
        ------
        PluginError
            Nothing serves the scheme, or its package is not installed.
        """
        from fsspec.core import url_to_fs

        try:
            store, path = url_to_fs(url, **self.storage_options)
        except ImportError as error:
            raise _missing_package(url, error) from error
        except ValueError as error:
            if "not known" not in str(error):
                raise
            raise _unknown_scheme(url) from error
        return store, path

    def info(self, url: str) -> dict[str, Any] | None:
        """What the store says about `url` now; None if there is nothing."""
        store, path = self.locate(url)
        with _explaining("look at", url):
            store.invalidate_cache(store._parent(path))
            try:
                found: dict[str, Any] = store.info(path, **_limit(store))
            except (FileNotFoundError, NotADirectoryError):
                return None
            return found

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder. A store that cannot be asked is a TargetError."""
        return self.info(path) is not None

    def exists_many(self, paths: Iterable[str]) -> set[str]:
        """Those of `paths` that exist, with one listing for a folder that is asked often."""
        folders: dict[str, list[str]] = {}
        for url in paths:
            folders.setdefault(_split(url)[0], []).append(url)
        found: set[str] = set()
        for folder, urls in folders.items():
            if len(urls) <= QUESTIONS_BEFORE_LISTING:
                found.update(url for url in urls if self.exists(url))
            else:
                names = self._names(folder)
                found.update(url for url in urls if _split(url)[1] in names)
        return found

    def _names(self, folder: str) -> set[str]:
        store, path = self.locate(folder)
        with _explaining("list", folder):
            store.invalidate_cache(path)
            try:
                listed = store.ls(path, detail=False)
            except (FileNotFoundError, NotADirectoryError):
                return set()
            return {_split(name)[1] for name in listed}

    def remove(self, path: str, recursive: bool = True, skip_trash: bool = True) -> None:  # noqa: ARG002 - Luigi's signature
        """Remove the file or, if `recursive`, everything below the path."""
        store, inside = self.locate(path)
        with _explaining("remove", path):
            store.rm(inside, recursive=recursive)

    def mkdir(self, path: str, parents: bool = True, raise_if_exists: bool = False) -> None:
        """Make a folder, where the store has folders; object stores do not."""
        store, inside = self.locate(path)
        if _is_object_store(store):
            return
        with _explaining("make the folder", path):
            if parents:
                store.makedirs(inside, exist_ok=not raise_if_exists)
            elif raise_if_exists or not store.isdir(inside):
                store.mkdir(inside, create_parents=False)

    def isdir(self, path: str) -> bool:
        """Whether the path is a folder, or the beginning of objects."""
        found = self.info(path)
        return found is not None and found.get("type") == "directory"

    def listdir(self, path: str) -> list[str]:
        """URLs of all files below the path, at any depth."""
        store, inside = self.locate(path)
        with _explaining("list", path):
            store.invalidate_cache(inside)
            return [store.unstrip_protocol(name) for name in store.find(inside)]

    def move(self, path: str, dest: str) -> None:
        """Move within one store; object stores copy, then remove."""
        store, inside = self.locate(path)
        with _explaining("move", path):
            store.mv(inside, self.locate(dest)[1], recursive=bool(store.isdir(inside)))

    def copy(self, path: str, dest: str) -> None:
        """Copy a file within one store."""
        store, inside = self.locate(path)
        with _explaining("copy", path):
            store.copy(inside, self.locate(dest)[1])

    def upload(self, file: str, url: str) -> None:
        """Let the local `file` appear at `url` as a whole, replacing what is there."""
        store, path = self.locate(url)
        with _explaining("publish", url):
            if _is_object_store(store):
                store.put_file(file, path, **_limit(store, os.path.getsize(file)))
            elif _can_rename(store):
                _put_and_rename(store, file, path)
            else:
                with open(file, "rb") as source:
                    store.pipe_file(path, source.read())
            store.invalidate_cache(store._parent(path))


class FsspecTarget(FileSystemTarget):
    """A file on a store that fsspec reaches.

    Parameters
    ----------
    url
        Such as `s3://bucket/key`, `sftp://host/path` or `memory://name`.
    format
        As for `LocalTarget`.
    storage_options
        Go to the store's file system. Two targets of one URL are equal whatever these say.
    """

    def __init__(self, url: str, format: Format | None = None, **storage_options: Any) -> None:
        super().__init__(url)
        self.format = get_default_format() if format is None else format
        self._fs = FsspecFileSystem(**storage_options)

    @property
    def fs(self) -> FsspecFileSystem:
        """The file system behind the URL."""
        return self._fs

    def open(self, mode: str = "r") -> IO[Any]:
        """Open for reading (`"r"`) or writing (`"w"`), with `LocalTarget`'s rules.

        Raises
        ------
        TargetError
            The store does not answer or refuses; when writing, at the end of the block.
        PluginError
            Its package is not installed.
        """
        kind = mode.replace("b", "").replace("t", "")
        if kind == "w":
            self.fs.locate(self.path)  # what is missing is told before the work, not after
            return write_atomically(RemoteDraft(self), self.format)
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
        store, path = self.fs.locate(self.path)
        with _explaining("read", self.path):
            store.invalidate_cache(store._parent(path))
            stream: IO[bytes] = store.open(path, "rb")
            return stream

    def file_record(self) -> FileRecord | None:
        """The file as it is now, asked with one look; None if it is not there.

        Raises
        ------
        TargetError
            The store cannot be asked.
        """
        from nbflow.core.call import FileRecord

        found = self.fs.info(self.path)
        if found is None or (type(self) is not FsspecTarget and not self.exists()):
            return None
        size = found.get("size") if found.get("type") == "file" else None
        return FileRecord(self.path, -1 if size is None else int(size), _modified(found))


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class RemoteDraft(FileDraft):
    """An unfinished file, collected in the local folder for temporary files."""

    def __init__(self, target: FsspecTarget) -> None:
        import tempfile

        # A name that nobody can guess, in a folder that everybody may write to.
        name = f"nbflow-tmp-{os.getpid()}-{next(_numbers)}-{os.urandom(8).hex()}"
        self._fs = target.fs
        super().__init__(target.path, os.path.join(tempfile.gettempdir(), name), _open_private)

    def publish(self) -> None:
        """Upload it, and remove it here."""
        self._fs.upload(self.temporary, self.path)
        self.discard()


def _split(url: str) -> tuple[str, str]:
    folder, _, name = url.rstrip("/").rpartition("/")
    return (f"{folder}/" if folder.endswith(":/") else folder), name


def _is_object_store(store: Any) -> bool:
    protocol = store.protocol
    names = (protocol,) if isinstance(protocol, str) else protocol
    return not OBJECT_STORES.isdisjoint(names)


def _limit(store: Any, size: int = 0) -> dict[str, float]:
    """Time limit of a call that moves `size` bytes, where the store's class can keep one."""
    return {"timeout": ANSWER_SECONDS + size / SLOWEST} if store.async_impl else {}


def _can_rename(store: Any) -> bool:
    """Whether moving is more than fsspec's copy and remove, which would not be atomic."""
    from fsspec.spec import AbstractFileSystem

    kind = type(store)
    moves = kind.mv is not AbstractFileSystem.mv
    return moves or getattr(kind, "mv_file", None) is not getattr(
        AbstractFileSystem, "mv_file", None
    )


def _put_and_rename(store: Any, file: str, path: str) -> None:
    temporary = temporary_name(path)
    store.makedirs(store._parent(path), exist_ok=True)
    try:
        store.put_file(file, temporary)
        try:
            store.mv(temporary, path)
        except OSError:
            # Some servers do not rename onto a file that exists.
            if not store.exists(path):
                raise
            store.rm_file(path)
            store.mv(temporary, path)
    except BaseException:
        with suppress(Exception):
            store.rm_file(temporary)
        raise


def _modified(found: dict[str, Any]) -> float:
    """Unix seconds; stores say it under several names and in several ways."""
    for key in ("mtime", "LastModified", "last_modified", "updated", "created"):
        value = found.get(key)
        if isinstance(value, int | float):
            return float(value)
        if isinstance(value, datetime):
            return value.timestamp()
    return 0.0


@contextmanager
def _explaining(verb: str, url: str) -> Iterator[None]:
    """Turn whatever a store's client raises into a TargetError that names the URL."""
    try:
        yield
    except (FileNotFoundError, TargetError, PluginError) as error:
        if verb == "publish":
            raise TargetError(f"cannot publish {url}: {error}. Does its bucket exist?") from error
        raise
    except Exception as error:
        from fsspec.exceptions import FSTimeoutError

        if isinstance(error, FSTimeoutError):
            raise TargetError(
                f"cannot {verb} {url}: the store did not answer within {ANSWER_SECONDS:g} s, or "
                f"took less than {SLOWEST // 1000} kB a second. Run again when it does."
            ) from error
        # Clients of stores raise classes of their own (botocore, google, paramiko, ...).
        raise TargetError(f"cannot {verb} {url}: {type(error).__name__}: {error}") from error


def _missing_package(url: str, error: ImportError) -> PluginError:
    scheme = url.partition("://")[0].rpartition("::")[2]
    if scheme in _PACKAGES:
        package, extra = _PACKAGES[scheme]
        return PluginError(
            f"{scheme}:// needs the package {package!r}: pip install 'nbflow[{extra}]'"
        )
    return PluginError(f"{scheme}:// cannot be used: {error}")


def _unknown_scheme(url: str) -> PluginError:
    from fsspec.registry import known_implementations

    scheme = url.partition("://")[0].rpartition("::")[2]
    return PluginError(
        f"nothing serves {scheme}:// ({url})." + did_you_mean(scheme, known_implementations)
    )
