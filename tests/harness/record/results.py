"""Results for the tests of the record and report rooms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.record.result import Seconds, Speedup, TrialResult, TuningSeconds
from harness.record.writer import Row


@dataclass(frozen=True)
class Left:
    """What a unit leaves in the records."""

    results: Sequence[TrialResult] = ()
    samples: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    candidates: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    kernels: Mapping[str, str] = field(default_factory=dict)
    again: Mapping[str, Sequence[Row]] = field(default_factory=dict)


def baseline_result(name: str = "conv_a", **changes: Any) -> TrialResult:
    plain = TrialResult(
        campaign="toy",
        trial=f"{name}-onednn",
        problem={
            "primitive": "conv2d",
            "name": name,
            "sizes": {"n": 1, "ic": 64},
            "flops": 231211008,
        },
        contender="onednn",
        kind="baseline",
        architecture="host",
        threads=1,
        status="ok",
        gflops=180.5,
        seconds=Seconds(0.00128, 0.00121, (0.00126, 0.00131), 100),
        max_error=1.5e-6,
        tolerance=1e-4,
        versions={"onednn": "3.2.0"},
        host={"cpu": "some processor", "peak_gflops": 198.0, "cores": [0, 1]},
        cores=(1,),
        node="node-a",
        started="2026-01-02T03:04:05.678+00:00",
        ended="2026-01-02T03:04:15.678+00:00",
        layouts={"data": "acdb"},
    )
    return replace(plain, **changes)


def strategy_result(
    name: str = "conv_a", contender: str = "roofline", **changes: Any
) -> TrialResult:
    plain = baseline_result(
        name,
        trial=f"{name}-{contender}",
        contender=contender,
        kind="strategy",
        gflops=191.25,
        speedup={"onednn": Speedup(1.06, (1.04, 1.08), "faster")},
        tuning_seconds=TuningSeconds(0.5, 1.25, 2.0),
        predicted_seconds=0.0011,
        schedule="order=ot.oh.ow/tile=oc:16",
        kernel="0123456789abcdef",
        flags=("steal",),
        stop="interval",
    )
    return replace(plain, **changes)
