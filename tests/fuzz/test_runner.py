"""The fuzzer notices what must not be."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.fuzz import runner
from tests.fuzz.inputs import Input, Job


def said(text: str, status: int = 2) -> Job:
    def job() -> int:
        sys.stderr.write(text)
        return status

    return job


def raising() -> int:
    raise ValueError("of some kind")


def hanging() -> int:
    time.sleep(60)
    return 0


def busy() -> int:
    while True:
        pass


def huge() -> int:
    return len(b"x" * runner.MOST_BYTES) * 0


def elsewhere(path: str, change: Callable[[Path], object]) -> Job:
    def job() -> int:
        change(Path(path))
        return 0

    return job


@pytest.mark.parametrize(
    ("job", "told"),
    [
        (said("one line: what and why\n"), ""),
        (said("", 0), ""),
        (elsewhere("here", Path.touch), ""),
        (elsewhere("/dev/null", Path.touch), ""),
        (said("polydl: this should not happen\n", 70), "status 70: polydl: this should"),
        (said("Traceback (most recent call last):\n", 0), "Traceback"),
        (said(""), "status 2 and not a word"),
        (said("a" * 400 + "\n"), "a line of 400 characters"),
        (said("cannot read x: \n"), "no reason: cannot read x: "),
        (said("a\x1b[31mb\n"), "it does not print"),
        (raising, "ValueError: of some kind"),
        (hanging, "status -9"),
        (busy, "status -9"),
        (huge, "MiB"),
        (elsewhere("/tmp/polydl-fuzz-elsewhere", Path.mkdir), "OUTSIDE os.mkdir"),
        (elsewhere("../../outside", Path.touch), "OUTSIDE open"),
    ],
    ids=range(16),
)
def test_what_must_not_be_is_told(
    job: Job, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "MOST_SECONDS", 0.7 if told == "status -9" else 10.0)
    already = psutil.Process().memory_info().rss  # a fork begins with it
    monkeypatch.setattr(runner, "MOST_BYTES", already + 2**28)
    ended = runner.run(Input("test", "", {}, job), tmp_path)
    assert told in ended.fault and bool(told) == bool(ended.fault)
    with suppress(OSError):
        Path("/tmp/polydl-fuzz-elsewhere").rmdir()
