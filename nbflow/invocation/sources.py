"""Where tasks are defined: a notebook, a file or a module, loaded so that its tasks have names."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

from nbflow.core.errors import NbflowError, SourceError, did_you_mean, shorten

if TYPE_CHECKING:
    from types import ModuleType

    from nbflow.invocation.grammar import Invocation


def load_source(invocation: Invocation, *, change_folder: bool = True) -> ModuleType | None:
    """Load what the invocation names as its source; None where it names none.

    The folder of a `.py` file and the working directory are put on `sys.path`.

    Parameters
    ----------
    change_folder
        Go into the folder of a notebook before it is loaded, as Jupyter does, so that its relative
        paths mean the same. A running kernel stays where it is.

    Raises
    ------
    SourceError
        It is not there, or its code raises.
    """
    source = invocation.source
    if source is None:
        return None
    if source.endswith(".ipynb"):
        return _load_notebook(source, change_folder=change_folder)
    _add_to_path(os.getcwd())
    if source.endswith(".py"):
        return _load_file(source)
    return load_module(source)


def load_module(name: str) -> ModuleType:
    """Import a module by its dotted name, from the working directory too.

    Raises
    ------
    SourceError
        There is no such module, or its code raises.
    """
    _add_to_path(os.getcwd())
    try:
        return _import(name, name)
    except ModuleNotFoundError as error:
        if not _is_part(error.name, name):
            raise _broken(name, error) from error
        files = [file for file in os.listdir() if file.endswith((".ipynb", ".py"))]
        known = [file.removesuffix(".py") for file in files]
        raise SourceError(
            f"there is no module {shorten(error.name or name)!r}.{did_you_mean(name, known)} "
            f"Looked in {os.getcwd()} and where Python looks."
        ) from None


def _load_notebook(source: str, *, change_folder: bool) -> ModuleType:
    from nbflow.notebook.load import import_notebook

    path = os.path.abspath(source)
    if change_folder and os.path.isfile(path):
        os.chdir(os.path.dirname(path))
    return import_notebook(path)


def _load_file(source: str) -> ModuleType:
    from nbflow.notebook.cells import read_cells
    from nbflow.notebook.load import import_notebook

    path = os.path.abspath(source)
    if read_cells(path) is not None:
        return import_notebook(path)
    # Imported by its name, so that other modules and worker processes get the same classes.
    folder, file = os.path.split(path)
    name = file.removesuffix(".py")
    _add_to_path(folder)
    if "." in name:
        raise SourceError(f"{source}: a module's name has no dots; rename the file.")
    module = _import(name, source)
    found = getattr(module, "__file__", None)
    if found is None or os.path.realpath(found) != os.path.realpath(path):
        raise SourceError(
            f"{source} would be imported as {name!r}, which is another module "
            f"({found or 'built in'}). Rename the file."
        )
    return module


def _import(name: str, source: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if name == source:
            raise
        raise _broken(source, error) from error
    except NbflowError:
        raise
    except (Exception, SystemExit) as error:
        raise _broken(source, error) from error


def _broken(source: str, error: BaseException) -> SourceError:
    from nbflow.core.failure import describe_error

    told = describe_error(error)
    # The text of a SyntaxError says where.
    has_place = bool(told.file) and not isinstance(error, SyntaxError)
    where = f"  ({os.path.relpath(told.file)}, line {told.line})" if has_place else ""
    message = f"{told.type}: {told.message}" if told.message else told.type
    return SourceError(f"{source} cannot be loaded: {message}{where}")


def _is_part(missing: str | None, name: str) -> bool:
    """Whether the missing module is `name` itself or one of its packages."""
    return missing is not None and (name == missing or name.startswith(f"{missing}."))


def _add_to_path(folder: str) -> None:
    if folder not in sys.path:
        sys.path.insert(0, folder)
