"""A campaign's folder: results.jsonl is the source of truth, everything else stands beside it.

campaign.yaml  starts.jsonl  results.jsonl  samples/<trial>.json  candidates/<trial>.jsonl
kernels/<hash>.c  log.txt  report.html
"""

from __future__ import annotations

import fcntl
import getpass
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, TypeVar

from compiler.errors import shown
from harness.errors import RecordError, SettingsError
from harness.record.folders import made_folders, remove_empty
from harness.record.result import TrialResult
from harness.record.result_line import NAME, NAMED, json_text, line_of, result_of
from harness.record.rows import CandidateRow, SampleRow, StartRow
from harness.record.typed import content, decoded, lines_read, told_and_skipped

RUNS = Path("runs")

Row = Mapping[str, object] | object  # a mapping or a dataclass
Held = TypeVar("Held")


class FolderTaken(RecordError):
    """Another campaign has the folder that was to be new."""


class UnitRecords(Protocol):
    """What a unit leaves: samples and candidates by trial id, C texts by kernel hash."""

    @property
    def results(self) -> Sequence[TrialResult]: ...
    @property
    def samples(self) -> Mapping[str, Sequence[Row]]: ...
    @property
    def candidates(self) -> Mapping[str, Sequence[Row]]: ...
    @property
    def kernels(self) -> Mapping[str, str]: ...


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
    def starts_file(self) -> Path:
        return self.path / "starts.jsonl"

    @property
    def lock(self) -> Path:
        return self.path / ".lock"

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
        """Whether a driver has begun here, if only to make the folder."""
        return any(f.is_file() for f in (self.configuration, self.results_file, self.lock))

    def starts(self) -> list[StartRow]:
        """Under what the campaign was begun and resumed, in this order. Raises RecordError."""
        return list(lines_read(self.starts_file, partial(_row, StartRow)))

    def results(self) -> tuple[TrialResult, ...]:
        """Of several lines with one trial id the last, in the order of first appearance.

        A last line without its line end was cut by a crash and does not count. A line that is no
        record is told as a warning and skipped: its trial counts as not measured. Raises
        RecordError where no line is one, or one has another schema.
        """
        texts: dict[str, str] = {}
        last: dict[str, TrialResult] = {}
        for result in lines_read(self.results_file, partial(result_of, texts=texts)):
            last[result.trial] = result
        return tuple(last.values())

    def samples(self, trial: str) -> list[SampleRow]:
        """The raw samples of a trial, [] where none were kept or they cannot be read."""
        file = self.samples_file(trial)
        return told_and_skipped(partial(_samples, file), [])

    def candidates(self, trial: str) -> list[CandidateRow]:
        """The candidates that a strategy weighed for a trial, [] where none were kept.

        A line that is none is told as a warning and skipped.
        """
        file = self.candidates_file(trial)
        return told_and_skipped(lambda: list(lines_read(file, partial(_row, CandidateRow))), [])


class CampaignWriter:
    """The only writer of a campaign's folder; a context manager that holds its lock.

    Raises RecordError, in one line, where the folder cannot be written, another driver has it, it
    is no campaign's, or it holds a campaign already and `resume` is false; FolderTaken where it is
    to be `new` and stands already.
    """

    def __init__(self, path: Path, *, resume: bool = False, new: bool = False) -> None:
        self.folder = CampaignFolder(path)
        self._lock: IO[str] | None = None
        self._made: tuple[Path, ...] = ()
        own = (self.folder.configuration, self.folder.log, self.folder.lock)
        self._own = [file for file in own if not file.exists()]
        if not new:
            _check_usable(self.folder, resume)
        try:
            self._made = made_folders(path)
            if new and path not in self._made:
                raise FolderTaken(f"campaign folder {path}: stands already")
            self._lock = _locked(self.folder.lock)
            for file in (self.folder.results_file, self.folder.starts_file):
                _heal(file)
        except OSError as fault:
            self.discard()
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

    def discard(self) -> None:
        """Nothing was begun: take away what this writer made, and no more."""
        if self._lock is not None and not self.folder.starts_file.exists():
            for file in self._own:
                file.unlink(missing_ok=True)
        remove_empty(self._made)
        self.close()

    def write_configuration(self, text: str) -> None:
        """campaign.yaml; another one that stood there is kept as campaign.<n>.yaml."""
        target = self.folder.configuration
        try:
            if target.exists():
                if target.read_text() == text:
                    return
                number = 1 + len(list(self.folder.path.glob("campaign.*.yaml")))
                _write(target.with_suffix(f".{number}.yaml"), target.read_text())
            _write(target, text)
        except OSError as fault:
            raise _unwritable(self.folder.path, fault) from fault

    def write_start(self, start: Mapping[str, object]) -> None:
        """One line of starts.jsonl."""
        try:
            _append(self.folder.starts_file, f"{json_text(start)}\n".encode())
        except OSError as fault:
            raise _unwritable(self.folder.path, fault) from fault

    def record(self, units: Sequence[UnitRecords]) -> None:
        """Everything of these units; their lines come last and at once, on disk at the return."""
        try:
            for unit in units:
                for trial, rows in unit.samples.items():
                    body = ",\n".join(json_text(_plain(row)) for row in rows)
                    _write(self.folder.samples_file(trial), f"[{body}]\n")
                for trial, rows in unit.candidates.items():
                    _write(self.folder.candidates_file(trial), _lines(map(_plain, rows)))
                for name, text in unit.kernels.items():
                    _write(self.folder.kernel_file(name), text)
            lines = "".join(line_of(result) + "\n" for unit in units for result in unit.results)
            _append(self.folder.results_file, lines.encode())
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


def _row(kind: type[Held], line: bytes, where: str) -> Held:
    return decoded(line, kind, where)


def _samples(file: Path) -> list[SampleRow]:
    held = content(file)
    where = shown(file, 120)
    rows = [] if held is None else decoded(held, list[SampleRow], where)
    for row in rows:  # they are tables: a number of blocks beyond the rows' is no place in one
        if max(row["process"], row["block"]) >= len(rows):
            raise RecordError(f"{where}: {len(rows)} samples cannot fill as many blocks")
    return rows


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise RecordError(f"'{shown(name)}' names no file of a campaign ({NAMED} only)")
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


def _locked(lock: Path) -> IO[str]:
    file = lock.open("a+", encoding="utf-8", errors="replace")  # its text may be anybody's
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as fault:
        file.seek(0)
        owner = shown(file.read(4096).strip() or "another driver")
        file.close()
        raise RecordError(f"campaign folder {lock.parent}: in use by {owner}") from fault
    if not lock.exists() or os.fstat(file.fileno()).st_ino != lock.stat().st_ino:
        file.close()  # its last owner began nothing and took it away
        return _locked(lock)
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


def _append(target: Path, block: bytes) -> None:
    """All of it on disk when this returns, or nothing."""
    descriptor = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        size = os.fstat(descriptor).st_size
        try:
            left = memoryview(block)
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)
    if size == 0:
        _sync_folder(target.parent)


def _sync_folder(path: Path) -> None:
    """A new file's name is on disk, too."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(target: Path, text: str) -> None:
    """By rename, so that a reader never sees half a file."""
    target.parent.mkdir(exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, target)
