"""polydl completion: what the shell asks on TAB, and the lines that make it ask.

The shell calls `polydl --complete WORD...` with what stands before the cursor. Commands, options,
groups and campaigns are answered without Hydra; keys and values below a group need it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from compiler.errors import CompilerError
from harness.cli.asked import HELP, Completion
from harness.cli.commands import COMMANDS
from harness.cli.parser import config_dirs
from harness.cli.rooms import room
from harness.cli.words import Word, words_of
from harness.conf_files import keys, options
from harness.errors import HarnessError
from harness.readers import Reader, reads

COMPLETE = "--complete"
BASH = r"""_polydl() {
    local line="${COMP_LINE:0:COMP_POINT}" word words mark start kept=""
    IFS=$' \t\n' read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    word="${words[-1]}"
    for mark in = : @; do  # readline replaces only what stands behind these
        start="${word%"${word##*"$mark"}"}"
        [[ $COMP_WORDBREAKS == *"$mark"* ]] && (( ${#start} > ${#kept} )) && kept="$start"
    done
    mapfile -t COMPREPLY < <("${words[0]/#\~\//$HOME/}" --complete "${words[@]:1}" 2>/dev/null)
    COMPREPLY=("${COMPREPLY[@]#"$kept"}")
}
complete -o nospace -o default -F _polydl polydl
"""
ZSH = r"""(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
_polydl() {
    local -a found
    found=("${(@f)$(${~words[1]} --complete "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then compadd -Q -S '' -- "${found[@]}"; else _files; fi
}
compdef _polydl polydl
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH}
_OFFERED = "harness.settings.offered"  # needs Hydra
_NAMED = ("campaign.resume", "strategy.fixed.from")  # keys whose value is a campaign


def main(asked: Completion) -> int:
    sys.stdout.write(SCRIPTS[asked.shell])
    return 0


def answer(words: Sequence[str]) -> int:
    """Print what the last word may become, one a line; nothing where it cannot be known."""
    with suppress(HarnessError, CompilerError):
        for one in completions(words):
            if one.isprintable():
                sys.stdout.write(f"{one}\n")
    return 0


def completions(words: Sequence[str]) -> list[str]:
    """What the last of the words after `polydl` may become; a blank ends what is complete.

    Raises SettingsError where the words before it are no configuration.
    """
    *before, current = words or [""]
    if not before:
        return _starting(current, [f"{name} " for name in (*COMMANDS, HELP[0], "--version")])
    command = COMMANDS.get(before[0])
    if command is None:
        return []
    taken = list(words_of(command.asked).values())
    flags = {name: word for word in taken if word.form == "flag" for name in word.names}
    valued = flags.get(before[-1])
    if valued is not None and valued.takes_value:
        return _starting(current, [f"{choice} " for choice in valued.choices])
    if current.startswith("-"):
        name, equals, _ = current.partition("=")
        if equals:
            choices = flags[name].choices if name in flags else ()
            return _starting(current, [f"{name}={choice} " for choice in choices])
        return _starting(current, [f"{name} " for name in flags])
    if command.reader is not None:
        return _overrides(before[1:], current, command.reader)
    return _plain_words(taken, before[1:], current)


def _plain_words(taken: Sequence[Word], before: Sequence[str], current: str) -> list[str]:
    """Of a command that takes a campaign or names: `key=`, its values, and arguments."""
    given = {word.partition("=")[0] for word in before if "=" in word}
    found: list[str] = []
    for word in taken:
        if word.form == "option" and word.name not in given:
            values = word.choices or (("true", "false") if word.kind is bool else ())
            inside = current.startswith(f"{word.name}=")
            found += [f"{word.name}={value} " for value in values] if inside else [f"{word.name}="]
    arguments = [word for word in taken if word.form == "argument"]
    bare = [word for word in before if "=" not in word and not word.startswith("-")]
    if arguments and (len(bare) < len(arguments) or arguments[-1].count in ("*", "+")):
        word = arguments[min(len(bare), len(arguments) - 1)]
        found += [f"{name} " for name in _names(word, bare) if name not in bare]
    return _starting(current, found)


def _names(word: Word, bare: Sequence[str]) -> Iterable[str]:
    """What an argument may be, where that can be listed; files are the shell's own business."""
    if word.choices:
        return word.choices
    sources: Mapping[str, Callable[[], Iterable[str]]] = {
        "campaign": _campaigns,
        "trial": lambda: _trials(bare[0]),
        "environment": lambda: room("harness.baseline.builders").TOOLS if "install" in bare else (),
        "command": lambda: COMMANDS,
    }
    return sources[word.completed]() if word.completed in sources else ()


def _campaigns() -> list[str]:
    names: list[str] = room("harness.record.journal").campaign_names()
    return names


def _trials(campaign: str) -> list[str]:
    results = room("harness.record.journal").find_campaign(campaign).results()
    return [f"{result.problem.get('name')}:{result.contender}" for result in results]


def _overrides(before: Sequence[str], current: str, reader: Reader) -> list[str]:
    """Of a configuration: groups and their options, keys and their values, members of lists."""
    written, equals, value = current.partition("=")
    key = written.lstrip("+~")
    mark = written.removesuffix(key)
    if not equals:
        read = [name for name in _keys(before, key) if reads(reader, name.removesuffix("="))]
        return [f"{mark}{name}" for name in _starting(key, read)]
    start = max(value.rfind("["), value.rfind(",")) + 1  # of the member that is written
    chosen = re.split(r"[\[,]", value[:start])
    group = key.rpartition("/")[2].partition("@")[0]
    values: Iterable[str] = options(group, config_dirs(before))
    if not values:
        values = _campaigns() if key in _NAMED else room(_OFFERED).values_of(before, key)
    end = ":" if key == _NAMED[1] else "" if start else " "
    return _starting(
        current,
        [f"{written}={value[:start]}{one}{end}" for one in values if one not in chosen],
    )


def _keys(before: Sequence[str], key: str) -> list[str]:
    parent, dot, _ = key.rpartition(".")
    if not dot:
        return [f"{known.name}=" for known in keys()]
    return [f"{parent}.{name}" for name in room(_OFFERED).keys_below(before, parent)]


def _starting(current: str, names: Iterable[str]) -> list[str]:
    return sorted({name for name in names if name.startswith(current)})
