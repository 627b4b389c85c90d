"""A tuner's run in its own environment: started, ended, read back, and kept by what was asked for.

A tuner is a script for a tool environment's interpreter, called as `script FOLDER [build]`. FOLDER
holds the request; the script writes there `tried.jsonl`, a line for each configuration as soon as
it is known, and at its end `result.json`, whose `library` is the file in FOLDER that it built. With
`build` it only builds the best of what an earlier call has left in the folder.

Each run has a folder of its own below `tuning/NAME_KEY/`, whose key is all that decides about the
outcome. `tuned.json` is written last, where the tuner came to its own end, with digests of the
others: only such a run is taken again, and only as it was left. Where its library is not, that is
built once more.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import shutil
import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from itertools import count
from pathlib import Path
from typing import Any

from harness.baseline.baseline import Tried, Unprepared
from harness.baseline.tool.supervised import Ended, run_supervised
from harness.bounds import DAY, within
from harness.kernel.library import NoLibrary, check_library
from harness.kernel.toolchain import Toolchain
from harness.outside import json_of
from harness.own_files import is_own, own_bytes, private_folder, put
from harness.record.result import TuningSeconds

REQUEST, TRIED, RESULT, TUNED = "request.json", "tried.jsonl", "result.json", "tuned.json"
SLACK = 120.0  # seconds after the budget: the last compilation and run, then building the best
BUILD_SECONDS = 120.0  # limit of `build`; 20 s are normal, most of it imports


@dataclass(frozen=True)
class TuningOptions:
    """The budget's rules, the same for every tuner."""

    trials: int = within(64, 1, 10**6)
    plan_size: int = within(16, 1, 10**6)  # trials drawn before the tuner learns, and again between
    budget_seconds: float = within(1800.0, 1, 100 * DAY)  # tuning ends then, whatever is left
    reuse: bool = True  # a log of the same task, settings and host


@dataclass(frozen=True)
class TuningJob:
    """What to tune, by which script. `request` is JSON-able and holds all that decides."""

    name: str  # of the baseline, in the folder's name
    title: str  # the tuner in messages
    script: Path
    interpreter: Path
    request: Mapping[str, object]
    options: TuningOptions
    cores: tuple[int, ...]
    toolchain: Toolchain
    environment: Mapping[str, str] = field(default_factory=dict)
    imports: tuple[Path, ...] = ()  # files beside the script that it imports
    slack: float = SLACK

    @property
    def folder(self) -> Path:
        return self.toolchain.cache / "tuning" / f"{self.name}_{self.key}"

    @property
    def key(self) -> str:
        """Of the request, the budget's rules, the script's text, the processor, how many cores."""
        budget = {f.name: getattr(self.options, f.name) for f in fields(TuningOptions)}
        rules = {**budget, "reuse": None}
        text = "".join(file.read_text() for file in (self.script, *self.imports))
        parts = [text, host_fingerprint(), len(self.cores), rules, self.request]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Tuned:
    """A run that left something to measure. `result` is what the script said of it."""

    library: Path
    result: Mapping[str, Any]
    seconds: TuningSeconds  # of the run that tuned, also where that was earlier
    tried: tuple[Tried, ...]
    cached: bool = False
    trouble: str | None = None  # how the tuner ended, where that was not by itself


def tune(job: TuningJob) -> Tuned | Unprepared:
    """Tune, or take what an equal job has left. Raises OSError where nothing can be started.

    The seconds are wall time of the whole run, imports included: `compile` is what the script
    says of it (`compile_seconds` in result.json), `measure` the rest.
    """
    if job.options.reuse and (kept := _kept(job)) is not None:
        return kept
    private_folder(job.folder)
    folder = _new_folder(job.folder)
    put(folder / REQUEST, json.dumps(job.request, indent=1).encode())
    ended = _run(job, folder, job.options.budget_seconds + job.slack)
    trouble = None if ended.status == 0 else _trouble(job, ended)
    tried, seconds = read_tried(folder / TRIED), ended.seconds
    if trouble is not None and any(t.seconds is not None for t in tried):
        (folder / RESULT).unlink(missing_ok=True)
        seconds += _run(job, folder, BUILD_SECONDS, "build").seconds
    result = _read(folder / RESULT)
    if result is None:
        measured = f"{sum(t.seconds is not None for t in tried)} of {len(tried)} trials were good"
        reason = f"{trouble or f'{job.title} built nothing'}; {measured}"
        return Unprepared("measure", reason, TuningSeconds(measure=seconds), tried=tried)
    compiled = min(seconds, float(result.get("compile_seconds", 0.0)))
    parts = TuningSeconds(compile=compiled, measure=seconds - compiled)
    if trouble is None:
        _seal(folder, result, parts)
    return Tuned(folder / str(result["library"]), result, parts, tried, trouble=trouble)


def read_tried(path: Path) -> tuple[Tried, ...]:
    """The trials that were written whole; a tuner may have been ended within a line."""
    tried = []
    with contextlib.suppress(OSError):
        for line in path.read_text(errors="replace").splitlines():
            with contextlib.suppress(ValueError, TypeError):
                tried.append(_checked(Tried(**json_of(line))))
    return tuple(tried)


def _checked(tried: Tried) -> Tried:
    """Raises TypeError or ValueError where a tuner has written something else."""
    times = (tried.at,) if tried.seconds is None else (tried.at, tried.seconds)
    if not all(0 <= time < math.inf for time in times):
        raise ValueError("no times")
    if not isinstance(tried.configuration, str) or not isinstance(tried.reason, str | None):
        raise TypeError("no text")
    return tried


def host_fingerprint() -> str:
    """The processor's name, model and abilities: what a tuned kernel depends on."""
    wanted = ("model name", "cpu family", "model", "stepping", "flags")
    first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    facts = dict(line.split(":", 1) for line in first.splitlines() if ":" in line)
    facts = {name.strip(): value.strip() for name, value in facts.items()}
    return "; ".join(facts.get(name, "") for name in wanted)


def _run(job: TuningJob, folder: Path, limit: float, *mode: str) -> Ended:
    temporary = folder / "tmp"  # also its home: nothing of the user's is read or written
    temporary.mkdir(exist_ok=True)
    environment = {"HOME": str(temporary), "TMPDIR": str(temporary), **job.environment}
    command = ["-s", str(job.script), str(folder), *mode]
    try:
        return run_supervised(command, job.cores, limit, environment, job.interpreter)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _trouble(job: TuningJob, ended: Ended) -> str:
    if ended.status is None:
        return f"{job.title} was stopped at its limit of {ended.seconds:.0f} s"
    if ended.status < 0:
        name = signal.Signals(-ended.status).name
        return f"{job.title} died of {name} after {ended.seconds:.0f} s: {ended.last_line}"
    return f"{job.title} failed: {ended.last_line}"


def _kept(job: TuningJob) -> Tuned | None:
    """The newest run of an equal job that came to its own end; a library that was lost is built."""
    for folder in sorted(job.folder.glob("[0-9]*"), reverse=True):
        left = _left(folder) if is_own(folder) else None
        if left is None:
            continue
        if not _is_whole(folder, left.library):
            left.library.unlink(missing_ok=True)  # with whatever rights others had to it
            _run(job, folder, BUILD_SECONDS, "build")
            _seal(folder, left.result, left.seconds)  # building it tells less than the run did
        if _is_whole(folder, left.library):
            return left
    return None


def _left(folder: Path) -> Tuned | None:
    """What a run that came to its own end has said, if it stands as it did."""
    tuned, result = _read(folder / TUNED), _read(folder / RESULT)
    if tuned is None or result is None:
        return None
    try:
        digests = dict(tuned.get("digests", {}))  # none in what older versions have left
        if digests and any(_digest(folder / n) != digests.get(n) for n in (RESULT, TRIED)):
            return None
        spent = [float(tuned["seconds"][part.name]) for part in fields(TuningSeconds)]
        if not all(0 <= seconds < math.inf for seconds in spent):
            return None
        library = folder / Path(str(result["library"])).name
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return Tuned(library, result, TuningSeconds(*spent), read_tried(folder / TRIED), cached=True)


def _seal(folder: Path, result: Mapping[str, Any], seconds: TuningSeconds) -> None:
    """Written last: from now on the run may be taken again, as it stands."""
    put(folder / RESULT, json.dumps(result, indent=1).encode())
    names = (RESULT, TRIED, str(result["library"]))
    told = {"seconds": asdict(seconds), "digests": {name: _digest(folder / name) for name in names}}
    put(folder / TUNED, json.dumps(told, indent=1).encode())


def _is_whole(folder: Path, library: Path) -> bool:
    tuned = _read(folder / TUNED) or {}
    expected = tuned.get("digests", {}).get(library.name)
    try:
        check_library(own_bytes(library) or b"")
    except NoLibrary:
        return False
    return expected in (None, _digest(library))


def _digest(path: Path) -> str | None:
    held = own_bytes(path)
    return None if held is None else hashlib.sha256(held).hexdigest()


def _new_folder(home: Path) -> Path:
    """Of this run alone: equal jobs may run side by side, and a library in use is not replaced."""
    for number in count(1):
        folder = home / f"{number:04}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("unreachable")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json_of((own_bytes(path) or b"").decode())
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
