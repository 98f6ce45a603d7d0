"""Exceptions as data."""

from __future__ import annotations

import json
import linecache
from concurrent.futures import ThreadPoolExecutor

from nbflow.core.call import ErrorInfo
from nbflow.core.failure import describe_error, placed_here, user_traceback


def fail():
    raise KeyError("amount")


def caught(action, *args):
    try:
        action(*args)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def test_the_users_line_and_its_neighbours_are_kept():
    info = describe_error(caught(fail))

    assert (info.type, info.message, info.function) == ("KeyError", "'amount'", "fail")
    assert info.file == __file__
    assert [text.strip() for _, text in info.source][:2] == [
        "def fail():",
        'raise KeyError("amount")',
    ]
    assert info.source[1][0] == info.line


def test_the_innermost_line_of_the_user_wins_over_the_librarys():
    info = describe_error(caught(json.loads, "{"))

    assert info.file == __file__
    assert info.function == "caught"
    assert info.type == "json.decoder.JSONDecodeError"


def test_where_only_the_standard_library_was_there_is_no_line_of_the_users():
    with ThreadPoolExecutor(1) as pool:
        error = pool.submit(int, "x").exception()
    assert error.__traceback__ is not None

    info = describe_error(error)

    assert (info.file, info.source, info.type) == ("", (), "ValueError")


def test_notes_travel_with_the_error():
    error = caught(fail)
    error.add_note("columns are: amt, rate, day")

    assert describe_error(error).notes == ("columns are: amt, rate, day",)


def test_files_are_named_as_people_know_them():
    info = describe_error(caught(fail), lambda file: "In[3]" if file == __file__ else file)

    assert info.file == "In[3]"
    assert 'File "In[3]"' in info.traceback


def test_frames_of_nbflow_are_left_out():
    from nbflow.core.context import TaskContext, running

    def through():
        with running(TaskContext("t")):
            fail()

    error = caught(through)

    assert "nbflow/core" not in describe_error(error).traceback
    frame = user_traceback(error)
    assert frame is not None
    assert frame.tb_frame.f_code.co_filename == __file__


def test_a_syntax_error_names_its_own_place():
    info = describe_error(caught(compile, "x = (", "In[1]", "exec"))

    assert info.type == "SyntaxError"
    assert info.line


def test_an_exception_whose_text_raises_is_described_all_the_same():
    class Broken(Exception):
        def __str__(self):
            raise ValueError("no text")

    def raise_it():
        raise Broken

    info = describe_error(caught(raise_it))

    assert info.message == "<its message cannot be shown: ValueError>"


def test_a_message_of_a_megabyte_is_cut():
    def raise_it():
        raise ValueError("x" * 1_000_000)

    info = describe_error(caught(raise_it))

    assert len(info.message) == 10_000
    assert len(info.traceback) <= 100_000


def test_private_texts_are_masked_wherever_they_stand():
    def connect():
        error = ConnectionError("postgres://ann:sesame-4711@db refused sesame-4711")
        error.add_note("the token was sesame-4711")
        raise error

    info = describe_error(caught(connect), private=["sesame-4711"])

    assert info.message == "postgres://ann:••••@db refused ••••"
    assert "sesame-4711" not in info.traceback.replace("sesame-4711@db refused", "")
    assert info.notes == ("the token was ••••",)


def test_error_of_a_worker_gets_the_names_and_lines_that_the_kernel_knows(monkeypatch):
    file = "/tmp/ipykernel_1/2.py"
    text = "def run():\n    rows = 1\n    raise KeyError(rows)\n    return 2\n"
    lines = text.splitlines(keepends=True)
    monkeypatch.setitem(linecache.cache, file, (len(text), None, lines, file))
    info = ErrorInfo(
        type="KeyError",
        message="1",
        traceback="Traceback (most recent call last):\n"
        f'  File "{file}", line 3, in run\n  File "/lib/x.py", line 9, in get\n    told()\nKeyError: 1\n',
        file=file,
        line=3,
    )

    placed = placed_here(info, lambda name: "In[4]" if name == file else name)

    assert placed.file == "In[4]"
    assert placed.source == (
        (2, "    rows = 1"),
        (3, "    raise KeyError(rows)"),
        (4, "    return 2"),
    )
    assert placed.traceback == (
        'Traceback (most recent call last):\n  File "In[4]", line 3, in run\n    raise KeyError(rows)\n'
        '  File "/lib/x.py", line 9, in get\n    told()\nKeyError: 1\n'
    )
