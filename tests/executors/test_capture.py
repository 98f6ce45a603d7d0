"""What tasks print, log and warn reaches their logs, and nothing else does."""

from __future__ import annotations

import contextlib
import contextvars
import io
import logging
import subprocess
import sys
import textwrap
import threading

import pytest

from nbflow.core.context import TaskContext, running
from nbflow.executors.capture import Capture, TaskStream


class Sink:
    """Keeps the text of each task."""

    def __init__(self):
        self.texts = {}

    def write(self, task_id, attempt, text):
        self.texts[task_id, attempt] = self.texts.get((task_id, attempt), "") + text


@pytest.fixture
def sink():
    return Sink()


@pytest.fixture
def own_streams(monkeypatch):
    """Put own streams in place of those of pytest, which it sets anew before each test's body."""

    def replace():
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        return out, err

    return replace


@contextlib.contextmanager
def bare_root(level=logging.WARNING):
    """The root logger without pytest's handlers."""
    root = logging.getLogger()
    handlers, old_level = root.handlers, root.level
    root.handlers = []
    root.setLevel(level)
    try:
        yield root
        assert (root.handlers, root.level) == ([], level)
    finally:
        root.handlers = handlers
        root.setLevel(old_level)


def test_print_of_a_task_goes_to_its_log_and_not_to_the_screen(sink, own_streams):
    streams = own_streams()
    with Capture(sink):
        with running(TaskContext("A__1", attempt=2)):
            print("inside")
            sys.stderr.writelines(["to ", "stderr\n"])
        print("outside")
    assert sink.texts == {("A__1", 2): "inside\nto stderr\n"}
    assert streams[0].getvalue() == "outside\n"
    assert streams[1].getvalue() == ""


def test_own_streams_are_exactly_what_they_were(sink, own_streams):
    streams = own_streams()
    with Capture(sink):
        assert sys.stdout is not streams[0]
    assert sys.stdout is streams[0]
    assert sys.stderr is streams[1]


def test_own_streams_are_restored_when_the_run_raises(sink, own_streams):
    streams = own_streams()
    with pytest.raises(KeyError), Capture(sink):
        raise KeyError
    assert sys.stdout is streams[0]


def test_two_runs_that_end_in_the_order_they_began_share_the_own_streams(sink, own_streams):
    streams = own_streams()
    other = Sink()
    first, second = Capture(sink, run_id="r-1"), Capture(other, run_id="r-2")
    first.__enter__()
    second.__enter__()
    with running(TaskContext("A__1", "r-1")):
        print("one")
    first.__exit__(None, None, None)
    with running(TaskContext("A__1", "r-2")):
        print("two")
    second.__exit__(None, None, None)
    assert sink.texts == {("A__1", 1): "one\n"}
    assert other.texts == {("A__1", 1): "two\n"}
    assert sys.stdout is streams[0]


def test_task_of_a_run_that_nobody_captures_prints_to_the_screen(sink, own_streams):
    streams = own_streams()
    with Capture(sink, run_id="r-1"), running(TaskContext("A__1", "r-2")):
        print("x")
    assert sink.texts == {}
    assert streams[0].getvalue() == "x\n"


def test_stream_that_somebody_else_put_in_place_is_left(sink, own_streams):
    own_streams()
    mine = io.StringIO()
    with Capture(sink):
        sys.stdout = mine
    assert sys.stdout is mine


def test_proxy_that_is_put_back_after_the_run_only_passes_on_and_goes_with_the_next(
    sink, own_streams
):
    streams = own_streams()
    with contextlib.ExitStack() as stack:
        with Capture(sink):
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        assert isinstance(sys.stdout, io.StringIO)
    assert isinstance(sys.stdout, TaskStream)
    with running(TaskContext("A__1")):
        print("late")
    with Capture(sink):
        pass
    assert sys.stdout is streams[0]
    assert streams[0].getvalue() == "late\n"
    assert sink.texts == {}


def test_run_inside_a_redirected_block_of_another_run_is_captured(sink, own_streams):
    streams = own_streams()
    other = Sink()
    with Capture(sink, run_id="r-1"):
        with contextlib.redirect_stdout(io.StringIO()) as redirected:
            with Capture(other, run_id="r-2"), running(TaskContext("B__2", "r-2")):
                print("b")
            print("outside")
        with running(TaskContext("A__1", "r-1")):
            print("a")
    assert (sink.texts, other.texts) == ({("A__1", 1): "a\n"}, {("B__2", 1): "b\n"})
    assert redirected.getvalue() == "outside\n"
    assert sys.stdout is streams[0]


def test_output_redirected_by_the_task_itself_stays_the_tasks(sink, own_streams):
    own_streams()
    with Capture(sink), running(TaskContext("A__1")):
        with contextlib.redirect_stdout(io.StringIO()) as kept:
            print("kept")
        print("logged")
    assert kept.getvalue() == "kept\n"
    assert sink.texts == {("A__1", 1): "logged\n"}


def test_threads_that_run_tasks_are_told_apart(sink, own_streams):
    own_streams()
    barrier = threading.Barrier(4, timeout=10)

    def work(number):
        with running(TaskContext(f"A__{number}")):
            for _ in range(20):
                barrier.wait()
                print(number)

    with Capture(sink):
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sink.texts == {(f"A__{n}", 1): f"{n}\n" * 20 for n in range(4)}


def test_thread_started_by_a_task_prints_to_the_screen_unless_it_has_the_tasks_context(
    sink, own_streams
):
    streams = own_streams()
    with Capture(sink), running(TaskContext("A__1")):
        plain = threading.Thread(target=print, args=("plain",))
        context = contextvars.copy_context()
        copied = threading.Thread(target=context.run, args=(print, "copied"))
        for thread in (plain, copied):
            thread.start()
            thread.join()
    assert sink.texts == {("A__1", 1): "copied\n"}
    assert streams[0].getvalue() == "plain\n"


def test_tee_writes_to_the_screen_too(sink, own_streams):
    streams = own_streams()
    with Capture(sink, tee=True), running(TaskContext("A__1")):
        print("both")
        print("err", file=sys.stderr)
    assert sink.texts == {("A__1", 1): "both\nerr\n"}
    assert (streams[0].getvalue(), streams[1].getvalue()) == ("both\n", "err\n")


def test_tee_function_gets_task_text_and_stream(sink, own_streams):
    streams = own_streams()
    seen = []
    with (
        Capture(sink, tee=lambda *given: seen.append(given)),
        running(TaskContext("A__1")),
    ):
        sys.stdout.write("x")
    assert seen == [("A__1", "x", streams[0])]
    assert streams[0].getvalue() == ""


def test_stream_behaves_like_the_original_otherwise(sink, monkeypatch):
    with open("/dev/null", "w", encoding="latin-1") as null:
        monkeypatch.setattr(sys, "stdout", null)
        with Capture(sink):
            assert sys.stdout.encoding == "latin-1"
            assert sys.stdout.fileno() == null.fileno()
            assert sys.stdout.isatty() is False
            assert not hasattr(sys.stdout, "nonsense")
            with running(TaskContext("A__1")), pytest.raises(TypeError, match="must be str"):
                sys.stdout.write(b"bytes")


@pytest.mark.parametrize("writes", ["text", "flush"])
def test_task_goes_on_when_the_stream_takes_nothing_any_more(sink, own_streams, writes):
    class Broken(io.StringIO):
        tries = 0

        def write(self, text):
            return self._refuse() if writes == "text" else len(text)

        def flush(self):
            self._refuse()

        def _refuse(self):
            Broken.tries += 1
            raise BrokenPipeError

    own_streams()
    sys.stdout = Broken()
    with Capture(sink, tee=True), running(TaskContext("A__1")):
        print("one", flush=True)
        print("two", flush=True)

    assert sink.texts == {("A__1", 1): "one\ntwo\n"}
    assert Broken.tries == 1


def test_flush_of_a_task_does_not_touch_the_screen_without_tee(sink, own_streams, monkeypatch):
    streams = own_streams()
    flushed = []
    monkeypatch.setattr(streams[0], "flush", lambda: flushed.append(1))
    with Capture(sink), running(TaskContext("A__1")):
        print("x", flush=True)
    assert flushed == []
    with Capture(sink, tee=True), running(TaskContext("A__1")):
        print("x", flush=True)
    assert flushed == [1]


def test_log_records_of_a_task_go_to_its_log(sink, own_streams):
    streams = own_streams()
    logger = logging.getLogger("pipeline.step")
    with bare_root(), Capture(sink), running(TaskContext("A__1")):
        logger.warning("low on %s", "memory")
        logger.info("below the root's level")
    assert sink.texts == {("A__1", 1): "WARNING pipeline.step: low on memory\n"}
    assert streams[1].getvalue() == ""


def test_level_of_the_root_logger_is_respected(sink, own_streams):
    own_streams()
    logger = logging.getLogger()
    with bare_root(logging.INFO), Capture(sink), running(TaskContext("A__1")):
        logger.info("told")
        logger.debug("not told")
    assert sink.texts == {("A__1", 1): "INFO root: told\n"}


def test_records_outside_of_tasks_are_printed_as_without_nbflow(sink, own_streams):
    streams = own_streams()
    with bare_root(), Capture(sink):
        logging.getLogger("other").warning("outside")
        logging.getLogger("other").info("quiet")
    assert sink.texts == {}
    assert streams[1].getvalue() == "outside\n"


def test_record_that_a_handler_prints_into_the_task_log_is_not_there_twice(sink, own_streams):
    own_streams()
    with bare_root(), Capture(sink), running(TaskContext("A__1")):
        handler = logging.StreamHandler()
        logging.getLogger().addHandler(handler)
        logging.getLogger("x").warning("once")
        logging.getLogger().removeHandler(handler)
    assert sink.texts == {("A__1", 1): "once\n"}


def test_record_with_wrong_arguments_is_reported_and_harms_nothing(sink, own_streams, monkeypatch):
    own_streams()
    with bare_root(), Capture(sink), running(TaskContext("A__1")):
        logging.getLogger("x").warning("%d", "no number")
    assert "Logging error" in sink.texts["A__1", 1]


def test_warning_of_a_task_goes_to_its_log():
    script = """
        import warnings
        from nbflow.core.context import TaskContext, running
        from nbflow.executors.capture import Capture

        class Sink:
            text = ""
            def write(self, task_id, attempt, text):
                self.text += text

        sink = Sink()
        with Capture(sink), running(TaskContext("A__1")):
            warnings.warn("careful")
        assert "UserWarning: careful" in sink.text, sink.text
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, capture_output=True)


def test_process_that_a_task_forks_prints_to_the_screen():
    script = """
        import os
        from nbflow.core.context import TaskContext, running
        from nbflow.executors.capture import Capture

        class Sink:
            text = ""
            def write(self, task_id, attempt, text):
                self.text += text

        sink = Sink()
        with Capture(sink), running(TaskContext("A__1")):
            child = os.fork()
            print("child" if child == 0 else "parent", flush=True)
        if child:
            os.waitpid(child, 0)
            assert sink.text == "parent\\n", sink.text
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], check=True, capture_output=True, text=True
    )
    assert done.stdout == "child\n"


def test_missing_streams_are_left_missing(sink, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with Capture(sink):
        assert sys.stdout is None
    assert sys.stdout is None
