"""Where campaigns live: their names, their folders, and the lock that keeps a second driver out."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from harness.errors import RecordError, SettingsError
from harness.settings.values import CampaignChoice

RUNS = Path("runs")
JOURNAL = "results.jsonl"
LOCK = ".lock"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def campaign_name(choice: CampaignChoice, now: datetime) -> str:
    """The chosen name, the folder's, or date, time and experiment."""
    if choice.name is not None:
        if not _NAME.fullmatch(choice.name):
            raise SettingsError(
                f"campaign.name: '{choice.name}' is no name (letters, digits, '_', '-' and '.')"
            )
        return choice.name
    if choice.resume is not None:
        return campaign_at(choice.resume).name
    if choice.dir is not None:
        return Path(choice.dir).resolve().name
    return f"{now:%Y%m%d-%H%M%S}-{choice.experiment or 'run'}"


def campaign_folder(choice: CampaignChoice, name: str) -> Path:
    """The folder a campaign writes to; refuses one that holds another campaign's results."""
    if choice.resume is not None:
        if choice.dir is not None:
            raise SettingsError("campaign.resume and campaign.dir exclude each other")
        return campaign_at(choice.resume)
    folder = Path(choice.dir) if choice.dir is not None else RUNS / name
    journal = folder / JOURNAL
    if journal.exists() and journal.stat().st_size:
        raise SettingsError(
            f"{folder} already holds a campaign; add to it with campaign.resume={folder}, "
            "or choose another campaign.dir"
        )
    return folder


def campaign_at(text: str) -> Path:
    """The folder of a recorded campaign, given as a path or as a name under ./runs."""
    for folder in (Path(text), RUNS / text):
        if (folder / JOURNAL).is_file():
            return folder
    known = sorted(path.parent.name for path in RUNS.glob(f"*/{JOURNAL}"))
    recent = ", ".join(known[-8:]) or "none"
    raise RecordError(
        f"no campaign at '{text}' (a folder, or a name under {RUNS}); known: {recent}"
    )


@contextmanager
def claimed(folder: Path) -> Iterator[Path]:
    """Make the folder, and hold it for this process alone. Raises RecordError.

    The lock goes with the process, however it dies; the file only tells who holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise RecordError(f"cannot write to {folder}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(handle, 100).decode(errors="replace").strip() or "another process"
            raise RecordError(f"{folder} is in use by {owner}; wait, or choose another") from error
        os.ftruncate(handle, 0)
        os.write(handle, f"process {os.getpid()}".encode())
        yield folder
    finally:
        os.close(handle)
