"""How long `polydl sync` takes to bring a whole campaign into MLflow."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from harness.record.result import Seconds, Speedup, TrialResult, TuningSeconds
from harness.record.writer import CampaignWriter
from harness.tracking.overview import overview
from harness.tracking.sink import sync
from harness.trial import UnitOutcome

TRIALS = 2000
CANDIDATES = 10
SAMPLES = 90
C_TEXT = "    acc += value * scalar;  // a line of a kernel\n" * 150


def unit(number: int) -> UnitOutcome:
    """A problem with one strategy that searched, and one baseline."""
    name = f"conv_{number:04}"
    baseline = TrialResult(
        campaign="synthetic",
        trial=f"{name}-onednn",
        problem={"primitive": "conv2d", "name": name, "sizes": {"n": 1, "ic": 64}, "flops": 2e8},
        contender="onednn",
        kind="baseline",
        architecture="host",
        threads=1,
        status="ok",
        gflops=180.0,
        seconds=Seconds(1.2e-3, 1.1e-3, (1.19e-3, 1.21e-3), SAMPLES),
        versions=dict.fromkeys(("python", "polydl", "numpy", "islpy", "compiler"), "1.0"),
        host={"cpu": "a processor", "peak_gflops": 198.0, "git_commit": "0" * 40},
        started="2026-01-02T03:04:05+00:00",
        ended="2026-01-02T03:04:15+00:00",
    )
    strategy = TrialResult(
        **{
            **vars(baseline),
            "trial": f"{name}-top_k",
            "contender": "top_k",
            "kind": "strategy",
            "speedup": {"onednn": Speedup(1.06, (1.04, 1.08), "faster")},
            "tuning_seconds": TuningSeconds(0.5, 1.2, 2.0),
            "schedule": "order=ot.oh.ow/tile=oc:16",
            "kernel": f"{number:016x}",
        }
    )
    samples = [
        {"process": p, "block": b, "position": 0, "seconds": 1.2e-3, "calls": 8}
        for p in range(3)
        for b in range(SAMPLES // 3)
    ]
    candidates = [
        {"rank": n, "schedule": "order=ot", "measured": 1e-3, "at": float(n), "best": 1e-3}
        for n in range(1, CANDIDATES + 1)
    ]
    return UnitOutcome(
        results=(baseline, strategy),
        samples={baseline.trial: tuple(samples), strategy.trial: tuple(samples)},
        candidates={strategy.trial: tuple(candidates)},
        kernels={f"{number:016x}": f"// {name}\n{C_TEXT}"},
    )


def main(address: str | None) -> None:
    with tempfile.TemporaryDirectory() as home:
        with CampaignWriter(Path(home) / "runs" / "synthetic") as writer:
            writer.record([unit(number) for number in range(TRIALS // 2)])
        told = overview(writer.folder.results())
        for again in ("new", "again"):
            start = time.monotonic()
            done = sync(writer.folder, address, "sync_speed", told)
            seconds = time.monotonic() - start
            print(f"{again}: {done.written} runs written, {done.unchanged} were up to date")
            print(f"    {seconds:.1f} s, {TRIALS / seconds:.0f} trials/s")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
