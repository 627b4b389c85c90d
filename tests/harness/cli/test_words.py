"""Fields of a command's dataclass: how a word is written, told and read."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import Any

import pytest

from harness.cli.words import argument, flag, option, words_of
from harness.errors import SettingsError


@dataclass(frozen=True, kw_only=True)
class Sample:
    own: int = 3  # no word
    names: tuple[str, ...] = argument("NAME", "who", count="+")
    folder: str | None = argument("FOLDER", "where", count="?")
    form: str = option("form", "how", "csv", choices=("csv", "latex"))
    out: str = option("out", "whereto", MISSING, value="FILE")
    threshold: float = option("threshold", "how much", 0.03, kind=float, least=0, most=10)
    opens: bool = option("open", "whether", False, kind=bool)
    loud: bool = flag("--loud", "-l", help="more")
    place: str | None = flag("--place", help="of it", value="DIR")


WORDS = words_of(Sample)


@pytest.mark.parametrize(
    ("field", "written", "usage", "told"),
    [
        ("names", "NAME", "NAME [NAME...]", "who"),
        ("folder", "FOLDER", "[FOLDER]", "where"),
        ("form", "form=csv|latex", "[form=csv|latex]", "how; default csv"),
        ("out", "out=FILE", "out=FILE", "whereto; needed"),
        (
            "threshold",
            "threshold=NUMBER",
            "[threshold=NUMBER]",
            "how much; from 0 to 10; default 0.03",
        ),
        ("opens", "open=true|false", "[open=true|false]", "whether; default false"),
        ("loud", "--loud, -l", "[--loud]", "more"),
        ("place", "--place DIR", "[--place DIR]", "of it"),
    ],
)
def test_how_a_word_is_shown(field: str, written: str, usage: str, told: str) -> None:
    word = WORDS[field]
    assert (word.written, word.usage, word.told) == (written, usage, told)


def test_defaults_are_those_of_the_fields() -> None:
    sample = Sample(names=("a",), out="b")
    assert (sample.folder, sample.form, sample.threshold, sample.loud) == (None, "csv", 0.03, False)
    assert "own" not in WORDS and len(WORDS) == 8


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("form", "latex", "latex"),
        ("threshold", "0.5", 0.5),
        ("threshold", "1e-3", 0.001),
        ("opens", "true", True),
        ("opens", "false", False),
        ("out", "a=b", "a=b"),
    ],
)
def test_what_is_read(field: str, text: str, value: Any) -> None:
    assert WORDS[field].read(text) == value


@pytest.mark.parametrize(
    ("field", "text", "told"),
    [
        ("form", "html", "form must be one of csv, latex, got html"),
        ("out", "", "out needs a value"),
        ("opens", "yes", "open must be one of true, false, got yes"),
        *(
            ("threshold", text, f"threshold must be a number from 0 to 10, got {text}")
            for text in ("-1", "11", "nan", "inf", "x", "1_0", "\u00b2", "0x1")
        ),
    ],
)
def test_what_is_refused(field: str, text: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        WORDS[field].read(text)
    assert str(caught.value) == told
