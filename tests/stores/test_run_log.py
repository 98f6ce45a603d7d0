"""The log of a run: lazy, bounded, readable while it grows and after a kill."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from nbflow.stores import run_log
from nbflow.stores.notice import StoreWarning
from nbflow.stores.run_log import RunLog, read_log, remove_old_logs


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        threading.Event().wait(0.01)


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / ".nbflow" / "logs")


def test_silent_run_makes_no_file_and_no_thread(folder):
    before = threading.active_count()
    with RunLog(folder, "r-1") as log:
        assert log.read_all() == ""
        assert threading.active_count() == before
    assert not os.path.exists(folder)


def test_each_execution_gets_its_own_text_back(folder):
    with RunLog(folder, "r-1") as log:
        log.write("A__1", 1, "one\n")
        log.write("B__2", 1, "bé\n")
        log.write("A__1", 2, "again\n")
        log.write("B__2", 1, "more\n")
        assert log.read("A__1") == "one\nagain\n"
        assert log.read("A__1", 2) == "again\n"
        assert log.read("B__2", attempt=1) == "bé\nmore\n"
        assert log.read("C__3") == ""


def test_text_is_visible_to_other_processes_within_half_a_second(folder):
    with RunLog(folder, "r-1") as log:
        log.write("A__1", 1, "still running\n")
        wait_until(lambda: read_log(folder, "r-1", "A__1") == "still running\n")
        log.write("A__1", 1, "and again\n")
        wait_until(lambda: read_log(folder, "r-1", "A__1").endswith("and again\n"))


def test_much_text_is_written_at_once(folder, monkeypatch):
    monkeypatch.setattr(run_log, "_COLLECT_SECONDS", 1e6)
    log = RunLog(folder, "r-1")
    log.write("A__1", 1, "x" * 65_535)
    assert read_log(folder, "r-1") == ""
    log.write("A__1", 1, "x")
    assert len(read_log(folder, "r-1")) == 65_536
    log.close()


def test_many_small_writes_of_a_task_become_one_part(folder, monkeypatch):
    monkeypatch.setattr(run_log, "_COLLECT_SECONDS", 1e6)
    with RunLog(folder, "r-1") as log:
        for number in range(20):
            log.write("A__1", 1, f"{number}\n")
    assert len(list(run_log.read_index(folder, "r-1"))) == 1


def test_a_handler_that_prints_in_the_middle_of_a_print_waits_for_nobody(folder, monkeypatch):
    """A signal comes while the log is being written, and its handler writes much, too."""
    log = RunLog(folder, "r-1")
    written = []

    def write_whole(descriptor, content, write=run_log._write_whole):
        if not written:
            written.append(content)
            log.write("B__1", 1, "b" * 70_000)
        write(descriptor, content)

    monkeypatch.setattr(run_log, "_write_whole", write_whole)
    task = threading.Thread(target=log.write, args=("A__1", 1, "a" * 70_000), daemon=True)
    task.start()
    task.join(10)

    assert not task.is_alive()
    assert (log.read("A__1"), log.read("B__1")) == ("a" * 70_000, "b" * 70_000)
    log.close()


def test_an_interrupt_in_the_middle_of_a_write_misplaces_nothing(folder, monkeypatch):
    log = RunLog(folder, "r-1")

    def interrupted(descriptor, content, write=run_log._write_whole):
        write(descriptor, content[:10])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run_log, "_write_whole", interrupted)
        with pytest.raises(KeyboardInterrupt):
            log.write("A__1", 1, "a" * 70_000)
    log.write("B__1", 1, "whole\n")

    assert log.read("B__1") == "whole\n"
    log.close()


def test_texts_of_many_threads_are_all_there(folder):
    with RunLog(folder, "r-1") as log:

        def work(number):
            for line in range(2_000):
                log.write(f"A__{number}", 1, f"{number} {line} {'x' * 50}\n")

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number in range(4):
            expected = "".join(f"{number} {line} {'x' * 50}\n" for line in range(2_000))
            assert log.read(f"A__{number}") == expected


def test_tail_gives_the_last_lines(folder):
    with RunLog(folder, "r-1") as log:
        for number in range(10):
            log.write("A__1", 1, f"{number}\n")
            log.flush()
            log.write("B__2", 1, "other\n")
        assert log.read("A__1", tail=2) == "8\n9\n"
        assert log.read("A__1", tail=99) == "".join(f"{n}\n" for n in range(10))
        assert log.read("A__1", tail=0) == ""
        log.write("A__1", 1, "unfinished")
        assert log.read("A__1", tail=2) == "9\nunfinished"
        assert read_log(folder, "r-1", tail=1) == "unfinished"


def test_log_that_reaches_its_cap_says_so_once(folder):
    with RunLog(folder, "r-1", cap_bytes=1_000) as log:
        for _ in range(50):
            log.write("A__1", 1, "é" * 60 + "\n")
            log.flush()
        text = log.read_all()
    assert text.count("output cut: the log of this run reached 1,000 bytes") == 1
    assert 950 <= len(text.encode()) <= 1_100
    assert "�" not in text


def test_files_are_for_their_owner_alone(folder):
    with RunLog(folder, "r-1") as log:
        log.write("A__1", 1, "x")
    modes = [stat.S_IMODE(os.stat(os.path.join(folder, n)).st_mode) for n in os.listdir(folder)]
    assert modes == [0o600, 0o600]
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700


def test_text_that_is_no_utf8_is_kept_readable(folder):
    with RunLog(folder, "r-1") as log:
        log.write("A__1", 1, "name\udcff\x00\n")
        assert log.read("A__1") == "name\\udcff\x00\n"


def test_task_id_with_odd_characters_is_found(folder):
    with RunLog(folder, "r-1") as log:
        log.write('a\n"\t😀', 1, "x")
        assert log.read('a\n"\t😀') == "x"


@pytest.mark.parametrize("cut", [1, 5, 13])
def test_index_line_that_was_cut_costs_only_itself(folder, cut):
    with RunLog(folder, "r-1") as log:
        log.write("A__1", 1, "one\n")
        log.flush()
        log.write("A__1", 1, "two\n")
    index = os.path.join(folder, "r-1.index")
    os.truncate(index, os.path.getsize(index) - cut)
    assert read_log(folder, "r-1", "A__1") == "one\n"
    with RunLog(folder, "r-1") as log:
        log.write("A__1", 1, "three\n")
    assert read_log(folder, "r-1", "A__1") == "one\nthree\n"


def test_log_survives_kill_9(folder):
    script = """
        import sys
        from nbflow.stores.run_log import RunLog
        log = RunLog(sys.argv[1], "r-1")
        number = 0
        while True:
            log.write(f"A__{number % 7}", 1, f"{number}\\n")
            number += 1
            if number % 50 == 0:
                log.flush()
                print(number, flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), folder], stdout=subprocess.PIPE, text=True
    )
    for _ in range(40):
        flushed = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    rest = process.communicate()[0].split()
    flushed = int(rest[-1]) if rest else flushed
    found = {int(n) for task in range(7) for n in read_log(folder, "r-1", f"A__{task}").split()}
    assert found >= set(range(flushed))


def test_folder_that_cannot_be_made_gives_one_warning(tmp_path):
    (tmp_path / "file").write_text("")
    log = RunLog(str(tmp_path / "file" / "logs"), "r-1")
    log.write("A__1", 1, "x")
    with pytest.warns(StoreWarning, match="cannot be written"):
        log.flush()
    log.write("A__1", 1, "y")
    log.close()


def test_full_disk_gives_one_warning_and_later_text_is_kept_again(folder, monkeypatch):
    real = os.write
    free = 3

    def write(descriptor, content):
        nonlocal free
        if not free:
            raise OSError(28, "No space left on device")
        length = min(free, len(content))
        free -= length
        return real(descriptor, content[:length])

    log = RunLog(folder, "r-1")
    monkeypatch.setattr(os, "write", write)
    log.write("A__1", 1, "lost\n")
    with pytest.warns(StoreWarning, match="No space left"):
        log.flush()
    log.write("A__1", 1, "lost\n")
    log.flush()
    free = 10_000
    log.write("B__1", 1, "kept\n")
    assert log.read("B__1") == "kept\n"
    log.close()


def test_warning_that_is_an_error_is_raised_by_flush_and_not_in_a_thread(tmp_path):
    (tmp_path / "file").write_text("")
    log = RunLog(str(tmp_path / "file" / "logs"), "r-1")
    log.write("A__1", 1, "x" * 70_000)
    with pytest.raises(StoreWarning):
        log.flush()
    log.close()


def test_log_can_be_used_again_after_close(folder):
    log = RunLog(folder, "r-1")
    log.write("A__1", 1, "one\n")
    log.close()
    log.write("A__1", 1, "two\n")
    assert log.read("A__1") == "one\ntwo\n"
    log.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "nbflow-log"]


def test_text_that_comes_while_the_log_is_closed_does_not_keep_it_open(folder):
    class Due(threading.Event):
        """Told by `close` to hurry, a task writes first."""

        def set(self):
            if threading.current_thread() is closing and not told:
                told.append(True)
                log.write("a-1", 1, "late\n")
            super().set()

    told = []
    log = RunLog(folder, "r")
    log._due = Due()
    closing = threading.Thread(target=log.close, daemon=True)
    log.write("a-1", 1, "early\n")
    wait_until(lambda: read_log(folder, "r"))

    closing.start()
    closing.join(10)

    assert not closing.is_alive()
    log.close()
    assert read_log(folder, "r") == "early\nlate\n"


def test_old_logs_are_removed(folder):
    for number in range(5):
        with RunLog(folder, f"r-{number}") as log:
            log.write("A__1", 1, "x")
        os.utime(os.path.join(folder, f"r-{number}.log"), (number, number))
    assert remove_old_logs(folder, keep=2) == 3
    assert sorted(os.listdir(folder)) == ["r-3.index", "r-3.log", "r-4.index", "r-4.log"]
    assert remove_old_logs(folder + "-none", keep=2) == 0
