"""An output moved out of the way while a forced run makes it anew, and what a dead process left."""

from __future__ import annotations

import os

from nbflow.core.model.target import UNFINISHED, temporary_name

#: Bytes that leave room for what is put around a name, of the 255 that file systems allow.
_LONGEST_NAME = 240
_ASIDE = "-aside"


class AsideToken:
    """What stood at `path`; after `take`, exactly one of `restore` and `discard` follows.

    The old file or folder waits beside its place under a hidden name, `kept`. If there was
    nothing, then there is nothing to restore or discard either.
    """

    __slots__ = ("kept", "path")

    def __init__(self, path: str, kept: str = "") -> None:
        self.path = path.rstrip("/")
        self.kept = kept or _name_aside(self.path)

    @property
    def holds_output(self) -> bool:
        """Whether an old output waits here."""
        # Asked of the disk, not remembered: an interrupt may come right after a rename.
        return os.path.lexists(self.kept)

    def take(self) -> None:
        """Move what stands at the path to its hidden name, if anything does."""
        try:
            os.rename(self.path, self.kept)
        except FileNotFoundError:
            return
        except BaseException:
            self.restore()
            raise

    def restore(self) -> None:
        """Put the old output back in place of whatever stands there now."""
        if not self.holds_output:
            return
        newer = AsideToken(self.path)
        if os.path.isdir(self.path) or os.path.isdir(self.kept):
            newer.take()
        os.replace(self.kept, self.path)
        newer.discard()

    def discard(self) -> None:
        """Drop the old output."""
        if self.holds_output:
            remove_tree(self.kept)


def clean_up_after(process: int, path: str) -> None:
    """Undo what `process`, which is gone, left of its work at `path`.

    What it was writing is removed, and what it had moved aside is put back. Files that were kept
    under a short name, since their own is nearly as long as a name can be, are left.
    """
    folder, name = os.path.split(path.rstrip("/"))
    unfinished = f"{name}{UNFINISHED}{process}-"
    try:
        found = os.listdir(folder or ".")
    except FileNotFoundError:
        return
    for entry in found:
        if entry.startswith(unfinished):
            remove_tree(os.path.join(folder, entry))
        elif entry.startswith("." + unfinished) and entry.endswith(_ASIDE):
            AsideToken(path, os.path.join(folder, entry)).restore()


def _name_aside(path: str) -> str:
    folder, name = os.path.split(temporary_name(path))
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = name[name.rindex(UNFINISHED) :]
    return os.path.join(folder, f".{name}{_ASIDE}")


def remove_tree(path: str) -> None:
    """Remove the file, link or folder at `path`."""
    if os.path.isdir(path) and not os.path.islink(path):
        import shutil

        shutil.rmtree(path)
    else:
        os.remove(path)
