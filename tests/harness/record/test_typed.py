from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.errors import RecordError, SchemaError
from harness.record import typed


@dataclass(frozen=True)
class Point:
    x: float
    y: int = 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"x": NaN}', "malformed"),
        ('{"x": 1e999}', "out of range"),
        ('{"x": ' + "9" * 5000 + "}", "out of range"),
        ('{"x": 1, "y": true}', "Expected `int`, got `bool` - at `$.y`"),
        ('{"x": "1"}', "Expected `float`, got `str`"),
        ('{"y": 1}', "missing required field `x`"),
        ('{"x": 1, "z": "\\ud800"}', "truncated"),
    ],
)
def test_what_is_no_record_is_refused_with_its_place(text: str | bytes, why: str) -> None:
    with pytest.raises(RecordError, match="here: ") as refused:
        typed.decoded(text, Point, "here")
    assert why in str(refused.value)
    with pytest.raises(RecordError, match=r"here: no UTF-8 \(byte 1\)"):
        typed.decoded(b'"a\xff"', str, "here")
    assert typed.decoded('{"x": 1, "z": [2]}', Point, "here") == Point(1.0)


def test_good_lines_stand_beside_bad_ones(tmp_path: Path) -> None:
    def read(line: bytes, where: str) -> int:
        if line == b"other\n":
            raise SchemaError(f"{where}: another schema")
        return typed.decoded(line, int, where)

    file = tmp_path / "lines"
    assert list(typed.lines_read(file, read)) == []
    file.write_bytes(b"1\n\nx\n2\n3")
    assert list(typed.lines_read(file, read)) == [1, 2]  # the last was cut short
    file.write_bytes(b"1\nother\n")
    with pytest.raises(SchemaError, match="lines line 2"):
        list(typed.lines_read(file, read))


def test_what_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typed, "LARGEST_FILE", 10)
    file = tmp_path / "file"
    assert typed.content(file) is None
    file.write_bytes(b"0123456789")
    assert typed.content(file) == b"0123456789"
    file.write_bytes(b"01234567890")
    with pytest.raises(RecordError, match="more than 10 bytes"):
        typed.content(file)
