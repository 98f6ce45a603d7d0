"""What a written value stands for: text, or an object by `$name`, `{expression}`, f"…", @file.

Nothing of a notebook is looked at where `names` is None (the command line, forms): `$` and `{}`
are text there, and no line evaluates Python. Files are read in both.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nbflow.core.errors import (
    BadValueError,
    CommandError,
    PluginError,
    UndefinedVariableError,
    did_you_mean,
    shorten,
)
from nbflow.invocation.words import Quoting, Word

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = re.compile(r"\$([^\W\d]\w*)((?:\.[^\W\d]\w*)*)")


def value_of(word: Word, names: Mapping[str, object] | None) -> object:
    """The value of a word: text as a str, or the object that it names.

    Raises
    ------
    UndefinedVariableError
        `$name` or `{expression}` uses a name that `names` does not have.
    BadValueError
        The expression raised, or the file cannot be read.
    """
    if word.quoting is Quoting.LITERAL:
        return word.text
    if word.quoting is Quoting.FORMATTED:
        return word.text if names is None else _evaluate(word.text, word, names)
    text = word.text
    if text.startswith("@") and len(text) > 1:
        return text[1:] if text.startswith("@@") else _read_file(word)
    if names is None:
        return text
    if text.startswith("$"):
        return _variable(word, names)
    if text.startswith("{") and text.endswith("}"):
        return _expression(word, names)
    return text


def _variable(word: Word, names: Mapping[str, object]) -> object:
    text = word.text
    if text.startswith("$$"):
        return text[1:]
    match = _VARIABLE.match(text)
    if match is None:
        return text
    if match.end() < len(text):
        raise CommandError(
            f"{_written(word)} — $name stands only as a whole value. Write {{{text[1:]}}} for an "
            f"expression, f\"{{{match[1]}}}…\" for text, or '{text}' for the text itself."
        )
    name, attributes = match.groups()
    if name not in names:
        known = [each for each in names if not each.startswith("_")]
        raise UndefinedVariableError(
            f"${name} is not defined in the notebook.{did_you_mean(name, known, prefix='$')} "
            f"For a literal write '{text}'."
        )
    return _attribute(word, names[name], attributes.split(".")[1:])


def _attribute(word: Word, found: Any, attributes: list[str]) -> object:
    for attribute in attributes:
        try:
            found = getattr(found, attribute)
        except AttributeError as error:
            known = [name for name in dir(found) if not name.startswith("_")]
            raise UndefinedVariableError(
                f"{word.text} — {error}.{did_you_mean(attribute, known)} "
                f"For a literal write '{word.text}'."
            ) from None
    return found


def _expression(word: Word, names: Mapping[str, object]) -> object:
    """The value of `{expression}`; a dict body such as `{"a": 1}` stays text: it may be JSON."""
    inside = word.text[1:-1].strip()
    if not inside:
        return word.text
    if _compiles(f"({inside}\n)"):
        return _evaluate(f"({inside}\n)", word, names)
    if _compiles(f"{{{inside}\n}}"):
        return word.text
    raise CommandError(
        f"{_written(word)} is neither a Python expression nor a dictionary. "
        "Put it in quotes to pass it as text."
    )


def _compiles(source: str) -> bool:
    import ast

    try:
        ast.parse(source, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _evaluate(source: str, word: Word, names: Mapping[str, object]) -> object:
    import builtins

    # A copy: comprehensions see globals only, and `:=` must not write into the notebook.
    scope = {"__builtins__": builtins, **names}
    try:
        return eval(compile(source, "<%nbflow>", "eval"), scope)  # noqa: S307
    except NameError as error:
        name = error.name or ""
        raise UndefinedVariableError(
            f"{_written(word)} — {name} is not defined in the notebook.{did_you_mean(name, names)} "
            "For a literal put it in quotes."
        ) from error
    except Exception as error:
        raise BadValueError(
            f"{_written(word)} — {type(error).__name__}: {shorten(error)}"
        ) from error


def _read_file(word: Word) -> object:
    import os

    path = os.path.expanduser(word.text[1:])
    suffix = os.path.splitext(path)[1].lower()
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise BadValueError(
            f"{_written(word)} — {shorten(path)}: {reason}. Looked in {os.getcwd()}; "
            f"for the text itself write @{word.text}."
        ) from error
    if suffix == ".json":
        return _parse_json(text, word)
    if suffix in {".yaml", ".yml"}:
        return _parse_yaml(text, word)
    return text.removesuffix("\n")


def _parse_json(text: str, word: Word) -> object:
    import json

    try:
        return json.loads(text)
    except ValueError as error:
        raise BadValueError(f"{_written(word)} — the file is not JSON: {error}.") from error


def _parse_yaml(text: str, word: Word) -> object:
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError as error:
        raise PluginError(
            f"{_written(word)} needs PyYAML: pip install pyyaml, or write the file as JSON."
        ) from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadValueError(f"{_written(word)} — the file is not YAML: {shorten(error)}") from error


def _written(word: Word) -> str:
    text = shorten(word.text, limit=80)
    return f"{word.key}={text}" if word.key else text
