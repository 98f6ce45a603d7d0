"""An output moved out of the way while a forced run makes it anew."""

from __future__ import annotations

import os

from nbflow.core.model.target import temporary_name

#: Bytes that leave room for what is put around a name, of the 255 that file systems allow.
_LONGEST_NAME = 240


class AsideToken:
    """What stood at `path`, or that nothing did; exactly one of `restore`, `discard` follows.

    The old file or folder waits beside its place under a hidden name, which `kept` tells.
    """

    __slots__ = ("kept", "path")

    def __init__(self, path: str) -> None:
        self.path = path.rstrip("/")
        folder, name = os.path.split(temporary_name(self.path))
        if len(os.fsencode(name)) > _LONGEST_NAME:
            name = name[name.rindex("-nbflow-tmp-") :]
        kept = os.path.join(folder, f".{name}-aside")
        self.kept: str | None = kept
        try:
            os.rename(self.path, kept)
        except FileNotFoundError:
            self.kept = None

    def restore(self) -> None:
        """Put the old output back in place of whatever stands there; nothing, if there was none."""
        if self.kept is None:
            return
        in_the_way = os.path.isdir(self.path) or os.path.isdir(self.kept)
        newer = AsideToken(self.path) if in_the_way else None
        os.replace(self.kept, self.path)
        self.kept = None
        if newer is not None:
            newer.discard()

    def discard(self) -> None:
        """Drop the old output."""
        if self.kept is None:
            return
        remove_tree(self.kept)
        self.kept = None


def remove_tree(path: str) -> None:
    """Remove the file, link or folder at `path`."""
    if os.path.isdir(path) and not os.path.islink(path):
        import shutil

        shutil.rmtree(path)
    else:
        os.remove(path)
