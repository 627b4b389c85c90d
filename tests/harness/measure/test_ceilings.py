from __future__ import annotations

import json
import math
import os
from dataclasses import replace

import pytest

from harness.errors import EnvironmentProblem
from harness.kernel.c_compiler import NoCompiler
from harness.kernel.toolchain import Toolchain
from harness.kernel.vector_unit import vector_facts
from harness.measure import ceilings, host
from harness.measure.cache_steps import Curve
from harness.own_files import put
from tests.harness.accounts import UNTRUSTED, untrusted


def test_the_host_is_measured_once(fresh: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceilings, "PEAK_SECONDS", 0.05)
    monkeypatch.setattr(ceilings, "BANDWIDTH_SECONDS", 0.1)
    monkeypatch.setattr(ceilings, "LARGEST", 4 << 20)
    core = max(os.sched_getaffinity(0))
    first = ceilings.host_architecture(fresh, core)
    assert first.name == "host" and first.vector_bytes == vector_facts().bytes
    assert first.peak is not None and first.peak > 0.1
    assert first.memory_bandwidth is not None and first.memory_bandwidth > 0.1
    assert all(level.bandwidth is None or level.bandwidth > 0 for level in first.caches)
    assert [kept.name for kept in fresh.cache.glob("ceilings-*.json")] == [
        f"ceilings-{host.fingerprint()}.json"
    ]
    nobody = replace(fresh, found=NoCompiler("not called again"))
    assert ceilings.host_architecture(nobody, core) == first


def test_what_cannot_be_measured_is_one_line(broken: Toolchain, toolchain: Toolchain) -> None:
    with pytest.raises(EnvironmentProblem, match=r"cannot be measured: compile: false: no message"):
        ceilings.host_architecture(broken, max(os.sched_getaffinity(0)))
    empty = replace(toolchain, cache=broken.cache)
    with pytest.raises(EnvironmentProblem, match=r"the child was to run on cores|Invalid argument"):
        ceilings.host_architecture(empty, 4000)


SIZES, RATES = list(ceilings.working_sets()), [1e9] * len(ceilings.working_sets())
KEPT = {"peak": 50.0, "sizes": SIZES, "rates": RATES}


def kept(toolchain: Toolchain, text: bytes) -> ceilings.Ceilings | None:
    put(toolchain.cache / f"ceilings-{host.fingerprint()}.json", text)
    return ceilings.kept_ceilings(toolchain)


def test_what_was_kept_is_taken(fresh: Toolchain) -> None:
    found = kept(fresh, json.dumps(KEPT).encode())
    assert found is not None and found.peak == 50.0
    assert found.curve.sizes == ceilings.working_sets() and set(found.curve.rates) == {1e9}


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
    assert ceilings.kept_ceilings(fresh) is None


def test_a_cache_that_cannot_be_written_is_one_line(fresh: Toolchain) -> None:
    (fresh.cache / f"ceilings-{host.fingerprint()}.lock").mkdir()
    with pytest.raises(EnvironmentProblem, match="cannot be opened: Is a directory"):
        ceilings.host_architecture(fresh)


def test_working_sets_hold_whole_vectors() -> None:
    sizes = ceilings.working_sets()
    assert sizes[0] == 8 << 10 and sizes[-1] <= ceilings.LARGEST
    assert all(size % 512 == 0 for size in sizes) and list(sizes) == sorted(set(sizes))


def test_levels_without_sysfs(toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    curve = Curve((1024, 2048, 4096, 8192), (100e9, 100e9, 20e9, 20e9))
    monkeypatch.setattr(
        ceilings, "host_ceilings", lambda *arguments: ceilings.Ceilings(50.0, curve)
    )
    monkeypatch.setattr(ceilings, "caches", lambda core: ())
    found = ceilings.host_architecture(toolchain, 0)
    assert [(c.name, c.bytes, c.bandwidth) for c in found.caches] == [("L1", 2048, 100.0)]
