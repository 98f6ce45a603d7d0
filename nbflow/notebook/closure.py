"""Which statements of a notebook its tasks consist of: each with all that it names, and no more.

What a statement uses while it is executed (bases, decorators, defaults) is the definition before
it; what its functions use when they are called is the last one.

Names that are looked up by text (`getattr`, `globals()`) and star imports cannot be followed; an
import with a star is always kept.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from symtable import symtable
from typing import TYPE_CHECKING, Any

from nbflow.core.errors import SourceError
from nbflow.notebook.definitions import is_definition, names_set
from nbflow.notebook.load import INCLUDE_TAG, SKIP_TAG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from symtable import SymbolTable

    from nbflow.notebook.cells import Cell

#: Names that only a notebook has.
_OF_IPYTHON = frozenset({"display", "get_ipython", "In", "Out", "exit", "quit"})


@dataclass(slots=True)
class Statement:
    """One statement at the top of a cell.

    Attributes
    ----------
    text
        As it was written, with the comments directly above.
    names
        What it binds.
    is_work
        It is no definition: it stays in the notebook.
    now, later
        Names that it uses when it is executed, and when its functions are called.
    """

    cell: Cell
    node: ast.stmt
    text: str
    names: frozenset[str] = frozenset()
    is_work: bool = False
    now: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)


def read_statements(cells: Sequence[Cell], namespace: Mapping[str, Any]) -> list[Statement]:
    """All statements of `cells`, in order, with what they bind and use.

    Parameters
    ----------
    namespace
        What the names stand for after all cells.
    """
    found: list[Statement] = []
    known: dict[str, Any] = {}
    for cell in cells:
        for statement in _split(cell):
            names = names_set(statement.node, known)
            wanted = SKIP_TAG not in cell.tags and (
                INCLUDE_TAG in cell.tags or is_definition(statement.node, known)
            )
            if wanted:
                known |= {name: namespace[name] for name in names if name in namespace}
                known |= _starred(statement.node)
                statement.now, statement.later = _uses(statement.node)
            else:
                for name in names:
                    known.pop(name, None)
            statement.names = frozenset(names)
            statement.is_work = not wanted
            found.append(statement)
    return found


def closure(
    statements: Sequence[Statement], is_task: Callable[[str], bool], *, pattern: str = ""
) -> list[Statement]:
    """The statements that define tasks, and all that they need, in order.

    Parameters
    ----------
    is_task
        Whether a name stands for a class of tasks.
    pattern
        Only the tasks whose class's name this glob matches; empty: all.

    Raises
    ------
    SourceError
        A task needs a name that is set by work of the notebook, or that only IPython has; or there
        is no task.
    """
    bound: dict[str, list[int]] = {}
    for number, statement in enumerate(statements):
        for name in statement.names:
            bound.setdefault(name, []).append(number)
    waiting = [
        bound[name][-1]
        for name in bound
        if is_task(name) and fnmatchcase(name, pattern or "*") and _defines(statements, bound[name])
    ]
    if not waiting:
        matching = f" that {pattern!r} matches" if pattern else ""
        raise SourceError(f"there is no task{matching} to export.")
    waiting += [number for number, each in enumerate(statements) if _is_always_kept(each)]
    kept = set(waiting)
    while waiting:
        number = waiting.pop()
        for needed in _needs(statements, number, bound):
            if needed not in kept:
                kept.add(needed)
                waiting.append(needed)
    return [statements[number] for number in sorted(kept)]


def _needs(
    statements: Sequence[Statement], number: int, bound: Mapping[str, Sequence[int]]
) -> Iterator[int]:
    """Numbers of the statements that the one with this number uses."""
    statement = statements[number]
    for name in sorted(statement.now | statement.later):
        places = bound.get(name, ())
        before = [each for each in places if each < number]
        used = [*before[-1:]] if name in statement.now else []
        used += places[-1:] if name in statement.later else []
        for each in used:
            if statements[each].is_work:
                raise _left_out(statement, name, statements[each].cell)
            yield each
        if not places and name in _OF_IPYTHON:
            raise SourceError(
                f"`{_owner(statement)}` uses `{name}`, which only a notebook has; import it, or "
                "keep it out of tasks."
            )


def _left_out(statement: Statement, name: str, cell: Cell) -> SourceError:
    where = f"`{_owner(statement)}` uses `{name}`, set in cell {cell.number}, which is "
    if SKIP_TAG in cell.tags:
        return SourceError(f"{where}tagged {SKIP_TAG}; define it in another cell.")
    return SourceError(
        f"{where}not a definition; make it a constant, a Parameter, or tag the cell {INCLUDE_TAG}."
    )


def _owner(statement: Statement) -> str:
    return str(getattr(statement.node, "name", ast.unparse(statement.node).split("\n")[0]))


def _defines(statements: Sequence[Statement], numbers: Sequence[int]) -> bool:
    last = statements[numbers[-1]]
    return isinstance(last.node, ast.ClassDef) and not last.is_work


def _is_always_kept(statement: Statement) -> bool:
    """Whether nothing has to name it: it acts by itself, or binds who knows what."""
    if statement.is_work or isinstance(statement.node, ast.Pass):
        return False
    if isinstance(statement.node, ast.Expr):
        return not isinstance(statement.node.value, ast.Constant)
    return not statement.names or "*" in statement.names or is_future_import(statement.node)


def is_future_import(node: ast.stmt) -> bool:
    """Whether it is `from __future__ import ...`, which holds for the whole module."""
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _starred(node: ast.stmt) -> dict[str, Any]:
    """What `from module import *` binds."""
    if not isinstance(node, ast.ImportFrom) or node.names[0].name != "*":
        return {}
    content = getattr(sys.modules.get(node.module or ""), "__dict__", {})
    public = content.get("__all__") or [name for name in content if not name.startswith("_")]
    return {name: content[name] for name in public if name in content}


# -- text -----------------------------------------------------------------------------------------


def _split(cell: Cell) -> Iterator[Statement]:
    try:
        body = ast.parse(cell.source).body
    except (SyntaxError, ValueError) as error:
        if SKIP_TAG in cell.tags:
            return
        raise SourceError(
            f"cell {cell.number}, line {getattr(error, 'lineno', None) or 1} is not Python: "
            f"{getattr(error, 'msg', error)}. Mend it, or tag the cell {SKIP_TAG}."
        ) from error
    lines = cell.source.splitlines()
    previous = 0
    for position, node in enumerate(body):
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        last = node.end_lineno or node.lineno
        following = body[position + 1].lineno if position + 1 < len(body) else last + 1
        if first <= previous or following <= last:  # several statements on one line
            text = ast.get_source_segment(cell.source, node) or ast.unparse(node)
        else:
            while first - 1 > previous and lines[first - 2].startswith("#"):
                first -= 1
            text = "\n".join(lines[first - 1 : last])
        previous = last
        yield Statement(cell, node, text)


# -- names ----------------------------------------------------------------------------------------


def _uses(node: ast.stmt) -> tuple[set[str], set[str]]:
    """Names that a statement looks up in its module: at once, and from within its functions."""
    now: set[str] = set()
    later = _named_by_text(node)
    waiting: list[tuple[SymbolTable, bool]] = [
        (symtable(ast.unparse(node), "<cell>", "exec"), True)
    ]
    while waiting:
        scope, at_once = waiting.pop()
        inside = scope.get_type() not in {"module", "class"}
        used = {
            symbol.get_name()
            for symbol in scope.get_symbols()
            if symbol.is_referenced() and (not inside or symbol.is_global())
        }
        (now if at_once else later).update(used)
        waiting += [
            (child, at_once and child.get_type() == "class") for child in scope.get_children()
        ]
    return now, later


def _named_by_text(node: ast.stmt) -> set[str]:
    """Names in annotations that are strings."""
    names: set[str] = set()
    for each in ast.walk(node):
        for annotation in (getattr(each, "annotation", None), getattr(each, "returns", None)):
            for part in ast.walk(annotation) if isinstance(annotation, ast.AST) else ():
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    names |= _names_in(part.value)
    return names


def _names_in(text: str) -> set[str]:
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError):
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
