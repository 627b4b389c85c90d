from __future__ import annotations

import os
from dataclasses import replace

import pytest

from harness.errors import EnvironmentProblem
from harness.kernel.c_compiler import NoCompiler
from harness.kernel.toolchain import Toolchain
from harness.kernel.vector_unit import vector_facts
from harness.measure import cache_steps, ceilings, host, looks
from harness.measure.cache_steps import Curve
from harness.measure.core_rates import Ceilings, CoreRates

CORE = CoreRates(2, 4, 1.5, 20.0, 3e9, 0.01)


def test_the_host_is_measured_once(fresh: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "PEAK_SECONDS", 0.05)
    monkeypatch.setattr(looks, "BANDWIDTH_SECONDS", 0.1)
    monkeypatch.setattr(cache_steps, "LARGEST", 4 << 20)
    monkeypatch.setattr(looks, "MOST_LOOKS", 2)
    core = max(os.sched_getaffinity(0))
    first = ceilings.host_architecture(fresh, core)
    assert first.name == "host" and first.vector_bytes == vector_facts().bytes
    assert first.peak is not None and first.peak > 0.1
    assert first.memory_bandwidth is not None and first.memory_bandwidth > 0.1
    assert all(level.bandwidth is None or level.bandwidth > 0 for level in first.caches)
    assert 1 <= first.fma_per_cycle <= 8 and 2 <= first.fma_latency <= 12
    assert 0.3 < first.loads_per_cycle <= 4 and 0 <= first.drain_cycles < 1000
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


def test_a_cache_that_cannot_be_written_is_one_line(fresh: Toolchain) -> None:
    (fresh.cache / f"ceilings-{host.fingerprint()}.lock").mkdir()
    with pytest.raises(EnvironmentProblem, match="cannot be opened: Is a directory"):
        ceilings.host_architecture(fresh)


def test_levels_without_sysfs(toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    curve = Curve((1024, 2048, 4096, 8192), (100e9, 100e9, 20e9, 20e9))
    monkeypatch.setattr(ceilings, "host_ceilings", lambda *arguments: Ceilings(50.0, curve, CORE))
    monkeypatch.setattr(ceilings, "caches", lambda core: ())
    found = ceilings.host_architecture(toolchain, 0)
    assert [(c.name, c.bytes, c.bandwidth) for c in found.caches] == [("L1", 2048, 100.0)]
    assert (found.fma_per_cycle, found.fma_latency) == (2, 4)
    assert (found.loads_per_cycle, found.drain_cycles) == (1.5, 20.0)
