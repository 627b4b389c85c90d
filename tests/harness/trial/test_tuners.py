"""A unit goes on without a baseline whose tuner or environment fails."""

from __future__ import annotations

from pathlib import Path

import psutil

from harness.kernel.toolchain import Toolchain
from harness.record.result import TrialResult
from harness.trial import UnitOutcome, measure_unit, prepare_unit
from harness.unit import Contender
from tests.harness.baseline.environments import fake_autotvm
from tests.harness.trial.test_trial import ROOFLINE, SLOT, host, unit_of

TUNER = Contender("autotvm", "baseline", "autotvm", {"trials": 4, "budget_seconds": 60.0})
# Two trials, a child in a session of its own, and an end by a signal; it cannot build.
CRASH = """
for last; do :; done
[ "$last" = build ] && { echo "nothing to build" >&2; exit 4; }
cat > "$last/tried.jsonl" <<END
{"configuration": "tile=1", "at": 0.5, "seconds": 0.004, "reason": null}
{"configuration": "tile=2", "at": 0.9, "seconds": 0.002, "reason": null}
{"configuration": "tile=3", "at"
END
setsid sleep 4231 &
kill -ABRT $$
"""


def measured(toolchain: Toolchain) -> tuple[TrialResult, TrialResult, UnitOutcome]:
    unit = unit_of(ROOFLINE, baselines=(TUNER,))
    outcome = measure_unit(prepare_unit(unit, host(), toolchain), SLOT, toolchain)
    strategy, tuner = outcome.results
    return strategy, tuner, outcome


def test_a_tuner_that_crashes_is_recorded_and_leaves_nothing(
    tmp_path: Path, fresh: Toolchain
) -> None:
    fake_autotvm(fresh, CRASH)
    strategy, tuner, outcome = measured(fresh)
    assert strategy.status == "ok"
    assert (tuner.status, tuner.stage) == ("failed", "measure")
    assert tuner.reason is not None and "\n" not in tuner.reason
    assert "AutoTVM died of SIGABRT" in tuner.reason
    assert "2 of 2 trials were good" in tuner.reason
    assert tuner.tuning_seconds.total > 0
    rows = outcome.candidates[tuner.trial]
    assert [(row["schedule"], row["at"], row["best"]) for row in rows] == [
        ("tile=1", 0.5, 0.004),
        ("tile=2", 0.9, 0.002),
    ]
    assert not [p for p in psutil.process_iter(["cmdline"]) if "4231" in (p.info["cmdline"] or ())]


def test_an_environment_of_another_version_is_skipped(tmp_path: Path, fresh: Toolchain) -> None:
    fake_autotvm(fresh, "exit 0", recipe="older")
    strategy, tuner, _ = measured(fresh)
    assert strategy.status == "ok"
    assert tuner.status == "skipped"
    assert tuner.reason == (
        "the environment of autotvm is of another version; "
        "mend it with: polydl baseline install autotvm"
    )
