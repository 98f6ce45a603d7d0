"""What errors look like where they are printed."""

from __future__ import annotations

import pytest

from nbflow.core.errors import RunFailedError, RunInterrupted, WaitInterrupted, printable

HOSTILE = "\x1b[31mred\x1b[0m \u202egnp.exe \x07"


@pytest.mark.parametrize("kind", [RunFailedError, RunInterrupted, WaitInterrupted])
def test_what_a_cell_prints_of_an_error_does_nothing_to_the_page(kind):
    (block,) = kind(f"Report({HOSTILE})\nsecond line")._render_traceback_()

    assert block.endswith(r"Report(\x1b[31mred\x1b[0m \u202egnp.exe \x07)" + "\nsecond line")


def test_plain_text_is_printed_as_it_is():
    assert printable("é → “x”\n") == "é → “x”\n"
