"""What a person who watches sees of the output of tasks, however much there is."""

from __future__ import annotations

import pytest

import nbflow
from nbflow.session.handle import ECHO_CHARACTERS, ECHO_LINES


@pytest.fixture(autouse=True)
def _fresh(project):
    pass


class Prints(nbflow.Task):
    """Prints a text some times."""

    text = nbflow.StrParameter()
    count = nbflow.IntParameter()

    def run(self):
        for _ in range(self.count):
            print(self.text, end="")


@pytest.mark.parametrize(
    ("text", "count", "limit"),
    [
        ("line\n", 10_000, f"{ECHO_LINES} lines"),
        ("x" * 1_000, 1_000, f"{ECHO_CHARACTERS:,} characters"),
        ("x" * 1_000_000, 1, f"{ECHO_CHARACTERS:,} characters"),
    ],
    ids=["lines", "one line", "one text"],
)
def test_endless_output_is_echoed_up_to_a_limit_and_kept_whole(capsys, text, count, limit):
    result = nbflow.run(Prints(text, count))

    out = capsys.readouterr().out
    assert out.endswith(f"\n… more than {limit}: see nbflow log\n")
    assert len(out) < 2 * ECHO_CHARACTERS + 100
    assert result.log() == text * count


def test_bar_that_overwrites_itself_is_echoed_to_its_end(capsys):
    nbflow.run(Prints("\r" + "#" * 80, 10 * ECHO_CHARACTERS // 80))

    assert "more than" not in capsys.readouterr().out
