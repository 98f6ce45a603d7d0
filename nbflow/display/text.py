"""Plans, trees, runs and tasks as plain text, for terminals, logs and `text/plain`.

In stable mode nothing differs between two runs of the same notebook. In ASCII mode nbflow draws
no other characters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.errors import MASK
from nbflow.core.status import RunStatus, TaskState
from nbflow.display import words
from nbflow.display.escape import cut_middle, shown_path, visible, visible_line
from nbflow.display.theme import STYLES, count_words
from nbflow.display.tree import name_of, tree_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbflow.core.call import ErrorInfo
    from nbflow.core.graph import GraphNode, TaskGraph
    from nbflow.core.summary import RunSummary, TaskSummary
    from nbflow.display.model import OutputRow, ParameterRow, ParameterTable, TaskCard, TaskRow

#: Tasks of a run that are told one by one; more are told by family.
TASK_LIMIT = 12
_FAILURES_SHOWN = 5
_THERE = frozenset({TaskState.DONE, TaskState.COMPLETE})
_NAMES_SHOWN = 8
#: Levels of a tree that are indented.
_DEPTH_SHOWN = 20
_ASCII = str.maketrans(
    {
        **{style.glyph: style.ascii for style in STYLES.values()},
        "·": "|",
        "×": "x",
        "…": "...",
        "–": "-",
        "↑": "^",
        "•": "*",
        "◆": "*",
        "→": "->",
        "█": "#",
        "░": ".",
    }
)


def as_ascii(text: str) -> str:
    """`text` with nbflow's own symbols replaced by ASCII."""
    return text.translate(_ASCII)


# -- graphs ---------------------------------------------------------------------------------------


def plan_text(graph: TaskGraph, *, ascii: bool = False, width: int = 100) -> str:
    """What would run and why, from the roots down; shared tasks are printed once."""
    body = _tree(graph, width=width, word=_plan_word, reasons=True)
    return _finish([_spread(f"Plan for {_roots(graph)}", plan_counts(graph), width), *body], ascii)


def tree_text(graph: TaskGraph, *, ascii: bool = False, width: int = 100) -> str:
    """The graph as a tree with the state of each task."""
    counts = count_words(graph.counts())
    title = _spread(_roots(graph), f"{words.plural(len(graph), 'task')}: {counts}", width)
    body = _tree(graph, width=width, word=lambda n: STYLES[n.state].word, reasons=False)
    return _finish([title, *body], ascii)


def plan_counts(graph: TaskGraph) -> str:
    """`9 tasks: 5 to run, 3 complete`."""
    counts = graph.counts()
    rest = {s: n for s, n in counts.items() if s not in {TaskState.PENDING, TaskState.COMPLETE}}
    parts = [
        f"{counts.get(TaskState.PENDING, 0):,} to run",
        f"{counts.get(TaskState.COMPLETE, 0):,} complete",
        *(f"{count:,} {STYLES[state].word}" for state, count in rest.items()),
    ]
    return f"{words.plural(len(graph), 'task')}: {', '.join(parts)}"


def _plan_word(node: GraphNode) -> str:
    return "run" if node.state is TaskState.PENDING else STYLES[node.state].word


def _roots(graph: TaskGraph) -> str:
    names = [graph.nodes[i].record.describe() for i in graph.roots[:1] if i in graph.nodes]
    more = f" and {len(graph.roots) - 1} more" if len(graph.roots) > 1 else ""
    return visible(names[0]) + more if names else "nothing"


def _tree(
    graph: TaskGraph, *, width: int, word: Callable[[GraphNode], str], reasons: bool
) -> list[str]:
    rows, hidden = tree_rows(graph)
    table: list[tuple[str, ...]] = []
    below: dict[int, list[str]] = {}
    for row in rows:
        nodes = [graph.nodes[i] for i in row.ids]
        name, group = name_of(nodes)
        indent = "  " * min(row.depth, _DEPTH_SHOWN)
        if row.again:
            table.append((f"  {indent}↑ {name} {group}".rstrip(), "", "", ""))
            continue
        first = nodes[0]
        label = f"  {indent}{STYLES[first.state].glyph} {name}"
        reason = visible(first.reason) if reasons else ""
        table.append((label, word(first), reason, group or _first_output(first, reasons)))
        if first.error is not None:
            below[len(table)] = [f"  {indent}    {line}" for line in _error_head(first.error)]
    lines = []
    for number, line in enumerate(_aligned(table, limits=(max(40, width - 40), 14, 30, 60)), 1):
        lines += [line, *below.get(number, [])]
    if hidden:
        lines.append(f"  … and {words.plural(hidden, 'more task')}")
    return lines


def _first_output(node: GraphNode, wanted: bool) -> str:
    outputs = node.record.outputs
    return visible(shown_path(outputs[0])) if wanted and outputs else ""


# -- runs -----------------------------------------------------------------------------------------


def run_line(summary: RunSummary, *, stable: bool = False, ascii: bool = False) -> str:
    """The run in one line: `✓ Report(...) succeeded in 22.8 s     6 ran · ...`."""
    return _finish([_headline(summary, stable)], ascii)


def result_line(summary: RunSummary, *, stable: bool = False) -> str:
    """The first line of a result, made to be searched for; its shape does not change."""
    run_id = words.NO_RUN_ID if stable else summary.run_id
    return (
        f"RunResult {run_id}  {words.status_word(summary)}  {words.run_title(summary)}  "
        f"{summary.ran} ran, {summary.complete} complete, {summary.failed} failed, "
        f"{words.elapsed(summary, stable=stable)}"
    )


def run_text(summary: RunSummary, *, stable: bool = False, ascii: bool = False) -> str:
    """A run and what became of it: the greppable first line, then the card."""
    lines = [result_line(summary, stable=stable), *_card(summary, stable)]
    return _finish(lines, ascii)


def run_card_text(summary: RunSummary, *, stable: bool = False, ascii: bool = False) -> str:
    """The card alone."""
    return _finish(_card(summary, stable), ascii)


def _headline(summary: RunSummary, stable: bool) -> str:
    glyph = STYLES[words.run_state(summary)].glyph
    head = f"{glyph} {words.run_title(summary)} {words.outcome(summary, stable=stable)}"
    if words.is_nothing_to_do(summary):
        return f"{head}{_what_is_there(summary, stable)}. --force runs it again."
    return f"{head}     {words.tally(summary)}"


def _what_is_there(summary: RunSummary, stable: bool) -> str:
    root = summary.tasks[summary.roots[0]]
    output = words.output_words(root)
    changed = [record.modified for record in root.outputs if record.modified]
    when = words.moment(max(changed, default=None), stable=stable)
    inside = ", ".join(part for part in (output, when) if part)
    return f" ({inside})" if inside else ""


def _card(summary: RunSummary, stable: bool) -> list[str]:
    lines = [_headline(summary, stable)]
    if words.is_nothing_to_do(summary):
        return lines
    if summary.status is RunStatus.SUCCEEDED:
        return [*lines, *_task_lines(summary, stable), *_notes(summary)]
    lines += [
        line
        for task in summary.in_state(TaskState.FAILED)[:_FAILURES_SHOWN]
        for line in _failure(task, stable=stable)
    ]
    hidden = summary.failed - _FAILURES_SHOWN
    if hidden > 0:
        lines.append(f"  … and {hidden:,} more failed")
    for state in (TaskState.UNPLANNED, TaskState.MISSING, TaskState.DISABLED, TaskState.WAITING):
        for task in summary.in_state(state)[:_FAILURES_SHOWN]:
            lines += _failure(task, stable=stable)
    blocked = summary.in_state(TaskState.UPSTREAM_FAILED)
    if blocked:
        glyph = STYLES[TaskState.UPSTREAM_FAILED].glyph
        named = "  ".join(f"{glyph} {visible(task.name)}" for task in blocked[:_NAMES_SHOWN])
        more = len(blocked) - _NAMES_SHOWN
        lines.append(f"  {named}" + (f"  … and {more:,} more" if more > 0 else ""))
    if summary.status is RunStatus.FAILED:
        lines += _left_waiting(summary)
    lines += _notes(summary)
    if summary.status is not RunStatus.RUNNING:
        lines.append(f"  next: {'   ·   '.join(words.next_steps(summary))}")
    return lines


def _left_waiting(summary: RunSummary) -> list[str]:
    """Tasks that nothing failed under: they waited to the end for resources, or for each other."""
    lines = []
    for task in summary.in_state(TaskState.PENDING, TaskState.SUSPENDED):
        needed = [summary.tasks[dep] for dep in task.deps if dep in summary.tasks]
        names = [dep.name for dep in needed if dep.state not in _THERE]
        if task.state is TaskState.SUSPENDED and names:
            why = f"waits for {', '.join(names[:3])}, which it yielded"
        elif task.record.resources:
            amounts = ", ".join(f"{name}={n:g}" for name, n in task.record.resources.items())
            why = f"needs {amounts}, and there was never so much"
        else:
            continue
        lines.append(f"  {STYLES[task.state].glyph} {visible(task.name)}   {visible(why)}")
    more = len(lines) - _FAILURES_SHOWN
    return [*lines[:_FAILURES_SHOWN], f"  … and {more:,} more"] if more > 0 else lines


def _task_lines(summary: RunSummary, stable: bool) -> list[str]:
    if summary.total > TASK_LIMIT:
        return _family_lines(summary, stable)
    table = []
    for task_id in summary.graph().order():
        task = summary.tasks[task_id]
        timed = task.state is TaskState.DONE and not stable
        state = words.duration(task.seconds) if timed else STYLES[task.state].word
        name = f"  {STYLES[task.state].glyph} {visible(task.name)}"
        table.append((name, state, words.output_words(task)))
    return _aligned(table, limits=(80, 14, 80))


def _family_lines(summary: RunSummary, stable: bool) -> list[str]:
    families: dict[str, list[TaskSummary]] = {}
    for task in summary.tasks.values():
        families.setdefault(task.record.family, []).append(task)
    table = []
    for family, tasks in families.items():
        counts: dict[TaskState, int] = {}
        for task in tasks:
            counts[task.state] = counts.get(task.state, 0) + 1
        took = words.duration(sum(task.seconds for task in tasks), stable=stable)
        ran = counts.get(TaskState.DONE)
        name = f"  {visible(family)} ×{len(tasks):,}"
        table.append((name, count_words(counts), took if ran else ""))
    return _aligned(table, limits=(60, 60, 14))


def _notes(summary: RunSummary) -> list[str]:
    told = [task for task in summary.tasks.values() if task.note]
    lines = [f"  {visible(task.name)}: {visible(task.note)}" for task in told[:_NAMES_SHOWN]]
    more = len(told) - _NAMES_SHOWN
    return [*lines, f"  … and {more:,} more notes"] if more > 0 else lines


def _failure(task: TaskSummary, *, stable: bool) -> list[str]:
    head = f"  {STYLES[task.state].glyph} {visible(task.name)}"
    if task.error is None:
        why = visible(words.why(task))
        return [f"{head}   {STYLES[task.state].word}{f': {why}' if why else ''}"]
    first, *rest = _error_head(task.error, stable=stable)
    return [f"{head}   {first}", *(f"    {line}" for line in [*rest, *_source(task.error)])]


def _error_head(error: ErrorInfo, *, stable: bool = False) -> list[str]:
    where = words.place(error, stable=stable)
    lines = error.message.split("\n")[1:6]
    head = words.error_line(error) + (f"        {where}" if where else "")
    return [head, *(f" {visible_line(line)}" for line in lines if line.strip())]


def _source(error: ErrorInfo) -> list[str]:
    lines = [
        f"{'>' if number == error.line else ' '} {number:>4} | {visible_line(text)}"
        for number, text in error.source
    ]
    notes = [note for text in error.notes for note in text.splitlines()[:5]]
    return [*lines, *(f" {visible_line(note)}" for note in notes[:10])]


# -- tasks ----------------------------------------------------------------------------------------


def task_text(card: TaskCard, *, stable: bool = False, ascii: bool = False) -> str:
    """A task: parameters, outputs, requirements, where it is defined."""
    head = visible(card.name)
    if card.state is not None:
        style = STYLES[card.state]
        head += f"     {style.glyph} {style.word}"
    if card.outdated:
        head += f"     (v{card.version}, outdated: the class was defined again since)"
    lines = [head]
    if card.meaning:
        lines.append(f"  {visible(card.meaning)}")
    if card.parameters:
        lines.append(f"  parameters  {' · '.join(map(_parameter_words, card.parameters))}")
    for number, output in enumerate(card.outputs):
        lines.append(f"  {'' if number else 'output':<12}{output_text(output, stable=stable)}")
    if card.requires:
        names = [_requirement(name, state) for name, state in card.requires[:_NAMES_SHOWN]]
        more = len(card.requires) - _NAMES_SHOWN
        tail = f"   … and {more:,} more" if more > 0 else ""
        lines.append(f"  requires    {'   '.join(names)}{tail}")
    if card.defined_in:
        lines.append(f"  defined in  {defined_words(card, stable=stable)}")
    if card.note:
        lines.append(f"  {visible(card.note)}")
    return _finish(lines, ascii)


def defined_words(card: TaskCard, *, stable: bool = False) -> str:
    """`cell In[9], version 3 · 4 runs, last took 7.2 s`."""
    told = visible(shown_path(card.defined_in))
    if card.version > 1:
        told += f", version {card.version}"
    if card.runs and not stable:
        told += f" · {words.plural(card.runs, 'run')}"
        if card.seconds is not None:
            told += f", last took {words.duration(card.seconds)}"
    return told


def output_text(output: OutputRow, *, stable: bool = False) -> str:
    """`data/x.parquet  exists · 3.1 MB · 2026-08-20 11:02`."""
    if output.exists is None:
        state = "not checked"
    else:
        state = "exists" if output.exists else "does not exist"
    facts = [state, words.size(output.size), words.moment(output.modified, stable=stable)]
    return f"{visible(shown_path(output.text))}  {' · '.join(fact for fact in facts if fact)}"


def parameters_text(table: ParameterTable, *, ascii: bool = False) -> str:
    """A table of a task's parameters."""
    title = visible(table.family) + (f" – {visible(table.meaning)}" if table.meaning else "")
    where = visible(shown_path(table.defined_in))
    if table.version > 1:
        where += f", v{table.version}"
    head = ("  name", "type", "default", "required", "meaning")
    rows = [
        (
            f"  {visible(row.source + '.' if row.source else '')}{visible(row.name)}",
            type_words(row),
            default_words(row),
            "yes" if row.required else "no",
            visible(row.meaning),
        )
        for row in table.rows
    ]
    body = _aligned([head, *rows], limits=(40, 40, 30, 8, 100)) if rows else ["  no parameters"]
    return _finish([_spread(title, where, 100), *body], ascii)


def tasks_text(rows: Sequence[TaskRow], *, ascii: bool = False) -> str:
    """A table of the registered tasks."""
    head = ("task", "defined in", "parameters", "meaning")
    table = [
        (
            visible(row.family),
            visible(shown_path(row.defined_in)) + (f", v{row.version}" if row.version > 1 else ""),
            visible(", ".join(row.parameters)),
            visible(row.meaning),
        )
        for row in rows
    ]
    return _finish(_aligned([head, *table], limits=(40, 40, 60, 80)), ascii)


def table_text(
    head: Sequence[str], rows: Sequence[Sequence[object]], *, ascii: bool = False
) -> str:
    """A plain table of any values."""
    body = [[visible(cell) for cell in row] for row in rows]
    return _finish(_aligned([head, *body], limits=[80] * len(head)), ascii)


def type_words(row: ParameterRow) -> str:
    """`Date`, `Choice EUR|USD|GBP`, `Str (private)`."""
    text = visible(row.type)
    if row.choices:
        text += f" {visible('|'.join(row.choices), limit=60)}"
    return f"{text} (private)" if row.private else text


def default_words(row: ParameterRow) -> str:
    """The default, masked if it is private; a dash where there is none."""
    if row.default is None and not (row.private and not row.required):
        return words.NO_DURATION
    return MASK if row.private else visible(row.default, limit=40)


def value_words(row: ParameterRow) -> str:
    """The value, masked if it is private."""
    return MASK if row.private else visible(row.value if row.value is not None else "", limit=60)


def _parameter_words(row: ParameterRow) -> str:
    kind = "private" if row.private else type_words(row)
    return f"{visible(row.name)} {value_words(row)} ({kind})"


def _requirement(name: str, state: TaskState | None) -> str:
    return f"{visible(name)} {STYLES[state].glyph}" if state is not None else visible(name)


# -- lines ----------------------------------------------------------------------------------------


def _finish(lines: Sequence[str], ascii: bool) -> str:
    text = "\n".join(line.rstrip() for line in lines)
    return as_ascii(text) if ascii else text


def _spread(left: str, right: str, width: int) -> str:
    return f"{left}{' ' * max(4, width - len(left) - len(right))}{right}" if right else left


def _aligned(table: Sequence[Sequence[str]], *, limits: Sequence[int]) -> list[str]:
    """Rows with their columns below each other; text that is too long is cut in its middle."""
    cut = [[cut_middle(cell, limits[i]) for i, cell in enumerate(row)] for row in table]
    widths = [max(map(len, column), default=0) for column in zip(*cut, strict=True)]
    return [
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cut
    ]
