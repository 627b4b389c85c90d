"""Values and messages that are safe to print, whatever they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.errors import LONGEST, CompilerError, ProblemError, shown
from harness.errors import HarnessError, SettingsError

NEST: list[object] = []
for _ in range(100_000):
    NEST = [NEST]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("conv2d", "conv2d"),
        ("", "''"),
        ("a\nb\x1b]0;title\x07", "a\\nb\\x1b]0;title\\x07"),
        ("\u202eabc\u2028\udc80", "\\u202eabc\\u2028\\udc80"),
        ("größe", "größe"),
        (None, "None"),
        (["a\n", 1], "['a\\n', 1]"),
        (Path("runs/x\n"), "runs/x\\n"),
        (10**5000, "an integer of 16610 bits"),
        (-(10**5000), "an integer of 16610 bits"),
        ([10**5000], "a list that is too large to be shown"),
        (NEST, "a list that is too large to be shown"),
        (FileNotFoundError(2, "No such file or directory", "x"), "No such file or directory"),
        (MemoryError(), "MemoryError"),
        (ValueError("\n"), "ValueError"),
    ],
    ids=lambda value: repr(value)[:20] if not isinstance(value, list | int) else "",
)
def test_a_value_in_a_message(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_long_value_keeps_both_ends() -> None:
    text = shown("a" * 10**7 + "\x1b" * 1000 + "z")
    assert len(text) == 80 and text.startswith("aaa") and text.endswith("z")
    assert shown("x" * 80) == "x" * 80 and len(shown("\x1b" * 25)) == 80


@pytest.mark.parametrize("root", [CompilerError, ProblemError, HarnessError, SettingsError])
def test_a_message_is_one_line(root: type[Exception]) -> None:
    assert str(root("a: b\nc\x1b[0m")) == "a: b\\nc\\x1b[0m"
    long = str(root("file x: " + "\n" * 10**6 + " must be >= 1"))
    assert len(long) == LONGEST and long.startswith("file x: ") and long.endswith("must be >= 1")
    assert str(root("file x: ")) == "file x: no reason was given"
    assert str(root()) == "no reason was given"
