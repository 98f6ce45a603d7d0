"""Stop requests: at once inside the user's code, at a safe point elsewhere."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from nbflow.core.interrupt import InterruptGuard


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_inside_the_users_code_is_raised_there():
    with InterruptGuard() as guard:
        guard.inside = True
        with pytest.raises(KeyboardInterrupt):
            interrupt()
    assert guard.is_set


def test_an_interrupt_elsewhere_only_leaves_a_mark():
    with InterruptGuard() as guard:
        interrupt()
        assert guard.requests == 1
    assert not guard.cancelled


def test_the_signal_handler_is_what_it_was():
    before = signal.getsignal(signal.SIGINT)
    with InterruptGuard():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with InterruptGuard() as guard:
            interrupt()
            assert not guard.is_set
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_leaves_signals_alone():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with InterruptGuard() as guard:
            guard.request()
            seen.append((signal.getsignal(signal.SIGINT) is before, guard.cancelled, guard.is_set))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [(True, True, True)]


def test_cancelling_now_reaches_the_main_thread_from_another():
    with InterruptGuard() as guard:
        guard.inside = True
        other = threading.Thread(target=guard.request, kwargs={"now": True})

        def sleep_while_other_cancels():
            other.start()
            threading.Event().wait(30)

        with pytest.raises(KeyboardInterrupt):
            sleep_while_other_cancels()
    other.join()
    assert guard.cancelled
    assert guard.is_urgent


def test_what_stops_because_its_place_ends_is_not_cancelled():
    guard = InterruptGuard()
    guard.stop()

    assert guard.is_set
    assert not guard.cancelled
