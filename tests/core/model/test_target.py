"""Targets and the atomic publication of files."""

from __future__ import annotations

import os
import shutil

import pytest

from nbflow.core.errors import TargetExistsError
from nbflow.core.model.target import FileSystem, FileSystemTarget, Target, temporary_name


class Disk(FileSystem):
    def exists(self, path):
        return os.path.exists(path)

    def remove(self, path, recursive=True, skip_trash=True):
        if os.path.isdir(path):
            shutil.rmtree(path)
        else:
            os.remove(path)

    def mkdir(self, path, parents=True, raise_if_exists=False):
        os.makedirs(path, exist_ok=True)

    def move(self, path, dest):
        os.replace(path, dest)


class File(FileSystemTarget):
    fs = Disk()

    def open(self, mode):
        return open(self.path, mode)


class OtherFile(File):
    pass


def write_and_raise(target, error):
    with target.temporary_path() as path:
        open(path, "w").close()
        raise error


def test_target_without_exists_cannot_be_made():
    with pytest.raises(TypeError, match="exists"):
        Target()


def test_targets_of_one_type_and_path_are_equal(tmp_path):
    path = tmp_path / "a"

    assert File(path) == File(str(path))
    assert len({File(path), File(path), OtherFile(path)}) == 2
    assert File(path) != OtherFile(path)
    assert File(path) != str(path)


def test_text_of_a_target_is_its_path(tmp_path):
    assert str(File(tmp_path / "a")) == str(tmp_path / "a")
    assert repr(File("data/a")) == "File('data/a')"


def test_temporary_path_appears_when_the_block_ends(tmp_path):
    target = File(tmp_path / "deep" / "er" / "a")

    with target.temporary_path() as path:
        with open(path, "w") as file:
            file.write("new")
        assert not target.exists()

    assert (tmp_path / "deep" / "er" / "a").read_text() == "new"
    assert os.listdir(tmp_path / "deep" / "er") == ["a"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_temporary_path_is_removed_when_the_block_raises(tmp_path, error):
    target = File(tmp_path / "a")

    with pytest.raises(error):
        write_and_raise(target, error)

    assert os.listdir(tmp_path) == []


def test_temporary_path_replaces_an_existing_file(tmp_path):
    (tmp_path / "a").write_text("old")

    with File(tmp_path / "a").temporary_path() as path, open(path, "w") as file:
        file.write("new")

    assert (tmp_path / "a").read_text() == "new"


def test_temporary_path_replaces_a_folder_that_is_not_empty(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").touch()

    with File(tmp_path / "a").temporary_path() as path:
        os.mkdir(path)
        open(os.path.join(path, "new"), "w").close()

    assert os.listdir(tmp_path / "a") == ["new"]
    assert os.listdir(tmp_path) == ["a"]


def test_existing_file_stays_when_the_block_raises(tmp_path):
    (tmp_path / "a").write_text("old")

    with pytest.raises(ValueError):
        write_and_raise(File(tmp_path / "a"), ValueError)

    assert (tmp_path / "a").read_text() == "old"


def test_temporary_path_of_a_file_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with File("a").temporary_path() as path:
        open(path, "w").close()

    assert File("a").exists()


def test_temporary_names_are_distinct_and_keep_a_trailing_slash():
    names = {temporary_name("x/y/") for _ in range(100)}

    assert len(names) == 100
    assert all(name.startswith("x/y-nbflow-tmp-") and name.endswith("/") for name in names)


def test_rename_without_move_refuses_an_existing_destination(tmp_path):
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()

    with pytest.raises(TargetExistsError, match="the destination exists"):
        Disk().rename_dont_move(str(tmp_path / "a"), str(tmp_path / "b"))

    assert (tmp_path / "a").exists()


def test_file_system_says_which_operation_it_lacks():
    with pytest.raises(NotImplementedError, match=r"Disk has no listdir\(\)"):
        Disk().listdir("x")


def test_wildcard_in_a_path_is_said_in_the_log(tmp_path, caplog):
    assert not File(tmp_path / "part-*").exists()
    assert "literally" in caplog.text

    caplog.clear()
    File(tmp_path / "part-1").exists()
    assert caplog.text == ""


def test_touch_makes_an_empty_file(tmp_path):
    File(tmp_path / "a")._touchz()

    assert (tmp_path / "a").read_bytes() == b""
