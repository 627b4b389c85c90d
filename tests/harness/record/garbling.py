"""Ways in which a file of records can be other than it was written, each by a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**63, 10**400, 0.5, -0.0, 1e308, 1e-320),
    *("", "1", "nan", "../../x", "\x1b]0;x\x07", "a[/b]", "\ud800", "\x00", "x" * 5000),
    *([], {}, [1], {"a": 1}, [[]], [{}], {"": {}}, ["a", None], {"x": [1, "2"]}),
)
TOKENS = ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 5000, "01", "0x10", "'a'")
Garble = Callable[[bytes, random.Random], bytes]


def garbled(content: bytes, seed: str) -> bytes:
    """The same file after one to three accidents, or somebody's bad intentions."""
    dice = random.Random(seed)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        content = dice.choice(WAYS)(content, dice)
    return content


def _within_a_document(content: bytes, dice: random.Random) -> bytes:
    """Of one JSON document (a line, or the whole file) a value, a key or a level is another."""
    lines = content.split(b"\n")
    at = dice.randrange(len(lines))
    whole = content.lstrip().startswith(b"[")
    try:
        held = json.loads(content if whole else lines[at])
    except (ValueError, RecursionError):
        return _bytes_flipped(content, dice)
    changed = json.dumps(_changed(held, dice)).encode()
    if whole:
        return changed
    lines[at] = changed
    return b"\n".join(lines)


def _changed(held: Any, dice: random.Random) -> Any:
    """A random place in it, mostly a deep one."""
    if isinstance(held, dict) and held and dice.random() < 0.85:
        key = dice.choice(list(held))
        accident = dice.random()
        if accident < 0.1:
            return {k: v for k, v in held.items() if k != key}
        if accident < 0.15:
            return {(str(k) + "x" if k == key else k): v for k, v in held.items()}
        return {k: (_changed(v, dice) if k == key else v) for k, v in held.items()}
    if isinstance(held, list) and held and dice.random() < 0.85:
        at = dice.randrange(len(held))
        return [_changed(v, dice) if n == at else v for n, v in enumerate(held)]
    return dice.choice((*STRANGE, [held], {"a": held}, str(held)))


def _a_token(content: bytes, dice: random.Random) -> bytes:
    """A number becomes something that looks like one."""
    spots = [n for n in range(1, len(content)) if content[n : n + 1].isdigit()]
    if not spots:
        return content
    at = dice.choice(spots)
    return content[:at] + dice.choice(TOKENS).encode() + content[at + 1 :]


def _truncated(content: bytes, dice: random.Random) -> bytes:
    end = content[: dice.randrange(len(content) + 1)]
    return end + dice.choice((b"", b"\n"))


def _bytes_flipped(content: bytes, dice: random.Random) -> bytes:
    held = bytearray(content or b"x")
    for _ in range(dice.choice((1, 5, 50))):
        held[dice.randrange(len(held))] = dice.randrange(256)
    return bytes(held)


def _line_moved(content: bytes, dice: random.Random) -> bytes:
    """Twice, away, into another, or cut in two."""
    lines = content.split(b"\n")
    at, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    cut = dice.randrange(len(lines[at]) + 1)
    return b"\n".join(
        dice.choice(
            (
                [*lines, lines[at]],
                lines[:at] + lines[at + 1 :],
                [*lines[:other], lines[at] + lines[other], *lines[other:]],
                [*lines[:at], lines[at][:cut], lines[at][cut:], *lines[at + 1 :]],
            )
        )
    )


def _key_twice(content: bytes, dice: random.Random) -> bytes:
    at = content.find(b"{") + 1
    return content[:at] + b'"trial": 1, "schema": 1, "seconds": [], ' + content[at:]


def _nested(content: bytes, dice: random.Random) -> bytes:
    depth = dice.choice((60, 2000, 100_000))
    deep = dice.choice((b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth))
    at = content.find(b":", dice.randrange(len(content) + 1)) + 1
    return content[:at] + deep + content[at:]


def _encoded(content: bytes, dice: random.Random) -> bytes:
    text = content.decode("utf-8", "replace")
    return text.encode(dice.choice(("utf-16", "utf-32", "utf-8-sig", "utf-7")), "replace")


def _replaced(content: bytes, dice: random.Random) -> bytes:
    """By something else altogether."""
    others = (b"", b"\n", b"null\n", b"[]\n", b"{}\n", b"3\n", b'""', b"\x00" * 500)
    return dice.choice((*others, dice.randbytes(3000)))


WAYS: tuple[Garble, ...] = (
    *(_within_a_document,) * 8,
    *(_a_token, _a_token, _truncated, _bytes_flipped, _line_moved),
    *(_key_twice, _nested, _encoded, _replaced),
)
