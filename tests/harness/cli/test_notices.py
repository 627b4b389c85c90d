from __future__ import annotations

import logging

import pytest

from harness.cli.notices import shown_notices


def test_each_line_is_told_once_and_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("polydl.record")
    with shown_notices():
        for _ in range(2):
            log.warning("%s line 7: bad; it is skipped", "a\x1b[31m/results.jsonl")
        log.info("nothing to mind")
    assert capsys.readouterr().err == (
        "warning: a\\x1b[31m/results.jsonl line 7: bad; it is skipped\n"
    )
    assert not log.handlers
