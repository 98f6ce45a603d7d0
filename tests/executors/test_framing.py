"""Messages on a pipe: whole, in order, and told from whatever else comes."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from nbflow.executors.framing import FrameReader, FrameWriter, FramingError


@pytest.fixture
def pipe():
    """Descriptors to read from and to write to."""
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        try:
            os.close(descriptor)
        except OSError:
            continue  # closed by the test


def read_until_end(descriptor):
    reader, messages = FrameReader(descriptor), []
    while True:
        try:
            messages += reader.read()
        except EOFError:
            return messages


def test_messages_come_whole_and_in_order(pipe):
    reader, writer = pipe
    sent = [b"", b"one", bytes(200_000), b"last"]

    def write():
        frames = FrameWriter(writer)
        for message in sent:
            frames.write(message)
        os.close(writer)

    thread = threading.Thread(target=write)
    thread.start()

    assert read_until_end(reader) == sent
    thread.join()


@pytest.mark.parametrize("kept", [1, 11, 12, 20])
def test_message_that_was_cut_is_waited_for_without_blocking(pipe, kept):
    reader, writer = pipe
    FrameWriter(writer).write(b"first")
    other_reader, other_writer = os.pipe()
    FrameWriter(other_writer).write(b"0123456789")
    whole = os.read(other_reader, 1000)
    os.close(other_reader)
    os.close(other_writer)
    os.write(writer, whole[:kept])
    frames = FrameReader(reader)

    assert frames.read() == [b"first"]
    os.write(writer, whole[kept:])
    assert frames.read() == [b"0123456789"]


def test_what_is_no_message_is_refused_and_stays_so(pipe):
    reader, writer = pipe
    FrameWriter(writer).write(b"first")
    os.write(writer, b"printed by somebody else")
    frames = FrameReader(reader)

    for _ in range(2):
        with pytest.raises(FramingError, match="prin"):
            frames.read()
        FrameWriter(writer).write(b"second")


def test_handler_that_raises_in_the_middle_cuts_no_message(pipe):
    reader, writer = pipe
    frames = FrameWriter(writer)
    got = []
    thread = threading.Thread(target=lambda: got.extend(read_until_end(reader)))

    def give_up(_number, _frame):
        raise TimeoutError

    previous = signal.signal(signal.SIGALRM, give_up)
    thread.start()
    count = interrupted = 0
    try:
        while interrupted < 50:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.001)
                while True:
                    count += 1
                    frames.write(b"%d " % count + bytes(300_000))
            except TimeoutError:
                interrupted += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    frames.write(b"end")
    os.close(writer)
    thread.join()

    assert got.pop() == b"end"
    assert {len(message.partition(b" ")[2]) for message in got} == {300_000}
    numbers = [int(message.partition(b" ")[0]) for message in got]
    assert numbers == sorted(set(numbers))


def test_handler_may_write_in_the_middle_of_a_message(pipe):
    reader, writer = pipe
    frames = FrameWriter(writer)
    got = []
    thread = threading.Thread(target=lambda: got.extend(read_until_end(reader)))
    previous = signal.signal(signal.SIGALRM, lambda *_: frames.write(b"inner"))
    thread.start()
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        for _ in range(100):
            frames.write(bytes(300_000))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    os.close(writer)
    thread.join()

    assert got.count(bytes(300_000)) == 100
    assert got.count(b"inner") == len(got) - 100 > 0
