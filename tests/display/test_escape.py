from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.display.escape import (
    cut_middle,
    markup,
    safe_link,
    shown_path,
    visible,
    visible_line,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines\t", r"two\nlines\t"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("user\u202etxt.exe", r"user\u202etxt.exe"),
        ("a\u2028b", r"a\u2028b"),
        ("\ud800", r"\ud800"),
        ("Zürich 東京 🎉", "Zürich 東京 🎉"),
        ("1\u202f000\u00a0€", "1\u202f000\u00a0€"),
    ],
)
def test_harmful_characters_are_shown_as_escapes(text, shown):
    assert visible(text) == shown


def test_long_text_is_cut():
    assert visible("x" * 100_000) == "x" * 199 + "…"


def test_markup_is_quoted():
    assert markup('<img src=x onerror="1">&\'') == (
        "&lt;img src=x onerror=&quot;1&quot;&gt;&amp;&#x27;"
    )


def test_line_keeps_its_shape():
    assert visible_line("\tx = 1\r\n") == "    x = 1"


@given(st.text())
def test_nothing_that_is_shown_can_act(text):
    shown = visible(text, limit=10_000)

    assert all(c.isprintable() or c in "\u00a0\u2009\u202f\u3000" for c in shown)
    shown.encode("utf-8")
    assert not set("<>\"'") & set(markup(text))
    assert html.unescape(markup(text, limit=10_000)) == shown


def test_middle_is_cut():
    assert cut_middle("abcdefghij", 7) == "abc…hij"
    assert cut_middle("abc", 7) == "abc"


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_cut_text_has_at_most_that_length(text, limit):
    assert len(cut_middle(text, limit)) <= limit


@pytest.mark.parametrize(
    "url", ["https://a.b/c?d=1#e", "http://host:8080/x", "reports/a.html", "HTTPS://a.b", "a/b:c"]
)
def test_harmless_links_are_kept(url):
    assert safe_link(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,<b>",
        "file:///etc/passwd",
        "//host/path",
        "vbscript:x",
    ],
)
def test_other_links_are_not(url):
    assert safe_link(url) is None


def test_paths_below_are_shown_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert shown_path(str(tmp_path / "data" / "x.csv")) == "data/x.csv"
    assert shown_path("/elsewhere/x.csv") == "/elsewhere/x.csv"
    assert shown_path("s3://bucket/x") == "s3://bucket/x"
