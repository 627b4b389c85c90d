"""A recorded campaign of any size, made up: each verdict and status, samples, searches, C texts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from harness.record.configuration import configuration_text
from harness.record.journal import CampaignFolder
from harness.record.result import (
    Estimate,
    ProcessNoise,
    RooflineFacts,
    Seconds,
    Speedup,
    TrialResult,
    TuningSeconds,
    Verdict,
    Verification,
)
from harness.record.writer import CampaignWriter
from harness.settings import load_settings
from tests.harness.record.results import Left

HOSTILE = (
    '</script><script>alert("x")</script><img src=x onerror=alert(1)>\n&amp;\'"`=${1}\u202e\x1b[31m'
)
LONG = "x" * 10_000
SCHEDULE = "broadcast/vector:n.16/tile:n.1+m.4/order:n+m+k/layout:b.Ba16b"
SAMPLES, CANDIDATES = 60, 8
STATES = ("loses", "ties", "wins", "in noise", "failed")
HOST = {
    "name": "node-a",
    "fingerprint": "f" * 16,
    "cpu": "A processor",
    "peak_gflops": 200.0,
    "memory_bandwidth": 20.0,
    "analysed_caches": {"L1": 2**15, "L2": 2**20, "L3": 2**25},
    "architecture": {
        "caches": [
            {"name": "L1", "bandwidth": 500.0},
            {"name": "L2", "bandwidth": 200.0},
            {"name": "L3", "bandwidth": 60.0},
        ]
    },
    "git_commit": "0123456789ab",
}
KERNEL = "/* matmul m={m} */\n" + "".join(
    f"static void tile_{n}(const float *a, float *c) {{ c[{n}] += a[{n}] * c[{n * 7 % 64}]; }}\n"
    for n in range(60)
)


def made_up(
    path: Path,
    problems: int,
    strategies: tuple[str, ...] = ("roofline", "top_k"),
    baselines: tuple[str, ...] = ("onednn",),
    words: str = "",
    nodes: int = 2,
    sampled: int | None = None,
) -> CampaignFolder:
    """Samples and searches of the first `sampled` problems alone, where that is given.

    `words` go into every name, reason, node and note that a record has room for."""
    with CampaignWriter(path) as writer:
        plain = load_settings(["primitive=matmul"])[0].resolved
        sweep = [
            {**plain, "primitive": {**plain["primitive"], "sizes": _sizes(number)}}
            for number in range(problems)
        ]
        command = ["run", f"campaign.note={words}"]
        writer.write_configuration(configuration_text(sweep, command))
        writer.write_start(
            {
                "started": _moment(0),
                "command": ["polydl", *command],
                "code": "c0de",
                "git_commit": "0123456789ab",
                "versions": {},
                "nodes": {},
            }
        )
        units = []
        for number in range(problems):
            results = [
                _result(number, name, name in strategies, baselines, words, nodes)
                for name in (*strategies, *baselines)
            ]
            kept = results if sampled is None or number < sampled else []
            timed = {r.trial: _samples(r) for r in kept if r.seconds is not None}
            rows = {r.trial: list(_candidates(r)) for r in kept if r.contender.startswith("top_k")}
            kernels = {r.kernel: KERNEL.replace("{m}", str(number)) for r in results if r.kernel}
            units.append(Left(results, timed, rows, kernels))
        writer.record(units)
        return writer.folder


def _result(
    number: int,
    name: str,
    strategy: bool,
    baselines: tuple[str, ...],
    words: str,
    nodes: int,
) -> TrialResult:
    draw = random.Random(f"{number} {name}")
    state = STATES[number % len(STATES)] if strategy else "ties"
    flops = 2 * 64**3 * (1 + number % 40)
    median = flops / draw.uniform(60e9, 190e9)
    failed = state == "failed" and name != "roofline"
    noise = 0.31 if state == "in noise" else 0.02
    ratio = {"loses": 0.9, "wins": 1.2, "in noise": 0.95}.get(state, 1.0) * draw.uniform(0.99, 1.01)
    verdict: dict[str, Verdict] = {"loses": "slower", "wins": "faster", "in noise": "inconclusive"}
    predicted = median * draw.uniform(0.7, 1.2)
    return TrialResult(
        campaign="made-up",
        trial=f"{number:06x}-{name.replace('_', '-')}",
        problem={
            "primitive": "matmul",
            "name": f"layer_{number:04d}{words}",
            "sizes": _sizes(number),
            "flops": flops,
            "workload": f"network_{number % 3}{words}",
            "benchdnn": "--matmul 64x64:64x64",
        },
        contender=f"{name}{words}",
        kind="strategy" if strategy else "baseline",
        architecture="host",
        threads=1,
        status="failed" if failed else "ok",
        stage="verify" if failed else None,
        reason=f"wrong at element 3 {words}" if failed else None,
        roofline=RooflineFacts(median * 0.6, "L2", flops / 2, 5e4, "L2"),
        of_roofline=None if failed else 0.6,
        gflops=None if failed else flops / median * 1e-9,
        seconds=None
        if failed
        else Seconds(median, median * 0.98, (median * 0.99, median * 1.01), SAMPLES),
        speedup={
            f"{b}{words}": Speedup(
                ratio,
                (ratio * 0.99, ratio * 1.01),
                verdict.get(state, "same"),
                noise,
                "slower by its interval, but noise" if state == "in noise" else None,
            )
            for b in baselines
        }
        if strategy and not failed
        else {},
        tuning_seconds=TuningSeconds(0.1, 0.2, 1.5 if name == "top_k" else 0.0),
        predicted_seconds=predicted if strategy else None,
        predicted_ratio=predicted / median if strategy and not failed else None,
        estimate=Estimate(
            predicted,
            "L2",
            {"compute": predicted * 0.6, "L2": predicted * 0.9},
            {"L2": 1e6, "memory": 2e5},
        )
        if strategy
        else None,
        rank=1 if strategy else None,
        ranked=1000 if strategy else None,
        drift=(0.99, 1.03) if name == "top_k" else (),
        processes=(ProcessNoise(median, SAMPLES // 2, 1), ProcessNoise(median, SAMPLES // 2, 0)),
        max_error=1e-7,
        tolerance=5e-7,
        verified=Verification({"float": 1, "exact": 2}),
        layouts={"b": "Ba16b"} if strategy else {},
        schedule=SCHEDULE if strategy else None,
        kernel=f"{number:016x}" if strategy else None,
        node=f"node-{number % nodes}{words}",
        cores=(1 + number % 2,),
        started=_moment(number),
        ended=_moment(number, 3),
        stop="half-width",
        flags=(f"switched out in 2 of {SAMPLES} samples", *([words] if words else [])),
        noise=None if failed else noise,
        versions={"tuner": f"AutoTVM, 64 trials {words}"} if name == "autotvm" else {},
        host=HOST,
    )


def _sizes(number: int) -> dict[str, int]:
    return {"m": 64 * (1 + number), "n": 64, "k": 64}


def _moment(number: int, after: int = 0) -> str:
    seconds = 4 * number + after
    return f"2026-03-04T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}+00:00"


def _samples(result: TrialResult) -> list[dict[str, object]]:
    draw = random.Random(result.trial)
    assert result.seconds is not None
    return [
        {
            "process": n // (SAMPLES // 2),
            "block": n % (SAMPLES // 2) // 4,
            "position": n % 2,
            "seconds": result.seconds.median * draw.uniform(0.98, 1.04),
            "calls": 10,
            "flags": ["switched out"] if n % 29 == 0 else [],
        }
        for n in range(SAMPLES)
    ]


def _candidates(result: TrialResult) -> Iterator[dict[str, object]]:
    draw = random.Random(result.trial)
    best: float | None = None
    for rank in range(CANDIDATES):
        measured = (result.predicted_seconds or 1e-3) * draw.uniform(0.8, 1.6)
        best = measured if best is None else min(best, measured)
        yield {
            "rank": rank,
            "schedule": SCHEDULE if rank == 3 else f"scalar/order:m+n+k/unroll:{rank + 2}",
            "predicted": (result.predicted_seconds or 1e-3) * (1 + 0.01 * rank),
            "measured": measured,
            "at": 0.3 + 0.1 * rank,
            "best": best,
        }
