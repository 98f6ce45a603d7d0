"""The definitions of a notebook or percent script as a module, so that its tasks run anywhere.

`nbflow run report.ipynb Report` and worker processes load a notebook with this: statements that
define something are executed in the order of the cells, all others are left out. A cell tagged
`nbflow-include` is executed whole, one tagged `nbflow-skip` never. Tracebacks name the cell:
`report.ipynb:cell 5 (id 3f2a), line 12`.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import linecache
import os
import re
import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nbflow.core.errors import NbflowError, SourceError
from nbflow.notebook.cells import Cell, read_cells
from nbflow.notebook.definitions import awaits, globals_used, is_definition, names_set

if TYPE_CHECKING:
    from types import CodeType

INCLUDE_TAG = "nbflow-include"
SKIP_TAG = "nbflow-skip"
#: Attribute of a loaded module: the absolute path of its notebook or script.
NOTEBOOK_ATTRIBUTE = "__nbflow_notebook__"
#: Compiler flag of `from __future__ import annotations`, which holds for all later cells.
_ANNOTATIONS: int = __future__.annotations.compiler_flag


def import_notebook(
    path: str | os.PathLike[str], *, name: str | None = None, all_cells: bool = False
) -> ModuleType:
    """Load the definitions of the notebook at `path` as a module.

    The module is entered in `sys.modules`, where it replaces an earlier load of the same file; the
    file's folder is added to `sys.path`, as in a kernel.

    Parameters
    ----------
    name
        Name of the module, in a worker that must find it as another process does; by default
        `nb:` and the file's stem.
    all_cells
        Execute every statement of every cell that is not tagged `nbflow-skip`.

    Raises
    ------
    SourceError
        The file is missing, damaged or not Python, or is a script without `# %%` cells; a
        statement fails; or a task needs a name that was left out.
    """
    path = os.path.abspath(path)
    cells = read_cells(path)
    if cells is None:
        raise SourceError(f"{path} has no `# %%` cells; import it as a module.")
    module = ModuleType(name or module_name(path))
    module.__file__ = path
    setattr(module, NOTEBOOK_ATTRIBUTE, path)
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    previous = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module
    try:
        _Loading(module, path, whole=all_cells).run(cells)
    except BaseException:
        if previous is None:
            del sys.modules[module.__name__]
        else:
            sys.modules[module.__name__] = previous
        raise
    return module


def module_name(path: str) -> str:
    """`nb:` and the file's stem, with the path's hash if another file has that name already.

    The colon keeps it apart from every module that an import statement can name.
    """
    path = os.path.abspath(path)
    stem = os.path.splitext(os.path.basename(path))[0]
    name = "nb:" + re.sub(r"\W", "_", stem)
    holder = sys.modules.get(name)
    if holder is None or getattr(holder, NOTEBOOK_ATTRIBUTE, None) == path:
        return name
    import hashlib

    return f"{name}_{hashlib.sha256(path.encode()).hexdigest()[:6]}"


@dataclass(slots=True)
class _Loading:
    """One load of one file: the module as it grows, and what was left out."""

    module: ModuleType
    path: str
    whole: bool
    #: Name to number of the cell whose statement would have set it, and whether the cell is
    #: tagged to be skipped.
    left_out: dict[str, tuple[int, bool]] = field(default_factory=dict)
    #: Name of a function or class to the code that defines it.
    definitions: dict[str, CodeType] = field(default_factory=dict)
    flags: int = 0

    @property
    def namespace(self) -> dict[str, Any]:
        return self.module.__dict__

    def run(self, cells: list[Cell]) -> None:
        self.namespace["__builtins__"] = builtins
        for cell in cells:
            file = self._file(cell)
            if SKIP_TAG in cell.tags:
                self._leave_out_cell(cell)
                continue
            for statement in self._parse(cell, file):
                self._take(cell, statement, file)
        self._check_names()

    def _file(self, cell: Cell) -> str:
        """What tracebacks call the cell; its lines are put where tracebacks look for them."""
        if not self.path.endswith(".ipynb"):
            return self.path
        shown = os.path.relpath(self.path)
        shown = self.path if shown.startswith("..") else shown
        suffix = f" (id {cell.cell_id})" if cell.cell_id else ""
        file = f"{shown}:cell {cell.number}{suffix}"
        lines = [line + "\n" for line in cell.source.splitlines()]
        linecache.cache[file] = (len(cell.source), None, lines, file)
        return file

    def _parse(self, cell: Cell, file: str) -> list[ast.stmt]:
        source = "\n" * (cell.first_line - 1) + cell.source
        try:
            return ast.parse(source, file).body
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            raise SourceError(
                f"{file}, line {line} is not Python: {getattr(error, 'msg', error)}. "
                f"Mend it, or tag the cell {SKIP_TAG}."
            ) from error

    def _leave_out_cell(self, cell: Cell) -> None:
        try:
            statements = ast.parse(cell.source).body
        except (SyntaxError, ValueError):
            return  # it is not needed, so it need not be Python
        for statement in statements:
            for name in names_set(statement, {}):
                if name not in self.namespace:
                    self.left_out[name] = (cell.number, True)

    def _take(self, cell: Cell, statement: ast.stmt, file: str) -> None:
        if awaits(statement):
            wanted = False  # only a cell can await at its top
        else:
            wanted = self.whole or INCLUDE_TAG in cell.tags
            wanted = wanted or is_definition(statement, self.namespace)
        if wanted:
            self._execute(statement, file)
            return
        for name in names_set(statement, self.namespace):
            self.left_out[name] = (cell.number, False)
            self.namespace.pop(name, None)

    def _execute(self, statement: ast.stmt, file: str) -> None:
        code = self._compile(statement, file)
        try:
            exec(code, self.namespace)  # noqa: S102 - it is what loading means
        except NbflowError as error:
            error.add_note(f"in {file}, line {statement.lineno}")
            raise
        except Exception as error:  # noqa: BLE001 - the user's code may raise anything
            self._explain(error, statement, file)
        for name in names_set(statement, {}):
            self.left_out.pop(name, None)
            self.definitions.pop(name, None)
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.definitions[statement.name] = code

    def _compile(self, statement: ast.stmt, file: str) -> CodeType:
        unit = ast.Module([statement], type_ignores=[])
        try:
            code: CodeType = compile(unit, file, "exec", self.flags, dont_inherit=True)
        except SyntaxError as error:
            raise SourceError(
                f"{file}, line {error.lineno or statement.lineno} is not Python: {error.msg}."
            ) from error
        self.flags |= code.co_flags & _ANNOTATIONS
        return code

    def _explain(self, error: Exception, statement: ast.stmt, file: str) -> None:
        missing = error.name if isinstance(error, NameError) else None
        if missing in self.left_out:
            owner = getattr(statement, "name", ast.unparse(statement).split("\n")[0])
            raise self._needs(owner, missing) from error
        trace = error.__traceback__
        line = statement.lineno
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == file:
                line = trace.tb_lineno
            trace = trace.tb_next
        raise SourceError(
            f"{file}, line {line} cannot be loaded: {type(error).__name__}: {error}"
        ) from error

    def _check_names(self) -> None:
        """Refuse tasks that would look up, when they run, a name that was left out."""
        if not self.left_out:
            return
        waiting = [name for name in self.definitions if self._is_task(name)]
        seen = set(waiting)
        while waiting:
            for owner, used in globals_used(self.definitions[waiting.pop()]):
                if used in self.left_out and used not in self.namespace:
                    raise self._needs(owner, used)
                if used in self.definitions and used not in seen:
                    seen.add(used)
                    waiting.append(used)

    def _is_task(self, name: str) -> bool:
        from nbflow.core.model.task import Task

        value = self.namespace.get(name)
        return isinstance(value, type) and issubclass(value, Task)

    def _needs(self, owner: str, name: str) -> SourceError:
        number, tagged = self.left_out[name]
        where = f"`{owner}` uses `{name}`, set in cell {number}, which is "
        if tagged:
            return SourceError(
                f"{where}tagged {SKIP_TAG}; define it in another cell, or take the tag away"
            )
        return SourceError(
            f"{where}not a definition; make it a constant, a Parameter, or tag the cell "
            f"{INCLUDE_TAG}"
        )
