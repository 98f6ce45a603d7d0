"""`load` gives the value that the ending of a target's name promises."""

from __future__ import annotations

import bz2
import gzip
import json
import subprocess
import sys

import pandas as pd
import pytest

from nbflow.core.errors import PluginError, TargetError
from nbflow.core.model.target import Target
from nbflow.targets.format import Bzip2, Gzip, Nop, Text, TextFormat
from nbflow.targets.loading import load
from nbflow.targets.local import LocalTarget
from nbflow.targets.mock import MockTarget


@pytest.fixture(params=[LocalTarget, MockTarget])
def make(request, tmp_path):
    def make(name, content, form=None):
        target = request.param(str(tmp_path / name), format=form)
        with target.open("w") as f:
            f.write(content)
        return target

    return make


def test_text(make):
    assert load(make("a.txt", "ü\nb")) == "ü\nb"
    assert load(make("a", "no ending")) == "no ending"
    assert load(make(".hidden", "x")) == "x"
    assert load(make("a.txt", b"bytes that are text", Nop)) == "bytes that are text"
    assert load(make("a.txt", "ü", TextFormat("latin-1"))) == "ü"


def test_what_is_no_text_comes_as_bytes(make):
    assert load(make("a.bin", b"\xff\x00", Nop)) == b"\xff\x00"


def test_json(make):
    assert load(make("a.json", json.dumps({"a": [1, "ü"]}))) == {"a": [1, "ü"]}
    assert load(make("a.JSON", "1")) == 1


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_csv_in_formats(make, name):
    table = pd.DataFrame({"a": [1, 2], "b": ["ü", "y"]})
    text = table.to_csv(index=False)
    for content, form in (
        (text, None),
        (text, TextFormat("latin-1")),
        (text.encode(), Nop),
        (text, Text >> Gzip),
        (text.encode(), Gzip),
        (text.encode(), Bzip2),
    ):
        pd.testing.assert_frame_equal(load(make(name, content, form)), table)


@pytest.mark.parametrize(
    ("name", "pack"), [("a.csv.gz", gzip.compress), ("a.csv.bz2", bz2.compress)]
)
def test_compressed_file_that_another_tool_wrote(make, name, pack):
    target = make(name, pack(b"a\tb\n1,2\n"), Nop)
    target.format = Text
    assert load(target).shape == (1, 1)


def test_tsv_and_parquet(make, tmp_path):
    table = pd.DataFrame({"a": [1, 2], "b": ["ü", "y"]})
    pd.testing.assert_frame_equal(load(make("a.tsv", table.to_csv(sep="\t", index=False))), table)
    target = LocalTarget(tmp_path / "b.parquet")
    with target.temporary_path() as path:
        table.to_parquet(path)
    pd.testing.assert_frame_equal(load(target), table)
    pd.testing.assert_frame_equal(load(make("a.parquet", table.to_parquet(), Nop)), table)


def test_missing_file_says_what_to_do(tmp_path):
    for target in (LocalTarget(tmp_path / "a.csv"), MockTarget("nowhere", format=Gzip)):
        with pytest.raises(TargetError, match="does not exist"):
            load(target)


def test_folder_and_target_without_open_are_told(tmp_path):
    with pytest.raises(TargetError, match="is a folder"):
        load(LocalTarget(tmp_path))

    class Flag(Target):
        def exists(self):
            return True

    with pytest.raises(TargetError, match=r"a Flag has no open\(\)"):
        load(Flag())


@pytest.mark.parametrize("name", ["a.json", "a.parquet", "b.csv"])
def test_content_of_another_kind_is_told(make, name):
    target = make(name, "" if name == "b.csv" else "{no")
    with pytest.raises(TargetError, match=f"cannot be read as {name[2:]}"):
        load(target)


def test_missing_package_is_named(make, monkeypatch):
    target = make("a.csv", "a\n1\n")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(PluginError, match="pip install pandas"):
        load(target)


def test_pandas_waits_for_a_table(tmp_path):
    (tmp_path / "a.json").write_text("[1]")
    code = (
        "import sys; from nbflow.targets.loading import load; from nbflow.targets.local import *\n"
        f"print(load(LocalTarget({str(tmp_path / 'a.json')!r})), 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[1] False\n"
