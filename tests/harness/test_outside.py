"""Files that users name, whatever they turn out to be."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from harness.errors import Unreadable, Unwritable
from harness.outside import (
    MOST_NODES,
    json_of,
    path_of,
    read_text,
    write_text,
    yaml_of,
)


def test_files_and_pipes_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("größe\n" * 30_000, encoding="utf-8")
    assert read_text(tmp_path / "file") == "größe\n" * 30_000
    os.mkfifo(tmp_path / "pipe")
    text = "line\n" * 100_000
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=(text,))
    writer.start()
    assert read_text(tmp_path / "pipe", seconds=30) == text
    writer.join()


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "latin").write_bytes(b"gr\xf6sse")
    (tmp_path / "sparse").touch()
    os.truncate(tmp_path / "sparse", 2**40)
    for path, reason in [
        (tmp_path / "none", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (tmp_path / "pipe", "nothing ended it within 0.1 s"),
        (tmp_path / "loop", "Too many levels of symbolic links"),
        (tmp_path / "latin", r"it is no UTF-8 text \(byte 2\)"),
        (tmp_path / "sparse", "more than 16777216 bytes"),
        (tmp_path / ("x" * 300), "File name too long"),
        (Path("a\0b"), "embedded null byte"),
        (Path("\ud800"), "surrogates not allowed"),
        (Path("/dev/zero"), "more than 16777216 bytes"),
    ]:
        with pytest.raises(Unreadable, match=f"cannot read .*: .*{reason}"):
            read_text(path, seconds=0.1 if path.name == "pipe" else 30)
    with pytest.raises(Unreadable, match="cannot read ~nobody_of_this_name/x: "):
        path_of("~nobody_of_this_name/x")


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "a longer text")
    write_text(tmp_path / "file", "text")
    assert (tmp_path / "file").read_text() == "text"
    os.mkfifo(tmp_path / "pipe")
    for path, reason in [
        (tmp_path, "Is a directory"),
        (tmp_path / "none" / "file", "No such file or directory"),
        (tmp_path / "pipe", "No such device or address"),  # nobody reads it
        (Path("/dev/full"), "No space left on device"),
        (Path("a\0b"), "embedded null byte"),
    ]:
        with pytest.raises(Unwritable, match=f"cannot write .*: {reason}"):
            write_text(path, "text")


def test_json_is_finite_and_flat_enough() -> None:
    assert json_of('{"a": [1, 2.5, null, true]}') == {"a": [1, 2.5, None, True]}
    for text in ("[" * 100_000, "NaN", "[-Infinity]", "1e999", "9" * 5000, "{", ""):
        with pytest.raises(ValueError, match=r"."):
            json_of(text)


def test_yaml_that_explodes_is_refused_unbuilt() -> None:
    assert yaml_of("a: &x [1, 2]\nb: [*x, *x]") == {"a": [1, 2], "b": [[1, 2], [1, 2]]}
    laughs = "a0: &a0 [x, x]\n" + "".join(
        f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60)
    )
    for text, reason in [
        (laughs, f"more than {MOST_NODES} nodes"),
        ("x:\n" + "- 1\n" * (MOST_NODES + 1), f"more than {MOST_NODES} nodes"),
        ("[" * 51, "nested more than 50 deep"),
        ("[" * 100_000, "nested more than 50 deep|."),
        ("a: [1", "line 2, column 1: "),
        ("a: *unknown", "line 1, column 4: |undefined"),
        ("&a [*a]", "'a' holds itself"),
        ("a: 2001-99-99", "month must be in"),
        ("a: " + "9" * 5000, "4300 digits"),
        ("a: \x01", "special characters are not allowed|control characters"),
    ]:
        with pytest.raises(ValueError, match=reason):
            yaml_of(text)
