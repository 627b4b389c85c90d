from __future__ import annotations

import json
import math
from dataclasses import asdict

import pytest

from harness.kernel.toolchain import Toolchain
from harness.measure import host
from harness.measure.cache_steps import Curve, curve_sizes
from harness.measure.core_rates import Ceilings, CoreRates
from harness.measure.kept_ceilings import keep, kept_ceilings
from harness.own_files import put
from tests.harness.accounts import UNTRUSTED, untrusted

SIZES, RATES = list(curve_sizes()), [1e9] * len(curve_sizes())
CORE: dict[str, object] = {
    "fma_per_cycle": 2,
    "fma_latency": 4,
    "loads_per_cycle": 1.5,
    "drain_cycles": 0.0,
    "hertz": 3e9,
    "spread": 0.01,
}
KEPT = {"peak": 50.0, "sizes": SIZES, "rates": RATES, "core": CORE}


def kept(toolchain: Toolchain, text: bytes) -> Ceilings | None:
    put(toolchain.cache / f"ceilings-{host.fingerprint()}.json", text)
    return kept_ceilings(toolchain)


def test_what_was_kept_is_taken(fresh: Toolchain) -> None:
    found = kept(fresh, json.dumps(KEPT).encode())
    assert found is not None and found.peak == 50.0
    assert asdict(found.core) == CORE
    assert found.curve.sizes == curve_sizes() and set(found.curve.rates) == {1e9}


@pytest.mark.parametrize(
    "change",
    [
        *({"peak": value} for value in (math.nan, math.inf, -1, 0, True, "50", None, [9], 10**400)),
        *({"rates": value} for value in ([], [1e9], [math.nan] * 99, "1" * 29, 3, None)),
        {"rates": [*RATES[:-1], -1e9]},
        {"rates": [*RATES[:-1], "1e9"]},
        {"sizes": None},
        {"sizes": SIZES[::-1]},
        {"sizes": SIZES[:1], "rates": RATES[:1]},
        *({"core": value} for value in (None, 3, (), dict[str, object](), "core")),
        *({"core": {**CORE, "fma_per_cycle": value}} for value in (0, -1, 2.0, True, "2", 10**9)),
        *({"core": {**CORE, "loads_per_cycle": value}} for value in (0, math.nan, -1.0, None)),
        *({"core": {**CORE, "drain_cycles": value}} for value in (-1, math.inf, "0")),
    ],
    ids=repr,
)
def test_what_is_no_measurement_is_not(change: dict[str, object], fresh: Toolchain) -> None:
    assert kept(fresh, json.dumps({**KEPT, **change}).encode()) is None


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"3", b"null", b"\xff\xfe", b"[" * 100_000, b"9" * 5000]
)
def test_what_is_no_json_is_not(text: bytes, fresh: Toolchain) -> None:
    assert kept(fresh, text) is None


@pytest.mark.parametrize("how", UNTRUSTED)
def test_what_others_can_have_written_is_not(how: str, fresh: Toolchain) -> None:
    assert kept(fresh, json.dumps(KEPT).encode()) is not None
    untrusted(fresh.cache / f"ceilings-{host.fingerprint()}.json", how)
    assert kept_ceilings(fresh) is None


def test_what_is_kept_comes_back(fresh: Toolchain) -> None:
    sizes = curve_sizes()
    core = CoreRates(2, 4, 1.5, 20.0, 3e9, 0.01)
    ceilings = Ceilings(50.0, Curve(sizes, tuple(float(n + 1) for n in range(len(sizes)))), core)
    keep(fresh, ceilings)
    assert kept_ceilings(fresh) == ceilings
