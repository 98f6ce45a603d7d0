"""Loading says and costs nothing; unloading leaves nothing behind."""

from __future__ import annotations

import ast
import time

#: Everything of the shell and the process that an extension could change.
STATE = """
def state_of_the_process():
    import atexit, logging, signal, sys, threading
    ip = get_ipython()
    formatters = ip.display_formatter
    every = [formatters.ipython_display_formatter, *formatters.formatters.values()]
    root = logging.getLogger()
    return {
        "magics": sorted(ip.magics_manager.magics["line"]) + sorted(ip.magics_manager.magics["cell"]),
        "registry": sorted(ip.magics_manager.registry),
        "hooks": {name: len(calls) for name, calls in ip.events.callbacks.items()},
        "matchers": len(ip.Completer.custom_matchers),
        "formatters": [len(f.type_printers) + len(f.deferred_printers) for f in every],
        "transformers": [len(ip.input_transformers_cleanup), len(ip.input_transformers_post)],
        "ast": len(ip.ast_transformers),
        "errors": sorted(map(str, ip.custom_exceptions)),
        "signals": {int(s): repr(signal.getsignal(s)) for s in signal.valid_signals() if s not in (9, 19)},
        "threads": sorted(t.name for t in threading.enumerate() if t.name.startswith("nbflow")),
        "root": (root.level, [repr(h) for h in root.handlers]),
        "argv": list(sys.argv),
        "excepthook": repr(sys.excepthook) + repr(threading.excepthook) + repr(sys.unraisablehook),
        "streams": repr(sys.stdout) + repr(sys.stderr),
        "user": sorted(n for n in ip.user_ns if not n.startswith("_")),
    }
"""

USE = """
import nbflow as used
class Quick(used.Task):
    n: int = 0
    def output(self):
        return used.MockTarget(f"quick-{self.n}")
    def run(self):
        print("said by a task")
        with self.output().open("w") as file:
            file.write("x")
"""


def value(kernel, expression):
    (shown,) = kernel.run(expression).results
    return ast.literal_eval(shown["data"]["text/plain"])


def wait_for_threads(kernel):
    """The thread that draws ends when no card is left; until then it looks a few times a second."""
    deadline = time.monotonic() + 30
    while value(kernel, "state_of_the_process()['threads']") and time.monotonic() < deadline:
        pass


def test_loading_prints_nothing_and_imports_neither_widgets_nor_pandas(bare):
    assert bare.run("import sys, time").errors == []
    before = value(bare, "len(sys.modules)")

    out = bare.run(
        "began = time.process_time()\n%load_ext nbflow\ncost = time.process_time() - began"
    )

    kinds = {message["msg_type"] for message in out.messages}
    heavy = (
        "[m for m in ('ipywidgets', 'anywidget', 'pandas', 'numpy', 'rich') if m in sys.modules]"
    )
    print(
        f"T-01 load_ext: {value(bare, 'cost') * 1e3:.0f} ms of CPU, "
        f"{value(bare, 'len(sys.modules)') - before} modules"
    )
    assert kinds == {"status", "execute_input"}
    assert value(bare, heavy) == []
    assert value(bare, "cost") < 0.9
    bare.run("%unload_ext nbflow")


def test_unloading_leaves_the_process_as_it_was(bare):
    # IPython brings its own magics in when the list of them is first asked for.
    assert bare.run(STATE + "get_ipython().run_line_magic('lsmagic', '')").errors == []
    before = value(bare, "state_of_the_process()")

    for _ in range(3):
        bare.run("%load_ext nbflow")
        assert bare.run(USE).errors == []
        assert bare.run("r = %nbflow run Quick n=1 --force").errors == []
        assert bare.run("run = %nbflow run Quick n=2 --bg\nrun.wait(60)").errors == []
        assert bare.client.complete("%nbflow run Qui", reply=True, timeout=60)
        loaded = value(bare, "state_of_the_process()")
        assert loaded["magics"] != before["magics"]
        assert bare.run("%reload_ext nbflow").errors == []
        assert bare.run("%unload_ext nbflow").errors == []
        bare.run("del Quick, r, run, used")

    after = value(bare, "state_of_the_process()")
    assert {k: (before[k], after[k]) for k in before if before[k] != after[k]} == {}


def test_run_changes_no_signal_handler_root_logger_or_argument(bare):
    assert bare.run(STATE + "%load_ext nbflow").errors == []
    assert bare.run(USE).errors == []
    before = value(bare, "state_of_the_process()")

    assert bare.run("r = %nbflow run Quick n=5").errors == []
    assert bare.run("r = %nbflow run Quick n=6 --executor process").errors == []

    wait_for_threads(bare)
    after = value(bare, "state_of_the_process()")
    before["user"] = after["user"]
    assert {k: (before[k], after[k]) for k in before if before[k] != after[k]} == {}
    bare.run("%unload_ext nbflow")
