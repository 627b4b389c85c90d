"""A campaign's folder: results.jsonl is the source of truth, everything else stands beside it.

campaign.yaml  starts.jsonl  results.jsonl  samples/<tr>/<trial>.json
candidates/<tr>/<trial>.jsonl  again/<tr>/<trial>.jsonl  kernels/<ha>/<hash>.c  log.txt
report.html  identity.json

A campaign that is kept (record/kept.py) has results.jsonl.gz instead, and what stands beside the
results in one file of a kind. It is read as any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from msgspec import Raw

from compiler.errors import shown
from harness.errors import RecordError, SettingsError
from harness.nearest import listed
from harness.outside import path_of
from harness.record.result import TrialResult
from harness.record.result_line import NAME, NAMED, Shared, result_of
from harness.record.rows import AgainRow, CandidateRow, SampleRow, StartRow, TrialRows
from harness.record.typed import content, decoded, lines_read, told_and_skipped

RUNS = Path("runs")
RESULTS = "results.jsonl"
PACKED = ".gz"  # of a kept campaign's files

Held = TypeVar("Held")


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
    def kept(self) -> bool:
        """Whether it is one for reading alone, as record/kept.py writes them."""
        return (self.path / f"{RESULTS}{PACKED}").is_file()

    @property
    def results_file(self) -> Path:
        return self.packed_file("results") if self.kept else self.path / RESULTS

    def packed_file(self, kind: str) -> Path:
        """A kept campaign's results, or all rows of one kind."""
        return self.path / f"{kind}.jsonl{PACKED}"

    @property
    def starts_file(self) -> Path:
        return self.path / "starts.jsonl"

    @property
    def identity_file(self) -> Path:
        return self.path / "identity.json"

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
        return self._spread("samples", f"{_checked(trial)}.json")

    def candidates_file(self, trial: str) -> Path:
        return self._spread("candidates", f"{_checked(trial)}.jsonl")

    def again_file(self, trial: str) -> Path:
        return self._spread("again", f"{_checked(trial)}.jsonl")

    def kernel_file(self, kernel: str) -> Path:
        return self._spread("kernels", f"{_checked(kernel)}.c")

    def _spread(self, kind: str, name: str) -> Path:
        """By the name's first two characters, so that no folder holds a million files.

        Campaigns of before have all of a kind in one folder.
        """
        before = self.path / kind / name
        return before if before.is_file() else self.path / kind / name[:2] / name

    @property
    def exists(self) -> bool:
        """Whether a driver has begun here, if only to make the folder."""
        return any(f.is_file() for f in (self.configuration, self.results_file, self.lock))

    def starts(self) -> list[StartRow]:
        """Under what the campaign was begun and resumed, in this order. Raises RecordError."""
        return list(lines_read(self.starts_file, partial(_row, StartRow)))

    def lines(self) -> Iterator[TrialResult]:
        """Every line as it stands there, one at a time: of one trial's lines the last counts.

        A last line without its line end was cut by a crash and does not count. A line that is no
        record is told as a warning and skipped: its trial counts as not measured. Raises
        RecordError where no line is one, or one has another schema.
        """
        return lines_read(self.results_file, partial(result_of, shared=Shared()))

    def results(self) -> tuple[TrialResult, ...]:
        """The last line of each trial, in the order of first appearance. Raises RecordError."""
        return tuple({result.trial: result for result in self.lines()}.values())

    def attempts(self) -> dict[str, list[TrialResult]]:
        """All lines of each trial, oldest first; `results` has the last. Raises RecordError."""
        found: dict[str, list[TrialResult]] = {}
        for result in self.lines():
            found.setdefault(result.trial, []).append(result)
        return found

    def samples(self, trial: str) -> list[SampleRow]:
        """The raw samples of a trial, [] where none were kept or they cannot be read."""
        if self.kept:
            file = self.packed_file("samples")
            return told_and_skipped(lambda: _samples(self._packed("samples").get(trial), file), [])
        file = self.samples_file(trial)
        return told_and_skipped(lambda: _samples(content(file), file), [])

    def candidates(self, trial: str) -> list[CandidateRow]:
        """The candidates that a strategy weighed for a trial, [] where none were kept.

        A line that is none is told as a warning and skipped.
        """
        return self._rows("candidates", trial, self.candidates_file(trial), CandidateRow)

    def again(self, trial: str) -> list[AgainRow]:
        """Those candidates that were timed a second time, read in the same way."""
        return self._rows("again", trial, self.again_file(trial), AgainRow)

    def kernel(self, name: str) -> str | None:
        """A kernel's C text, None where it was not kept or cannot be read."""
        held = told_and_skipped(lambda: content(self.kernel_file(name)), None)
        return None if held is None else held.decode(errors="replace")

    def _rows(self, kind: str, trial: str, file: Path, row: type[Held]) -> list[Held]:
        if self.kept:
            where, held = shown(self.packed_file(kind), 120), self._packed(kind).get(trial, b"[]")
            return told_and_skipped(partial(_unpacked, row, held, where), [])
        return told_and_skipped(lambda: list(lines_read(file, partial(_row, row))), [])

    def _packed(self, kind: str) -> Mapping[str, bytes]:
        """The rows of each trial of a kept campaign, as JSON; none where they cannot be read."""
        if kind not in self._opened:
            lines = lines_read(self.packed_file(kind), partial(_row, TrialRows))
            self._opened[kind] = told_and_skipped(
                lambda: {one.trial: bytes(one.rows) for one in lines}, {}
            )
        return self._opened[kind]

    @cached_property
    def _opened(self) -> dict[str, Mapping[str, bytes]]:
        return {}


def find_campaign(name: str, runs: Path = RUNS) -> CampaignFolder:
    """The campaign in a folder, or of this name under `runs`. Raises RecordError."""
    for path in (path_of(name), runs / name):
        folder = CampaignFolder(path)
        if folder.exists:
            return folder
    known = listed(name, campaign_names(runs))
    what = (
        "that folder holds none" if path_of(name).is_dir() else f"no such folder, nor under {runs}/"
    )
    raise RecordError(f"campaign '{shown(name)}': {what}; {known}")


def campaign_names(runs: Path = RUNS) -> list[str]:
    """Those of the campaigns under `runs`."""
    return sorted(path.name for path in runs.glob("*") if CampaignFolder(path).exists)


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


def _unpacked(kind: type[Held], held: bytes, where: str) -> list[Held]:
    return [_row(kind, bytes(one), where) for one in decoded(held, list[Raw], where)]


def _samples(held: bytes | None, file: Path) -> list[SampleRow]:
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
