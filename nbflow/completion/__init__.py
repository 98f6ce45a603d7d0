"""What may stand next in a line, for a shell and for a notebook."""

from __future__ import annotations

from nbflow.completion.candidates import Candidate, complete
from nbflow.completion.shells import answer_shell, shell_script, source_in

__all__ = ["Candidate", "answer_shell", "complete", "shell_script", "source_in"]
