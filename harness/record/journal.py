"""A campaign's folder: results.jsonl is the source of truth, everything else stands beside it.

campaign.yaml  results.jsonl  samples/<trial>.json  candidates/<trial>.jsonl  kernels/<hash>.c
log.txt  report.html
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from harness.errors import RecordError, SettingsError
from harness.record.result import TrialResult
from harness.record.result_line import json_text, line_of, result_of

RUNS = Path("runs")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")

Row = Mapping[str, object] | object  # a mapping or a dataclass


@dataclass(frozen=True)
class CampaignFolder:
    """The files of one campaign, for reading. Writing goes through CampaignWriter."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @property
    def configuration(self) -> Path:
        return self.path / "campaign.yaml"

    @property
    def results_file(self) -> Path:
        return self.path / "results.jsonl"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    def samples_file(self, trial: str) -> Path:
        return self.path / "samples" / f"{_checked(trial)}.json"

    def candidates_file(self, trial: str) -> Path:
        return self.path / "candidates" / f"{_checked(trial)}.jsonl"

    def kernel_file(self, kernel: str) -> Path:
        return self.path / "kernels" / f"{_checked(kernel)}.c"

    @property
    def exists(self) -> bool:
        return self.configuration.is_file() or self.results_file.is_file()

    def results(self) -> tuple[TrialResult, ...]:
        """Of several lines with one trial id the last, in the order of first appearance.

        A last line without its line end was cut by a crash and does not count. Raises RecordError.
        """
        try:
            text = self.results_file.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ()
        except OSError as fault:
            raise RecordError(f"{self.results_file}: cannot be read: {fault.strerror}") from fault
        last: dict[str, TrialResult] = {}
        for number, line in enumerate(text.split("\n")[:-1], 1):
            if line.strip():
                result = result_of(line, f"{self.results_file} line {number}")
                last[result.trial] = result
        return tuple(last.values())

    def samples(self, trial: str) -> list[dict[str, object]]:
        """The raw samples of a trial, [] where none were kept."""
        file = self.samples_file(trial)
        rows: list[dict[str, object]] = json.loads(file.read_text()) if file.exists() else []
        return rows

    def candidates(self, trial: str) -> list[dict[str, object]]:
        """The candidates that a strategy weighed for a trial, [] where none were kept."""
        file = self.candidates_file(trial)
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


class CampaignWriter:
    """The only writer of a campaign's folder; a context manager that holds its lock.

    Raises RecordError, in one line, where the folder cannot be written, another driver has it, it
    is no campaign's, or it holds a campaign already and `resume` is false.
    """

    def __init__(self, path: Path, *, resume: bool = False) -> None:
        self.folder = CampaignFolder(path)
        self._lock: IO[str] | None = None
        _check_usable(self.folder, resume)
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(path)
            _heal(self.folder.results_file)
        except OSError as fault:
            self.close()
            raise _unwritable(path, fault) from fault

    def __enter__(self) -> CampaignWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the lock back; the kernel does it when the process dies."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def write_configuration(self, text: str) -> None:
        """campaign.yaml; another one that stood there is kept as campaign.<n>.yaml."""
        target = self.folder.configuration
        if target.exists():
            if target.read_text() == text:
                return
            number = 1 + len(list(self.folder.path.glob("campaign.*.yaml")))
            target.rename(target.with_suffix(f".{number}.yaml"))
        _write(target, text)

    def record_unit(
        self,
        results: Sequence[TrialResult],
        samples: Mapping[str, Sequence[Row]] | None = None,
        candidates: Mapping[str, Sequence[Row]] | None = None,
        kernels: Mapping[str, str] | None = None,
    ) -> None:
        """Everything of one unit; its lines come last and at once, on disk when this returns.

        Samples and candidates by trial id, C texts by kernel hash.
        """
        try:
            for trial, rows in (samples or {}).items():
                body = ",\n".join(json_text(_plain(row)) for row in rows)
                _write(self.folder.samples_file(trial), f"[{body}]\n")
            for trial, rows in (candidates or {}).items():
                _write(self.folder.candidates_file(trial), _lines(_plain(row) for row in rows))
            for name, text in (kernels or {}).items():
                _write(self.folder.kernel_file(name), text)
            block = "".join(line_of(result) + "\n" for result in results)
            with self.folder.results_file.open("ab", buffering=0) as file:
                file.write(block.encode())
                os.fsync(file.fileno())
        except OSError as fault:
            raise _unwritable(self.folder.path, fault) from fault


def find_campaign(name: str, runs: Path = RUNS) -> CampaignFolder:
    """The campaign in a folder, or of this name under `runs`. Raises RecordError."""
    for path in (Path(name).expanduser(), runs / name):
        folder = CampaignFolder(path)
        if folder.exists:
            return folder
    known = (
        sorted(p.name for p in runs.glob("*") if CampaignFolder(p).exists) if runs.exists() else []
    )
    listed = ", ".join(known[-8:]) or "none"
    raise RecordError(
        f"campaign '{name}': no such folder, nor under {runs}/; known there: {listed}"
    )


def recorded_schedule(source: str) -> str:
    """The schedule of CAMPAIGN:TRIAL. Raises RecordError or SettingsError."""
    campaign, colon, trial = source.rpartition(":")
    if not colon or not campaign or not trial:
        raise SettingsError(f"strategy.fixed.from: '{source}' is not of the form CAMPAIGN:TRIAL")
    results = find_campaign(campaign).results()
    found = [result for result in results if result.trial == trial]
    if not found:
        known = ", ".join(r.trial for r in results if r.schedule)
        raise SettingsError(
            f"strategy.fixed.from: no trial '{trial}' in {campaign}; with a schedule: {known}"
        )
    if found[0].schedule is None:
        raise SettingsError(f"strategy.fixed.from: trial '{trial}' has no schedule")
    return found[0].schedule


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise RecordError(f"'{name}' names no file of a campaign (letters, digits, . _ - only)")
    return name


def _check_usable(folder: CampaignFolder, resume: bool) -> None:
    path = folder.path
    if path.exists() and not path.is_dir():
        raise RecordError(f"campaign folder {path}: is a file")
    if resume and not folder.exists:
        raise RecordError(f"campaign folder {path}: holds no campaign to resume")
    if not path.exists():
        return
    for file in (path, folder.results_file):
        # root may write where nobody may, but a folder so marked is meant to stay as it is
        if file.exists() and not (file.stat().st_mode & 0o222 and os.access(file, os.W_OK)):
            raise RecordError(f"campaign folder {path}: {file.name} is read-only")
    if not resume and folder.results_file.exists():
        raise RecordError(
            f"campaign folder {path}: holds a campaign already; campaign.resume={path} continues it"
        )
    foreign = (p.name for p in path.iterdir() if p != folder.log and not p.name.startswith("."))
    if not folder.exists and any(foreign):
        raise RecordError(f"campaign folder {path}: is not empty and holds no campaign")


def _locked(path: Path) -> IO[str]:
    file = (path / ".lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as fault:
        file.seek(0)
        owner = file.read().strip() or "another driver"
        file.close()
        raise RecordError(f"campaign folder {path}: in use by {owner}") from fault
    file.truncate(0)
    file.write(f"pid {os.getpid()} of {getpass.getuser()} on {os.uname().nodename}\n")
    file.flush()
    return file


def _heal(results: Path) -> None:
    """Takes off a last line that a crash cut short; its unit is measured again."""
    if not results.exists():
        return
    with results.open("rb+") as file:
        text = file.read()
        end = text.rfind(b"\n") + 1
        if end < len(text):
            file.truncate(end)
            os.fsync(file.fileno())


def _unwritable(path: Path, fault: OSError) -> RecordError:
    return RecordError(f"campaign folder {path}: cannot be written: {fault.strerror}")


def _plain(row: Row) -> object:
    return asdict(row) if is_dataclass(row) and not isinstance(row, type) else row


def _lines(rows: Iterable[object]) -> str:
    return "".join(json_text(row) + "\n" for row in rows)


def _write(target: Path, text: str) -> None:
    """By rename, so that a reader never sees half a file."""
    target.parent.mkdir(exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, target)
