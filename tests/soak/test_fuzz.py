"""10,000 hostile inputs on all processors; `python -m tests.fuzz` makes one of them again."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fuzz.test_fuzz import hostile_inputs

pytestmark = [pytest.mark.soak, pytest.mark.timeout(6 * 3600)]  # 1 s each on a loaded core
INPUTS = 10_000
SHARE = 500  # of one process: what waits behind it ends with the test


def test_hostile_inputs_by_the_thousand(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        shares = range(0, INPUTS, SHARE)
        ended = list(pool.map(lambda first: hostile_inputs(seed, SHARE, first), shares))
    with capsys.disabled():
        print("", *(told for _, told in ended), sep="\n")
    assert all(well for well, _ in ended), "\n".join(told for well, told in ended if not well)
