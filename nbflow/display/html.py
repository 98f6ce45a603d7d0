"""Plans, trees, runs and tasks as plain HTML that reads well wherever a notebook is shown.

No scripts, no style sheets, no ids: styles stand on the elements, so that nothing leaks into the
page, a sanitiser has nothing to turn into junk text, and the same card has the same bytes. Colours
follow the page's colour scheme; where styles are taken away, glyphs, words and tables remain.

Source: what JupyterLab, nbconvert, nbviewer and GitHub keep of an output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.status import RunStatus, TaskState
from nbflow.display import text, words
from nbflow.display.escape import markup, safe_link, shown_path, visible_line
from nbflow.display.theme import DARK, LIGHT, MONOSPACE, ORDER, STYLES
from nbflow.display.tree import name_of, tree_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbflow.core.call import ErrorInfo
    from nbflow.core.graph import TaskGraph
    from nbflow.core.summary import RunSummary, TaskSummary
    from nbflow.display.model import ParameterTable, TaskCard, TaskRow
    from nbflow.display.tree import TreeRow

#: Rows of a table of tasks; the rest is counted.
TABLE_LIMIT = 60
_FAILURES_SHOWN = 5
_NAMES_SHOWN = 12
_INDENT = 18
#: Characters of a value that stays on one line, and of a word that has to be broken.
_UNBROKEN, _LONG_WORD = 12, 30


def _two(light: str, dark: str, *, name: str = "color") -> str:
    # Hosts that do not know light-dark() keep the first of the two declarations.
    return f"{name}:{light};{name}:light-dark({light},{dark})"


_RIM = _two(LIGHT.rim, DARK.rim, name="border-color")
_CARD = (
    "max-width:960px;margin:4px 0;padding:10px 14px;border:1px solid;border-left-width:4px;"
    "border-radius:8px;line-height:1.5;overflow-wrap:break-word;"
)
_CELL = "text-align:left;vertical-align:top;padding:3px 12px 3px 0;border:0"
_TABLE = "border-collapse:collapse;border:0;margin:6px 0 0;font-size:inherit;table-layout:auto"
_SMALL = "font-size:.9em;opacity:.75"
_CODE = f"font-family:{MONOSPACE};font-size:.92em"
_BLOCK = (
    f"{_CODE};margin:6px 0;padding:8px 12px;border-radius:6px;line-height:1.5;"
    "background:rgba(127,127,127,.1);color:inherit;white-space:pre-wrap;overflow-wrap:anywhere"
)


# -- graphs ---------------------------------------------------------------------------------------


def plan_html(graph: TaskGraph) -> str:
    """What would run and why, as a table that is indented like a tree."""
    title = f"Plan for {name_html(_root_name(graph))}"
    return card_html(
        f"{title} {aside_html(markup(text.plan_counts(graph)))}",
        _tree_table(graph, reasons=True),
        kind="plan",
        state=None,
    )


def tree_html(graph: TaskGraph, *, picture: str = "") -> str:
    """The graph as an indented table with the state of each task.

    Parameters
    ----------
    picture
        HTML of the drawn graph; the table is then shown closed below it.
    """
    table = _tree_table(graph, reasons=False)
    if picture:
        said = words.plural(len(graph), "task")
        table = f'<div style="margin:8px 0 0">{picture}</div>{details_html(said, table)}'
    return card_html(
        f"{name_html(_root_name(graph))} {_gap()}{counts_html(graph.counts())}",
        table,
        kind="dag",
        state=None,
    )


def counts_html(counts: Mapping[TaskState, int]) -> str:
    """`✗ 1 failed · ▶ 2 running`, each glyph in its colour."""
    return " · ".join(
        f"{glyph_html(state)} {counts[state]:,} {STYLES[state].word}"
        for state in ORDER
        if counts.get(state)
    )


def glyph_html(state: TaskState) -> str:
    """The state's glyph in its colour; the word has to stand beside it."""
    style = STYLES[state]
    ink = _two(style.light, style.dark)
    return f'<span aria-hidden="true" style="{ink};font-weight:600">{style.glyph}</span>'


def _root_name(graph: TaskGraph) -> str:
    names = [graph.nodes[i].record.describe() for i in graph.roots[:1] if i in graph.nodes]
    more = f" and {len(graph.roots) - 1} more" if len(graph.roots) > 1 else ""
    return names[0] + more if names else "nothing"


def _tree_table(graph: TaskGraph, *, reasons: bool) -> str:
    rows, hidden = tree_rows(graph)
    head = ["task", "plan", "why"] if reasons else ["task", "state"]
    body = [_tree_row(graph, row, reasons=reasons) for row in rows]
    more = _more_tasks(hidden)
    return _table(head, body, caption="tasks, each above what it requires") + more


def _tree_row(graph: TaskGraph, row: TreeRow, *, reasons: bool) -> str:
    nodes = [graph.nodes[i] for i in row.ids]
    name, group = name_of(nodes)
    first = nodes[0]
    indent = f"padding-left:{min(row.depth, 20) * _INDENT}px"
    tail = f" {_second(markup(group))}" if group else ""
    if row.again:
        return _row(
            [f"{_second('↑')}&nbsp;{name_html(name)}{tail}", _second("above"), ""][
                : 3 if reasons else 2
            ],
            first=indent,
        )
    label = f"{glyph_html(first.state)}&nbsp;{name_html(name)}{tail}"
    word = STYLES[first.state].word
    if not reasons:
        return _row([label, word], first=indent)
    word = "run" if first.state is TaskState.PENDING else word
    reason = markup(first.reason)
    if first.error is not None:
        reason += f"{'<br>' if reason else ''}{markup(words.error_line(first.error))}"
    outputs = first.record.outputs if len(nodes) == 1 else ()
    if outputs:
        label += f'<br><span style="{_SMALL}">{markup(shown_path(outputs[0]))}</span>'
    return _row([label, word, _second(reason)], first=indent)


# -- runs -----------------------------------------------------------------------------------------


def run_html(
    summary: RunSummary, *, stable: bool = False, picture: str = "", log: Sequence[str] = ()
) -> str:
    """A run and what became of it.

    Parameters
    ----------
    picture
        HTML of the graph, shown under what went wrong.
    log
        Last lines of output, shown closed.
    """
    state = words.run_state(summary)
    title = name_html(words.run_title(summary))
    said = markup(words.outcome(summary, stable=stable))
    head = f"{glyph_html(state)} {title} {said}"
    if words.is_nothing_to_do(summary):
        return card_html(f"{head}{_already(summary, stable)}", "", kind="run", state=state)
    head += f" {aside_html(markup(words.tally(summary)))}"
    drawn = f'<div style="margin:8px 0 0">{picture}</div>' if picture else ""
    parts = [
        *_troubles(summary, stable=stable),
        drawn,
        _tasks_section(summary, stable),
        _log_section(log),
    ]
    if summary.status not in {RunStatus.SUCCEEDED, RunStatus.RUNNING}:
        steps = " &nbsp;·&nbsp; ".join(_step(step) for step in words.next_steps(summary))
        parts.append(f'<p style="margin:8px 0 0">{_second("next:")} {steps}</p>')
    if not stable and summary.run_id:
        parts.append(
            f'<p style="margin:6px 0 0;font-size:.85em">{_second(_fine_print(summary))}</p>'
        )
    return card_html(head, "".join(parts), kind="run", state=state)


def _already(summary: RunSummary, stable: bool) -> str:
    root = summary.tasks[summary.roots[0]]
    changed = max((r.modified for r in root.outputs if r.modified), default=None)
    facts = [markup(words.output_words(root)), words.moment(changed, stable=stable)]
    inside = ", ".join(fact for fact in facts if fact)
    told = f" ({inside})" if inside else ""
    return f"{told}. <code>--force</code> runs it again."


def _fine_print(summary: RunSummary) -> str:
    facts = [markup(summary.run_id), words.moment(summary.started)]
    if summary.info is not None and summary.info.workers > 1:
        facts.append(f"{summary.info.workers} workers")
    return " · ".join(fact for fact in facts if fact)


def _troubles(summary: RunSummary, *, stable: bool) -> list[str]:
    parts = [
        failure_html(task, open_source=number == 0, stable=stable)
        for number, task in enumerate(summary.in_state(TaskState.FAILED)[:_FAILURES_SHOWN])
    ]
    if summary.failed > _FAILURES_SHOWN:
        parts.append(f"<p>{_second(f'… and {summary.failed - _FAILURES_SHOWN:,} more failed')}</p>")
    for state in (TaskState.UNPLANNED, TaskState.MISSING, TaskState.DISABLED):
        found = summary.in_state(state)[:_FAILURES_SHOWN]
        parts += [failure_html(task, open_source=False, stable=stable) for task in found]
    if summary.status is not RunStatus.RUNNING:
        found = summary.in_state(TaskState.WAITING)[:_FAILURES_SHOWN]
        parts += [failure_html(task, open_source=False, stable=stable) for task in found]
    blocked = summary.in_state(TaskState.UPSTREAM_FAILED)
    if blocked:
        glyph = glyph_html(TaskState.UPSTREAM_FAILED)
        names = " &nbsp; ".join(f"{glyph} {name_html(t.name)}" for t in blocked[:_NAMES_SHOWN])
        more = len(blocked) - _NAMES_SHOWN
        tail = f" … and {more:,} more" if more > 0 else ""
        parts.append(f'<p style="margin:6px 0 0">{_second("blocked:")} {names}{tail}</p>')
    return parts


def failure_html(task: TaskSummary, *, open_source: bool = True, stable: bool = False) -> str:
    """A task in trouble: what was raised, where, and the lines around it."""
    style = STYLES[task.state]
    head = f"{glyph_html(task.state)} {name_html(task.name)} &nbsp; "
    if task.error is None:
        why = markup(words.why(task))
        said = f"{style.word}: {why}" if why else style.word
        return f'<p style="margin:6px 0 0">{head}{said}</p>'
    error = task.error
    ink = _two(style.light, style.dark)
    head += (
        f'<span style="{ink};font-weight:600">{markup(words.error_line(error), limit=400)}</span>'
    )
    where = markup(words.place(error, stable=stable))
    head += f" &nbsp; {_second(where)}" if where else ""
    lines = error.message.split("\n")[1:]
    rest = _block(markup(visible_line(line), limit=500) for line in lines[:8]) if lines else ""
    body = rest + _source(error, ink)
    if error.traceback:
        written = words.without_numbers(error.traceback) if stable else error.traceback
        kept = written.splitlines()[-60:]
        trace = _block(markup(visible_line(line), limit=500) for line in kept)
        body += details_html("traceback", trace)
    source = f'<div style="margin:6px 0 0">{head}'
    return f"{source}{body}</div>" if open_source else f"{source}{details_html('more', body)}</div>"


def _source(error: ErrorInfo, ink: str) -> str:
    lines = []
    written = [(number, visible_line(line)) for number, line in error.source]
    indent = min((len(w) - len(w.lstrip()) for _, w in written if w.strip()), default=0)
    for number, line in written:
        shown = f"{number:>4}  {markup(line[indent:], limit=500)}"
        mark = "&gt;" if number == error.line else " "
        bold = f'<b style="{ink}">{mark}</b><b>{shown}</b>'
        lines.append(bold if number == error.line else f"{mark}{shown}")
    block = _block(lines) if lines else ""
    notes = [note for told in error.notes for note in told.splitlines()[:5]][:10]
    return block + "".join(f'<p style="margin:4px 0">{markup(visible_line(n))}</p>' for n in notes)


def _tasks_section(summary: RunSummary, stable: bool) -> str:
    if summary.total == 0:
        return ""
    if summary.total > TABLE_LIMIT:
        table = _families_table(summary, stable)
    else:
        rows = [_task_row(summary.tasks[i], stable) for i in summary.graph().order()]
        table = _table(["task", "state, time, output"], rows, caption="tasks of the run")
        table = f'<div style="overflow-wrap:anywhere">{table}</div>'
    said = f"{words.plural(summary.total, 'task')}: {counts_html(summary.counts)}"
    return details_html(said, table)


def _families_table(summary: RunSummary, stable: bool) -> str:
    families: dict[str, list[TaskSummary]] = {}
    for task in summary.tasks.values():
        families.setdefault(task.record.family, []).append(task)
    rows = []
    for family, tasks in families.items():
        counts: dict[TaskState, int] = {}
        for task in tasks:
            counts[task.state] = counts.get(task.state, 0) + 1
        ran = TaskState.DONE in counts and not stable
        took = words.duration(sum(task.seconds for task in tasks)) if ran else ""
        name = f"<b>{markup(family)}</b> {_second(f'×{len(tasks):,}')}"
        rows.append(_row([name, counts_html(counts), took]))
    return _table(["family", "tasks", "seconds"], rows[:TABLE_LIMIT], caption="families of tasks")


def _task_row(task: TaskSummary, stable: bool) -> str:
    """A short row: a run of fifty tasks with its picture stays below 60 kB in the notebook."""
    facts = [STYLES[task.state].word]
    if task.state is TaskState.DONE and not stable:
        facts.append(words.duration(task.seconds))
    facts += [markup(fact) for fact in (words.output_words(task), task.note) if fact]
    link = safe_link(task.tracking_url) if task.tracking_url else None
    if link is not None:
        facts.append(f'<a href="{markup(link, limit=2000)}" rel="noopener noreferrer">watch</a>')
    family, bracket, rest = task.name.partition("(")
    name = f"<b>{markup(family)}</b>" + (markup(bracket + rest) if rest != ")" else "")
    return (
        f'<tr style="background:none"><th scope="row" style="{_CELL};font-weight:inherit">'
        f'{STYLES[task.state].glyph} {name}</th><td style="{_CELL}">{" · ".join(facts)}</td></tr>'
    )


def _log_section(log: Sequence[str]) -> str:
    return details_html("output", output_html(log)) if log else ""


def output_html(lines: Sequence[str]) -> str:
    """Lines that a task wrote; empty for none."""
    return _block(markup(visible_line(line), limit=500) for line in lines) if lines else ""


def _step(step: str) -> str:
    is_command = step.startswith(("%", "nbflow "))
    return f'<code style="{_CODE}">{markup(step)}</code>' if is_command else markup(step)


# -- tasks ----------------------------------------------------------------------------------------


def task_html(card: TaskCard, *, stable: bool = False) -> str:
    """A task: parameters, outputs, requirements, where it is defined."""
    head = name_html(card.name)
    if card.state is not None:
        head += f" {_gap()}{glyph_html(card.state)} {STYLES[card.state].word}"
    if card.outdated:
        head += f" {_gap()}{_second('outdated: the class was defined again since')}"
    rows = []
    if card.meaning:
        rows.append(("what", markup(card.meaning)))
    if card.parameters:
        rows.append(("parameters", _parameter_lines(card)))
    outputs = [markup(text.output_text(o, stable=stable), limit=300) for o in card.outputs]
    if outputs:
        rows.append(("output", "<br>".join(outputs)))
    if card.requires:
        rows.append(("requires", _requirements(card)))
    if card.defined_in:
        rows.append(("defined in", markup(text.defined_words(card, stable=stable))))
    if card.note:
        rows.append(("note", markup(card.note)))
    return card_html(head, _facts(rows), kind="task", state=card.state)


def parameters_html(table: ParameterTable) -> str:
    """A table of a task's parameters."""
    title = name_html(table.family) + (
        f" {_second('–')} {markup(table.meaning)}" if table.meaning else ""
    )
    where = markup(shown_path(table.defined_in)) + (
        f", v{table.version}" if table.version > 1 else ""
    )
    rows = [
        _row(
            [
                f"<b>{markup(f'{row.source}.{row.name}' if row.source else row.name)}</b>",
                markup(text.type_words(row)),
                f'<span style="{_CODE}">{markup(text.default_words(row))}</span>',
                "yes" if row.required else "no",
                markup(row.meaning),
            ]
        )
        for row in table.rows
    ]
    head = ["name", "type", "default", "required", "meaning"]
    body = _table(head, rows, caption=f"parameters of {table.family}") if rows else "no parameters"
    return card_html(f"{title} {aside_html(where)}", body, kind="parameters", state=None)


def tasks_html(rows: Sequence[TaskRow]) -> str:
    """A table of the registered tasks."""
    body = [
        _row(
            [
                f"<b>{markup(row.family)}</b>",
                markup(shown_path(row.defined_in))
                + (f", v{row.version}" if row.version > 1 else ""),
                markup(", ".join(row.parameters)),
                markup(row.meaning),
            ]
        )
        for row in rows
    ]
    table = _table(
        ["task", "defined in", "parameters", "meaning"], body, caption="registered tasks"
    )
    return card_html(words.plural(len(rows), "task"), table, kind="tasks", state=None)


def table_html(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A plain table of any values."""
    return card_html(markup(title), cells_html(head, rows, caption=title), kind="table", state=None)


def cells_html(head: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str) -> str:
    """A plain table of any values without a card around it."""
    return _table(head, map(_plain_row, rows), caption=caption)


def note_html(said: str) -> str:
    """A remark that is not the result of a cell: one pale line."""
    return f'<div data-nbflow="note" style="font-size:.9em">{_second(markup(said))}</div>'


def _parameter_lines(card: TaskCard) -> str:
    lines = []
    for row in card.parameters:
        kind = "private" if row.private else text.type_words(row)
        value = f'<span style="{_CODE}">{markup(text.value_words(row))}</span>'
        lines.append(f"{markup(row.name)} = {value} {_second(markup(kind))}")
    return "<br>".join(lines)


def _requirements(card: TaskCard) -> str:
    lines = [
        f"{glyph_html(state)} {name_html(name)} {_second(STYLES[state].word)}"
        if state
        else name_html(name)
        for name, state in card.requires[:_NAMES_SHOWN]
    ]
    more = len(card.requires) - _NAMES_SHOWN
    return "<br>".join([*lines, _second(f"… and {more:,} more")] if more > 0 else lines)


# -- elements -------------------------------------------------------------------------------------


def card_html(head: str, body: str, *, kind: str, state: TaskState | None) -> str:
    """A card of HTML parts: a headline that is read aloud, and what stands below.

    Parameters
    ----------
    kind
        What the card shows, as the attribute `data-nbflow`.
    state
        Whose colour its edge has; a card that is not RUNNING is marked as final.
    """
    left = _RIM
    if state is not None:
        style = STYLES[state]
        left = f"{_RIM};{_two(style.light, style.dark, name='border-left-color')}"
    final = ' data-nbflow-final="1"' if state is None or state is not TaskState.RUNNING else ""
    return (
        f'<div data-nbflow="{kind}"{final} style="{_CARD}{left}">'
        f'<div role="status">{head}</div>{body}</div>'
    )


def name_html(name: str) -> str:
    """A task's name: the family in bold, its parameters paler."""
    family, bracket, rest = name.partition("(")
    tail = _second(markup(bracket + rest)) if rest not in {"", ")"} else ""
    return f"<b>{markup(family)}</b>{tail}"


def _second(inner: str) -> str:
    return f'<span style="opacity:.75">{inner}</span>' if inner else ""


def aside_html(facts: str) -> str:
    """Paler facts after a headline, with a gap before them; they wrap together."""
    return f'&emsp;<span style="opacity:.75;display:inline-block">{facts}</span>' if facts else ""


def _gap() -> str:
    return "&emsp;"


def _more_tasks(hidden: int) -> str:
    said = f"… and {words.plural(hidden, 'more task')}"
    return f"<p>{_second(said)}</p>" if hidden > 0 else ""


def details_html(summary: str, body: str) -> str:
    """A closed section that a click opens."""
    return (
        '<details style="margin:6px 0 0"><summary style="cursor:pointer">'
        f"{summary}</summary>{body}</details>"
    )


def _block(lines: Iterable[str]) -> str:
    return f'<pre style="{_BLOCK}">' + "\n".join(lines) + "</pre>"


def _cell(inner: str) -> str:
    return f'<td style="{_CELL}">{inner}</td>'


def _row(cells: Sequence[str], *, first: str = "") -> str:
    # A name of any length breaks where it must: a card has no scroll bar.
    style = f"{_CELL};overflow-wrap:anywhere;{first}" if first else _CELL
    head = f'<th scope="row" style="{style};font-weight:inherit">{cells[0]}</th>'
    return f'<tr style="background:none">{head}{"".join(map(_cell, cells[1:]))}</tr>'


def _plain_row(values: Sequence[object]) -> str:
    """Short values stay on one line; long ones break where they must."""
    cells = []
    for number, value in enumerate(map(str, values)):
        tag, scope = ("td", "") if number else ("th", ' scope="row"')
        style = f"{_CELL};font-weight:inherit"
        if len(value) <= _UNBROKEN:
            style += ";white-space:nowrap"
        elif max(map(len, value.split()), default=0) > _LONG_WORD:
            style += ";overflow-wrap:anywhere;min-width:11em"
        cells.append(f'<{tag}{scope} style="{style}">{markup(value)}</{tag}>')
    return f'<tr style="background:none">{"".join(cells)}</tr>'


def _table(head: Sequence[str], rows: Iterable[str], *, caption: str) -> str:
    columns = "".join(
        f'<th scope="col" style="{_CELL};font-weight:600;font-size:.85em">{_second(name)}</th>'
        for name in head
    )
    return (
        f'<div style="overflow-x:auto"><table aria-label="{markup(caption)}" style="{_TABLE}">'
        f'<thead style="border:0"><tr style="background:none">{columns}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _facts(rows: Sequence[tuple[str, str]]) -> str:
    body = "".join(
        f'<tr style="background:none"><th scope="row" style="{_CELL};font-weight:inherit">'
        f'{_second(name)}</th><td style="{_CELL};overflow-wrap:anywhere">{value}</td></tr>'
        for name, value in rows
    )
    return f'<table style="{_TABLE}"><tbody>{body}</tbody></table>' if rows else ""
