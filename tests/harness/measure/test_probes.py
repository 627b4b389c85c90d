"""Probes: what a machine of known rates would take for them gives these rates back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compiler.microkernel.register_tile import RegisterTile
from compiler.problem.architecture import Architecture
from harness.measure.core_rates import Look, best_look, core_rates, spread
from harness.measure.probes import CALLS, Probe, full_tiles, probes, rates
from tests.compiler.machines import AVX2, AVX512, MACHINES, NEON


def cycles_on(machine: Architecture, call: float = 9.0) -> dict[Probe, float]:
    """What every probe takes where the model is right."""
    full = full_tiles(machine)
    return {
        p: CALLS
        * (
            p.steps * p.tile.cycles(machine)
            + call
            + (machine.drain_cycles if p.tile in full else 0.0)
        )
        for p in probes(machine)
    }


@pytest.mark.parametrize("machine", [AVX2, AVX512, NEON], ids=lambda machine: machine.name)
@pytest.mark.parametrize(("loads", "drain"), [(1.1, 20.0), (1.75, 0.0), (2.6, 33.0)])
def test_rates_come_back(machine: Architecture, loads: float, drain: float) -> None:
    core = replace(machine, loads_per_cycle=loads, drain_cycles=drain)
    found = rates(machine, cycles_on(core))
    assert found.loads_per_cycle == pytest.approx(loads)
    assert found.drain_cycles == pytest.approx(drain, abs=1e-6)


def test_an_end_that_costs_less_than_nothing_is_nothing() -> None:
    cycles = cycles_on(AVX512)
    quick = {p: c - (100.0 if p.tile in full_tiles(AVX512) else 0.0) for p, c in cycles.items()}
    assert rates(AVX512, quick).drain_cycles == 0.0


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_probes_fit_their_machine_and_compile(machine: Architecture) -> None:
    for probe in probes(machine):
        tile: RegisterTile = probe.tile
        assert tile.registers(machine.embedded_broadcast) <= machine.vector_registers
        assert {b.role for b in probe.kernel(machine).buffers} == {"input", "output"}


def look(**changes: float) -> Look:
    held = {"operations": 192e9, "cycle": 1 / 3e9, "latency": 4 / 3e9} | changes
    scale = changes.pop("slower", 1.0)
    cycles = cycles_on(replace(AVX512, loads_per_cycle=1.3, drain_cycles=18.0))
    return Look(
        held["operations"],
        held["cycle"],
        held["latency"],
        tuple(scale * c / 3e9 for c in cycles.values()),
    )


def test_a_core_in_cycles() -> None:
    found = core_rates(AVX512, probes(AVX512), look(), 0.01)
    assert (found.fma_per_cycle, found.fma_latency) == (2, 4)
    assert found.loads_per_cycle == pytest.approx(1.3)
    assert found.drain_cycles == pytest.approx(18.0)
    assert found.hertz == pytest.approx(3e9) and found.steady
    assert not replace(found, spread=0.04).steady


def test_the_best_of_several_looks_and_how_far_they_agree() -> None:
    slow, good = look(operations=100e9, slower=1.5), look()
    assert best_look([slow, good]) == good
    assert spread([slow]) == float("inf")
    assert spread([slow, good]) == pytest.approx(0.92)  # 192 against 100 GFLOP/s
    assert spread([good, look(cycle=1.02 / 3e9)]) == pytest.approx(0.02)
    assert spread([slow, good, good]) == 0.0  # a third that agrees with the second
