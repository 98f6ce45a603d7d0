"""Many questions about a folder cost one listing, and give the answers of single questions."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.targets.local import LocalFileSystem
from nbflow.targets.snapshot import NAMES_PER_QUESTION, QUESTIONS_BEFORE_LISTING, ExistenceSnapshot


@pytest.fixture
def calls(monkeypatch):
    counts = {"exists": 0, "scandir": 0}
    exists, scandir = os.path.exists, os.scandir

    def count_exists(path):
        counts["exists"] += 1
        return exists(path)

    def count_scandir(path):
        counts["scandir"] += 1
        return scandir(path)

    monkeypatch.setattr(os.path, "exists", count_exists)
    monkeypatch.setattr(os, "scandir", count_scandir)
    return counts


def test_one_listing_after_sixteen_questions(tmp_path, calls):
    for i in range(0, 1000, 2):
        (tmp_path / str(i)).touch()
    paths = [str(tmp_path / str(i)) for i in range(1000)]
    found = LocalFileSystem().exists_many(paths)
    assert found == set(paths[::2])
    assert calls == {"exists": QUESTIONS_BEFORE_LISTING, "scandir": 1}


def test_few_questions_list_nothing(tmp_path, calls):
    snapshot = ExistenceSnapshot()
    for i in range(QUESTIONS_BEFORE_LISTING):
        assert not snapshot.exists(str(tmp_path / str(i)))
    assert calls["scandir"] == 0


def test_huge_folder_is_not_read_for_a_few_names(tmp_path, calls):
    names = (QUESTIONS_BEFORE_LISTING + 1) * NAMES_PER_QUESTION + 1
    for i in range(names):
        (tmp_path / str(i)).touch()
    snapshot = ExistenceSnapshot()
    asked = 60
    assert all(snapshot.exists(str(tmp_path / str(i))) for i in range(asked))
    assert calls == {"exists": asked, "scandir": 1}
    assert all(snapshot.exists(str(tmp_path / str(i))) for i in range(100))
    assert calls["scandir"] == 2


def test_it_is_a_snapshot(tmp_path):
    snapshot = ExistenceSnapshot()
    for i in range(QUESTIONS_BEFORE_LISTING + 1):
        snapshot.exists(str(tmp_path / str(i)))
    (tmp_path / "later").touch()
    assert not snapshot.exists(str(tmp_path / "later"))


def test_folder_that_cannot_be_read_is_asked_name_by_name(tmp_path, monkeypatch):
    (tmp_path / "a").touch()

    def scandir(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", scandir)
    snapshot = ExistenceSnapshot()
    assert [snapshot.exists(str(tmp_path / "a")) for _ in range(100)] == [True] * 100
    assert not snapshot.exists(str(tmp_path / "b"))


NAMES = ["file", "folder", "link", "broken", "missing", "", ".", "..", "nul\0", "ünï", "a b", "*"]
FOLDERS = ["", "folder/", "nowhere/", "file/", "folder/../", "./", "link/"]


@settings(max_examples=60, deadline=None)
@given(
    paths=st.lists(
        st.builds("{}{}".format, st.sampled_from(FOLDERS), st.sampled_from(NAMES)), max_size=80
    ),
    absolute=st.booleans(),
)
def test_answers_are_those_of_single_questions(tmp_path_factory, paths, absolute):
    root = tmp_path_factory.mktemp("files")
    (root / "file").touch()
    (root / "folder").mkdir()
    (root / "folder" / "ünï").touch()
    (root / "link").symlink_to("folder")
    (root / "broken").symlink_to("nothing")
    here = os.getcwd()
    os.chdir(root)
    try:
        asked = [f"{root}/{path}" for path in paths] if absolute else paths
        snapshot = ExistenceSnapshot()
        for path in asked + asked + asked:
            assert snapshot.exists(path) == os.path.exists(path), path
    finally:
        os.chdir(here)


def test_root_folder_works():
    snapshot = ExistenceSnapshot()
    assert all(snapshot.exists("/tmp") for _ in range(20))
    assert not snapshot.exists("/no such folder")
