"""TAB in a notebook: `%nbflow` lines and `%%nbflow` cells, by one matcher of IPython.

What it needs to know of tasks and runs is imported, and the history is read, at the first TAB.

Source: IPython's matchers of version 2, which IPython calls provisional; nothing else uses them.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from nbflow.core.errors import ConfigError
from nbflow.invocation.commands import COMMANDS
from nbflow.invocation.words import Quoting, Word, quote, split_at_cursor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

    from nbflow.completion.candidates import Candidate
    from nbflow.completion.remembered import Remembered

logger = logging.getLogger("nbflow.completion")

#: `%nbflow …`, `%%nbflow …` or `name = %nbflow …`.
_MAGIC = re.compile(r"\s*(?:[^\s=%][^=%]*=\s*)?(%?%nbflow)[ \t]+", re.DOTALL)
_NAME_BEGUN = re.compile(r"\w*")
_ASSIGNED = re.compile(r"^(\w+)\s*=(?!=)", re.MULTILINE)
#: What is shown beside a word where its help says nothing of the value.
_SHOWN_HELP = frozenset({"value", "run", "variable"})
_TYPE_LENGTH = 60
#: For which the first TAB waits for the history.
_READING_SECONDS = 0.1


class _Place(NamedTuple):
    """Where the cursor stands in a line of nbflow."""

    words: list[str]
    #: The unfinished word: `date=`, what follows it, and the quote that opened it.
    key: str
    typed: str
    quote: str
    #: What is replaced.
    fragment: str


class Matcher:
    """What completes nbflow's lines in one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell: Any = shell
        self._known: Remembered | None = None
        self._end_watching: Callable[[], None] | None = None
        self._match = self._as_matcher()
        self._shell.Completer.custom_matchers.append(self._match)

    def close(self) -> None:
        """Take everything back; doing so twice is doing so once."""
        matchers = self._shell.Completer.custom_matchers
        if self._match in matchers:
            matchers.remove(self._match)
        if self._end_watching is not None:
            self._end_watching()
        if self._known is not None:
            self._known.close()

    def _remembered(self) -> Remembered:
        """What ran before; what is not read within a moment is there at the next TAB."""
        if self._known is None:
            from nbflow.completion.remembered import Remembered
            from nbflow.session import store_path, watch_runs

            known = self._known = Remembered()
            self._end_watching = watch_runs(lambda run: known.note_run(run.summary))
            try:
                known.read(store_path(""))
            except ConfigError:
                logger.debug("the project's configuration has a mistake", exc_info=True)
            known.wait(_READING_SECONDS)
        return self._known

    def _as_matcher(self) -> Callable[[CompletionContext], SimpleMatcherResult]:
        def match(context: CompletionContext) -> SimpleMatcherResult:
            try:
                return self._result(context)
            except Exception:  # a parameter of the user may raise, TAB must not
                logger.debug("no completion", exc_info=True)
                return {"completions": [], "suppress": False}

        # IPython reads these of any callable; its decorator would only set them.
        for name, value in _MATCHER_API.items():
            setattr(match, name, value)
        return match

    def _result(self, context: CompletionContext) -> SimpleMatcherResult:
        lines = context.full_text.split("\n")[: context.cursor_line + 1]
        lines[-1] = lines[-1][: context.cursor_position]
        first = _joined(lines)
        magic = _MAGIC.match(first)
        if magic is not None:
            place = _place(first[magic.end() :])
            if not lines[-1].endswith(place.fragment):
                return {"completions": [], "suppress": False}  # it began in an earlier line
            after = context.line_with_cursor[context.cursor_position :]
            return self._in_line(place, magic[1] == "%%nbflow", after)
        head = _MAGIC.match(lines[0])
        if head is not None and head[1] == "%%nbflow":
            return self._in_block(lines, context.full_text, head.end())
        return {"completions": [], "suppress": False}

    def _in_line(self, place: _Place, is_block: bool, after: str) -> SimpleMatcherResult:
        from nbflow.completion.candidates import complete

        found = complete(
            place.words,
            f"{place.key}={place.typed}" if place.key else place.typed,
            names=self._shell.user_ns,
            remembered=self._remembered(),
        )
        if is_block and not place.words:
            blocks = {command.name for command in COMMANDS if command.values == "name"}
            found = [each for each in found if each.text in blocks]
        written = ((_written(each, place, after), each) for each in found)
        texts = [(text, each) for text, each in written if text is not None]
        return _matcher_result(texts, place.fragment)

    def _in_block(self, lines: list[str], whole: str, start: int) -> SimpleMatcherResult:
        """Names of parameters where a line of the body begins; the rest is Python's."""
        from nbflow.completion.candidates import Candidate, task_in

        begun = lines[-1]
        words = [_text_of(word) for word in split_at_cursor(lines[0][start:] + " ")[0]]
        cls = task_in(words, self._shell.user_ns)
        if cls is None or not _NAME_BEGUN.fullmatch(begun):
            return {"completions": [], "suppress": False}
        given = {*_ASSIGNED.findall(whole), *(word.partition("=")[0] for word in words)}
        names = sorted(
            ((name, each) for name, each in cls.get_params() if name not in given),
            key=lambda pair: pair[1].has_default,
        )
        texts = [
            (f"{name} = ", Candidate(name, "param")) for name, _ in names if name.startswith(begun)
        ]
        return _matcher_result(texts, begun)


_MATCHER_API = {
    "matcher_api_version": 2,
    "matcher_priority": 200,
    "matcher_identifier": "nbflow",
}


def _joined(lines: list[str]) -> str:
    """The line of the cursor, with those before it that a backslash continues."""
    first = len(lines) - 1
    while first > 0 and lines[first - 1].endswith("\\"):
        first -= 1
    return "".join(f"{line[:-1]} " for line in lines[first:-1]) + lines[-1]


def _place(line: str) -> _Place:
    words, start = split_at_cursor(line)
    fragment = line[start:]
    key, equals, value = fragment.partition("=")
    if not equals or not key.lstrip("-").replace(".", "").replace("-", "").isidentifier():
        key, value = "", fragment
    if key.startswith("-"):
        # The values of a flag are offered with it.
        return _Place([_text_of(word) for word in words], "", fragment, "", fragment)
    mark = value[:1] if value[:1] in {"'", '"'} else ""
    typed = value[1:] if mark else value
    return _Place([_text_of(word) for word in words], key, typed, mark, value)


def _text_of(word: Word) -> str:
    text = word.text if word.quoting is not Quoting.LITERAL or not word.key else quote(word.text)
    return f"{word.key}={text}" if word.key else text


def _written(candidate: Candidate, place: _Place, after: str) -> str | None:
    """The candidate as it replaces the fragment, quoted; None where the open quote forbids it."""
    text = candidate.text[len(place.key) + 1 :] if place.key else candidate.text
    if text.startswith("@") and candidate.kind == "file":
        return text if quote(text[1:]) == text[1:] else None
    if not place.quote:
        is_value = candidate.kind in {"value", "file"} and bool(place.key)
        is_name = candidate.kind == "task" and "(" in text
        return quote(text) if is_value or is_name else text
    if candidate.kind == "variable":
        return None
    if place.quote == '"':
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    elif "'" in text or not text.isprintable():
        return None
    # The editor may have closed the quote already.
    closing = "" if after.startswith(place.quote) else place.quote
    return f"{place.quote}{text}{closing}"


def _matcher_result(texts: Sequence[tuple[str, Candidate]], fragment: str) -> SimpleMatcherResult:
    from IPython.core.completer import SimpleCompletion

    return {
        "completions": [SimpleCompletion(text, type=_type_of(each)) for text, each in texts],
        "matched_fragment": fragment,
        # Where there is nothing to offer, IPython asks the others all the same.
        "suppress": True,
        "ordered": True,
    }


def _type_of(candidate: Candidate) -> str:
    """The word that JupyterLab shows at the right of a candidate."""
    if candidate.kind in _SHOWN_HELP and candidate.help:
        return candidate.help[:_TYPE_LENGTH]
    return candidate.kind
