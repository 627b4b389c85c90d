"""Measures kernels against themselves, quiet and disturbed, and counts false verdicts (README.md).

python experiments/a_a/pairs.py run PAIRS.jsonl [--pairs 100] [--budget 1.5] [--only quiet,busy]
python experiments/a_a/pairs.py table PAIRS.jsonl

A pair that stands in the file is not measured again, so that an interrupted run is continued.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from math import exp, log
from pathlib import Path

from rich.table import Table

from harness.cluster.node import Share, share_of
from harness.cluster.slots import taken
from harness.kernel.toolchain import Toolchain
from harness.measure.ceilings import host_architecture
from harness.measure.host import fingerprint
from harness.measure.noise import UNDECIDED, judged
from harness.measure.statistics import verdict
from harness.plan import planned
from harness.record.result import Verdict
from harness.report.terminal import terminal
from harness.settings import cache_folder, load_settings
from harness.trial import PreparedUnit, UnitOutcome, measure_unit, prepare_unit

CONDITIONS = ("quiet", "busy", "bursts")  # what else runs on the measured core
PROBLEMS = "resnet50_02,resnet50_03,resnet50_07,resnet50_12,resnet50_17,matmul_512x512x512"
BINS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0)  # shares of disturbed samples
BURSTS, GAPS = (0.01, 0.3), (0.05, 2.0)  # seconds; least and largest means of a pair
ALLOWED = 0.01  # share of false verdicts
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Pair:
    """One kernel in two processes; `ratio` is 1 but for noise. `noise` is of either side."""

    condition: str
    pair: int
    problem: str
    host: str
    ratio: float
    ci95: tuple[float, float]
    before: Verdict  # by the interval alone
    after: Verdict  # as it is recorded
    noise: tuple[float, float]
    samples: int
    stop: str

    @property
    def noisier(self) -> float:
        return max(self.noise)

    @property
    def false(self) -> bool:
        """By the interval alone; what the rule makes of it depends on its threshold."""
        return self.before in ("faster", "slower")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    commands = parser.add_subparsers(dest="command", required=True)
    run_it = commands.add_parser("run")
    run_it.add_argument("file", type=Path)
    run_it.add_argument("--pairs", type=int, default=100, help="of each condition")
    run_it.add_argument("--budget", type=float, default=1.5, help="measure.budget_seconds")
    run_it.add_argument("--only", default=",".join(CONDITIONS))
    commands.add_parser("table").add_argument("file", type=Path)
    disturbing = commands.add_parser("disturb")
    disturbing.add_argument("condition", choices=CONDITIONS[1:])
    disturbing.add_argument("core", type=int)
    disturbing.add_argument("seed", type=int)
    chosen = parser.parse_args()
    if chosen.command == "disturb":
        return disturb(chosen.condition, chosen.core, chosen.seed)
    if chosen.command == "run":
        run(chosen.file, chosen.pairs, chosen.budget, chosen.only.split(","))
    show(pairs_in(chosen.file))
    return 0


def run(file: Path, count: int, budget: float, conditions: Sequence[str]) -> None:
    """Pair by pair through all conditions, so that a drift of the host meets each of them."""
    done = {(one.condition, one.pair) for one in pairs_in(file)}
    toolchain, share = Toolchain.opened(cache_folder()), share_of(None)
    kernels = prepared_units(toolchain, share, budget)
    for number in range(count):
        for condition in conditions:
            if (condition, number) not in done:
                pair = measured(condition, number, kernels[number % len(kernels)], share, toolchain)
                with file.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(asdict(pair)) + "\n")
                noise = " and ".join(f"{share:.0%}" for share in pair.noise)
                print(
                    f"{condition} {number} {pair.problem}: {pair.ratio:.3f} {pair.before} {noise}"
                )


def prepared_units(toolchain: Toolchain, share: Share, budget: float) -> list[PreparedUnit]:
    words = ("experiment=a_a", f"workload.select=[{PROBLEMS}]", f"measure.budget_seconds={budget}")
    plan = planned(load_settings(words), "a_a", 2**40, lambda source: source)
    host = host_architecture(toolchain, share.slots(1)[0].cores[0])
    return [prepare_unit(unit, host, toolchain) for unit in plan.units]


def measured(
    condition: str, number: int, kernel: PreparedUnit, share: Share, toolchain: Toolchain
) -> Pair:
    """The pair's number is its seed: of inputs, of the order of bursts, of what disturbs them."""
    prepared = replace(kernel, unit=replace(kernel.unit, seed=number))
    slot = share.slots(1)[0]
    with taken(slot, "a_a"), disturbed(condition, slot.cores[0], number):
        return pair_of(condition, number, measure_unit(prepared, slot, toolchain))


def pair_of(condition: str, number: int, outcome: UnitOutcome) -> Pair:
    contender, twin = outcome.results
    for result in (contender, twin):
        if result.status != "ok":
            raise SystemExit(f"{condition} {number}: {result.contender}: {result.reason}")
    assert contender.seconds is not None and contender.noise is not None and twin.noise is not None
    found = contender.speedup["twin"]
    return Pair(
        condition,
        number,
        str(contender.problem["name"]),
        fingerprint(),
        found.ratio,
        found.ci95,
        verdict(found.ratio, found.ci95),
        found.verdict,
        (contender.noise, twin.noise),
        contender.seconds.samples,
        str(contender.stop),
    )


@contextmanager
def disturbed(condition: str, core: int, seed: int) -> Iterator[None]:
    """Meanwhile a child on the same core computes, or does so now and then."""
    if condition == "quiet":
        yield
        return
    command = [sys.executable, __file__, "disturb", condition, str(core), str(seed)]
    with subprocess.Popen(command) as child:
        try:
            yield
        finally:
            child.kill()


def disturb(condition: str, core: int, seed: int) -> int:
    """Until it is killed. Bursts and the gaps between them are exponential, their means drawn for
    each pair (10 to 300 ms, 50 ms to 2 s), so that all shares of noise are met."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.sched_setaffinity(0, [core])
    dice = random.Random(seed)
    burst, gap = (exp(dice.uniform(log(a), log(b))) for a, b in (BURSTS, GAPS))
    while True:
        end = time.monotonic() + dice.expovariate(1 / burst)
        while condition == "busy" or time.monotonic() < end:
            pass
        time.sleep(dice.expovariate(1 / gap))


def pairs_in(file: Path) -> list[Pair]:
    """What has been measured; a last line that was cut short does not count."""
    if not file.exists():
        return []
    found = []
    for line in file.read_text().split("\n")[:-1]:
        held = json.loads(line)
        found.append(Pair(**{**held, **{key: tuple(held[key]) for key in ("ci95", "noise")}}))
    return found


def show(pairs: Sequence[Pair]) -> None:
    console = terminal()
    conditions = Table("condition", "pairs", "median noise", "false by interval", "false as judged")
    for name in CONDITIONS:
        own = [pair for pair in pairs if pair.condition == name]
        noises = sorted(pair.noisier for pair in own)
        middle = f"{noises[len(noises) // 2]:.0%}" if noises else ""
        counts = (len(own), middle, sum(p.false for p in own), judged_false(own))
        conditions.add_row(name, *map(str, counts))
    bins = Table("noise", "pairs", "false by interval")
    for (low, high), false in in_bins(judgements(pairs)).items():
        bins.add_row(f"{low:.0%} to {high:.0%}", str(len(false)), str(sum(false)))
    console.print(conditions)
    console.print(bins)
    found = derived_threshold(judgements(pairs))
    told = "none: too many are false in quiet already" if found is None else f"{found:.0%}"
    console.print(f"threshold in use {UNDECIDED:.0%}; by these pairs: {told}")


def judged_false(pairs: Sequence[Pair]) -> int:
    """False verdicts that the threshold in use lets stand."""
    return sum(judged(p.before, p.noisier)[0] in ("faster", "slower") for p in pairs)


def judgements(pairs: Sequence[Pair]) -> list[tuple[float, bool]]:
    """(noise of the noisier side, whether the interval gave a verdict), for each."""
    return [(pair.noisier, pair.false) for pair in pairs]


def in_bins(found: Sequence[tuple[float, bool]]) -> dict[tuple[float, float], list[bool]]:
    """Verdicts by bin of noise; the lowest holds what has none."""
    return {
        (low, high): [false for noise, false in found if low < noise <= high or noise == low == 0]
        for low, high in pairwise(BINS)
    }


def derived_threshold(found: Sequence[tuple[float, bool]]) -> float | None:
    """The upper end of the last bin before the first with more than ALLOWED false verdicts.

    Bins, for a share between two false verdicts would be fitted to these pairs; each by itself, for
    many quiet pairs would hide the noisy ones. None where the first has too many.
    """
    threshold = None
    for (_, high), own in in_bins(found).items():
        if sum(own) > ALLOWED * len(own):
            break
        threshold = high
    return threshold


if __name__ == "__main__":
    sys.exit(main())
