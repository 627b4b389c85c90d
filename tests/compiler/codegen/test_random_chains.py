"""Random statements on a register tile: whatever is legal and fits computes the right thing."""

from __future__ import annotations

from pathlib import Path
from random import Random

from compiler.errors import ScheduleError
from compiler.lower.coverage import uncovered
from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl
from compiler.schedule.schedule import Schedule
from tests.compiler.codegen.batch import Case, check_cases
from tests.compiler.random_chains import random_band, random_chain

CHAINS, SEED = 60, 20261125
AT_ONCE = 50  # kernels of a file


def test_random_chains_compute_what_their_statements_say(tmp_path: Path) -> None:
    check_random_chains(tmp_path, SEED, CHAINS)


def check_random_chains(folder: Path, seed: int, count: int) -> None:
    """So many trees that are accepted, against the reference and the untransformed nest."""
    random = Random(seed)
    for first in range(0, count, 2 * AT_ONCE):
        cases = [accepted(random) for _ in range(min(2 * AT_ONCE, count - first))]
        check_cases(cases, folder, f"chains{first}-")


def accepted(random: Random) -> Case:
    """The next random chain under a schedule that is legal and fits."""
    while True:
        sizes = {"m": random.randint(1, 7), "n": random.randint(1, 11), "k": random.randint(1, 6)}
        nest = random_chain(random, roomy=True, **sizes)
        if nest is None or {loop for loop, _ in nest.extents} != {"m", "n", "k"}:
            continue
        numbers = list(range(1, len(nest.statements)))
        if random.random() < 0.15:
            numbers.reverse()
        band = random_band(nest, random, tuple(numbers), lanes=(1, 2, 4, 8))
        try:
            tree = fitted(nest, Schedule((band,)))
        except ScheduleError:
            continue
        if by_isl(tree) is None:
            assert uncovered(tree) is None, str(band)
            return nest, Schedule((band,))
