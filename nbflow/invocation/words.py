r"""The words of a command line: where each begins and ends, and how its value is quoted.

A word is `name=value`, `--flag`, `--flag=value` or a plain word. Its value is bare (brackets and
quotes are balanced, so JSON may contain blanks) or quoted as a whole: 'raw', "with \n escapes",
r"…", f"…". The shell's rules are not used: `shlex` keeps quotes or eats the backslashes of paths.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from nbflow.core.errors import CommandError, shorten

_KEY = re.compile(r"(--?[^\W\d][\w-]*|[^\W\d][\w-]*(?:\.[^\W\d][\w-]*)*)=")
_QUOTED = re.compile(r"([rf]?)(['\"])")
_REST_IS_SILENT = re.compile(r";*\s*(?:#.*)?$", re.DOTALL)
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"0])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U(000[0-9a-fA-F]{5}|0010[0-9a-fA-F]{4}))"
)
_ESCAPED_LETTERS = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0",
}  # fmt: skip
_LETTERS_OF = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
_CLOSERS = {"[": "]", "{": "}", "(": ")"}
#: Text that means itself everywhere: no blank, quote, bracket, `$`, `#`, `;`, `?`; no `@` first.
_PLAIN = re.compile(r"[\w./:+,%-][\w./:+,%@=-]*")


class Quoting(Enum):
    """How a value stands in the line."""

    #: As typed; `$name`, `{expression}` and `@file` have a meaning.
    BARE = "bare"
    #: The text itself: 'raw', "escaped" (already decoded) or r"…".
    LITERAL = "literal"
    #: f"…", kept with its quotes, to be evaluated.
    FORMATTED = "formatted"


class Word(NamedTuple):
    """One word of a line."""

    #: `name` of `name=value`, `--flag` of `--flag=value`, or "" for a word without a key.
    key: str
    #: The value, quotes removed unless FORMATTED.
    text: str
    quoting: Quoting
    #: Where the word lies in the line, for completion; (0, 0) where it came from a shell.
    start: int = 0
    end: int = 0

    def is_flag(self) -> bool:
        """True for `--name`, `--name=value`, `-x` and `-x=value`; not for `-1` or a quoted word."""
        return is_flag(self.key or (self.text if self.quoting is Quoting.BARE else ""))


def is_flag(text: str) -> bool:
    """True where `text` begins as a flag does: `--word` or a dash and one letter; `-1` does not."""
    if text.startswith("--"):
        return text[2:3].isalpha()
    return len(text) == 2 and text[0] == "-" and text[1].isalpha()


def split(line: str, *, formatted: bool = True) -> list[Word]:
    """Words of a line, its comment and closing `;` removed.

    Parameters
    ----------
    formatted
        Whether f"…" is a kind of quoting; False where nothing is evaluated.

    Raises
    ------
    CommandError
        A quote or bracket is not closed.
    """
    words: list[Word] = []
    position = _skip_blanks(line, 0)
    while position < len(line) and line[position] != "#":
        word = _word_at(line, position, formatted=formatted)
        words.append(word)
        position = _skip_blanks(line, word.end)
    return _without_closing_semicolon(words)


def split_at_cursor(line: str) -> tuple[list[Word], int]:
    """The finished words of a line that is being typed, and where its last word begins.

    The last word may have an open quote or bracket; it is empty after a blank.
    """
    words: list[Word] = []
    position = _skip_blanks(line, 0)
    while position < len(line):
        try:
            word = _word_at(line, position, formatted=True)
        except CommandError:
            return words, position
        if word.end == len(line):
            return words, position
        words.append(word)
        position = _skip_blanks(line, word.end)
    return words, position


def verbatim(word: str) -> Word:
    """A word that a shell has split and unquoted: nothing in its value is a quote any more."""
    match = _KEY.match(word)
    if match:
        return Word(match[1], word[match.end() :], Quoting.BARE)
    return Word("", word, Quoting.BARE)


def quote(text: str) -> str:
    """`text` as a value that reads back as itself; also at the end of an IPython line.

    Quoted unless every character is plain: IPython takes a line that ends in `?` for a question.
    """
    if _PLAIN.fullmatch(text):
        return text
    if "'" not in text and text.isprintable():
        return f"'{text}'"
    return f'"{"".join(map(_escaped, text))}"'


def _skip_blanks(line: str, position: int) -> int:
    while position < len(line) and line[position].isspace():
        position += 1
    return position


def _word_at(line: str, start: int, *, formatted: bool) -> Word:
    match = _KEY.match(line, start)
    key, begin = (match[1], match.end()) if match else ("", start)
    quoted = _QUOTED.match(line, begin)
    if quoted is None or (quoted[1] == "f" and not formatted):
        end = _end_of_bare(line, begin)
        return Word(key, line[begin:end], Quoting.BARE, start, end)
    prefix, mark = quoted.groups()
    first = quoted.end()
    end = _end_of_string(line, first - 1, escapes=bool(prefix) or mark == '"')
    if end < len(line) and not line[end].isspace() and not _REST_IS_SILENT.match(line, end):
        msg = f"{shorten(line[begin : end + 10])} goes on after its closing quote; quote all of it"
        raise CommandError(f"{msg} or nothing.")
    inner = line[first : end - 1]
    if prefix == "f":
        return Word(key, line[begin:end], Quoting.FORMATTED, start, end)
    if not prefix and mark == '"':
        inner = _ESCAPE.sub(_unescaped, inner)
    return Word(key, inner, Quoting.LITERAL, start, end)


def _end_of_bare(line: str, start: int) -> int:
    closers: list[str] = []
    position = start
    while position < len(line):
        character = line[position]
        if character in "'\"":
            position = _end_of_string(line, position, escapes=True)
            continue
        if character in _CLOSERS:
            closers.append(_CLOSERS[character])
        elif closers and character == closers[-1]:
            closers.pop()
        elif closers and character in ")]}":
            raise CommandError(
                f"{shorten(line[start : position + 1])} has {character} where {closers[-1]} was "
                "expected. Close the brackets, or put the value in quotes."
            )
        elif not closers and character.isspace():
            break
        position += 1
    if closers:
        raise CommandError(
            f"{shorten(line[start:])} has no closing {closers[-1]}. Close the bracket, or put the "
            "value in quotes."
        )
    return position


def _end_of_string(line: str, start: int, *, escapes: bool) -> int:
    """Position after the quote that closes the one at `start`."""
    mark = line[start]
    position = start + 1
    while position < len(line):
        if escapes and line[position] == "\\":
            position += 1
        elif line[position] == mark:
            return position + 1
        position += 1
    raise CommandError(
        f"{shorten(line[start:])} has no closing {mark}. For a value that contains a quote write "
        '"it\'s" or \'say "so"\'.'
    )


def _without_closing_semicolon(words: list[Word]) -> list[Word]:
    if not words or words[-1].quoting is not Quoting.BARE or not words[-1].text.endswith(";"):
        return words
    last = words[-1]._replace(text=words[-1].text.rstrip(";"))
    return [*words[:-1], last] if last.key or last.text else words[:-1]


def _unescaped(match: re.Match[str]) -> str:
    letter, *codes = match.groups()
    if letter:
        return _ESCAPED_LETTERS.get(letter, letter)
    return chr(int(next(code for code in codes if code), 16))


def _escaped(character: str) -> str:
    if character in _LETTERS_OF:
        return _LETTERS_OF[character]
    if character.isprintable():
        return character
    code = ord(character)
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )
