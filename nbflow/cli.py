"""The command `nbflow`: words of a shell in, text or JSON and an exit code out.

Results go to standard output, progress and errors to standard error. Exit codes are those of
`nbflow.core.status.ExitCode`; 70 (sysexits' EX_SOFTWARE) is an error inside nbflow, 74 (EX_IOERR)
an output that could not be written, 141 a reader of it that went away (as after SIGPIPE).
"""

from __future__ import annotations

import errno
import gc
import json
import os
import signal
import sys
import threading
import warnings
from contextlib import nullcontext, redirect_stdout, suppress
from typing import TYPE_CHECKING, Any

from nbflow.core.errors import (
    BadFlagValueError,
    GraphError,
    MissingParameterError,
    NbflowError,
    NotSupportedHereError,
    SchedulerError,
    StoreError,
    printable,
    shorten,
)
from nbflow.core.status import ExitCode
from nbflow.invocation.commands import find_command, help_text
from nbflow.invocation.grammar import Invocation, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from typing import Self, TextIO

    from nbflow.session import Run

#: Something went wrong inside nbflow itself; the traceback is printed.
INTERNAL_ERROR = 70
#: The disk that the output goes to is full.
OUTPUT_LOST = 74
#: Nobody reads the output any more: 128 + SIGPIPE.
BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the words say (by default the process's own) and return the exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    if argv is None:
        # The process is ours: a run makes many small objects that stay, for which the collector
        # would look through all of them again and again (3 us a task of 100,000).
        gc.set_threshold(50_000, 20, 100)
    # A terminal that has not all characters gets escapes instead of an exception.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            code = _dispatch(words)
        sys.stdout.flush()
    except NbflowError as error:
        return _complain(error)
    except BrokenPipeError:
        _drop_output()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a bug of ours is told whole, and has its own code
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            _drop_output()
            print(f"nbflow: the output could not be written: {error.strerror}", file=sys.stderr)
            return OUTPUT_LOST
        import traceback

        traceback.print_exc()
        print("This is an error inside nbflow, please report it.", file=sys.stderr)
        return INTERNAL_ERROR
    return int(code)


def _drop_output() -> None:
    """What is still buffered must not be written, and fail again, when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_show_elsewhere = warnings.showwarning


def _show_warning(  # noqa: PLR0917 - the standard library's
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Our own warnings as one line, like our errors; others as Python shows them."""
    if not category.__module__.startswith("nbflow."):
        _show_elsewhere(message, category, filename, lineno, file, line)
        return
    print(f"{category.__name__.removesuffix('Warning')}: {message}", file=file or sys.stderr)


def _dispatch(words: list[str]) -> int:
    if words[:1] in (["--version"], ["-V"]):
        from nbflow._version import __version__

        print(f"nbflow {__version__}")
        return ExitCode.COMPLETE
    if words[:1] == ["__complete"]:
        return _complete(words[1:])
    invocation = parse(words)
    if "help" in invocation.flags:
        print(help_text(invocation.command))
        return ExitCode.COMPLETE
    _refuse_flags_of_notebooks(invocation)
    return _HANDLERS[invocation.command](invocation)


def _refuse_flags_of_notebooks(invocation: Invocation) -> None:
    for flag in find_command(invocation.command).flags:
        if flag.notebook_only and flag.key in invocation.flags:
            raise NotSupportedHereError(
                f"--{flag.name} belongs to a notebook, whose page shows it: "
                f"%nbflow {invocation.command} … --{flag.name}."
            )


def _complain(error: NbflowError) -> int:
    # Texts that name a command name it as a notebook has it.
    print(printable(f"{error.title}: {error}").replace("%nbflow", "nbflow"), file=sys.stderr)
    if isinstance(error, GraphError):
        return ExitCode.NOT_PLANNED
    if isinstance(error, SchedulerError | StoreError):
        return ExitCode.SCHEDULER_LOST
    return ExitCode.WRONG_COMMAND


# -- one function a command -----------------------------------------------------------------------


def _run(invocation: Invocation) -> int:
    from nbflow import session
    from nbflow.invocation.options import run_options
    from nbflow.invocation.tasks import task_of

    flags = invocation.flags
    if "bg" in flags:
        raise NotSupportedHereError(
            "--bg belongs to a notebook, whose kernel goes on. In a terminal leave it out, or let "
            "your shell do it: nohup nbflow run … &"
        )
    if "dry_run" in flags:
        return _plan(invocation)
    if "show_code" in flags:
        return _show_code(invocation)
    document = sys.stdout if "json" in flags else None
    with _prints_aside(invocation), task_of(invocation) as task:
        options = run_options(invocation, task, where="cli")
        run = session.start(task, options=options, background=False)
        return _follow(run, document)


def _follow(run: Run, document: TextIO | None) -> int:
    """Let the run happen here, tell how it goes, and print what it came to.

    Parameters
    ----------
    document
        Where the result goes as JSON; None: it is printed as text.
    """
    from nbflow.display import text
    from nbflow.progress import TextProgress

    here = _display()
    with TextProgress(run.summary, ascii=here.ascii) as progress, _Termination(run) as termination:
        run.subscribe(progress)
        try:
            result = run.wait()
        except KeyboardInterrupt as error:
            print(f"RunInterrupted: {error}", file=sys.stderr)
            return ExitCode.TERMINATED if termination.asked else ExitCode.INTERRUPTED
    if document is not None:
        _print_json(result.to_dict(), document)
    else:
        _say(text.run_card_text(run.summary, stable=here.stable, ascii=here.ascii))
    return ExitCode.TERMINATED if termination.asked else result.exit_code


def _plan(invocation: Invocation) -> int:
    from nbflow import session
    from nbflow.display import text
    from nbflow.invocation.tasks import task_of

    if "show_code" in invocation.flags:
        return _show_code(invocation)
    force: Any = invocation.flags.get("force", ())
    with _prints_aside(invocation), task_of(invocation) as task:
        plan = session.plan(task, force=force)
    if "json" in invocation.flags:
        _print_json(plan.to_dict())
    else:
        _say(text.plan_text(plan.graph, ascii=_display().ascii, width=_width()))
    return ExitCode.COMPLETE


def _dag(invocation: Invocation) -> int:
    from nbflow import session
    from nbflow.display import text
    from nbflow.invocation.options import shown_part
    from nbflow.invocation.tasks import task_of

    flags = invocation.flags
    if "show_code" in flags:
        return _show_code(invocation)
    with _prints_aside(invocation), task_of(invocation) as task:
        dag = shown_part(session.dag(task), invocation)
    language = str(flags.get("format", "text"))
    if "save" in flags:
        print(f"wrote {dag.save(str(flags['save']))}")
    elif "json" in flags:
        _print_json(session.Plan(dag.graph).to_dict())
    elif language == "text":
        _say(text.tree_text(dag.graph, ascii=_display().ascii, width=_width()))
    elif language == "png" and sys.stdout.isatty():
        raise BadFlagValueError("--format=png is no text for a terminal; write --save graph.png.")
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(dag.render(language))
    return ExitCode.COMPLETE


def _tasks(invocation: Invocation) -> int:
    from nbflow.invocation.sources import load_source
    from nbflow.session import cards

    with _prints_aside(invocation):
        load_source(invocation)
    listed = cards.tasks(*invocation.words)
    if "json" in invocation.flags:
        _print_json(listed.to_dict())
    elif len(listed):
        _say(repr(listed))
    else:
        matching = f" that {shorten(invocation.words[0])!r} matches" if invocation.words else ""
        where = f"in {invocation.source}" if invocation.source else "without a source"
        print(f"There is no task{matching} {where}. For example: nbflow tasks sales.ipynb")
    return ExitCode.COMPLETE


def _params(invocation: Invocation) -> int:
    from nbflow.invocation.tasks import find_task, make_task
    from nbflow.session import cards

    task = None
    with _prints_aside(invocation):
        found = find_task(invocation)
        with suppress(MissingParameterError):
            # Only a task says what it requires, and so whose parameters can be set besides.
            task = make_task(found, invocation)
        cls = found if isinstance(found, type) else type(found)
        view = cards.parameters(cls, task)
    return _show_view(invocation, view)


def _show(invocation: Invocation) -> int:
    from nbflow.invocation.tasks import task_of
    from nbflow.session import cards

    with _prints_aside(invocation), task_of(invocation) as task:
        view = cards.show(task)
    return _show_view(invocation, view)


def _history(invocation: Invocation) -> int:
    from nbflow.invocation.looking_back import look_back, rows_asked_for

    flags: Any = invocation.flags
    view = look_back(
        *invocation.words,
        status=flags.get("status"),
        since=flags.get("since"),
        limit=flags.get("limit", 50),
        by=rows_asked_for(flags),
    )
    return _show_view(invocation, view)


def _timeline(invocation: Invocation) -> int:
    from nbflow.session.timelines import timeline

    view = timeline(*invocation.words)
    if "save" in invocation.flags:
        print(f"wrote {view.save(str(invocation.flags['save']))}")
        return ExitCode.COMPLETE
    return _show_view(invocation, view)


def _log(invocation: Invocation) -> int:
    from nbflow.invocation.logs import find_log

    flags: Any = invocation.flags
    log = find_log(
        *invocation.words,
        tail=flags.get("tail", 200),
        grep=flags.get("grep"),
        full="full" in flags,
    )
    return _show_view(invocation, log)


def _status(invocation: Invocation) -> int:
    from nbflow.invocation import runs

    word = next(iter(invocation.words), None)
    view = runs.list_runs() if word is None else runs.recorded_run(word)
    return _show_view(invocation, view)


def _refuse_elsewhere(invocation: Invocation) -> int:
    from nbflow.invocation import runs

    raise runs.refuse_elsewhere(invocation.command, next(iter(invocation.words), None))


def _export(invocation: Invocation) -> int:
    from nbflow.invocation.exporting import export_source

    report = export_source(invocation)
    _show_view(invocation, report)
    return ExitCode.TASK_FAILED if report.differences else ExitCode.COMPLETE


def _config(invocation: Invocation) -> int:
    from nbflow import config
    from nbflow.session import cards

    if invocation.values:
        name = next(iter(invocation.values))
        raise NotSupportedHereError(
            f"{name} would be set until this command ends, which is now. Write it into "
            f"{os.path.join(config.find_project().root, 'nbflow.toml')}, or set "
            f"NBFLOW_{name.upper()} in the environment."
        )
    view = cards.settings()
    if "json" not in invocation.flags:
        why = f"   ({view.project.marker})" if view.project.marker else ""
        print(f"project  {view.project.root}{why}\nrecords  {view.project.home}\n")
    return _show_view(invocation, view)


def _last(_invocation: Invocation) -> int:
    raise NotSupportedHereError(
        "last belongs to a notebook, whose kernel keeps the result. In a terminal: "
        "nbflow history --limit 1, or nbflow log."
    )


def _dashboard(_invocation: Invocation) -> int:
    raise NotSupportedHereError("dashboard belongs to a notebook: %nbflow dashboard.")


def _help(invocation: Invocation) -> int:
    print(help_text(*invocation.words))
    return ExitCode.COMPLETE


def _completion(invocation: Invocation) -> int:
    from nbflow.completion.shells import shell_script

    print(shell_script(invocation.words[0]), end="")
    return ExitCode.COMPLETE


def _complete(words: list[str]) -> int:
    """Answer a shell's completion script; whatever is wrong, it must not write into the line."""
    from contextlib import redirect_stderr, redirect_stdout
    from io import StringIO

    from nbflow.completion import shells
    from nbflow.invocation.sources import load_source

    if len(words) < 2:
        return ExitCode.WRONG_COMMAND
    shell, *rest = words
    line = rest[0].split() if shell == "bash" else rest[:-1]
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()), suppress(NbflowError):
        load_source(Invocation(command="tasks", source=shells.source_in(line)))
    print("\n".join(shells.answer_shell(shell, rest)))
    return ExitCode.COMPLETE


_HANDLERS: dict[str, Callable[[Invocation], int]] = {
    "run": _run,
    "plan": _plan,
    "dag": _dag,
    "tasks": _tasks,
    "params": _params,
    "show": _show,
    "history": _history,
    "timeline": _timeline,
    "log": _log,
    "status": _status,
    "wait": _refuse_elsewhere,
    "cancel": _refuse_elsewhere,
    "export": _export,
    "last": _last,
    "dashboard": _dashboard,
    "config": _config,
    "help": _help,
    "completion": _completion,
}


# -- signals --------------------------------------------------------------------------------------


class _Termination:
    """Lets SIGTERM stop a run as Ctrl-C does; afterwards the handler is what it was."""

    def __init__(self, run: Run) -> None:
        self._run = run
        #: Whether the process was told to end.
        self.asked = False
        self._previous: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGTERM, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGTERM, self._previous)

    def _stop(self, _number: int, frame: Any) -> None:
        again, self.asked = self.asked, True
        on_interrupt = signal.getsignal(signal.SIGINT)
        if callable(on_interrupt):
            on_interrupt(signal.SIGINT, frame)
        elif again:
            raise KeyboardInterrupt
        else:
            # A shell that starts a job in the background lets it ignore SIGINT.
            self._run.cancel()


# -- output ---------------------------------------------------------------------------------------


def _prints_aside(invocation: Invocation) -> AbstractContextManager[object]:
    """What modules and tasks print does not belong into a document on the standard output."""
    is_document = not {"json", "format"}.isdisjoint(invocation.flags)
    return redirect_stdout(sys.stderr) if is_document else nullcontext()


def _show_code(invocation: Invocation) -> int:
    from nbflow.invocation.options import command_line, python_code
    from nbflow.invocation.tasks import task_of

    with redirect_stdout(sys.stderr), task_of(invocation) as task:
        code, line = python_code(invocation, task), command_line(invocation, task)
    print(f"{code}\n\n# {line}")
    return ExitCode.COMPLETE


def _show_view(invocation: Invocation, view: Any) -> int:
    if "json" in invocation.flags:
        _print_json(view.to_dict())
    else:
        _say(repr(view))
    return ExitCode.COMPLETE


def _print_json(data: object, document: TextIO | None = None) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False, default=str), file=document)


def _say(text: str) -> None:
    """Print text, its status symbols in colour where a person reads it."""
    if not sys.stdout.isatty():
        print(text)
        return
    from rich.console import Console
    from rich.text import Text

    from nbflow.display.theme import STYLES

    shown = Text(text)
    for style in STYLES.values():
        shown.highlight_words([f"{style.glyph} "], style=style.dark)
    Console().print(shown, soft_wrap=True)


def _display() -> Any:
    from nbflow.session.display import display_settings

    return display_settings()


def _width() -> int:
    import shutil

    return max(60, shutil.get_terminal_size((100, 24)).columns) if sys.stdout.isatty() else 100
