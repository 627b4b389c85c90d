"""Rates of a library's matrix product: from seconds, and from the library itself, once."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from compiler.problem.architecture import ProductRate
from harness.kernel.toolchain import Toolchain
from harness.measure.ceilings import host_architecture
from harness.measure.looks import Seconds
from harness.product_rates import (
    LONG,
    POINTS,
    SHORT,
    WIDTHS,
    rate_of,
    rates_known,
    with_product_rates,
)


def test_rates_from_seconds() -> None:
    """A library of 1.5 vectors a cycle and 40 cycles a call, on a core of 2 GHz."""
    cycles = [40 + k * POINTS * w / 1.5 for w in WIDTHS for k in (SHORT, LONG)]
    rate = rate_of("libxsmm", Seconds(0.5e-9, tuple(0.5e-9 * c for c in cycles)))
    assert rate.vectors_per_cycle == pytest.approx((1.5,) * len(WIDTHS))
    assert rate.call_cycles == pytest.approx(40)


def test_steps_of_rows_wider_than_any_measured() -> None:
    rate = ProductRate("libxsmm", (1.0, 1.5, 1.8, 2.0), 10.0)
    assert rate.step_cycles(3, 4) == pytest.approx(3 * 4 / 2.0)
    assert rate.step_cycles(3, 9) == pytest.approx(3 * (8 / 2.0 + 1 / 1.0))


def test_a_library_is_measured_once(toolchain: Toolchain, tmp_path: Path) -> None:
    """NumPy's or SciPy's BLAS is always here."""
    machine, core = host_architecture(toolchain), max(os.sched_getaffinity(0))
    own = replace(toolchain, cache=tmp_path)

    def measured() -> ProductRate:
        (rate,) = with_product_rates(machine, ("cblas",), own, core).products
        return rate

    assert not rates_known(("cblas",), own)
    first = measured()
    assert first.library == "cblas" and len(first.vectors_per_cycle) == len(WIDTHS)
    assert all(0 < one <= 2 * machine.fma_per_cycle for one in first.vectors_per_cycle)
    (kept,) = tmp_path.glob("product-cblas-*")
    assert rates_known(("cblas",), own) and measured() == first
    for text in ('{"vectors_per_cycle": [1, 2], "call_cycles": 0}', "[]", "no JSON"):
        kept.write_text(text)
        assert not rates_known(("cblas",), own)
    assert len(measured().vectors_per_cycle) == len(WIDTHS)


def test_none_is_measured_that_nobody_wants(toolchain: Toolchain) -> None:
    machine = host_architecture(toolchain)
    assert with_product_rates(machine, (), toolchain, 0) == machine
