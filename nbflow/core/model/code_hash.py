"""What code a task class consists of, as hashes that ignore comments, docstrings and layout.

That code is the class's own functions, parameters and constants, and, as far as they were written
in the same module or in a notebook, the bases, functions, helper classes and constants that these
name, and what those name in turn. Other tasks are not part of it: they have hashes of their own.

Functions are hashed by their syntax tree, so that a hash outlives an update of Python; where there
is no source, or it no longer is what runs (the file was edited and not loaded again), by their
bytecode. Computed when somebody asks; never while a class is made or a task is.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, NamedTuple

from nbflow.core.model.parameters.base import Parameter

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Iterator, Mapping

#: Hexadecimal digits of a hash.
_LENGTH = 16
#: Longest and deepest container that is read as a constant.
_LONGEST_CONSTANT = 1000
_DEEPEST_CONSTANT = 4
#: Files and cells whose syntax trees are kept.
_KEPT_SOURCES = 32
#: Functions without a source whose hashes are kept.
_KEPT_CODES = 256
#: What nbflow and ABCMeta put into a class; of `__names__` only functions were written.
_NOT_WRITTEN = frozenset(
    {
        "_abc_impl",
        "_declared_at",
        "_event_handlers",
        "_namespace_at_class_time",
        "_nbflow_plan",
        "_nbflow_record",
    }
)


class _Code(NamedTuple):
    """One function as it was written."""

    digest: str
    #: Names that may be global.
    names: frozenset[str]


class _Source(NamedTuple):
    """One file or cell: its functions by name and first line, as trees and as compiled."""

    lines: list[str]
    trees: dict[tuple[str, int], ast.AST]
    codes: dict[tuple[str, int], CodeType]
    known: dict[tuple[str, int], _Code]


class _Mark(NamedTuple):
    """A word of the walk itself, beside the values that it meets."""

    text: str


_sources: dict[str, _Source] = {}


def is_notebook(module: str) -> bool:
    """Whether the definitions of a module are run again one by one: `__main__` and notebooks."""
    return module == "__main__" or hasattr(sys.modules.get(module), "__nbflow_notebook__")


def code_hash(cls: type) -> str:
    """Hash of all the code that `cls` consists of, 16 hexadecimal digits."""
    return hash_parts(code_parts(cls))


def hash_parts(parts: Mapping[str, str]) -> str:
    """One hash of the parts of a class."""
    return _hash(f"{label}={parts[label]}" for label in sorted(parts))


def code_parts(cls: type) -> dict[str, str]:
    """Hash of each piece of code that `cls` consists of, by a label for people (`run()`)."""
    parts: dict[str, str] = {}
    waiting = [(name, value) for base in _written(cls) for name, value in _members(base, cls)]
    seen: set[int] = set()
    while waiting:
        label, value = waiting.pop()
        digest, named = _part(value, cls.__module__)
        if digest is None or (named is not None and id(value) in seen):
            continue
        if named is not None:
            seen.add(id(value))
            waiting += named
        # A property's functions share their label, as do functions of one name in two modules.
        parts[label] = _hash(sorted((parts[label], digest))) if label in parts else digest
    return parts


def _written(cls: type) -> list[type]:
    """`cls` and those of its bases whose code is the user's own."""
    return [
        base for base in cls.__mro__ if base is cls or _is_near(base.__module__, cls.__module__)
    ]


def _members(cls: type, owner: type | None = None) -> Iterator[tuple[str, Any]]:
    prefix = "" if cls is owner else f"{cls.__name__}."
    for name, value in cls.__dict__.items():
        functions = list(_functions(value))
        is_special = name.startswith("__") and name.endswith("__")
        if name not in _NOT_WRITTEN and (functions or not is_special):
            yield from _labelled(prefix + name, value, functions)


def _labelled(name: str, value: Any, functions: list[FunctionType]) -> Iterator[tuple[str, Any]]:
    if functions:
        yield from ((f"{name}()", function) for function in functions)
    else:
        yield name, value


def _functions(value: Any) -> Iterator[FunctionType]:
    """The plain functions in a method, static or class method, property or decorated function."""
    inner: Any = None
    if isinstance(value, FunctionType):
        yield value
        inner = value.__dict__.get("__wrapped__")
    elif isinstance(value, property):
        for each in (value.fget, value.fset, value.fdel):
            yield from _functions(each)
    elif isinstance(value, (staticmethod, classmethod, MethodType)):
        inner = value.__func__
    elif type(value).__module__ == "functools":
        inner = getattr(value, "func", None) or getattr(value, "__wrapped__", None)
    if inner is not None:
        yield from _functions(inner)


def _part(value: Any, module: str) -> tuple[str | None, list[tuple[str, Any]] | None]:
    """Hash of one piece, None where it is not code of the task; and what it names in turn."""
    if isinstance(value, FunctionType):
        code = _code_of(value.__code__)
        return code.digest, list(_named(value, code.names, module))
    if isinstance(value, type):
        is_own = _is_near(value.__module__, module) and not hasattr(value, "_nbflow_plan")
        return _hash([value.__qualname__]), list(_members(value)) if is_own else None
    if isinstance(value, Parameter):
        return _hash(_declaration(value)), None
    text = _constant(value)
    return (None if text is None else _hash([text])), None


def _named(function: FunctionType, names: Iterable[str], module: str) -> Iterator[tuple[str, Any]]:
    """What a function names: global and enclosing functions, helper classes and constants."""
    scope = function.__globals__
    enclosed = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
    for name in sorted(names):
        value = scope.get(name)
        if name in enclosed:
            try:
                value = enclosed[name].cell_contents
            except ValueError:
                continue  # not set yet
        functions = list(_functions(value))
        if any(_is_near(each.__module__, module) for each in functions):
            yield from _labelled(name, value, functions)
        elif functions or (isinstance(value, (list, set, dict)) and not name.isupper()):
            continue  # a library's, or a variable
        elif name in scope or name in enclosed:
            yield name, value


def _is_near(module: str | None, other: str) -> bool:
    """Whether a module's code counts as the user's own for a class of the module `other`."""
    return module is not None and (module == other or is_notebook(module))


def _declaration(parameter: Parameter[Any]) -> list[str]:
    default = "" if not parameter.has_default else repr(parameter.default)
    return [
        type(parameter).__qualname__,
        default,
        str(parameter.significant),
        str(int(parameter.visibility)),
    ]


def _constant(value: Any, depth: int = 0) -> str | None:
    """Text of a constant; None for what is not one."""
    if value is None or isinstance(value, (str, bytes, bool, int, float, complex)):
        return f"{type(value).__name__} {value!r}"
    if not isinstance(value, (tuple, list, set, frozenset, dict)):
        return None
    if len(value) > _LONGEST_CONSTANT or depth > _DEEPEST_CONSTANT:
        return f"{type(value).__name__} of {len(value)}"
    items = value.items() if isinstance(value, dict) else value
    texts = [_constant(item, depth + 1) or type(item).__qualname__ for item in items]
    if isinstance(value, (set, frozenset)):
        texts.sort()
    return f"{type(value).__name__} {texts}"


def _code_of(code: CodeType) -> _Code:
    source = _source_of(code.co_filename)
    at = (code.co_name, code.co_firstlineno)
    compiled, tree = source.codes.get(at), source.trees.get(at)
    if compiled is None or tree is None or not _is_same(compiled, code):
        return _code_without_source(code)
    known = source.known.get(at)
    if known is None:
        known = source.known[at] = _Code(_hash(_tokens(tree)), frozenset(_tree_names(tree)))
    return known


@lru_cache(maxsize=_KEPT_CODES)
def _code_without_source(code: CodeType) -> _Code:
    """What is told of a function typed into a prompt, or whose file has changed since."""
    return _Code(_hash(_bytecode(code)), frozenset(_code_names(code)))


def _is_same(one: CodeType, other: CodeType) -> bool:
    return one == other or list(_bytecode(one)) == list(_bytecode(other))


def _source_of(filename: str) -> _Source:
    import ast
    import linecache

    lines = linecache.getlines(filename)
    known = _sources.get(filename)
    # Of a file that is not there, linecache gives another empty list each time.
    if known is not None and (known.lines is lines or not (known.lines or lines)):
        return known
    source = _Source(lines, {}, {}, {})
    try:
        tree = ast.parse("".join(lines), filename)
        compiled = compile(tree, filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        pass  # not Python as it stands: the bytecode speaks for itself
    else:
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                source.trees[node.name, first] = node
        source.codes.update(
            ((each.co_name, each.co_firstlineno), each) for each in _nested_codes(compiled)
        )
    _sources[filename] = source
    if len(_sources) > _KEPT_SOURCES:
        del _sources[next(iter(_sources))]
    return source


def _nested_codes(code: CodeType) -> Iterator[CodeType]:
    waiting = [code]
    while waiting:
        current = waiting.pop()
        yield current
        waiting += [each for each in current.co_consts if isinstance(each, CodeType)]


def _tokens(tree: ast.AST) -> Iterator[str]:
    """The tree as text, without docstrings, positions and what is empty."""
    import ast

    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    waiting: list[Any] = [tree]
    while waiting:
        current = waiting.pop()
        if not isinstance(current, ast.AST):
            yield current.text if isinstance(current, _Mark) else repr(current)
            continue
        yield f"({type(current).__name__}"
        waiting.append(_Mark(")"))
        for name in reversed(current._fields):
            value: Any = getattr(current, name, None)
            if name == "body" and isinstance(current, documented):
                value = value[1:] if ast.get_docstring(current, clean=False) is not None else value
            if value is None or value == [] or name in {"ctx", "kind", "type_comment"}:
                continue
            waiting += reversed(value) if isinstance(value, list) else [value]
            waiting.append(_Mark(f".{name}"))


def _tree_names(tree: ast.AST) -> Iterator[str]:
    import ast

    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def _bytecode(code: CodeType) -> Iterator[str]:
    """The instructions as text, each with its constant, so that a docstring is not there."""
    import dis

    for each in _nested_codes(code):
        for step in dis.get_instructions(each):
            # Which of the two a call has depends on whether the same unit holds the import.
            yield "LOAD_ATTR" if step.opname == "LOAD_METHOD" else step.opname
            if step.opcode not in dis.hasconst:
                yield str(step.argval if step.opcode in dis.hasname else step.arg)
            elif not isinstance(step.argval, CodeType):
                # The repr of a set has no fixed order.
                yield _constant(step.argval) or repr(step.argval)
        yield from (*each.co_varnames, *each.co_freevars)


def _code_names(code: CodeType) -> Iterator[str]:
    for each in _nested_codes(code):
        yield from each.co_names
        yield from each.co_freevars


def _hash(texts: Iterable[str]) -> str:
    from hashlib import blake2b

    digest = blake2b(digest_size=_LENGTH // 2)
    for text in texts:
        digest.update(text.encode("utf-8", "backslashreplace"))
        digest.update(b"\0")
    return digest.hexdigest()
