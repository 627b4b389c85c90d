from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest

from harness.errors import RecordError
from harness.record.journal import CampaignFolder
from harness.record.ledger import MOST, Ledger
from harness.record.writer import CampaignWriter
from tests.harness.record.results import Left, baseline_result


def unit(number: int) -> Left:
    return Left([baseline_result(f"conv_{number}")])


def test_a_unit_is_done_when_it_is_on_disk(tmp_path: Path) -> None:
    folder = CampaignFolder(tmp_path / "toy")
    seen: list[int] = []
    lines = folder.results_file
    with CampaignWriter(folder.path) as writer, Ledger(writer) as ledger:
        for number in range(MOST + 1):
            ledger.put(unit(number), lambda: seen.append(lines.read_bytes().count(b"\n")))
    assert len(folder.results()) == len(seen) == MOST + 1
    assert all(held > count for count, held in enumerate(seen))


def test_what_was_put_is_written_when_interrupted(tmp_path: Path) -> None:
    folder = CampaignFolder(tmp_path / "toy")
    with (
        pytest.raises(KeyboardInterrupt),
        CampaignWriter(folder.path) as writer,
        Ledger(writer) as ledger,
    ):
        ledger.put(unit(0), lambda: None)
        raise KeyboardInterrupt
    assert len(folder.results()) == 1


def test_a_full_disk_is_told_and_leaves_whole_lines(tmp_path: Path) -> None:
    """The limit on a file's size stands for the disk's: the write stops in the middle."""
    folder = CampaignFolder(tmp_path / "toy")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with CampaignWriter(folder.path) as writer:
        writer.record([unit(0)])
        whole = folder.results_file.read_bytes()
        before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 100, hard))
        try:
            with (
                pytest.raises(RecordError, match="cannot be written: File too large"),
                Ledger(writer) as ledger,
            ):
                for number in range(1, 3 * MOST):
                    ledger.put(unit(number), lambda: None)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
            signal.signal(signal.SIGXFSZ, before)
        assert folder.results_file.read_bytes() == whole
        writer.record([unit(1)])
    assert len(folder.results()) == 2
