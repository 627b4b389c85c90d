"""Valid inputs made hostile: texts by tokens, data by nodes. One seed gives one input."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from random import Random
from typing import Any

_TOKEN = re.compile(r"[A-Za-z_]\w*|-?\d+(?:\.\d+)?(?:e-?\d+)?|\s+|.", re.DOTALL)
NUMBERS = (
    *("0", "-1", "1", "2", "7", "1.5", "-0.0", "1e3", "1e400", "-1e400", "nan", "inf", "-inf"),
    *("2147483647", "2147483648", "9223372036854775808", "1" + "0" * 30, "9" * 400, "9" * 5000),
    *("true", "false", "null", "1_000", "0x10", "0o7", "\u0663", "\u00b2", "''"),
)
SPECIAL = (
    *("[", "]", "{", "}", "(", ")", ",", ":", "=", "@", "/", "+", "~", "'", '"', "\\", "#", "%"),
    *("${", "${a}", "${oc.env:HOME}", "*a", "&a ", "<<: *a", "!!python/name:x ", "---", "|", ">"),
    *("\0", "\n", "\t", "\x1b[31m", "\x07", "\u202e", "\u2028", "\ud800", "\ufeff", "\u00e9"),
    *("..", "/dev/zero", "/dev/null/x", "~nobody", "~", "x" * 300, " " * 50, "[/b]", "[bold]"),
    *("//", "**", "==", "->", ";", "None", "lambda", "__import__", "glob(*)", "range(1,9)"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 7, 2**31, 2**63, 10**400, 1.5, float("nan"), float("inf")),
    *("", "x", "\x1b[2J", "a\nb", "[/b]", "9" * 5000, "${a}", [], {}, [1], {"a": 1}, [[]], [None]),
    *("n", "m", "oh", "in", "max", "1/0", "inf", "\ud800", "x" * 300),
)


def mutated_text(rng: Random, text: str, corpus: Sequence[str]) -> str:
    """A few changes of tokens; sometimes a great many of one kind."""
    tokens = _TOKEN.findall(text)
    for _ in range(1 + min(int(rng.expovariate(1.2)), 6)):
        tokens = _changed(rng, tokens, corpus)
    return "".join(tokens)


def _changed(rng: Random, tokens: list[str], corpus: Sequence[str]) -> list[str]:
    at = rng.randrange(len(tokens) + 1)
    end = min(len(tokens), at + 1 + int(rng.expovariate(0.4)))
    span = tokens[at:end]
    match rng.randrange(16):
        case 0:
            return tokens[:at] + tokens[end:]
        case 1:
            return tokens[:end] + span + tokens[end:]
        case 2:
            return tokens[:at] + span * rng.choice((3, 30, 300, 3000)) + tokens[end:]
        case 3:
            return [*tokens[:at], rng.choice(SPECIAL), *tokens[at:]]
        case 4:
            return tokens[:at] + [rng.choice(SPECIAL)] * rng.choice((2, 60, 2000)) + tokens[at:]
        case 5:
            other = _TOKEN.findall(rng.choice(corpus))
            cut = rng.randrange(len(other) + 1)
            return tokens[:at] + other[cut : cut + 1 + int(rng.expovariate(0.2))] + tokens[end:]
        case 6:
            other_end = min(len(tokens), end + 1 + int(rng.expovariate(0.4)))
            return tokens[:at] + tokens[end:other_end] + span + tokens[other_end:]
        case 7 if span:
            letters = list("".join(span))
            letters[rng.randrange(len(letters))] = chr(rng.choice((rng.randrange(128), 0x2028)))
            return [*tokens[:at], "".join(letters), *tokens[end:]]
        case _:  # a number for another number, most of all: those are what one gets wrong
            numbers = [i for i, token in enumerate(tokens) if token[-1:].isdigit()]
            if not numbers:
                return [*tokens[:at], rng.choice(NUMBERS), *tokens[end:]]
            tokens = list(tokens)
            number = str(rng.randrange(33)) if rng.random() < 0.6 else rng.choice(NUMBERS)
            tokens[rng.choice(numbers)] = number
            return tokens


def mutated_data(rng: Random, data: Any) -> Any:
    """A few nodes of plain data replaced, left out, doubled or renamed."""
    data = copy.deepcopy(data)
    for _ in range(1 + min(int(rng.expovariate(1.4)), 5)):
        places = list(_places(data))
        if not places:
            return copy.deepcopy(rng.choice(VALUES))
        holder, key = rng.choice(places)
        match rng.randrange(9):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[rng.choice(("x", "name", "n", "oh", "", "a b", "\x1b", "max"))] = (
                    copy.deepcopy(holder[key])
                )
            case 2 if isinstance(holder, list):
                holder += [copy.deepcopy(holder[key]) for _ in range(rng.choice((1, 9, 200)))]
            case 3 | 4 | 5 if isinstance(holder[key], int | float):
                holder[key] = rng.choice((-1, 0, 1, 3, holder[key] * 1000, 2**31 - 1, 2**62, 0.5))
            case 3 | 4 | 5 | 6 if isinstance(holder[key], str):
                holder[key] = mutated_text(rng, holder[key], ("n", "k*2", "a[n] + 1", "exp(x[n])"))
            case _:
                holder[key] = copy.deepcopy(rng.choice(VALUES))
    return data


def _places(data: Any) -> Any:
    keys = data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    for key in list(keys):
        yield data, key
        yield from _places(data[key])
