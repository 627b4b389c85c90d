"""10,000 hostile inputs on all processors; the seed is printed."""

from __future__ import annotations

import os
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fuzz.test_fuzz import hostile_inputs

pytestmark = [pytest.mark.soak, pytest.mark.timeout(7200)]
INPUTS = 10_000


def test_hostile_inputs_by_the_thousand(capsys: pytest.CaptureFixture[str]) -> None:
    seed, workers = secrets.randbelow(2**32), os.cpu_count() or 1
    share = -(-INPUTS // workers)
    with ThreadPoolExecutor(workers) as pool:
        shares = [
            pool.submit(hostile_inputs, seed, min(share, INPUTS - first), first)
            for first in range(0, INPUTS, share)
        ]
    ended = [one.result() for one in shares]
    with capsys.disabled():
        print("", *(told for _, told in ended), sep="\n")
    assert all(well for well, _ in ended), "\n".join(told for _, told in ended)
