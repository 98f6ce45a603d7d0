"""The hand-out of events."""

from __future__ import annotations

import threading
import time

import pytest

from nbflow.core.events import RunFinished, TaskEnabled
from nbflow.core.status import RunStatus
from nbflow.core.stream import BATCH_SIZE, INTERVAL, EventStream


def events(first: int, last: int) -> list[TaskEnabled]:
    return [TaskEnabled(seq=i, at=0.0, task_id="t") for i in range(first, last + 1)]


def test_every_subscriber_gets_all_events_in_order():
    seen: list[int] = []
    other: list[int] = []
    stream = EventStream([lambda batch: seen.extend(e.seq for e in batch)])
    stream.subscribe(lambda batch: other.extend(e.seq for e in batch))

    stream.append(events(1, 3))
    stream.append(events(4, 5))
    stream.flush()

    assert seen == other == [1, 2, 3, 4, 5]


def test_small_batches_wait_and_large_ones_do_not():
    batches: list[int] = []
    stream = EventStream([lambda batch: batches.append(len(batch))])
    stream.flush()

    stream._handed_out = time.monotonic() + 60
    assert not stream.append(events(1, 1))
    assert stream.append(events(2, BATCH_SIZE))
    stream.flush()

    assert batches == [BATCH_SIZE]


def test_events_are_due_when_some_time_has_passed():
    stream = EventStream()
    stream.flush()
    assert not stream.append(events(1, 1))

    stream._handed_out -= INTERVAL

    assert stream.append(events(2, 2))


def test_the_end_of_a_run_does_not_wait():
    batches: list[int] = []
    stream = EventStream([lambda batch: batches.append(len(batch))])
    stream._handed_out = time.monotonic() + 60

    assert stream.append([RunFinished(seq=1, at=0.0, run_id="r", status=RunStatus.SUCCEEDED)])
    stream.flush()

    assert batches == [1]


def test_a_subscriber_that_raises_is_told_once_and_dropped(caplog):
    seen: list[int] = []

    def broken(batch):
        raise RuntimeError("no")

    stream = EventStream([broken, lambda batch: seen.append(len(batch))])
    for i in range(1, 4):
        stream.append(events(i, i))
        stream.flush()

    assert seen == [1, 1, 1]
    assert caplog.text.count("is dropped") == 1


def test_events_are_delivered_while_the_worker_is_busy():
    arrived = threading.Event()
    stream = EventStream([lambda batch: arrived.set()])
    stream.start()
    try:
        stream._handed_out = time.monotonic()
        stream.append(events(1, 1))
        assert arrived.wait(5)
    finally:
        stream.close()


def test_closing_hands_out_the_rest_and_leaves_no_thread():
    seen: list[int] = []
    stream = EventStream([lambda batch: seen.extend(e.seq for e in batch)])
    stream.start()
    stream.append(events(1, 2))
    stream.close()

    assert seen == [1, 2]
    assert not [t for t in threading.enumerate() if t.name == "nbflow-stream"]


@pytest.mark.parametrize("threads", [4])
def test_nothing_is_lost_or_swapped_between_threads(threads):
    seen: list[int] = []
    stream = EventStream([lambda batch: seen.extend(e.seq for e in batch)])
    lock = threading.Lock()
    counter = iter(range(1, 4001))
    stream.start()

    def produce():
        while True:
            with lock:
                number = next(counter, None)
                if number is None:
                    return
                is_due = stream.append(events(number, number))
            if is_due:
                stream.flush()

    workers = [threading.Thread(target=produce) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    stream.close()

    assert seen == list(range(1, 4001))
