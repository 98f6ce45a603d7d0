"""Completion in a shell: the scripts that ask, and the lines that answer them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.completion.candidates import complete

if TYPE_CHECKING:
    from collections.abc import Sequence

_BASH = """\
# Completion of nbflow for bash:  eval "$(nbflow completion bash)"
_nbflow() {
    local IFS=$'\\n'
    COMPREPLY=($(nbflow __complete bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null))
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
}
complete -F _nbflow nbflow
"""

_ZSH = """\
#compdef nbflow
# Completion of nbflow for zsh:  eval "$(nbflow completion zsh)"  after compinit
_nbflow() {
    local line text told
    local -a texts shown
    for line in "${(@f)$(nbflow __complete zsh "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        text=${line%%$'\\t'*}
        told=${line#*$'\\t'}
        texts+=("$text")
        shown+=("$text${told:+  -- $told}")
    done
    compadd -S '' -l -d shown -a texts
}
compdef _nbflow nbflow
"""

_FISH = """\
# Completion of nbflow for fish: save as ~/.config/fish/completions/nbflow.fish
complete -c nbflow -f -a '(nbflow __complete fish (commandline -opc)[2..] (commandline -ct))'
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def shell_script(shell: str) -> str:
    """The script that makes bash, zsh or fish ask `nbflow __complete`."""
    return _SCRIPTS[shell]


def answer_shell(shell: str, words: Sequence[str]) -> list[str]:
    """The lines that `nbflow __complete` prints.

    Parameters
    ----------
    words
        For bash the line up to the cursor, as one word; else the words after `nbflow`, the last of
        them the one to complete (it may be empty).
    """
    before, fragment = _split_line(words[0]) if shell == "bash" else (words[:-1], words[-1])
    candidates = complete(before, fragment)
    if shell == "bash":
        # Bash takes what follows "=" or ":" for a word of its own.
        start = max(fragment.rfind("="), fragment.rfind(":")) + 1
        return [candidate.text[start:] for candidate in candidates]
    return [f"{each.text}\t{each.help}" for each in candidates]


def _split_line(line: str) -> tuple[list[str], str]:
    """The words after the program's name, and the unfinished one at the end."""
    import shlex

    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    fragment = "" if not words or line[-1:].isspace() else words.pop()
    return words[1:], fragment


def source_in(words: Sequence[str]) -> str | None:
    """The notebook or file among the words, whose tasks are to be loaded first."""
    return next((word for word in words if word.endswith((".ipynb", ".py"))), None)
