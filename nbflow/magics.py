"""`%nbflow` in the notebook: lines to commands, results to what IPython shows.

The grammar is the command line's; what a command shows is an object with text and HTML. A run
shows its card itself, also where it is assigned or silenced, and its result is not drawn twice.

`%load_ext nbflow` loads this file alone; what runs, plans and draws is imported when it is used.
"""

from __future__ import annotations

import ast
import sys
import threading
from collections import ChainMap
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from IPython.core.magic import (
    Magics,
    line_cell_magic,
    magics_class,
    needs_local_scope,
    no_var_expand,
    output_can_be_silenced,
)

from nbflow import config
from nbflow.core.errors import (
    CommandError,
    DuplicateParameterError,
    NotSupportedHereError,
    SourceError,
    UnknownParameterError,
    did_you_mean,
)
from nbflow.core.watching import watch_runs
from nbflow.display.environment import DisplayMode
from nbflow.invocation.commands import COMMANDS, help_text
from nbflow.notebook.executed import ExecutedCells

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from IPython.core.interactiveshell import InteractiveShell

    from nbflow.core.model.registry import Redefinition
    from nbflow.core.model.task import Task
    from nbflow.display.environment import DisplaySettings
    from nbflow.invocation.grammar import Invocation
    from nbflow.invocation.run_cards import RunCards
    from nbflow.session import Run, RunOptions, RunResult

#: Commands that take a block of parameters as the body of their cell.
_BLOCK_COMMANDS = ("run", "plan", "dag", "params", "show")
#: What a bare `%nbflow` names.
_FIRST_COMMANDS = ("run", "plan", "dag", "tasks", "history", "help")
#: Parts of a redefined class that are named.
_CHANGES_SHOWN = 4
_loaded: dict[int, NbflowMagics] = {}


def load(shell: InteractiveShell) -> None:
    """Add `%nbflow` to `shell`; prints nothing. Loading twice is loading once."""
    if id(shell) not in _loaded:
        magics = NbflowMagics(shell)
        magics.install()
        _loaded[id(shell)] = magics


def unload(shell: InteractiveShell) -> None:
    """Take back everything that `load` added."""
    magics = _loaded.pop(id(shell), None)
    if magics is not None:
        magics.uninstall()


class Text(str):
    """Text that a notebook shows as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Picture:
    """An image of pixels, as a notebook shows it."""

    def __init__(self, png: bytes) -> None:
        self._png = png

    def _repr_png_(self) -> bytes:
        return self._png


@magics_class
class NbflowMagics(Magics):
    """`%nbflow` and `%%nbflow` of one shell, with the hooks that go with them."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._shell: Any = shell
        self._cell = _CellState()
        self._cards: RunCards | None = None
        self._end_listening: Callable[[], None] | None = None
        history: Any = shell.history_manager
        self.executed = ExecutedCells(history.input_hist_raw)

    @no_var_expand
    @needs_local_scope
    @output_can_be_silenced
    @line_cell_magic
    def nbflow(
        self, line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None
    ) -> object:
        """Run, plan and show tasks; see `%nbflow help`."""
        __tracebackhide__ = True  # a person looks for the own line; IPython says that it hides
        from nbflow.core.model.registry import settle_redefinitions
        from nbflow.invocation.grammar import parse

        names: ChainMap[str, Any] = ChainMap(dict(local_ns or {}), self._shell.user_ns)
        settle_redefinitions()
        if not line.strip() and cell is None:
            return Text(_overview())
        invocation = parse(line, names=names)
        if "json" not in invocation.flags and invocation.command != "wait":
            self._tell_failures()
        if cell is not None:
            invocation = self._with_block(invocation, cell, names)
        if "help" in invocation.flags:
            return self._explain(invocation)
        result = self._do(invocation)
        return result.to_dict() if "json" in invocation.flags else result

    def _do(self, invocation: Invocation) -> Any:
        handler = _HANDLERS.get(invocation.command)
        if handler is None:
            raise NotSupportedHereError(
                f"{invocation.command} belongs to a terminal: nbflow {invocation.command}."
            )
        return handler(self, invocation)

    # -- commands --------------------------------------------------------------------------------

    def _run(self, invocation: Invocation) -> Any:
        from nbflow.invocation.options import run_options
        from nbflow.invocation.tasks import task_of

        flags = invocation.flags
        if "dry_run" in flags:
            return self._plan(invocation)
        is_quiet = "json" in flags
        with task_of(invocation, change_folder=False) as task:
            if "show_code" in flags:
                return _code(invocation, task)
            options = run_options(invocation, task, where=f"cell In[{self._cell_number()}]")
            if "bg" in flags and _settings().mode is not DisplayMode.STATIC:
                return self._start(task, options, is_quiet=is_quiet)
            result = self._follow(task, options, is_quiet=is_quiet)
        if not is_quiet and result.run_id != self._cell.shown:
            self._show(result)
        if "bg" in flags:
            self._say("--bg: nobody watches this kernel, so the run was waited for")
        if "no_raise" not in flags:
            result.raise_for_status()
        return result

    def _follow(self, task: Task, options: RunOptions, *, is_quiet: bool) -> RunResult:
        """Let the run happen here; `_note_run` shows the card that follows it."""
        from nbflow import session

        self._cell.is_quiet = is_quiet
        try:
            return session.start(task, options=options, background=False).wait()
        finally:
            self._cell.is_quiet = False

    def _start(self, task: Task, options: RunOptions, *, is_quiet: bool) -> Run:
        """Let the run go on behind the notebook; its card stays in this cell."""
        from nbflow import session

        run = session.start(task, options=options, background=True)
        if not is_quiet:
            self._attach(run)
        return run

    # -- runs that go on -------------------------------------------------------------------------

    def _run_cards(self) -> RunCards:
        if self._cards is None:
            from nbflow.invocation.run_cards import RunCards

            self._cards = RunCards(self._publish)
        return self._cards

    def _note_run(self, run: Run) -> None:
        """Show a card for a run that this cell waits for, and see to its end; in any thread."""
        cell = self._cell
        if run.done():
            if self._cards is not None or run.is_background:
                self._run_cards().note_ended(run)
            return
        is_wanted = cell.is_running and not cell.is_quiet and _is_live()
        if is_wanted and self._run_cards().note_begun(run):
            cell.shown = run.run_id

    def _attach(self, run: Run) -> None:
        """Show a card in this cell that follows a run which goes on."""
        if _is_live():
            self._cell.shown = run.run_id
            self._run_cards().attach(run)

    def _tell_failures(self) -> None:
        """Say once what failed in the background."""
        for said in self._cards.take_failures() if self._cards is not None else ():
            self._say(f"nbflow: {said}")

    def _status(self, invocation: Invocation) -> Any:
        from nbflow import session
        from nbflow.invocation import runs

        is_quiet = "json" in invocation.flags
        if not invocation.words:
            if is_quiet or not _is_live():
                return runs.list_runs()
            # Cards change while their runs go on; a table beside them would soon be wrong.
            shown = session.active_runs()
            rest = runs.list_runs(with_active=False)
            for active in shown:
                self._attach(active)
            return rest if rest.runs or not shown else None
        run = runs.find_active(invocation.words[0])
        if run is None:
            ended = None if is_quiet else runs.ended_here(invocation.words[0])
            return ended or runs.recorded_run(invocation.words[0])
        if is_quiet or not _is_live():
            return runs.active_run(run)
        self._attach(run)
        return run

    def _wait(self, invocation: Invocation) -> Any:
        from nbflow.invocation import runs

        result = runs.wait(*invocation.words)
        self._run_cards().forget_failure(result.run_id)
        if "json" not in invocation.flags:
            self._tell_failures()
            if not result.ok:
                self._show(result)
        if "no_raise" not in invocation.flags:
            result.raise_for_status()
        return result

    def _publish(self, data: dict[str, str], *, display_id: str, update: bool) -> None:
        self._shell.display_pub.publish(
            data=data, metadata={}, transient={"display_id": display_id}, update=update
        )

    def _plan(self, invocation: Invocation) -> Any:
        from nbflow import session
        from nbflow.invocation.tasks import task_of

        force: Any = invocation.flags.get("force", ())
        with task_of(invocation, change_folder=False) as task:
            if "show_code" in invocation.flags:
                return _code(invocation, task)
            return session.plan(task, force=force)

    def _dag(self, invocation: Invocation) -> Any:
        from nbflow import session
        from nbflow.invocation.options import shown_part
        from nbflow.invocation.tasks import task_of

        with task_of(invocation, change_folder=False) as task:
            if "show_code" in invocation.flags:
                return _code(invocation, task)
            dag = shown_part(session.dag(task), invocation)
        if "widget" in invocation.flags:
            return dag.view()
        if "save" in invocation.flags:
            return Text(f"wrote {dag.save(str(invocation.flags['save']))}")
        language = invocation.flags.get("format", "svg")
        if language == "svg":
            return dag
        drawn = dag.render(str(language))
        return Picture(drawn) if language == "png" else Text(drawn.decode().rstrip("\n"))

    def _tasks(self, invocation: Invocation) -> Any:
        from nbflow.invocation.sources import load_source
        from nbflow.session import cards

        load_source(invocation, change_folder=False)
        return cards.tasks(*invocation.words)

    def _params(self, invocation: Invocation) -> Any:
        from nbflow.invocation import panels
        from nbflow.invocation.tasks import find_task
        from nbflow.session import cards

        found = find_task(invocation, change_folder=False)
        if "form" in invocation.flags:
            return panels.form(found)
        if isinstance(found, type):
            return cards.parameters(found)
        return cards.parameters(type(found), found)

    def _show_task(self, invocation: Invocation) -> Any:
        from nbflow.invocation.tasks import task_of
        from nbflow.session import cards

        with task_of(invocation, change_folder=False) as task:
            return cards.show(task)

    def _last(self, _invocation: Invocation) -> Any:
        from nbflow.session import last_result

        result = last_result()  # false where the run failed
        return Text("nothing has run in this kernel yet") if result is None else result

    def _help(self, invocation: Invocation) -> Any:
        return Text(help_text(*invocation.words, program="%nbflow"))

    def _explain(self, invocation: Invocation) -> Text:
        told = help_text(invocation.command, program="%nbflow")
        if invocation.target is None:
            return Text(told)
        return Text(f"{self._params(invocation)!r}\n\n{told}")

    # -- the block of a cell ---------------------------------------------------------------------

    def _with_block(
        self, invocation: Invocation, cell: str, names: Mapping[str, Any]
    ) -> Invocation:
        """The invocation with the values that the body of its cell assigns.

        The body is Python that sees the notebook's names and leaves none behind.

        Raises
        ------
        CommandError
            The command takes no block.
        UnknownParameterError, DuplicateParameterError
            A name that is assigned is no parameter, or was given in the line too.
        """
        __tracebackhide__ = True
        if invocation.command not in _BLOCK_COMMANDS:
            raise CommandError(
                f"%%nbflow {invocation.command} takes no block of parameters; "
                f"write %nbflow {invocation.command} …. Commands with a block: "
                f"{', '.join(_BLOCK_COMMANDS)}."
            )
        file = self._shell.compile.cache(cell, self._cell_number(), raw_code=cell)
        tree = ast.parse(cell, file)
        scope = dict(names)
        exec(compile(tree, file, "exec"), scope)  # noqa: S102 - the user's own cell
        assigned = {name: scope[name] for name in _assigned_names(tree) if name in scope}
        self._check_block(invocation, assigned)
        return replace(invocation, values={**invocation.values, **assigned})

    def _check_block(self, invocation: Invocation, assigned: Mapping[str, Any]) -> None:
        from nbflow.invocation.tasks import find_task

        found = find_task(invocation, change_folder=False)
        cls = found if isinstance(found, type) else type(found)
        known = [name for name, _ in cls.get_params()]
        for name in assigned:
            if name not in known:
                raise UnknownParameterError(
                    f"{cls.task_family} has no parameter {name!r}, which the cell assigns."
                    f"{did_you_mean(name, known)}  Parameters: {', '.join(known) or 'none'}."
                )
            if name in invocation.values:
                raise DuplicateParameterError(
                    f"{name} is given twice: in the line, and in the cell below it."
                )

    def _cell_number(self) -> int:
        # Not `execution_count`, which IPython 9 raises before it runs the cell.
        return len(self._shell.user_ns["In"]) - 1

    # -- what is shown ---------------------------------------------------------------------------

    def _show(self, result: RunResult) -> None:
        """Show the card of a run once; `_draw` then passes over it in this cell."""
        from IPython.display import display

        if _settings().mode is DisplayMode.PLAIN:
            print(result)  # noqa: T201 - a terminal's output
        else:
            display(result)
        self._cell.shown = result.run_id

    def _draw(self, shown: RunResult | Run) -> None:
        """Draw nothing where the cell has shown the run; a run that goes on is followed."""
        if shown.run_id == self._cell.shown:
            return
        from nbflow import session

        active = {run.run_id: run for run in session.active_runs()}
        run = active.get(shown.run_id)
        if run is None or not _is_live():
            raise NotImplementedError  # IPython goes on to text and HTML
        self._attach(run)

    # -- hooks -----------------------------------------------------------------------------------

    def install(self) -> None:
        """Register magics, hooks and the formatter in the shell."""
        from nbflow.completion.notebook import Matcher

        type(self).nbflow.__doc__ = help_text(program="%nbflow")
        self._shell.register_magics(self)
        self._shell.events.register("pre_run_cell", self._before_cell)
        self._shell.events.register("post_run_cell", self._after_cell)
        for module, name in _SHOWN:
            self._formatter().for_type_by_name(module, name, self._draw)
        for (module, name), draw in _DRAWN.items():
            self._formatter("text/html").for_type_by_name(module, name, draw)
        self._matcher = Matcher(self._shell)
        self._end_watching = watch_runs(self._note_run)
        self._cell.is_running = True  # the cell that loads the extension
        if self._shell.has_trait("exit_now"):
            self._shell.observe(self._before_exit, "exit_now")

    def uninstall(self) -> None:
        """Take everything back."""
        self._matcher.close()
        self._end_watching()
        if self._shell.has_trait("exit_now"):
            self._shell.unobserve(self._before_exit, "exit_now")
        for kind in ("line", "cell"):
            self._shell.magics_manager.magics[kind].pop("nbflow", None)
        self._shell.magics_manager.registry.pop(type(self).__name__, None)
        self._shell.events.unregister("pre_run_cell", self._before_cell)
        self._shell.events.unregister("post_run_cell", self._after_cell)
        for names in _SHOWN:
            self._formatter().pop(".".join(names), None)
        for names in _DRAWN:
            self._formatter("text/html").pop(".".join(names), None)
        if self._end_listening is not None:
            self._end_listening()
            self._end_listening = None
        if "nbflow.display.render" in sys.modules:
            from nbflow.display.render import renderer

            renderer.stop()

    def _formatter(self, mime_type: str = "") -> Any:
        display = self._shell.display_formatter
        return display.formatters[mime_type] if mime_type else display.ipython_display_formatter

    def _before_exit(self, change: Any) -> None:
        """Interrupt background runs before the kernel ends their worker processes."""
        if change["new"] and "nbflow.session" in sys.modules:
            from nbflow.session import background_runs

            for run in background_runs():
                run.interrupt()

    def _before_cell(self, info: Any) -> None:
        self.executed.begin(info)
        self._cell.shown = ""
        self._cell.is_running = True

    def _after_cell(self, result: Any) -> None:
        self._cell.is_running = False
        self.executed.end(result)
        if "nbflow.core.model.registry" not in sys.modules:
            return  # no task was defined yet
        from nbflow.core.model.registry import on_redefinition, settle_redefinitions

        if self._end_listening is None:
            self._end_listening = on_redefinition(self._tell_redefinition)
        settle_redefinitions()

    def _tell_redefinition(self, change: Redefinition) -> None:
        changed = ", ".join(change.changed)
        said = f"nbflow: {change.cls.task_family} redefined (v{change.version}; {changed} changed)"
        self._say(said)

    def _say(self, said: str) -> None:
        """Show one pale line."""
        from nbflow.display.html import note_html
        from nbflow.display.text import as_ascii

        here = _settings()
        said = as_ascii(said) if here.ascii else said
        if here.mode is DisplayMode.PLAIN:
            print(said)  # noqa: T201 - a terminal's output
        else:
            data = {"text/plain": said, "text/html": note_html(said)}
            self._shell.display_pub.publish(data=data, metadata={})


class _CellState(threading.local):
    """The cell that this thread executes: a kernel may have consoles beside its main thread."""

    def __init__(self) -> None:
        #: Whether one is executed.
        self.is_running = False
        #: Id of the run whose card it has shown last.
        self.shown = ""
        #: What begins shows no card.
        self.is_quiet = False


def _cancel(_magics: NbflowMagics, invocation: Invocation) -> Any:
    from nbflow.invocation import runs

    return runs.cancel(*invocation.words, now="now" in invocation.flags)


def _dashboard(_magics: NbflowMagics, invocation: Invocation) -> Any:
    from nbflow.invocation import panels

    return panels.dashboard(*invocation.words)


def _history(_magics: NbflowMagics, invocation: Invocation) -> Any:
    from nbflow import session
    from nbflow.invocation import panels
    from nbflow.invocation.looking_back import rows_asked_for

    flags: Any = invocation.flags
    if "widget" in flags:
        return panels.history_view("".join(invocation.words), status=flags.get("status", ""))
    frame = session.history(
        *invocation.words,
        status=flags.get("status"),
        since=flags.get("since"),
        limit=flags.get("limit", 50),
        by=rows_asked_for(flags),
    )
    return _Table(frame) if "json" in flags else frame


def _timeline(_magics: NbflowMagics, invocation: Invocation) -> Any:
    from nbflow.session.timelines import timeline

    view = timeline(*invocation.words)
    if "save" in invocation.flags:
        return Text(f"wrote {view.save(str(invocation.flags['save']))}")
    return view


def _log(_magics: NbflowMagics, invocation: Invocation) -> Any:
    from nbflow.invocation.logs import find_log

    flags: Any = invocation.flags
    return find_log(
        *invocation.words,
        tail=flags.get("tail", 200),
        grep=flags.get("grep"),
        full="full" in flags,
    )


def _export(magics: NbflowMagics, invocation: Invocation) -> Any:
    from nbflow.invocation.exporting import export_cells, export_source

    if invocation.source is not None:
        report = export_source(invocation, change_folder=False)
    else:
        report = export_cells(invocation, magics.executed.cells(), magics._shell.user_ns)
    if report.differences:
        raise SourceError(repr(report))
    return report


def _config(_magics: NbflowMagics, invocation: Invocation) -> Any:
    from nbflow.session import cards

    for name, value in invocation.values.items():
        config.assign(name, value)
    return cards.settings()


class _Table:
    """A DataFrame as plain data."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def to_dict(self) -> list[dict[str, Any]]:
        return list(self._frame.to_dict(orient="records"))


_HANDLERS: dict[str, Callable[[NbflowMagics, Invocation], Any]] = {
    "run": NbflowMagics._run,
    "plan": NbflowMagics._plan,
    "dag": NbflowMagics._dag,
    "tasks": NbflowMagics._tasks,
    "params": NbflowMagics._params,
    "show": NbflowMagics._show_task,
    "history": _history,
    "timeline": _timeline,
    "log": _log,
    "status": NbflowMagics._status,
    "wait": NbflowMagics._wait,
    "cancel": _cancel,
    "dashboard": _dashboard,
    "config": _config,
    "export": _export,
    "last": NbflowMagics._last,
    "help": NbflowMagics._help,
}


def _settings() -> DisplaySettings:
    from nbflow.session.display import display_settings

    return display_settings()


def _is_live() -> bool:
    """Whether cards are shown while runs go on."""
    return _settings().mode in {DisplayMode.LIVE, DisplayMode.WIDGETS}


def _task_html(task: Any) -> str:
    from nbflow.session import cards

    return cards.show(task, check=False)._repr_html_()


def _class_html(cls: Any) -> str:
    from nbflow.session import cards

    return cards.parameters(cls)._repr_html_()


def _target_html(target: Any) -> str:
    from nbflow.session import cards

    return cards.target_html(target)


#: Objects, by module and class, whose card a run has shown itself.
_SHOWN = (("nbflow.session.result", "RunResult"), ("nbflow.session.handle", "Run"))
#: How nbflow's own objects are drawn as HTML where they are the value of a cell.
_DRAWN: dict[tuple[str, str], Callable[[Any], str]] = {
    ("nbflow.core.model.task", "BaseTask"): _task_html,
    ("nbflow.core.model.registry", "Register"): _class_html,
    ("nbflow.core.model.target", "Target"): _target_html,
}


def _assigned_names(tree: ast.Module) -> list[str]:
    """Names that the statements bind, in order; those of imports are not values."""
    from nbflow.notebook.definitions import names_set

    names: dict[str, None] = {}
    for statement in tree.body:
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            names |= dict.fromkeys(sorted(names_set(statement, {})))
    return list(names)


def _code(invocation: Invocation, task: Task) -> Text:
    from nbflow.invocation.options import command_line, python_code

    line = command_line(invocation, task, shell=False)
    return Text(f"{python_code(invocation, task)}\n\n# {line}")


def _overview() -> str:
    from nbflow.session import last_result

    last = last_result()
    lines = [f"nbflow in {config.find_project().root}"]
    if last is not None:
        from nbflow.display.text import run_line

        here = _settings()
        lines.append(f"last run: {run_line(last.summary, stable=here.stable, ascii=here.ascii)}")
    known = {command.name: command for command in COMMANDS}
    width = max(map(len, _FIRST_COMMANDS))
    lines += ["", *(f"  %nbflow {n:<{width}}  {known[n].summary}" for n in _FIRST_COMMANDS)]
    return "\n".join(lines)
