"""An output set aside comes back, or goes."""

from __future__ import annotations

import os

import pytest

from nbflow.targets.local import LocalTarget


def make(path, kind, text):
    if kind == "file":
        path.write_text(text)
    elif kind == "folder":
        path.mkdir()
        (path / "inside").write_text(text)


def look(path):
    if path.is_dir():
        return ("folder", (path / "inside").read_text())
    return ("file", path.read_text()) if path.exists() else None


@pytest.mark.parametrize("new", ["file", "folder", "nothing"])
@pytest.mark.parametrize("old", ["file", "folder"])
def test_restore_puts_the_old_output_back_whatever_stands_there(tmp_path, old, new):
    path = tmp_path / "out"
    make(path, old, "old")
    token = LocalTarget(path).set_aside()
    assert not path.exists()
    make(path, new, "new")
    token.restore()
    assert look(path) == (old, "old")
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("old", ["file", "folder", "nothing"])
def test_discard_drops_the_old_output_and_spares_the_new(tmp_path, old):
    path = tmp_path / "out"
    make(path, old, "old")
    token = LocalTarget(path).set_aside()
    make(path, "file", "new")
    token.discard()
    token.discard()
    assert look(path) == ("file", "new")
    assert os.listdir(tmp_path) == ["out"]


def test_nothing_there_leaves_what_comes_later(tmp_path):
    token = LocalTarget(tmp_path / "out").set_aside()
    make(tmp_path / "out", "file", "new")
    token.restore()
    assert look(tmp_path / "out") == ("file", "new")
    assert not token.holds_output


def test_old_output_waits_under_a_hidden_name(tmp_path):
    make(tmp_path / "out", "file", "old")
    token = LocalTarget(tmp_path / "out").set_aside()
    (name,) = os.listdir(tmp_path)
    assert name.startswith(".out")
    assert token.kept == str(tmp_path / name)
    assert token.holds_output


def test_interrupt_right_after_the_move_brings_it_back(tmp_path, monkeypatch):
    make(tmp_path / "out", "file", "old")
    real = os.rename

    def rename(source, dest):
        real(source, dest)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        LocalTarget(tmp_path / "out").set_aside()
    assert look(tmp_path / "out") == ("file", "old")
    assert os.listdir(tmp_path) == ["out"]


def test_trailing_slash_means_the_folder(tmp_path):
    make(tmp_path / "out", "folder", "old")
    token = LocalTarget(f"{tmp_path}/out/").set_aside()
    assert not (tmp_path / "out").exists()
    token.restore()
    assert look(tmp_path / "out") == ("folder", "old")


def test_what_cannot_be_moved_raises_and_stays(tmp_path):
    make(tmp_path / "file", "file", "old")
    with pytest.raises(OSError):
        LocalTarget(tmp_path / "file" / "below").set_aside()
    assert look(tmp_path / "file") == ("file", "old")
