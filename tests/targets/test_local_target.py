"""Files and folders of this machine: paths, moving, folders, records."""

# ruff: noqa: PT012, SIM117 - what happens inside the blocks is what is tested

from __future__ import annotations

import copy
import gc
import os
import pickle

import pytest

from nbflow.core.context import TaskContext, running
from nbflow.core.errors import (
    MissingParentDirectoryError,
    NotADirectoryTargetError,
    TargetExistsError,
)
from nbflow.targets.format import Nop
from nbflow.targets.local import LocalFileSystem, LocalTarget
from nbflow.targets.mock import MockTarget

fs = LocalFileSystem()


def put(path, text="old"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_target_needs_a_path():
    with pytest.raises(ValueError, match="needs a path"):
        LocalTarget()
    with pytest.raises(ValueError, match="needs a path"):
        LocalTarget("")


def test_path_objects_and_text_are_equal_targets(tmp_path):
    target = LocalTarget(tmp_path / "a")
    assert target.path == str(target) == str(tmp_path / "a")
    assert target == LocalTarget(str(tmp_path / "a"), format=Nop)
    assert len({target, LocalTarget(tmp_path / "a")}) == 1
    assert target != LocalTarget(tmp_path / "b")
    assert pickle.loads(pickle.dumps(target)) == copy.deepcopy(target) == target


def test_letters_b_and_t_of_the_mode_change_nothing(tmp_path):
    target = LocalTarget(tmp_path / "a")
    with target.open("wb") as f:
        f.write("text")
    with target.open("rt") as f, target.open("rb") as g:
        assert f.read() == g.read() == "text"


@pytest.mark.parametrize("mode", ["a", "w+", "r+", "x", ""])
def test_other_modes_are_refused(tmp_path, mode):
    with pytest.raises(ValueError, match="'r' or 'w'"):
        LocalTarget(tmp_path / "a").open(mode)


def test_text_is_utf8_and_keeps_its_line_ends(tmp_path):
    with LocalTarget(tmp_path / "a").open("w") as f:
        f.write("ü\r\n€\n")
    assert (tmp_path / "a").read_bytes() == "ü\r\n€\n".encode()
    with LocalTarget(tmp_path / "a").open() as f:
        assert list(f) == ["ü\n", "€\n"]


def test_unfinished_file_stands_beside_its_place(tmp_path):
    with LocalTarget(tmp_path / "a").open("w"):
        (name,) = os.listdir(tmp_path)
        assert name.startswith("a-nbflow-tmp-")


def test_missing_folders_are_made_when_writing(tmp_path):
    target = LocalTarget(tmp_path / "x" / "y" / "a")
    with target.open("w") as f:
        f.write("1")
    assert target.exists()


def test_relative_path_without_folder_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with LocalTarget("~").open("w") as f:
        f.write("1")
    assert os.listdir() == ["~"]
    LocalTarget("~").makedirs()
    LocalTarget("~").copy("b")
    LocalTarget("b").move("c")
    assert sorted(os.listdir()) == ["c", "~"]


def test_file_has_the_permissions_of_any_new_file(tmp_path):
    with LocalTarget(tmp_path / "a").open("w"):
        pass
    (tmp_path / "plain").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("length", [200, 240, 255])
def test_longest_names_work(tmp_path, length):
    target = LocalTarget(tmp_path / ("n" * length))
    with target.open("w") as f:
        f.write("1")
    token = target.set_aside()
    assert not target.exists()
    token.restore()
    assert os.listdir(tmp_path) == ["n" * length]


def test_name_of_a_folder_cannot_be_written(tmp_path):
    with pytest.raises(IsADirectoryError):
        LocalTarget(f"{tmp_path}/new/").open("w")
    (tmp_path / "folder").mkdir()
    put(tmp_path / "folder" / "precious")
    with pytest.raises(IsADirectoryError), LocalTarget(tmp_path / "folder").open("w") as f:
        f.write("x")
    assert os.listdir(tmp_path) == ["folder"]
    assert os.listdir(tmp_path / "folder") == ["precious"]


def test_error_names_the_path_that_was_asked_for(tmp_path):
    put(tmp_path / "file")
    with pytest.raises(NotADirectoryError) as caught:
        LocalTarget(tmp_path / "file" / "a").open("w")
    assert caught.value.filename == str(tmp_path / "file" / "a")
    with pytest.raises(FileNotFoundError) as caught:
        LocalTarget(tmp_path / "missing").open("r")
    assert caught.value.filename == str(tmp_path / "missing")


def test_left_over_of_a_process_with_our_pid_is_not_touched(tmp_path, monkeypatch):
    names = iter(["a-tmp-1", "a-tmp-2"])
    monkeypatch.setattr(
        "nbflow.targets.local.temporary_name", lambda path: str(tmp_path / next(names))
    )
    put(tmp_path / "a-tmp-1", "of another")
    with LocalTarget(tmp_path / "a").open("w") as f:
        f.write("mine")
    assert (tmp_path / "a-tmp-1").read_text() == "of another"
    assert (tmp_path / "a").read_text() == "mine"


def test_two_writers_never_mix_and_the_last_close_wins(tmp_path):
    target = LocalTarget(tmp_path / "a")
    with target.open("w") as f:
        with target.open("w") as g:
            g.write("inner")
            f.write("outer")
        assert (tmp_path / "a").read_text() == "inner"
    assert (tmp_path / "a").read_text() == "outer"


def test_open_readers_keep_the_old_file(tmp_path):
    target = LocalTarget(put(tmp_path / "a"))
    with target.open() as reader:
        with target.open("w") as f:
            f.write("new")
        assert reader.read() == "old"


def test_temporary_target_goes_with_its_object():
    target = LocalTarget(is_tmp=True)
    with target.open("w") as f:
        f.write("x")
    path = target.path
    twin = pickle.loads(pickle.dumps(target))
    del twin
    gc.collect()
    assert os.path.exists(path)
    del target
    gc.collect()
    assert not os.path.exists(path)


def test_file_record_is_one_look_at_the_file(tmp_path):
    target = LocalTarget(tmp_path / "a")
    assert target.file_record() is None
    put(tmp_path / "a", "12345")
    os.utime(tmp_path / "a", (7, 1234.5))
    record = target.file_record()
    assert (record.path, record.size, record.modified) == (target.path, 5, 1234.5)
    assert LocalTarget(tmp_path).file_record().size == -1
    assert LocalTarget(tmp_path / "a" / "b").file_record() is None
    assert LocalTarget("a\0b").file_record() is None
    assert not LocalTarget("a\0b").exists()


@pytest.mark.parametrize("kind", [LocalTarget, MockTarget])
def test_record_respects_what_a_subclass_calls_existing(tmp_path, kind):
    class NotEmpty(kind):
        def exists(self):
            with self.open_bytes() as f:
                return bool(f.read())

    target = NotEmpty(str(tmp_path / "a"), format=Nop)
    for content in (b"", b"x"):
        with target.open("w") as f:
            f.write(content)
        assert (target.file_record() is not None) == bool(content)


def test_old_name_of_the_path_warns(tmp_path):
    with pytest.warns(DeprecationWarning, match=r"LocalTarget\.path"):
        assert LocalTarget(tmp_path / "a").fn == str(tmp_path / "a")


class TestTemporaryPath:
    def test_file_appears_at_the_end(self, tmp_path):
        target = LocalTarget(tmp_path / "x" / "a")
        with target.temporary_path() as path:
            put(type(tmp_path)(path), "new")
            assert not target.exists()
        assert (tmp_path / "x" / "a").read_text() == "new"

    def test_folder_replaces_a_folder_with_content(self, tmp_path):
        target = LocalTarget(tmp_path / "out")
        put(tmp_path / "out" / "old")
        with target.temporary_path() as path:
            put(type(tmp_path)(path) / "new")
        assert os.listdir(tmp_path / "out") == ["new"]
        assert os.listdir(tmp_path) == ["out"]

    def test_folder_replaces_a_file(self, tmp_path):
        put(tmp_path / "out")
        with LocalTarget(tmp_path / "out").temporary_path() as path:
            os.mkdir(path)
        assert (tmp_path / "out").is_dir()

    def test_trailing_slash_stays(self, tmp_path):
        with LocalTarget(f"{tmp_path}/out/").temporary_path() as path:
            assert path.endswith("/")
            os.mkdir(path)
        assert (tmp_path / "out").is_dir()

    def test_exception_removes_what_was_written(self, tmp_path):
        put(tmp_path / "out" / "old")
        with pytest.raises(KeyError), LocalTarget(tmp_path / "out").temporary_path() as path:
            put(type(tmp_path)(path) / "new")
            raise KeyError
        assert os.listdir(tmp_path) == ["out"]
        assert os.listdir(tmp_path / "out") == ["old"]

    def test_refused_publication_brings_the_old_folder_back(self, tmp_path):
        class Context(TaskContext):
            calls = 0

            def publish(self, temporary, final):
                self.calls += 1
                if self.calls > 1:
                    raise PermissionError("refused")
                super().publish(temporary, final)

        put(tmp_path / "out" / "old")
        with running(Context("t")), pytest.raises(PermissionError):
            with LocalTarget(tmp_path / "out").temporary_path() as path:
                put(type(tmp_path)(path) / "new")
        assert os.listdir(tmp_path) == ["out"]
        assert os.listdir(tmp_path / "out") == ["old"]


class TestFileSystem:
    def test_move_replaces_and_makes_folders(self, tmp_path):
        put(tmp_path / "a", "new")
        put(tmp_path / "x" / "b", "old")
        fs.move(str(tmp_path / "a"), str(tmp_path / "x" / "b"))
        assert (tmp_path / "x" / "b").read_text() == "new"
        LocalTarget(tmp_path / "x").move_dir(str(tmp_path / "y" / "z"))
        assert (tmp_path / "y" / "z" / "b").read_text() == "new"
        assert not (tmp_path / "x").exists()

    @pytest.mark.parametrize("operation", ["move", "copy"])
    def test_existing_destination_is_refused_when_asked(self, tmp_path, operation):
        put(tmp_path / "a", "new")
        put(tmp_path / "b", "old")
        target = LocalTarget(tmp_path / "a")
        with pytest.raises(TargetExistsError, match="destination exists"):
            getattr(target, operation)(str(tmp_path / "b"), raise_if_exists=True)
        assert (tmp_path / "b").read_text() == "old"
        with pytest.raises(TargetExistsError):
            fs.rename_dont_move(str(tmp_path / "a"), str(tmp_path / "b"))

    def test_move_across_devices_copies_whole_files(self, tmp_path, monkeypatch):
        real = os.replace

        def replace(source, dest):
            if "-nbflow-tmp-" not in os.path.basename(source):
                raise OSError(18, "Invalid cross-device link")
            real(source, dest)

        monkeypatch.setattr(os, "replace", replace)
        put(tmp_path / "a", "file")
        put(tmp_path / "d" / "b", "in folder")
        fs.move(str(tmp_path / "a"), str(tmp_path / "a2"))
        fs.move(str(tmp_path / "d"), str(tmp_path / "d2"))
        assert sorted(os.listdir(tmp_path)) == ["a2", "d2"]
        assert (tmp_path / "d2" / "b").read_text() == "in folder"

    def test_copy_keeps_permissions_and_leaves_nothing_on_failure(self, tmp_path, monkeypatch):
        put(tmp_path / "a").chmod(0o750)
        fs.copy(str(tmp_path / "a"), str(tmp_path / "b"))
        assert (tmp_path / "b").stat().st_mode & 0o777 == 0o750
        monkeypatch.setattr("shutil.copymode", lambda *a, **k: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fs.copy(str(tmp_path / "a"), str(tmp_path / "c"))
        assert sorted(os.listdir(tmp_path)) == ["a", "b"]

    def test_mkdir_says_what_is_wrong(self, tmp_path):
        fs.mkdir(str(tmp_path / "a" / "b"))
        fs.mkdir(str(tmp_path / "a"))
        with pytest.raises(TargetExistsError):
            fs.mkdir(str(tmp_path / "a"), raise_if_exists=True)
        with pytest.raises(MissingParentDirectoryError, match="parents=True"):
            fs.mkdir(str(tmp_path / "m" / "n"), parents=False)
        put(tmp_path / "file")
        with pytest.raises(NotADirectoryTargetError):
            fs.mkdir(str(tmp_path / "file"))

    def test_listdir_is_deep_and_remove_takes_folders(self, tmp_path):
        put(tmp_path / "d" / "e" / "f")
        put(tmp_path / "d" / "g")
        assert sorted(fs.listdir(str(tmp_path / "d"))) == [
            str(tmp_path / "d" / "e" / "f"),
            str(tmp_path / "d" / "g"),
        ]
        with pytest.raises(OSError):
            fs.remove(str(tmp_path / "d"), recursive=False)
        LocalTarget(tmp_path / "d").remove()
        assert not os.listdir(tmp_path)

    def test_removing_a_link_to_a_folder_spares_the_folder(self, tmp_path):
        put(tmp_path / "d" / "f")
        (tmp_path / "link").symlink_to(tmp_path / "d")
        fs.remove(str(tmp_path / "link"))
        assert (tmp_path / "d" / "f").exists()
