"""Who writes a campaign's folder: one process at a time, each unit whole and on disk."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol

from compiler.errors import shown
from harness.account import user_name
from harness.errors import EnvironmentProblem, RecordError
from harness.lock_file import open_lock
from harness.record.folders import made_folders, remove_empty
from harness.record.identity import identity_of
from harness.record.journal import CampaignFolder
from harness.record.result import TrialResult
from harness.record.result_line import json_text, line_of

Row = Mapping[str, object] | object  # a mapping or a dataclass
BLOCK = 2**16  # bytes
PARTIAL = ".partial"  # what a file is called until all of it is there


class FolderTaken(RecordError):
    """Another campaign has the folder that was to be new."""


class UnitRecords(Protocol):
    """What a unit leaves: samples and candidates by trial id, C texts by kernel hash.

    `again` has those candidates that were timed a second time.
    """

    @property
    def results(self) -> Sequence[TrialResult]: ...
    @property
    def samples(self) -> Mapping[str, Sequence[Row]]: ...
    @property
    def candidates(self) -> Mapping[str, Sequence[Row]]: ...
    @property
    def kernels(self) -> Mapping[str, str]: ...
    @property
    def again(self) -> Mapping[str, Sequence[Row]]: ...


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
        self._bound = False  # the campaign's id to its first line
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
            for cut in (
                c for depth in ("", "*/", "*/*/") for c in path.glob(f"{depth}.*{PARTIAL}")
            ):
                cut.unlink(missing_ok=True)
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

    def _identify(self) -> None:
        folder = self.folder
        self._bound = identity_of(folder.identity_file, folder.results_file).first is not None

    def write_configuration(self, text: str) -> None:
        """campaign.yaml; another one that stood there is kept as campaign.<n>.yaml."""
        target = self.folder.configuration
        try:
            if target.exists():
                if target.read_text() == text:
                    return
                number = 1 + len(list(self.folder.path.glob("campaign.*.yaml")))
                write_whole(target.with_suffix(f".{number}.yaml"), target.read_text())
            write_whole(target, text)
        except OSError as fault:
            raise _unwritable(self.folder.path, fault) from fault

    def write_start(self, start: Mapping[str, object]) -> None:
        """One line of starts.jsonl, and at the first the campaign's id."""
        try:
            self._identify()
            _append(self.folder.starts_file, f"{json_text(start)}\n".encode())
        except OSError as fault:
            raise _unwritable(self.folder.path, fault) from fault

    def record(self, units: Sequence[UnitRecords]) -> None:
        """Everything of these units; their lines come last and at once, on disk at the return."""
        try:
            for unit in units:
                for trial, rows in unit.samples.items():
                    body = ",\n".join(json_text(_plain(row)) for row in rows)
                    _keep(self.folder.samples_file(trial), f"[{body}]\n")
                for trial, rows in unit.candidates.items():
                    _keep(self.folder.candidates_file(trial), _lines(map(_plain, rows)))
                for trial, rows in unit.again.items():
                    _keep(self.folder.again_file(trial), _lines(map(_plain, rows)))
                for name, text in unit.kernels.items():
                    _keep(self.folder.kernel_file(name), text)
            lines = "".join(line_of(result) + "\n" for unit in units for result in unit.results)
            _append(self.folder.results_file, lines.encode())
            if not self._bound:
                self._identify()
        except OSError as fault:
            raise _unwritable(self.folder.path, fault) from fault


def _check_usable(folder: CampaignFolder, resume: bool) -> None:
    path = folder.path
    if path.exists() and not path.is_dir():
        raise RecordError(f"campaign folder {path}: is a file")
    if resume and not folder.exists:
        raise RecordError(f"campaign folder {path}: holds no campaign to resume")
    if not path.exists():
        return
    if folder.kept:
        raise RecordError(f"campaign folder {path}: holds a kept campaign, which is read alone")
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
    try:
        descriptor = open_lock(lock)
    except EnvironmentProblem as problem:
        raise RecordError(f"campaign folder {lock.parent}: {problem}") from problem
    file = os.fdopen(descriptor, "r+", encoding="utf-8", errors="replace")  # anybody's text
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
    file.write(f"pid {os.getpid()} of {user_name()} on {os.uname().nodename}\n")
    file.flush()
    return file


def _heal(results: Path) -> None:
    """Takes off a last line that a crash cut short; its unit is measured again."""
    if not results.exists():
        return
    with results.open("rb+") as file:
        size = position = file.seek(0, os.SEEK_END)
        end = 0
        while position and not end:  # from the end, where the last line is
            start = max(0, position - BLOCK)
            file.seek(start)
            found = file.read(position - start).rfind(b"\n")
            end, position = start + found + 1 if found >= 0 else 0, start
        if end < size:
            file.truncate(end)
            os.fsync(file.fileno())


def _unwritable(path: Path, fault: OSError) -> RecordError:
    return RecordError(f"campaign folder {path}: cannot be written: {fault.strerror}")


def _plain(row: Row) -> object:
    return asdict(row) if is_dataclass(row) and not isinstance(row, type) else row


def _lines(rows: Iterable[object]) -> str:
    return "".join(json_text(row) + "\n" for row in rows)


def _keep(target: Path, text: str) -> None:
    """A file of a trial's or a kernel's, in a folder that is made for it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, text)


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


def write_whole(target: Path, text: str) -> None:
    """By rename, so that a reader never sees half a file. Raises OSError."""
    partial = target.with_name(f".{target.name}{PARTIAL}")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, target)
