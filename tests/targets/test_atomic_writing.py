"""The rule of publication: a clean end shows the whole file, everything else leaves no trace."""

# ruff: noqa: PT012, PT031 - what happens inside the blocks is what is tested

from __future__ import annotations

import contextlib
import gc
import logging
import os
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.core.context import TaskContext, running
from nbflow.core.errors import TargetError
from nbflow.targets.format import Bzip2, Format, Gzip, Nop, Text
from nbflow.targets.local import LocalTarget
from nbflow.targets.mock import MockTarget

FORMATS = {
    "text": Text,
    "bytes": Nop,
    "gzip": Gzip,
    "text in gzip": Text >> Gzip,
    "text in bzip2": Text >> Bzip2,
}


class Boom(Exception):
    pass


@pytest.fixture(params=FORMATS.values(), ids=FORMATS.keys())
def target(request, tmp_path):
    return LocalTarget(tmp_path / "out", format=request.param)


def piece(target):
    return (
        "first half"
        if isinstance(target.format, type(Text)) or ">>" in repr(target.format)
        else b"first half"
    )


def nothing_is_left(target):
    return not target.exists() and os.listdir(os.path.dirname(target.path)) == []


def content(target):
    with target.open("r") as f:
        return f.read()


def test_clean_with_block_publishes_and_leaves_only_the_file(target):
    with target.open("w") as f:
        f.write(piece(target))
        assert not target.exists()
    assert content(target) == piece(target)
    assert os.listdir(os.path.dirname(target.path)) == ["out"]


def test_exception_in_with_block_discards_at_once(target):
    try:
        with target.open("w") as f:
            f.write(piece(target))
            f.flush()
            raise Boom
    except Boom:
        assert nothing_is_left(target)
    assert f.closed


def test_discarding_keeps_the_older_file(target):
    with target.open("w") as f:
        f.write(piece(target) * 3)
    with pytest.raises(Boom), target.open("w") as f:
        f.write(piece(target))
        raise Boom
    assert content(target) == piece(target) * 3
    assert os.listdir(os.path.dirname(target.path)) == ["out"]


def test_plain_close_publishes(target):
    f = target.open("w")
    f.write(piece(target))
    f.close()
    f.close()
    assert content(target) == piece(target)


def test_close_in_finally_with_an_exception_on_its_way_discards(target, caplog):
    def write():
        f = target.open("w")
        try:
            f.write(piece(target))
            raise Boom
        finally:
            f.close()

    with caplog.at_level(logging.WARNING), pytest.raises(Boom):
        write()
    assert nothing_is_left(target)
    assert "closed while Boom was raised" in caplog.text


def test_close_in_finally_without_exception_publishes(target):
    f = target.open("w")
    try:
        f.write(piece(target))
    finally:
        f.close()
    assert content(target) == piece(target)


def test_close_while_handling_an_exception_that_came_after_open_discards(target):
    f = target.open("w")
    try:
        f.write(piece(target))
        raise Boom
    except Boom:
        f.close()
    assert nothing_is_left(target)


def test_file_opened_and_closed_inside_an_except_block_publishes(target):
    try:
        raise Boom
    except Boom:
        f = target.open("w")
        f.write(piece(target))
        f.close()
    assert content(target) == piece(target)


def test_file_opened_in_an_except_block_and_closed_in_an_outer_one_publishes(target):
    try:
        raise KeyError
    except KeyError:
        try:
            raise Boom
        except Boom:
            f = target.open("w")
        f.write(piece(target))
        f.close()
    assert content(target) == piece(target)


def test_second_exception_inside_an_except_block_discards(target):
    def write():
        try:
            raise KeyError
        except KeyError:
            f = target.open("w")
            try:
                f.write(piece(target))
                raise Boom
            finally:
                f.close()

    with pytest.raises(Boom):
        write()
    assert nothing_is_left(target)


def test_older_exception_raised_again_discards(target):
    def write():
        try:
            raise Boom
        except Boom as error:
            f = target.open("w")
            try:
                f.write(piece(target))
                raise error
            finally:
                f.close()

    with pytest.raises(Boom):
        write()
    assert nothing_is_left(target)


def test_close_inside_the_block_waits_for_its_end(target):
    with pytest.raises(Boom), target.open("w") as f:
        f.write(piece(target))
        f.close()
        assert not target.exists()
        raise Boom
    assert nothing_is_left(target)
    with target.open("w") as f:
        f.write(piece(target))
        f.close()
    assert content(target) == piece(target)


def test_exception_that_is_handled_inside_the_block_does_no_harm(target):
    with target.open("w") as f:
        try:
            raise Boom
        except Boom:
            f.write(piece(target))
            f.close()
    assert content(target) == piece(target)


def test_nested_blocks_publish_with_the_outermost(target):
    with pytest.raises(Boom), target.open("w") as f:
        with f:
            f.write(piece(target))
        raise Boom
    assert nothing_is_left(target)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_exits_that_are_no_errors_discard_too(target, stop):
    with pytest.raises(stop), target.open("w") as f:
        f.write(piece(target))
        raise stop
    assert nothing_is_left(target)


def test_generator_that_is_dropped_in_its_block_discards(target):
    def write():
        with target.open("w") as f:
            f.write(piece(target))
            yield

    generator = write()
    next(generator)
    del generator
    gc.collect()
    assert nothing_is_left(target)


def test_file_that_is_never_closed_is_discarded_with_a_warning(target):
    f = target.open("w")
    f.write(piece(target))
    with pytest.warns(ResourceWarning, match="never closed: nothing was published"):
        del f
        gc.collect()
    assert nothing_is_left(target)


def test_exit_stack_and_closing_follow_the_rule(target):
    with pytest.raises(Boom), contextlib.ExitStack() as stack:
        stack.enter_context(target.open("w")).write(piece(target))
        raise Boom
    with pytest.raises(Boom), contextlib.closing(target.open("w")) as f:
        f.write(piece(target))
        raise Boom
    assert nothing_is_left(target)


def test_explicit_discard_leaves_nothing_and_the_block_may_go_on(target):
    with target.open("w") as f:
        f.write(piece(target))
        f.discard()
    assert nothing_is_left(target)


def test_writing_to_a_closed_file_is_an_error(target):
    f = target.open("w")
    f.close()
    with pytest.raises(ValueError, match="closed"):
        f.write(piece(target))
    with pytest.raises(ValueError, match="closed"), f:
        pass


def test_file_closed_in_another_thread_publishes_for_its_task(tmp_path):
    seen = []

    class Context(TaskContext):
        def publish(self, temporary, final):
            seen.append(final)
            super().publish(temporary, final)

    target = LocalTarget(tmp_path / "out")
    with running(Context("t")):
        f = target.open("w")
        f.write("x")
        thread = threading.Thread(target=f.close)
        thread.start()
        thread.join()
    assert seen == [target.path]
    assert content(target) == "x"


def test_context_that_refuses_leaves_nothing(target):
    class Context(TaskContext):
        def publish(self, temporary, final):
            raise TargetError("a newer attempt owns this output")

    with (
        running(Context("t")),
        pytest.raises(TargetError, match="newer attempt"),
        target.open("w") as f,
    ):
        f.write(piece(target))
    assert nothing_is_left(target)


class Careless(Format):
    """A format of a user's: it does not close its pipe and knows no discarding."""

    def pipe_writer(self, output_pipe):
        class Upper:
            closed = False

            def write(self, text):
                output_pipe.write(text.upper().encode())

            def close(self):
                self.closed = True

        return Upper()


def test_format_of_a_user_gets_the_rule_without_knowing_it(tmp_path):
    target = LocalTarget(tmp_path / "out", format=Careless())
    with pytest.raises(Boom), target.open("w") as f:
        f.write("x")
        raise Boom
    assert nothing_is_left(target)
    with target.open("w") as f:
        f.write("x")
    assert (tmp_path / "out").read_bytes() == b"X"


def test_format_that_cannot_be_opened_leaves_nothing(tmp_path):
    target = LocalTarget(tmp_path / "out", format=type(Text)(encoding="no such thing"))
    with pytest.raises(LookupError):
        target.open("w")
    assert nothing_is_left(target)


def test_text_file_behaves_as_a_text_file(tmp_path):
    target = LocalTarget(tmp_path / "out")
    with target.open("w") as f:
        print("a", "ü", file=f)
        f.writelines(["b\n", "c\n"])
        f.flush()
        f.buffer.write(b"d\n")
        assert (f.encoding, f.mode, f.name) == ("utf-8", "w", target.path)
        assert f.writable()
        assert not f.closed
    assert (tmp_path / "out").read_bytes() == "a ü\nb\nc\nd\n".encode()


def test_binary_file_can_seek(tmp_path):
    target = LocalTarget(tmp_path / "out", format=Nop)
    with target.open("w") as f:
        f.write(b"abcdef")
        assert f.tell() == 6
        f.seek(2)
        f.write(b"X")
        f.truncate(4)
    assert (tmp_path / "out").read_bytes() == b"abXd"


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("write"),
            st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20),
        ),
        st.tuples(st.just("write"), st.sampled_from(["x" * 9000, "ü" * 70_000])),
        st.sampled_from([("flush",), ("close",), ("raise",), ("handled",)]),
    ),
    max_size=8,
)


def play(target, steps, style):
    """Write as `steps` say; what the file must hold after, or None for "as before"."""
    written = []
    f = target.open("w")

    def body():
        for step in steps:
            if step[0] == "write" and not f.closed:
                f.write(step[1])
                written.append(step[1])
            elif step[0] == "flush" and not f.closed:
                f.flush()
            elif step[0] == "close":
                f.close()
            elif step[0] == "raise":
                raise Boom
            elif step[0] == "handled":
                try:
                    raise KeyError
                except KeyError:
                    written.extend([] if f.closed else ["!"])
                    f.closed or f.write("!")

    names = [step[0] for step in steps]
    closed_early = "close" in names and (
        "raise" not in names or names.index("close") < names.index("raise")
    )
    try:
        if style == "with":
            with f:
                body()
        else:
            try:
                body()
            finally:
                f.close()
    except Boom:
        return "".join(written) if style == "finally" and closed_early else None
    return "".join(written)


@settings(max_examples=150, deadline=None)
@given(
    runs=st.lists(st.tuples(STEPS, st.sampled_from(["with", "finally"])), min_size=1, max_size=4),
    kind=st.sampled_from(["local", "mock"]),
    form=st.sampled_from([Text, Text >> Gzip]),
)
def test_readers_see_whole_files_only(tmp_path_factory, runs, kind, form):
    folder = tmp_path_factory.mktemp("out")
    path = str(folder / "file")
    target = LocalTarget(path, form) if kind == "local" else MockTarget(path, format=form)
    expected = None
    for steps, style in runs:
        result = play(target, steps, style)
        expected = expected if result is None else result
        assert (content(target) if target.exists() else None) == expected
        if kind == "local":
            assert os.listdir(folder) == ([] if expected is None else ["file"])
    if kind == "mock":
        target.fs.remove(path)
