"""`luigi.cfg` and `luigi.toml`: where they lie, what they give, against Luigi's own parser."""

from __future__ import annotations

import configparser
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from nbflow.compat import luigi
from nbflow.compat.luigi.configuration import LuigiConfigParser, LuigiTomlParser
from nbflow.compat.luigi.configuration.source import connect, disconnect
from nbflow.core.errors import BadValueError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import luigi as real

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CFG = """
[DEFAULT]
common = 9
[a]
x = 1
Y = 2
my-opt = 7
both-ways = dashed
both_ways = underscored
colon: 4
text = %(x)s-%%-${HOME}-$HOME
lost = ${NO_SUCH_VARIABLE_HERE}
truth = true
float = 1.5
bad = zz
[numbers]
one = 1
two = 2
"""

CALLS: list[tuple[str, Callable[[Any], Any]]] = [
    ("get", lambda c: c.get("a", "x")),
    ("case matters", lambda c: c.get("a", "X")),
    ("default", lambda c: c.get("a", "X", None)),
    ("default of no section", lambda c: c.get("zz", "X", "q")),
    ("default of any type", lambda c: c.get("a", "X", 3)),
    ("colon", lambda c: c.get("a", "colon")),
    ("DEFAULT", lambda c: c.get("a", "common")),
    ("interpolation", lambda c: c.get("a", "text")),
    ("missing variable", lambda c: c.get("a", "lost")),
    ("raw", lambda c: c.get("a", "text", raw=True)),
    ("fallback", lambda c: c.get("a", "nope", fallback="f")),
    ("vars", lambda c: c.get("a", "x", vars={"x": "u"})),
    ("getint", lambda c: c.getint("a", "x")),
    ("getint default", lambda c: c.getint("a", "q", 4)),
    ("getint None", lambda c: c.getint("a", "q", None)),
    ("getint wrong default", lambda c: c.getint("a", "q", "a")),
    ("getint of text", lambda c: c.getint("a", "bad", 4)),
    ("getfloat", lambda c: c.getfloat("a", "float")),
    ("getfloat wrong default", lambda c: c.getfloat("a", "q", 4)),
    ("getboolean", lambda c: c.getboolean("a", "truth")),
    ("getboolean default", lambda c: c.getboolean("a", "q", False)),
    ("getboolean wrong default", lambda c: c.getboolean("a", "q", 1)),
    ("dashes for underscores", lambda c: c.get("a", "my_opt")),
    ("dashes", lambda c: c.get("a", "my-opt")),
    ("underscores first", lambda c: c.get("a", "both_ways")),
    ("has_option", lambda c: c.has_option("a", "my_opt")),
    ("has no option", lambda c: c.has_option("a", "nope")),
    ("has no section", lambda c: c.has_option("zz", "x")),
    ("getintdict", lambda c: c.getintdict("numbers")),
    ("getintdict of nothing", lambda c: c.getintdict("zz")),
    ("sections", lambda c: c.sections()),
    ("items", lambda c: c.items("numbers")),
    ("options", lambda c: c.options("numbers")),
    ("section proxy", lambda c: c["numbers"]["one"]),
    ("set", lambda c: (c.set("new", "k", "1"), c.getintdict("new"), c.sections())),
    ("set of no text", lambda c: c.set("new", "k", 1)),
]


@pytest.fixture
def fresh(project: Path) -> Iterator[Path]:
    """No configuration was read yet in this process, and what a test reads is forgotten."""
    for parser in (LuigiConfigParser, LuigiTomlParser):
        parser._instance = None
        parser._added = []
    connect()
    yield project
    for parser in (LuigiConfigParser, LuigiTomlParser):
        parser._instance = None
        parser._added = []
    connect()


def outcome(call: Callable[[Any], Any], parser: Any) -> Any:
    try:
        return call(parser)
    except Exception as error:
        return type(error).__name__


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("name", "call"), CALLS, ids=[name for name, _ in CALLS])
def test_the_cfg_parser_answers_as_luigis(
    name: str, call: Callable[[Any], Any], tmp_path: Path
) -> None:
    """F-04, F-05."""
    file = tmp_path / "luigi.cfg"
    file.write_text(CFG)
    answers = []
    for cls in (real.configuration.LuigiConfigParser, LuigiConfigParser):
        parser = cls()
        parser.read([str(file)])
        answers.append(outcome(call, parser))
    assert answers[1] == answers[0], name


def test_a_missing_variable_is_an_interpolation_error() -> None:
    """T-95, F-04."""
    parser = LuigiConfigParser()
    parser.read_string("[a]\nlost = ${NO_SUCH_VARIABLE_HERE}\n")
    with pytest.raises(configparser.InterpolationError, match="NO_SUCH_VARIABLE_HERE"):
        parser.get("a", "lost")


def test_dashes_are_deprecated() -> None:
    """F-05, P-25."""
    parser = LuigiConfigParser()
    parser.read_string("[a]\nmy-opt = 7\n")
    with pytest.warns(DeprecationWarning, match="write my_opt"):
        assert parser.get("a", "my_opt") == "7"


def test_files_are_found_in_luigis_order(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F-02: client.cfg, luigi.cfg, then the file that LUIGI_CONFIG_PATH names; later ones win."""
    (fresh / "client.cfg").write_text("[s]\na = client\nb = client\nc = client\n")
    (fresh / "luigi.cfg").write_text("[s]\nb = luigi\nc = luigi\n")
    (fresh / "own.cfg").write_text("[s]\nc = own\n")
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(fresh / "own.cfg"))
    with pytest.warns(DeprecationWarning, match="rename it to luigi.cfg"):
        config = luigi.configuration.get_config()
    assert [config.get("s", name) for name in "abc"] == ["client", "luigi", "own"]


def test_a_file_may_be_added_later(fresh: Path) -> None:
    """F-03."""
    config = luigi.configuration.get_config()
    with pytest.warns(UserWarning, match="does not exist"):
        assert luigi.configuration.add_config_path("nowhere.cfg") is False
    (fresh / "more.cfg").write_text("[s]\na = 5\n")
    assert luigi.configuration.add_config_path("more.cfg") is True
    assert config.getint("s", "a") == 5


def test_toml_has_types_and_is_chosen_by_the_environment(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F-01, F-06, P-28."""
    monkeypatch.setenv("LUIGI_CONFIG_PARSER", "toml")
    (fresh / "luigi.toml").write_text(
        "[Typed]\nn = 5\nfraction = 0.5\nflag = true\ntable = {k = [1, 2]}\n[resources]\nr = 3\n"
    )

    class Typed(luigi.Task):
        n = luigi.IntParameter()
        fraction = luigi.FloatParameter()
        flag = luigi.BoolParameter()
        table = luigi.DictParameter()

    config = luigi.configuration.get_config()
    assert isinstance(config, LuigiTomlParser)
    task = Typed()
    assert (task.n, task.fraction, task.flag, task.table["k"]) == (5, 0.5, True, (1, 2))
    assert config.getintdict("resources") == {"r": 3}
    assert config.sections() == []
    with pytest.raises(KeyError):
        config.get("Typed", "nothing")


def test_an_unknown_parser_is_taken_as_cfg(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F-01."""
    monkeypatch.setenv("LUIGI_CONFIG_PARSER", "xml")
    with pytest.warns(UserWarning, match="choose cfg or toml"):
        assert isinstance(luigi.configuration.get_config(), LuigiConfigParser)


def test_omitted_parameters_have_the_configured_value(fresh: Path) -> None:
    """P-20, P-24, F-07: of exactly the family; what is given wins, and so does the command."""
    (fresh / "luigi.cfg").write_text("[Configured]\nn = 4\n[ns.Spaced]\nn = 5\n")

    class Configured(luigi.Task):
        n = luigi.IntParameter(default=1)

    class Below(Configured):
        pass

    class Spaced(luigi.Task):
        task_namespace = "ns"
        n = luigi.IntParameter(default=1)

    assert (Configured().n, Configured(2).n, Below().n, Spaced().n) == (4, 2, 1, 5)


def test_a_value_set_by_the_program_holds_from_now_on(fresh: Path) -> None:
    """F-19."""

    class Set(luigi.Task):
        n = luigi.IntParameter(default=1)

    config = luigi.configuration.get_config()
    before = Set()
    config.set("Set", "n", "2")
    after = Set()
    config.remove_option("Set", "n")
    assert (before.n, after.n, Set().n) == (1, 2, 1)


def test_luigis_file_comes_before_nbflows(fresh: Path) -> None:
    """P-20 with D3: in Luigi's face `luigi.cfg` has the first word, `nbflow.toml` the second."""
    (fresh / "luigi.cfg").write_text("[Twice]\na = 1\n")
    (fresh / "nbflow.toml").write_text("[tasks.Twice]\na = 2\nb = 2\n")

    class Twice(luigi.Task):
        a = luigi.IntParameter()
        b = luigi.IntParameter()

    assert (Twice().a, Twice().b) == (1, 2)


def test_a_value_that_cannot_be_read_names_the_file(fresh: Path) -> None:
    """P-23."""
    (fresh / "luigi.cfg").write_text("[Unread]\nn = many\n")

    class Unread(luigi.Task):
        n = luigi.IntParameter()

    with pytest.raises(ValueError, match=r"luigi\.cfg \[Unread\]") as found:
        Unread()
    assert isinstance(found.value, BadValueError)


def test_a_key_that_is_no_parameter_is_told_once(fresh: Path) -> None:
    """P-26; a key of [DEFAULT] is nobody's fault (Q-48)."""
    (fresh / "luigi.cfg").write_text(
        "[DEFAULT]\nd = 1\n[Unconsumed]\nn = 4\nmisspelt = 5\nknown = 6\n"
    )

    class Unconsumed(luigi.Task):
        ignore_unconsumed = {"known"}
        n = luigi.IntParameter()

    with pytest.warns(luigi.parameter.UnconsumedParameterWarning, match="misspelt") as caught:
        Unconsumed()
    assert len(caught) == 1


def test_old_places_of_options_are_still_read(fresh: Path) -> None:
    """P-09, W-04."""
    (fresh / "luigi.cfg").write_text("[core]\nworker-timeout = 7\n")
    with pytest.warns(DeprecationWarning) as caught:  # noqa: PT030 - of two kinds
        assert luigi.worker.worker().timeout == 7
    assert any("config_path" in str(each.message) for each in caught)


def test_without_luigis_names_its_file_is_not_read(fresh: Path) -> None:
    """The configuration of nbflow's own faces is nbflow's."""
    (fresh / "luigi.cfg").write_text("[Native]\nn = 4\n")
    code = (
        "import nbflow\nclass Native(nbflow.Task):\n    n = nbflow.IntParameter(default=1)\n"
        "print(Native().n)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=fresh
    )
    assert done.stdout == "1\n"


def test_disconnected_configuration_gives_nothing(fresh: Path) -> None:
    """What `connect` does can be undone."""
    (fresh / "luigi.cfg").write_text("[Apart]\nn = 4\n")

    class Apart(luigi.Task):
        n = luigi.IntParameter(default=1)

    disconnect()
    assert Apart().n == 1
    connect()
    assert Apart().n == 4
