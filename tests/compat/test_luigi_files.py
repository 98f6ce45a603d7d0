"""Luigi's helpers of files and formats: files moved at their end, programs, wrappers (G-15, G-48)."""

# ruff: noqa: PT012, SIM117 - what happens inside the blocks is what is tested

from __future__ import annotations

import gc
import gzip
import io
import os
import subprocess
import warnings
from pathlib import Path
from typing import Any

import pytest

from nbflow.compat import luigi as ours
from nbflow.compat.luigi.format import InputPipeProcessWrapper, OutputPipeProcessWrapper
from nbflow.compat.luigi.local_target import atomic_file
from nbflow.compat.luigi.target import AtomicLocalFile

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import luigi as real
    import luigi.format

#: The same test on both sides.
both = pytest.mark.parametrize("library", [ours, real], ids=["nbflow", "luigi"])


# -- files that are moved at their end -----------------------------------------------------------------


@both
def test_file_appears_at_its_end(library: Any) -> None:
    with library.local_target.atomic_file("a.bin") as file:
        file.write(b"one")
        assert not os.path.exists("a.bin")
        assert os.path.dirname(file.tmp_path) == os.path.dirname(file.path)
    assert Path("a.bin").read_bytes() == b"one"
    again = library.local_target.atomic_file("a.bin")
    again.write(b"two")
    again.close()
    assert Path("a.bin").read_bytes() == b"two"
    del again
    gc.collect()
    assert set(os.listdir()) == {"nbflow.toml", "a.bin"}


def test_exception_in_its_block_moves_nothing_and_leaves_nothing() -> None:
    with pytest.raises(KeyError):
        with atomic_file("a.bin") as file:
            file.write(b"half")
            raise KeyError
    assert set(os.listdir()) == {"nbflow.toml"}


def test_file_that_is_closed_on_an_exceptions_way_is_discarded() -> None:
    """Luigi publishes it."""
    with pytest.raises(KeyError):
        _write_half()
    assert set(os.listdir()) == {"nbflow.toml"}


def _write_half() -> None:
    file = atomic_file("a.bin")
    try:
        file.write(b"half")
        raise KeyError
    finally:
        file.close()


def test_file_that_nobody_closes_is_removed() -> None:
    file = atomic_file("a.bin")
    file.write(b"half")
    with pytest.warns(ResourceWarning, match="never closed"):
        del file
    assert set(os.listdir()) == {"nbflow.toml"}


@both
def test_subclass_says_where_the_file_goes(library: Any) -> None:
    class Upload(library.target.AtomicLocalFile):
        def move_to_final_destination(self) -> None:
            moved[self.path] = Path(self.tmp_path).read_bytes()

    moved: dict[str, bytes] = {}
    with Upload("s3://bucket/key") as file:
        file.write(b"content")
        temporary = file.tmp_path
    assert moved == {"s3://bucket/key": b"content"}
    del file
    gc.collect()
    assert not os.path.exists(temporary)


def test_base_class_alone_says_what_is_missing() -> None:
    with pytest.raises(NotImplementedError, match="move_to_final_destination"):
        AtomicLocalFile("a").close()


# -- programs ------------------------------------------------------------------------------------------


def gzip_format(library: Any) -> Any:
    """Gzip by the program of that name, as pipelines define it."""

    class ProgramGzip(library.format.Format):
        input = "bytes"
        output = "bytes"

        def pipe_reader(self, input_pipe: Any) -> Any:
            return library.format.InputPipeProcessWrapper(["gunzip", "-c"], input_pipe)

        def pipe_writer(self, output_pipe: Any) -> Any:
            return library.format.OutputPipeProcessWrapper(["gzip", "-n"], output_pipe)

    return ProgramGzip()


@both
def test_target_is_written_and_read_through_programs(library: Any) -> None:
    target = library.LocalTarget("a.gz", format=gzip_format(library))
    with target.open("w") as file:
        for number in range(20_000):
            file.write(b"line %d\n" % number)
    assert len(gzip.decompress(Path("a.gz").read_bytes()).splitlines()) == 20_000
    with target.open("r") as file:
        assert sum(1 for _ in file) == 20_000


@both
def test_text_above_a_program(library: Any) -> None:
    target = library.LocalTarget("a.gz", format=library.format.UTF8 >> gzip_format(library))
    with target.open("w") as file:
        file.write("grün\n")
    with target.open("r") as file:
        assert file.read() == "grün\n"


def test_failed_program_publishes_nothing() -> None:
    class Fails(ours.format.Format):
        def pipe_writer(self, output_pipe: Any) -> Any:
            return OutputPipeProcessWrapper(["sh", "-c", "cat; exit 3"], output_pipe)

    with pytest.raises(RuntimeError, match="exit code 3"):
        with ours.LocalTarget("a.txt", format=Fails()).open("w") as file:
            file.write(b"half")
    assert set(os.listdir()) == {"nbflow.toml"}


def test_exception_while_a_program_is_written_publishes_nothing() -> None:
    with pytest.raises(KeyError):
        with ours.LocalTarget("a.gz", format=gzip_format(ours)).open("w") as file:
            file.write(b"half")
            raise KeyError
    assert set(os.listdir()) == {"nbflow.toml"}


def test_failed_program_is_an_error_of_who_reads() -> None:
    reader = InputPipeProcessWrapper(["sh", "-c", "echo one; exit 3"])
    assert next(iter(reader)) == b"one\n"
    with pytest.raises(RuntimeError, match="exit code 3"):
        reader.close()


def test_reader_that_stops_early_is_no_error() -> None:
    with InputPipeProcessWrapper(["yes"]) as reader:
        assert reader.readline() == b"y\n"
    assert reader.closed


@both
def test_stream_without_a_descriptor_and_process_of_ones_own_are_read(library: Any) -> None:
    wrap = library.format.InputPipeProcessWrapper
    with wrap(["cat"], io.BytesIO(b"in memory")) as reader:
        assert reader.read() == b"in memory"
    with wrap(subprocess.Popen(["echo", "one"], stdout=subprocess.PIPE)) as reader:
        assert reader.read() == b"one\n"


# -- wrappers ------------------------------------------------------------------------------------------


@both
def test_format_of_a_wrapper_of_ones_own(library: Any) -> None:
    class Shout(library.format.BaseWrapper):
        def __init__(self, stream: Any, mark: bytes) -> None:
            super().__init__(stream)
            self.mark = mark

        def write(self, data: bytes) -> None:
            self._stream.write(data.upper() + self.mark)

    class Shouting(library.format.WrappedFormat):
        input = "bytes"
        output = "bytes"
        wrapper_cls = Shout

    target = library.LocalTarget("a.txt", format=Shouting(mark=b"!"))
    with target.open("w") as file:
        file.write(b"hello")
    assert Path("a.txt").read_bytes() == b"HELLO!"
    with target.open("r") as file:
        assert (file.read(), file.mark) == (b"HELLO!", b"!")


@both
def test_file_to_which_attributes_can_be_added(library: Any) -> None:
    with library.format.FileWrapper(io.BytesIO(b"one\ntwo\n")) as file:
        file.note = "mine"
        assert (list(file), file.note) == ([b"one\n", b"two\n"], "mine")


@both
def test_line_ends_and_text_in_streams_of_bytes(library: Any) -> None:
    below = io.BytesIO()
    newlines = library.format.NewlineWrapper(_writer(below), "\r\n")
    newlines.write(b"one\ntwo\n")
    newlines.close()
    assert below.getvalue() == b"one\r\ntwo\r\n"

    below = io.BytesIO()
    mixed = library.format.MixedUnicodeBytesWrapper(_writer(below))
    with pytest.warns(UserWarning, match="stream"):
        mixed.write("text")
    mixed.close()
    assert below.getvalue() == b"text"

    assert library.format.TextWrapper(io.BytesIO(b"t\n"), encoding="utf8").read() == "t\n"


def _writer(below: io.BytesIO) -> io.BufferedWriter:
    class OnlyWrites(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            return below.write(data)

    return io.BufferedWriter(OnlyWrites())
