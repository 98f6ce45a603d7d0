"""Formats and their chains: the same text comes back, the bytes are those of the standard."""

from __future__ import annotations

import bz2
import gzip
import os
import pickle
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.targets.format import (
    UTF8,
    Bzip2,
    ChainFormat,
    Format,
    Gzip,
    GzipFormat,
    MixedUnicodeBytes,
    NewlineFormat,
    Nop,
    SysNewLine,
    Text,
    TextFormat,
    get_default_format,
)
from nbflow.targets.local import LocalTarget
from nbflow.targets.mock import MockTarget


def write(target, *pieces):
    with target.open("w") as f:
        for piece in pieces:
            f.write(piece)


def read(target):
    with target.open("r") as f:
        return f.read()


def test_default_is_text_in_utf8():
    assert get_default_format() is Text
    assert Text.encoding == "utf-8"


@pytest.mark.parametrize(
    ("form", "decode"),
    [
        (Nop, bytes),
        (Gzip, gzip.decompress),
        (Bzip2, bz2.decompress),
        (Text >> Gzip, lambda data: gzip.decompress(data).decode()),
        (UTF8 >> Bzip2, lambda data: bz2.decompress(data).decode()),
        (Text >> Nop >> Gzip, lambda data: gzip.decompress(data).decode()),
        (Text >> Gzip >> Bzip2, lambda data: gzip.decompress(bz2.decompress(data)).decode()),
        (MixedUnicodeBytes, bytes),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value),
)
def test_what_is_written_is_standard_and_comes_back(tmp_path, form, decode):
    text = "one\ntwo ü\n" + "long line " * 20_000
    content = text if repr(form).startswith("TextFormat") else text.encode()
    target = LocalTarget(tmp_path / "a", form)
    write(target, content[:5], content[5:])
    assert decode((tmp_path / "a").read_bytes()) == content
    assert read(target) == content
    with target.open() as f:
        assert list(f)[:2] == content.splitlines(keepends=True)[:2]


@pytest.mark.parametrize("form", [Gzip, Bzip2, Text >> Gzip], ids=str)
def test_empty_file_is_a_valid_archive(tmp_path, form):
    target = LocalTarget(tmp_path / "a", form)
    write(target)
    assert (tmp_path / "a").stat().st_size > 0
    assert not read(target)


def test_gzip_bytes_depend_on_the_content_alone(tmp_path):
    for name in "ab":
        write(LocalTarget(tmp_path / name, Gzip), b"content")
    first = (tmp_path / "a").read_bytes()
    assert first == (tmp_path / "b").read_bytes()
    assert first[3:8] == b"\0" * 5


def test_compression_level_is_used(tmp_path):
    data = os.urandom(500) * 3 + bytes(range(256)) * 200
    sizes = []
    for level in (0, 9):
        write(LocalTarget(tmp_path / "a", GzipFormat(compression_level=level)), data)
        sizes.append((tmp_path / "a").stat().st_size)
    assert sizes[0] > len(data) > sizes[1]


def test_damaged_archive_raises(tmp_path):
    target = LocalTarget(tmp_path / "a", Text >> Gzip)
    write(target, "content" * 100)
    whole = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(whole[:-4])
    with pytest.raises(EOFError):
        read(target)


def test_reader_closes_its_file(tmp_path):
    for form in (Text, Nop, Gzip, Bzip2, SysNewLine, Text >> Gzip):
        target = LocalTarget(tmp_path / "a", form)
        write(target)
        target.open().close()  # an open file would warn, and warnings are errors


@pytest.mark.parametrize(
    ("left", "right"), [(Gzip, Text), (Text, Text), (Text >> Gzip, Text), (Nop >> Gzip, Text)]
)
def test_formats_that_do_not_fit_are_refused(left, right):
    with pytest.raises(TypeError, match="user's side stands left"):
        left >> right
    ChainFormat(left, right, check_consistency=False)


def test_chain_tells_its_ends():
    chain = Text >> Gzip
    assert (chain.input, chain.output) == ("unicode", "bytes")
    assert repr(chain) == "TextFormat('utf-8') >> GzipFormat()"


def test_formats_can_be_sent_to_another_process():
    assert repr(pickle.loads(pickle.dumps(Text >> Gzip))) == repr(Text >> Gzip)


def test_format_without_a_direction_says_so(tmp_path):
    (tmp_path / "a").touch()
    for mode in "rw":
        with pytest.raises(NotImplementedError, match="Format"):
            LocalTarget(tmp_path / "a", Format()).open(mode)
    assert os.listdir(tmp_path) == ["a"]


def test_other_encodings_and_errors(tmp_path):
    target = LocalTarget(tmp_path / "a", TextFormat(encoding="latin-1", errors="replace"))
    write(target, "ü€\n")
    assert (tmp_path / "a").read_bytes() == b"\xfc?\n"


def test_newline_of_the_text_format(tmp_path):
    target = LocalTarget(tmp_path / "a", TextFormat(newline="\r\n"))
    write(target, "a\nb\n")
    assert (tmp_path / "a").read_bytes() == b"a\r\nb\r\n"
    assert read(target) == "a\r\nb\r\n"


class TestNewlineFormat:
    def test_unknown_newline_is_refused(self):
        with pytest.raises(ValueError, match="newline"):
            NewlineFormat("x")

    def test_system_newline(self, tmp_path):
        target = LocalTarget(tmp_path / "a", SysNewLine)
        write(target, b"a\r", b"\nb\rc\n")
        assert (tmp_path / "a").read_bytes() == os.linesep.join(
            "abc"
        ).encode() + os.linesep.encode()
        assert read(target) == b"a\nb\nc\n"

    def test_empty_newline_changes_nothing(self, tmp_path):
        target = LocalTarget(tmp_path / "a", NewlineFormat(""))
        write(target, b"a\r\nb\r")
        assert (tmp_path / "a").read_bytes() == read(target) == b"a\r\nb\r"

    def test_lines_can_be_iterated(self, tmp_path):
        (tmp_path / "a").write_bytes(b"a\r\nb\rc")
        with LocalTarget(tmp_path / "a", Text >> NewlineFormat("\n")).open() as f:
            assert list(f) == ["a\n", "b\n", "c"]

    @settings(max_examples=200, deadline=None)
    @given(
        pieces=st.lists(st.text("ab\r\n", max_size=6).map(str.encode), max_size=8),
        newline=st.sampled_from([None, "\n", "\r", "\r\n"]),
    )
    def test_pieces_do_not_matter(self, pieces, newline):
        form = NewlineFormat(newline)
        whole = b"".join(pieces).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        target = MockTarget("newlines", format=form)
        with target.open("w") as f:
            for piece in pieces:
                f.write(piece)
                f.flush()
        expected = os.linesep if newline is None else newline
        assert target.fs.get_data("newlines") == whole.replace(b"\n", expected.encode())
        target.fs.put("newlines", b"".join(pieces))
        with target.open() as f:
            data = b"".join(iter(lambda: f.read(1), b""))
        assert data == whole.replace(b"\n", (newline or "\n").encode())


def test_mixed_takes_text_with_a_warning(tmp_path):
    target = LocalTarget(tmp_path / "a", MixedUnicodeBytes)
    with target.open("w") as f:
        f.write(b"bytes ")
        with pytest.warns(UserWarning, match="UTF-8"):
            f.write("ü")
    assert read(target) == "bytes ü".encode()


def test_no_codec_is_loaded_before_it_is_used():
    import subprocess

    code = (
        "import sys; before = set(sys.modules); import nbflow.targets.local;"
        "print(*{'gzip', 'bz2', 'tempfile', 'shutil', 'msgspec', 'logging'} & set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
