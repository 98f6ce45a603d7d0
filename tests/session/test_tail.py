from __future__ import annotations

import pytest

from nbflow.session.tail import LINES, OutputTail


class Log:
    def __init__(self):
        self.texts = []

    def write(self, task_id, attempt, text):
        self.texts.append((task_id, attempt, text))


@pytest.fixture
def log():
    return Log()


def test_output_is_handed_on_as_it_came(log):
    OutputTail(log).write("A", 2, "x\ny")

    assert log.texts == [("A", 2, "x\ny")]


def test_last_lines_of_a_task_and_of_all(log):
    tail = OutputTail(log)
    for n in range(20):
        tail.write("A", 1, f"a{n}\n")
    tail.write("B", 1, "b")

    assert tail.lines("A") == tuple(f"a{n}" for n in range(20 - LINES, 20))
    assert tail.lines("B") == ("b",)
    assert tail.lines()[-2:] == ("a19", "b")
    assert tail.lines("C") == ()


def test_line_that_was_overwritten_shows_its_last_state(log):
    tail = OutputTail(log)
    tail.write("A", 1, "first\r\n 10 %\r 20 %\r")
    tail.write("A", 1, " 30 %")

    assert tail.lines("A") == ("first", " 30 %")


def test_handler_of_a_signal_may_write_in_the_middle_of_a_write(log):
    tail = OutputTail(log)
    with tail._lock:
        assert tail._lock.acquire(blocking=False)
        tail._lock.release()
        tail.write("A", 1, "inner\n")

    assert tail.lines("A") == ("inner",)


def test_endless_output_of_many_tasks_keeps_little(log):
    tail = OutputTail(log)
    for n in range(100):
        tail.write(f"T{n}", 1, "x" * 100_000)

    assert sum(map(len, tail._ends.values())) < 50_000
    assert tail.lines("T99")
    assert tail.lines("T0") == ()
