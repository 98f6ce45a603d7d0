"""The grammar of `%nbflow` and `nbflow`: words to an Invocation and back."""

from __future__ import annotations

import datetime as dt
import json
import shlex
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from nbflow.core import errors as e
from nbflow.invocation import COMMANDS, Invocation, Repeated, format, help_text, parse
from nbflow.invocation.commands import duration

#: How many examples a rule is tried on.
EXAMPLES = [
    pytest.param(200, id="gate"),
    pytest.param(10_000, id="nightly", marks=pytest.mark.nightly),
]
DAY = dt.date(2026, 8, 1)
NAMES = {"d": DAY, "data": [1, 2], "dt": dt, "country": "SE", "keep": {1, 3}}


def value(text: str, names: dict[str, object] | None = NAMES) -> object:
    return parse(f"run A x={text}", names=names).values["x"]


# -- the three inputs that IPython's own expansion corrupts -----------------------------------


def test_dollar_and_digit_stay_text():
    assert parse("run A price=$5", names=NAMES).values == {"price": "$5"}


def test_json_beside_a_variable_stays_json_and_the_variable_is_expanded():
    assert parse('run A f={"a":1} date=$d', names=NAMES).values == {"f": '{"a":1}', "date": DAY}


def test_undefined_name_in_braces_is_an_error():
    with pytest.raises(
        e.UndefinedVariableError, match=r"x=\{undefined\} — undefined is not defined"
    ):
        value("{undefined}")


# -- values -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$d", DAY),
        ("$d.year", 2026),
        ("$$d", "$d"),
        ("a$d", "a$d"),
        ("$", "$"),
        ("{d}", DAY),
        ("{d + dt.timedelta(1)}", dt.date(2026, 8, 2)),
        ("{ {1: 2} }", {1: 2}),
        ("{[n for n in data if n in keep]}", [1]),
        ("{}", "{}"),
        ('{"a": 1}', '{"a": 1}'),
        ('{"a": [true, null]}', '{"a": [true, null]}'),
        ("'{d}'", "{d}"),
        ("'$d'", "$d"),
        ("'@file'", "@file"),
        ("@@file", "@file"),
        ("@", "@"),
        ('f"{country}-{d:%Y}"', "SE-2026"),
        ('f"a b"', "a b"),
        ('"two\\nlines\\t\\u00e9 \\"x\\""', 'two\nlines\té "x"'),
        ('"C:\\dir"', "C:\\dir"),
        ("'C:\\new\\dir\\'", "C:\\new\\dir\\"),
        ('r"\\d+ \\""', '\\d+ \\"'),
        ("", ""),
        ("''", ""),
        ("-1", "-1"),
        ("#fff", "#fff"),
        ("a;b", "a;b"),
        ("a=b", "a=b"),
        (":)", ":)"),
        ("[1, 2, [3]]", "[1, 2, [3]]"),
        ('{"a": "it\'s } ] fine"}', '{"a": "it\'s } ] fine"}'),
        ("x'a b'y", "x'a b'y"),
        ("Was_ist_das?", "Was_ist_das?"),
        ("\N{SNOWMAN}", "\N{SNOWMAN}"),
    ],
)
def test_value_in_a_notebook(text: str, expected: object):
    assert value(text) == expected


@pytest.mark.parametrize("text", ["$d", "{d}", "{undefined}", "$$d", "{1/0}", '{"a": 1}'])
def test_without_names_dollar_and_braces_are_text(text: str):
    assert value(text, names=None) == text


def test_without_names_a_formatted_string_is_text():
    assert value('f"{d} x"', names=None) == 'f"{d} x"'


def test_words_of_a_shell_are_taken_as_they_are():
    words = ["run", "A", "x='q'", 'y=$d {d} f"z" # not a comment;', "z=a b"]

    assert parse(words).values == {"x": "'q'", "y": '$d {d} f"z" # not a comment;', "z": "a b"}


def test_expression_does_not_write_into_the_notebook():
    names = dict(NAMES)

    assert parse("run A x={(fresh := 3)}", names=names).values["x"] == 3
    assert names == NAMES


def test_file_is_read_by_its_suffix(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "filters.json").write_text('{"country": ["SE"]}')
    (tmp_path / "filters.yaml").write_text("country: [SE]\n")
    (tmp_path / "note.txt").write_text("first\nsecond\n")

    found = parse(["run", "A", "a=@filters.json", "b=@filters.yaml", "c=@note.txt"]).values

    assert found == {"a": {"country": ["SE"]}, "b": {"country": ["SE"]}, "c": "first\nsecond"}


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("$dta", e.UndefinedVariableError, "$dta is not defined in the notebook. Did you mean $data or $dt? For a literal write '$dta'."),
        ("$d.yer", e.UndefinedVariableError, "Did you mean year?"),
        ("{dta}", e.UndefinedVariableError, "Did you mean data"),
        ("$d[0]", e.CommandError, "Write {d[0]} for an expression"),
        ("{1/0}", e.BadValueError, "x={1/0} — ZeroDivisionError: division by zero"),
        ("{a b}", e.CommandError, "neither a Python expression nor a dictionary"),
        ("(a", e.CommandError, "has no closing )"),
        ("[a)", e.CommandError, "has ) where ] was expected"),
        ("it's", e.CommandError, "has no closing '"),
        ('"a"b', e.CommandError, "goes on after its closing quote"),
        ("@missing.json", e.BadValueError, "x=@missing.json — missing.json: No such file or directory."),
    ],
)  # fmt: skip
def test_bad_value_says_what_to_do(text: str, error: type[Exception], message: str):
    with pytest.raises(error) as caught:
        value(text)
    assert message in str(caught.value)


def test_broken_file_says_where(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.json").write_text('{\n "a": }')

    with pytest.raises(e.BadValueError, match=r"f=@f.json — the file is not JSON: .*line 2"):
        parse("run A f=@f.json", names=None)


# -- words --------------------------------------------------------------------------------------


def test_comment_and_closing_semicolon_are_no_words():
    for line in ("run A x=1 # y=2", "run A x=1;", "run A x=1 ;", "run A x='1';", "run A x=1; # y"):
        assert parse(line, names=NAMES) == Invocation(
            command="run", target="A", values={"x": "1"}
        ), line


def test_value_that_ends_in_a_question_mark_when_quoted():
    assert parse("run A expr='What?'", names=NAMES).values == {"expr": "What?"}


def test_question_mark_alone_asks_for_help():
    assert parse("run A ?", names=NAMES).flags == {"help": True}


def test_line_without_words_is_help():
    assert parse("", names=None).command == "help"
    assert parse([]).command == "help"


@pytest.mark.parametrize(
    ("line", "source", "target"),
    [
        ("run A", None, "A"),
        ("run pkg.mod.A", None, "pkg.mod.A"),
        ("run pkg.mod A", "pkg.mod", "A"),
        ("run jobs A", "jobs", "A"),
        ("run my/sales.ipynb A", "my/sales.ipynb", "A"),
        ("run 'my sales.ipynb' A", "my sales.ipynb", "A"),
        ("run x=1 sales.py --bg A", "sales.py", "A"),
        ("tasks sales.tasks", "sales.tasks", None),
    ],
)
def test_source_stands_before_the_task(line: str, source: str | None, target: str | None):
    found = parse(line, names=None)

    assert (found.source, found.target) == (source, target)


def test_task_is_an_object_where_a_variable_names_it():
    found = parse("run $task x=1", names={"task": dict})

    assert found.target is dict
    assert found.origins[""] == "$task"


def test_task_as_cards_write_it():
    found = parse("run Features(date=2026-08-01, base=a, b)", names=NAMES)

    assert found.target == "Features"
    assert found.values == {"date": "2026-08-01", "base": "a, b"}


def test_upstream_value_is_kept_apart():
    found = parse("run A x=1 CleanData.drop=false flights.Day.n=2", names=None)

    assert found.values == {"x": "1"}
    assert found.upstream == {"CleanData.drop": "false", "flights.Day.n": "2"}


def test_name_given_twice_is_kept_with_all_values():
    assert parse("run A tag=a tag=b", names=None).values == {"tag": Repeated(("a", "b"))}


def test_luigi_spelling_of_parameters():
    found = parse(["run", "m", "A", "--date", "2026-08-01", "--n=-1", "--min-size", "-2", "--all"])

    assert found.values == {"date": "2026-08-01", "n": "-1", "min_size": "-2", "all": True}
    assert found.is_dashed("min_size")


def test_flag_wins_over_a_parameter_of_its_name():
    found = parse("run A name=x --name label", names=None)

    assert found.values == {"name": "x"}
    assert found.flags == {"name": "label"}


def test_optional_value_of_a_flag_is_given_by_equals_only():
    assert parse("run --force A", names=None) == parse("run A --force", names=None)
    assert parse("run A --force --force=B*", names=None).flags == {"force": ("", "B*")}


def test_switches_and_values_of_run():
    line = "run A -x --bg --dry-run --workers 4 --retry=2 --timeout 1h30m --no-tee --no-raise"

    assert parse(line, names=None).flags == {
        "fail_fast": True,
        "bg": True,
        "dry_run": True,
        "workers": 4,
        "retry": 2,
        "timeout": 5400.0,
        "tee": False,
        "no_raise": True,
    }


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("1m30", 90),
        ("7d", 604_800),
    ],
)
def test_duration(text: str, seconds: float):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "soon", "-1", "10w", "h"])
def test_duration_must_be_a_time(text: str):
    with pytest.raises(ValueError, match="a time looks like"):
        duration(text)


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("rn A", e.UnknownCommandError, "'rn' is no command. Did you mean run?"),
        ("run", e.CommandError, "run needs the name of a task"),
        ("run A B C", e.CommandError, "C is one word too many"),
        ("run A date = 1", e.CommandError, "no blanks around ="),
        ("history --limt 3", e.UnknownFlagError, "--limt is no flag of history. Did you mean --limit?"),
        ("run A -z", e.UnknownFlagError, "-z is no flag of run.  Flags: --workers, "),
        ("dag A --no-status", e.NotSupportedHereError, "--no-status is not in this version"),
        ("run A --workers", e.BadFlagValueError, "--workers needs a value: --workers=N."),
        ("run A --workers --bg", e.BadFlagValueError, "--workers needs a value"),
        ("run A --workers 0", e.BadFlagValueError, "expected a whole number of at least 1"),
        ("run A --timeout soon", e.BadFlagValueError, "a time looks like 90s, 10m or 1h30m"),
        ("run A --bg=yes", e.BadFlagValueError, "--bg is a switch and takes no value"),
        ("run A --tee --no-tee", e.BadFlagValueError, "--tee is given twice"),
        ("run A --workers 2 --workers 3", e.BadFlagValueError, "--workers is given twice (2, 3)"),
        ("run A --work 2 --bg --stale", e.NotSupportedHereError, "--stale is not in this version"),
        ("dag A --format gif", e.BadFlagValueError, "--format=gif — choose one of text"),
        ("completion ksh", e.CommandError, "bash, zsh, fish"),
        ("history date=1", e.CommandError, "history takes no values"),
        ("run A(1)", e.CommandError, "1 has no name"),
    ],
)  # fmt: skip
def test_bad_line_says_what_to_do(line: str, error: type[Exception], message: str):
    with pytest.raises(error) as caught:
        parse(line, names=NAMES)
    assert message in str(caught.value)


def test_flags_are_never_abbreviated():
    assert parse("run A --work 2", names=None).values == {"work": "2"}


# -- back to a line -----------------------------------------------------------------------------

names_of_parameters = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
texts = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="ab $@#;?!=-'\"\\{}[]()%\n\t,.rf", max_size=12),
    st.builds(json.dumps, st.dictionaries(st.text(max_size=5), st.integers(), max_size=3)),
)
flags = st.fixed_dictionaries(
    {},
    optional={
        "workers": st.integers(1, 9),
        "bg": st.just(True),
        "tee": st.booleans(),
        "fail_fast": st.just(True),
        "force": st.lists(st.sampled_from(["", "B*", "A(x=1 2)"]), min_size=1).map(tuple),
        "timeout": st.integers(1, 9999).map(float),
        "name": st.text(min_size=1, max_size=8),
    },
)
invocations = st.builds(
    Invocation,
    command=st.just("run"),
    source=st.sampled_from([None, "sales.ipynb", "my file.py", "pkg.mod", "-o'dd.py", "a=b.py"]),
    target=st.sampled_from(["Report", "flights.Daily", "pkg.mod.Report"]),
    values=st.dictionaries(
        names_of_parameters,
        texts | st.lists(texts, min_size=2, max_size=3).map(Repeated),
        max_size=4,
    ),
    upstream=st.dictionaries(names_of_parameters.map("Clean.{}".format), texts, max_size=2),
    flags=flags,
)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_line_of_an_invocation_parses_to_the_same(examples: int):
    @settings(max_examples=examples, deadline=None)
    @given(invocations)
    def check(invocation: Invocation) -> None:
        line = format(invocation)

        assert parse(line, names={}) == invocation
        assert parse(line, names=None) == invocation

    check()


@pytest.mark.parametrize("examples", EXAMPLES)
def test_shell_line_of_an_invocation_parses_to_the_same(examples: int):
    @settings(max_examples=examples, deadline=None)
    @given(invocations)
    def check(invocation: Invocation) -> None:
        # A shell cannot say that a word with "=" or a leading dash is a file's name.
        if invocation.source in {"-o'dd.py", "a=b.py"}:
            invocation = replace(invocation, source=f"./{invocation.source}")

        assert parse(shlex.split(format(invocation, shell=True))) == invocation

    check()


@pytest.mark.parametrize("examples", EXAMPLES)
def test_ipython_hands_the_line_of_an_invocation_over_unchanged(examples: int):
    @settings(max_examples=examples, deadline=None)
    @given(invocations)
    def check(invocation: Invocation) -> None:
        line = format(invocation)

        code = TransformerManager().transform_cell(f"%nbflow {line}")

        assert code == f"get_ipython().run_line_magic('nbflow', {line!r})\n"

    check()


def test_objects_are_written_as_their_parameters_read_them():
    found = parse("run A d=$d on={True} l={[1, 2]} m={dict(a='x')}", names=NAMES)

    assert format(found) == "run A d=2026-08-01 on=true l='[1, 2]' m='{\"a\": \"x\"}'"


# -- the table ----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_every_command_has_examples_that_parse(command):
    assert command.examples
    for line, _meaning in command.examples:
        assert parse(line, names=NAMES).command == command.name
        assert parse(shlex.split(line)).command == command.name


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_help_names_every_flag_that_is_built(command):
    text = help_text(command.name)

    for flag in command.all_flags():
        assert (f"--{flag.name}" in text) is not flag.later
    assert max(map(len, text.splitlines())) <= 88
