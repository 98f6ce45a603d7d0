from __future__ import annotations

import logging

from nbflow.core.watching import tell_watchers, watch_runs


def test_watchers_are_told_until_they_end():
    heard = []
    end = watch_runs(heard.append)

    tell_watchers("run")
    end()
    end()
    tell_watchers("later")

    assert heard == ["run"]


def test_watcher_that_raises_is_dropped_and_the_others_are_told(caplog):
    def broken(run):
        raise RuntimeError(run)

    heard = []
    ends = [watch_runs(broken), watch_runs(heard.append)]
    with caplog.at_level(logging.ERROR, "nbflow.runs"):
        tell_watchers(1)
        tell_watchers(2)
    for end in ends:
        end()

    assert heard == [1, 2]
    assert len(caplog.records) == 1
