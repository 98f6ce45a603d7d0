"""What libraries write into an open target is what they would write into a file."""

from __future__ import annotations

import csv
import io
import json
import pickle
import tarfile
import zipfile

import numpy as np
import pandas as pd
import pytest

from nbflow.targets.format import Bzip2, Gzip, Nop, Text
from nbflow.targets.loading import load
from nbflow.targets.local import LocalTarget

TABLE = pd.DataFrame({"a": [1, 2], "b": ["ü", 'quote " and\nline']})


@pytest.mark.parametrize("form", [Text, Nop, Gzip, Bzip2, Text >> Gzip], ids=repr)
def test_csv_of_pandas(tmp_path, form):
    target = LocalTarget(tmp_path / "a.csv", form)
    with target.open("w") as f:
        TABLE.to_csv(f, index=False)
    pd.testing.assert_frame_equal(load(target), TABLE)
    with target.open("r") as f:
        pd.testing.assert_frame_equal(pd.read_csv(f), TABLE)


@pytest.mark.parametrize("form", [Nop, Gzip], ids=repr)
def test_binary_writers(tmp_path, form):
    target = LocalTarget(tmp_path / "a", form)

    def written(write):
        with target.open("w") as f:
            write(f)
        with target.open("r") as f:
            return io.BytesIO(f.read())

    pd.testing.assert_frame_equal(pd.read_parquet(written(TABLE.to_parquet)), TABLE)
    pd.testing.assert_frame_equal(pd.read_pickle(written(TABLE.to_pickle)), TABLE)
    array = np.arange(100_000)
    assert (np.load(written(lambda f: np.save(f, array))) == array).all()
    assert pickle.load(written(lambda f: pickle.dump({"a": 1}, f))) == {"a": 1}
    with zipfile.ZipFile(written(write_zip)) as archive:
        assert archive.read("name") == b"content"
    with tarfile.open(fileobj=written(write_tar)) as archive:
        assert archive.getnames() == ["name"]
    assert written(write_wrapped).read() == "ü\n".encode()


def write_zip(f):
    with zipfile.ZipFile(f, "w") as archive:
        archive.writestr("name", b"content")


def write_tar(f):
    with tarfile.open(fileobj=f, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("name"))


def write_wrapped(f):
    with io.TextIOWrapper(f, encoding="utf-8") as text:
        text.write("ü\n")


@pytest.mark.parametrize("form", [Text, Text >> Gzip], ids=repr)
def test_text_writers(tmp_path, form):
    target = LocalTarget(tmp_path / "a.json", form)
    with target.open("w") as f:
        json.dump({"a": "ü"}, f)
    assert load(target) == {"a": "ü"}
    with target.open("w") as f:
        csv.writer(f).writerows([["a", "b"], ["ü", "x\ny"]])
    with target.open("r") as f:
        assert list(csv.reader(f)) == [["a", "b"], ["ü", "x\ny"]]
    with target.open("w") as f:
        TABLE.to_json(f)
    pd.testing.assert_frame_equal(pd.DataFrame(load(target)).reset_index(drop=True), TABLE)


def test_wrapper_that_dies_with_its_block_discards(tmp_path):
    target = LocalTarget(tmp_path / "a", Nop)

    def write():
        with io.TextIOWrapper(target.open("w"), encoding="utf-8") as text:
            text.write("half")
            raise KeyError

    with pytest.raises(KeyError):
        write()
    assert not target.exists()
