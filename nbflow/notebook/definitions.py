"""Which statements of a notebook define something, and which names the others set.

Definitions are imports, functions, classes and simple constants: literals and operators on them,
names that are loaded already, and calls of the types of `pathlib` and `datetime`. Everything else
is work that a person did in the notebook, and stays there.
"""

from __future__ import annotations

import ast
import builtins
import datetime as dt
import dis
import pathlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import CodeType

_CONSTANT_TYPES = (
    dt.date,
    dt.datetime,
    dt.time,
    dt.timedelta,
    dt.timezone,
    pathlib.Path,
    pathlib.PurePath,
    pathlib.PosixPath,
    pathlib.PurePosixPath,
    pathlib.WindowsPath,
    pathlib.PureWindowsPath,
)
_DEFINING = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
#: Nodes that a constant may be made of, beside names, attributes and calls.
_PLAIN = (
    ast.Constant,
    ast.Tuple,
    ast.List,
    ast.Set,
    ast.Dict,
    ast.UnaryOp,
    ast.BinOp,
    ast.BoolOp,
    ast.Compare,
    ast.IfExp,
    ast.Subscript,
    ast.Slice,
    ast.Starred,
    ast.JoinedStr,
    ast.FormattedValue,
    ast.Lambda,
    ast.expr_context,
    ast.operator,
    ast.unaryop,
    ast.boolop,
    ast.cmpop,
    ast.keyword,
)


def is_definition(statement: ast.stmt, namespace: Mapping[str, Any]) -> bool:
    """True where `statement` only defines something, given the names that are loaded."""
    if isinstance(statement, _DEFINING) or type(statement).__name__ == "TypeAlias":
        return True
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)  # a docstring, an ellipsis
    if isinstance(statement, ast.Assign):
        return all(map(_is_name, statement.targets)) and is_constant(statement.value, namespace)
    if isinstance(statement, ast.AnnAssign):
        value = statement.value
        return _is_name(statement.target) and (value is None or is_constant(value, namespace))
    if isinstance(statement, ast.If):
        return _is_type_checking(statement.test)
    return isinstance(statement, ast.Try) and _is_guarded_import(statement, namespace)


def is_constant(value: ast.expr, namespace: Mapping[str, Any]) -> bool:
    """True where `value` can be evaluated from literals and loaded names without doing work."""
    stack: list[ast.AST] = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Lambda):
            continue  # a function: its body runs when it is called
        if isinstance(node, ast.Name):
            if node.id not in namespace and not hasattr(builtins, node.id):
                return False
            continue
        if isinstance(node, ast.Call):
            function = _resolve(node.func, namespace)
            if not any(function is kind for kind in _CONSTANT_TYPES):
                return False
            stack += [*node.args, *node.keywords]
            continue
        if not isinstance(node, (*_PLAIN, ast.Attribute)):
            return False
        stack.extend(ast.iter_child_nodes(node))
    return True


def names_set(statement: ast.stmt, namespace: Mapping[str, Any]) -> set[str]:
    """Names of the notebook that a statement which is left out would have bound or changed.

    A call of a method counts where the object is a list, dict or set among the loaded names; a
    setting of a module (`pandas.options.display.width = 120`) leaves the module what it is.
    """
    names: set[str] = set()
    for node in _own_nodes(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(
            node.ctx, ast.Store | ast.Del
        ):
            names |= {
                name for name in _root_name(node) if not isinstance(namespace.get(name), ModuleType)
            }
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            names |= {
                name
                for name in _root_name(node.func)
                if isinstance(namespace.get(name), list | dict | set)
            }
    return names


def awaits(statement: ast.stmt) -> bool:
    """True where the statement itself awaits, as only cells may."""
    asynchronous = (ast.Await, ast.AsyncFor, ast.AsyncWith)
    return any(
        isinstance(node, asynchronous) or (isinstance(node, ast.comprehension) and node.is_async)
        for node in _own_nodes(statement)
    )


def globals_used(code: CodeType) -> Iterator[tuple[str, str]]:
    """(function, name) of every global that the functions inside of `code` look up when called."""
    stack = [const for const in code.co_consts if hasattr(const, "co_code")]
    while stack:
        inner = stack.pop()
        stack += [const for const in inner.co_consts if hasattr(const, "co_code")]
        owner = inner.co_qualname.replace(".<locals>", "")
        for instruction in dis.get_instructions(inner):
            if instruction.opname == "LOAD_GLOBAL":
                yield owner, instruction.argval


def _is_name(target: ast.expr) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return all(map(_is_name, target.elts))
    return isinstance(target, ast.Name)


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"


def _is_guarded_import(statement: ast.Try, namespace: Mapping[str, Any]) -> bool:
    """`try: import a`, `except ImportError: a = None`: an import that may be missing."""
    kinds = {"ImportError", "ModuleNotFoundError"}
    if not all(getattr(handler.type, "id", "") in kinds for handler in statement.handlers):
        return False
    handled = [part for handler in statement.handlers for part in handler.body]
    parts = [*statement.body, *handled, *statement.orelse, *statement.finalbody]
    return bool(handled) and all(
        isinstance(part, ast.Pass) or is_definition(part, namespace) for part in parts
    )


def _resolve(function: ast.expr, namespace: Mapping[str, Any]) -> Any:
    """The object that `name` or `module.name` stands for now, or None."""
    if isinstance(function, ast.Name):
        return namespace.get(function.id)
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        owner = namespace.get(function.value.id)
        return getattr(owner, function.attr, None) if owner is not None else None
    return None


def _own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes that run with the statement: not the bodies of functions and classes in it."""
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, _SCOPES):
            stack.extend(ast.iter_child_nodes(node))


def _root_name(node: ast.expr) -> set[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()
