"""What is written after a command, and what its help says: every command, every option."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from harness.cli import main
from harness.cli.asked import Baseline, Clean, Configured, Dashboard, Run, Show, Train
from harness.cli.commands import COMMANDS
from harness.cli.parser import asked_of, command_help, general_help, usage
from harness.cli.words import words_of
from harness.conf_files import keys, options
from harness.errors import SettingsError
from harness.readers import reads
from harness.settings import load_settings

HEAVY = (
    *("hydra", "omegaconf", "ray", "mlflow", "islpy", "numpy", "rich", "scipy", "yaml", "jinja2"),
    "msgspec",
)
EVERY = pytest.mark.parametrize("name", COMMANDS)


def test_help_imports_nothing_heavy() -> None:
    check = f"""
import sys
from harness.cli import main
from harness.cli.commands import COMMANDS
status = [main(["--help"]), main(["--version"]), *(main([name, "--help"]) for name in COMMANDS)]
print([name for name in {HEAVY!r} if name in sys.modules], set(status))
"""
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: polydl COMMAND")
    assert done.stdout.splitlines()[-1] == "[] {0}"


@EVERY
def test_every_help_names_every_option_with_its_choices_and_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = COMMANDS[name]
    assert main([name, "-h"]) == 0
    told = capsys.readouterr().out
    assert main(["help", name]) == 0
    assert capsys.readouterr().out == told
    for word in words_of(command.asked).values():
        (line, *_) = [line for line in told.splitlines() if line.startswith(f"  {word.written}")]
        for choice in word.choices:
            assert choice in told.partition(line)[2] or choice in line
    assert f"  {name:<12} {command.summary}" in general_help()
    assert command.examples
    assert all(line in told for line, _ in command.examples)
    assert max(map(len, told.splitlines())) <= 100


@pytest.mark.parametrize(
    "name", [n for n, c in COMMANDS.items() if issubclass(c.asked, Configured)]
)
def test_help_lists_what_is_read_of_the_configuration(name: str) -> None:
    told = " ".join(command_help(COMMANDS[name]).split())
    reader = COMMANDS[name].reader
    assert reader == name
    for key in keys():
        read = reads(reader, key.name)
        assert (f" {key.name}={key.default} " in told) == read
        if key.is_group and read:
            assert ", ".join(options(key.name)) in told


@EVERY
def test_every_example_is_taken(name: str) -> None:
    for line, _ in COMMANDS[name].examples:
        called = line.removeprefix('eval "$(').removesuffix(')"')
        program, command, *words = shlex.split(called)
        assert (program, command) == ("polydl", name)
        assert isinstance(asked_of(COMMANDS[name], words), COMMANDS[name].asked)


def test_arguments_and_options_in_any_order() -> None:
    one = asked_of(COMMANDS["show"], ["a", "b"])
    assert isinstance(one, Show) and (one.campaign, one.trial) == ("a", "b")
    assert asked_of(COMMANDS["show"], ["a"]) == Show(campaign="a", words=("a",))
    words = ["seed=7", "a", "out=m.json", "b", "--test=c"]
    assert asked_of(COMMANDS["train"], words) == Train(
        recordings=("a", "b"), out="m.json", test="c", seed=7, words=tuple(words)
    )
    words = ["--yes", "builds", "tuning"]
    assert asked_of(COMMANDS["clean"], words) == Clean(
        parts=("builds", "tuning"), yes=True, words=tuple(words)
    )
    assert asked_of(COMMANDS["dashboard"], ["port=1"]) == Dashboard(port=1, words=("port=1",))
    assert asked_of(COMMANDS["baseline"], ["list"]) == Baseline(action="list", words=("list",))


def test_overrides_and_hydras_options_in_any_order() -> None:
    words = ["a=1", "-m", "+b.c=[1,2]", "--config-dir", "d", "~e", "--cfg", "all", "f@g=-1"]
    asked = asked_of(COMMANDS["run"], words)
    assert isinstance(asked, Run)
    assert asked.overrides == ("a=1", "+b.c=[1,2]", "~e", "f@g=-1")
    assert (asked.multirun, asked.config_dir, asked.cfg) == (True, "d", "all")
    assert asked.wants_information and asked.words == tuple(words)
    bare = asked_of(COMMANDS["run"], ["a=1", "-cd=d", "--cfg"])
    assert isinstance(bare, Run) and (bare.cfg, bare.config_dir) == ("job", "d")
    assert not Configured().wants_information


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("shwo", "unknown command; nearest: show; known: run, explain, doctor, "),
        ("--verison", "unknown command; nearest: --version; known: run, "),
        ("help shwo", "unknown command; nearest: show; "),
        ("show", "CAMPAIGN is missing; usage: polydl show CAMPAIGN [TR"),
        ("show a b c", "unexpected argument 'c'; usage: polydl show CAMPAIGN [TRIAL]"),
        ("dashboard prot=1", "unknown option 'prot'; nearest: port; known: tracking.uri, port"),
        ("dashboard uri=1", "unknown option 'uri'; "),
        ("dashboard --pubic", "unknown option '--pubic'; known: "),
        ("dashboard port=", "port needs a value"),
        ("dashboard port=70000", "port must be a number from 1 to 65535, got 70000"),
        ("clean --yse", "unknown option '--yse'; nearest: --yes; known: "),
        ("clean --yes=1", "ignored explicit argument '1'; usage: polydl clean"),
        ("clean bilds", "PART must be one of builds, tools, tuning, got bilds"),
        ("train a", "out=FILE is missing; usage: polydl train CAMPAIGN [CAMPAIGN...] out=FILE"),
        ("train out=m.json", "CAMPAIGN is missing; usage: polydl train"),
        ("list a=b", "unknown option 'a'; known: none"),
        ("run --cgf job", "unknown option '--cgf'; nearest: --cfg; known: "),
        ("run --config-dir", "expected one argument; usage: polydl run"),
        ("run stratgy=x", "stratgy: unknown key 'stratgy'; nearest: strategy; known: "),
        ("run primitive=cnv2d", "primitive: unknown option 'cnv2d'; nearest: conv2d"),
        ("run primitive=conv2d measure.budget_second=1", "nearest: budget_seconds"),
    ],
)
def test_a_mistake_is_one_line_with_what_is_nearest(
    words: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    printed = capsys.readouterr()
    assert told in printed.err and not printed.out
    assert len(printed.err.splitlines()) == 1


@EVERY
def test_controls_in_words_are_escaped(name: str) -> None:
    for word in ("--\x1b[31m", "\x1b]0;a\x07=1", "--\x1b=1", "-\n", "a\x1b=1"):
        with pytest.raises(SettingsError) as caught:  # those of overrides are read later
            load_settings(asked_of(COMMANDS[name], [word, "a", "b", "c"]).words)
        assert str(caught.value).isprintable()


def test_a_usage_line() -> None:
    assert usage(COMMANDS["clean"]) == "polydl clean [PART...] [--yes]"
