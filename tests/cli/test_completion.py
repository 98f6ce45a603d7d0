"""What a shell is offered for the word at the cursor."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest

from nbflow.completion.candidates import complete
from nbflow.completion.shells import shell_script


@pytest.fixture
def bash(jobs, environment, tmp_path):
    """Complete a line in a real bash, with the script that `nbflow completion bash` prints."""
    script = tmp_path / "completion.bash"
    script.write_text(shell_script("bash"))
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "nbflow"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m nbflow "$@"\n')
    program.chmod(0o755)

    def complete_line(line: str) -> list[str]:
        code = (
            f"source {shlex.quote(str(script))}; compopt() {{ :; }}; COMP_LINE={shlex.quote(line)}; "
            "COMP_POINT=${#COMP_LINE}; _nbflow; printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        done = subprocess.run(
            ["bash", "--norc", "-c", code],
            cwd=jobs,
            env={**environment, "PATH": f"{programs}{os.pathsep}{environment['PATH']}"},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout.split()

    return complete_line


def test_bash_completes_commands(bash):
    assert bash("nbflow p") == ["plan", "params"]


def test_bash_completes_tasks_of_a_file(bash):
    assert bash("nbflow run jobs.py Re") == ["Report"]


def test_bash_completes_parameters_then_flags(bash):
    offered = bash("nbflow run jobs.py Report base=EUR ")

    assert offered[:2] == ["date=", "token="]
    assert "--workers=" in offered
    assert "base=" not in offered


def test_bash_gets_what_follows_the_equals_sign(bash):
    assert bash("nbflow run jobs.py Report base=U") == ["USD"]


def test_bash_gets_nothing_of_a_broken_source(bash, jobs):
    (jobs / "broken.py").write_text("print('noise')\n1 / 0\n")

    assert bash("nbflow run broken.py Re") == []


def offered(line: str, names=None) -> list[str]:
    *words, fragment = line.split(" ")
    return [candidate.text for candidate in complete(words, fragment, names=names)]


def test_flags_that_are_not_built_are_not_offered():
    assert "--view=" not in offered("run --")
    assert {"--no-tee", "--workers=", "--force"} <= set(offered("run A --"))


def test_flag_given_already_is_not_offered_again():
    assert "--bg" not in offered("run A --bg --")


def test_values_of_a_flag():
    assert offered("run A --executor=p") == ["--executor=process"]
    assert offered("dag A --format ") == ["text", "dot", "mermaid", "svg", "png"]


def test_sources_are_offered_in_a_terminal_only(jobs, monkeypatch):
    monkeypatch.chdir(jobs)

    assert "jobs.py" in offered("run j")
    assert "jobs.py" not in offered("run j", names={})


def test_commands_of_help_and_shells_of_completion():
    assert offered("help ru") == ["run"]
    assert offered("completion z") == ["zsh"]
    assert offered("nothing x") == []
