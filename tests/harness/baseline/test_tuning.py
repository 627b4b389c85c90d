"""What a tuner has left is taken again as it was left, and no other way; with a tuner in shell."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from harness.baseline.baseline import Unprepared
from harness.baseline.tvm.tuning import RESULT, TRIED, TUNED, Tuned, TuningJob, TuningOptions, tune
from harness.kernel.build import Built, build
from harness.kernel.library import library_bytes
from harness.kernel.toolchain import Toolchain
from tests.harness.accounts import UNTRUSTED, untrusted

TUNER = """
import json, shutil, sys
from pathlib import Path
folder, mode = Path(sys.argv[1]), sys.argv[2:]
with (folder.parent / "calls").open("a") as calls:
    calls.write(f"{folder.name} {' '.join(mode)}\\n")
if not mode:
    (folder / "tried.jsonl").write_text('{"configuration": "a", "at": 1, "seconds": 0.5}\\n')
shutil.copyfile(LIBRARY, folder / "tuned.so")
(folder / "result.json").write_text(json.dumps({"library": "tuned.so", "stop": " ".join(mode)}))
"""


@pytest.fixture
def job(fresh: Toolchain) -> TuningJob:
    made = build("int f(void) { return 7; }", False, fresh)
    assert isinstance(made, Built)
    plain = library_bytes(made.path)
    assert plain is not None
    (fresh.cache / "plain.so").write_bytes(plain)
    script = fresh.cache / "tuner.py"
    script.write_text(TUNER.replace("LIBRARY", repr(str(fresh.cache / "plain.so"))))
    options = TuningOptions(trials=1, plan_size=1, budget_seconds=60.0, reuse=True)
    return TuningJob("toy", "Toy", script, Path(sys.executable), {}, options, (0,), fresh)


def tuned(job: TuningJob) -> Tuned:
    found = tune(job)
    assert not isinstance(found, Unprepared), found
    assert found.library.read_bytes() == (job.toolchain.cache / "plain.so").read_bytes()
    return found


def calls(job: TuningJob) -> list[str]:
    return [line.strip() for line in (job.folder / "calls").read_text().splitlines()]


def test_an_equal_job_takes_what_was_left(job: TuningJob) -> None:
    first, again = tuned(job), tuned(job)
    assert not first.cached and again.cached
    assert (again.library, again.seconds) == (first.library, first.seconds)
    assert again.tried == first.tried and again.result == first.result
    assert calls(job) == ["0001"]
    assert all(not file.stat().st_mode & 0o077 for file in first.library.parent.iterdir())


@pytest.mark.parametrize("how", ["gone", "empty", "half", "garbled", *UNTRUSTED])
def test_a_lost_library_is_built_again_once(how: str, job: TuningJob) -> None:
    """From what the run has tried: its hours are not lost with it."""
    first = tuned(job)
    data = first.library.read_bytes()
    if how in UNTRUSTED:
        untrusted(first.library, how)
    elif how == "gone":
        first.library.unlink()
    else:
        at = {"empty": 0, "half": len(data) // 2, "garbled": 3000}[how]
        first.library.write_bytes(data[:at] + (b"?" + data[at + 1 :] if how == "garbled" else b""))
    again = tuned(job)
    assert again.cached and again.result["stop"] == ""  # as the run said it, not as `build` did
    assert tuned(job).cached
    assert calls(job) == ["0001", "0001 build"]


@pytest.mark.parametrize("name", [RESULT, TRIED, TUNED])
@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"seconds": {}}', "[" * 9999])
def test_a_garbled_log_is_tuned_anew(name: str, text: str, job: TuningJob) -> None:
    first = tuned(job)
    (first.library.parent / name).write_text(text)
    assert not tuned(job).cached
    assert tuned(job).cached
    assert calls(job) == ["0001", "0002"]


@pytest.mark.parametrize("seconds", [{"compile": -1}, {"compile": "x"}, {"hours": 1.0}, [], None])
def test_seconds_that_are_none_are_tuned_anew(seconds: object, job: TuningJob) -> None:
    file = tuned(job).library.parent / TUNED
    file.write_text(json.dumps({**json.loads(file.read_text()), "seconds": seconds}))
    assert not tuned(job).cached


@pytest.mark.parametrize("how", UNTRUSTED)
def test_a_run_that_others_can_have_written_is_not_taken(how: str, job: TuningJob) -> None:
    untrusted(tuned(job).library.parent, how)
    assert not tuned(job).cached
