"""Executables of kind adapter, with a small one in C: y = factor * x."""

from __future__ import annotations

import numpy as np
import pytest

from harness.failure import Failure
from harness.kernel.build import build
from harness.kernel.load import Executable, ExecutableSpec, LoadError, load
from harness.kernel.problem_data import Inputs, ProblemData, Round
from harness.kernel.toolchain import Toolchain
from harness.kernel.verify import Verified, verify
from harness.measure.child import Child, ChildSettings

ADAPTER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static float x[4], y[4], factor, drift = 1;
void *polydl_adapter_create(const char *configuration, char *error, size_t size) {
    const char *found = strstr(configuration, "\"factor\": ");
    if (!found) { snprintf(error, size, "configuration: no 'factor'"); return NULL; }
    factor = strtof(found + 10, NULL);
    return x;
}
int polydl_adapter_bind(void *h, const char *name, const float *values, size_t elements) {
    if (strcmp(name, "x") || elements != 4) return 1;
    memcpy(x, values, sizeof x);
    return 0;
}
int polydl_adapter_run(void *h) {
    for (int i = 0; i < 4; ++i) y[i] = factor * x[i] * drift;
    if (factor == 5) drift = drift == 1 ? 1 + 0x1p-22f : 1;
    return factor < 0;
}
int polydl_adapter_fetch(void *h, const char *name, float *values, size_t elements) {
    if (strcmp(name, "y")) return 1;
    memcpy(values, y, sizeof y);
    return 0;
}
const char *polydl_adapter_describe(void *h) {
    return factor < 0 ? "{\"error\": \"a negative factor\"}" : "{\"implementation\": \"loop\"}";
}
void polydl_adapter_destroy(void *h) {}
"""

X = np.array([1, -2, 3, 4], np.float32)


def specification(toolchain: Toolchain, **configuration: float) -> ExecutableSpec:
    built = build(ADAPTER, False, toolchain)
    assert not isinstance(built, Failure)
    return {"kind": "adapter", "library": str(built.path), "configuration": configuration}


def adapter(toolchain: Toolchain, **configuration: float) -> Executable:
    return load(specification(toolchain, **configuration))


def winograd(toolchain: Toolchain, factor: float) -> Executable:
    return load({**specification(toolchain, factor=factor), "numerics": "Winograd"})


def data(output: str = "y", source: str = "x") -> ProblemData:
    one = Round("exact", Inputs({source: X}), {output: 2 * X})
    return ProblemData({output: (4,)}, (one,))


def test_an_adapter_is_verified_like_a_kernel(toolchain: Toolchain) -> None:
    right = adapter(toolchain, factor=2.0)
    assert isinstance(verify(right, data()), Verified)
    assert right.describe() == {"implementation": "loop"}
    right.close()
    wrong = verify(adapter(toolchain, factor=3.0), data())
    assert isinstance(wrong, Failure) and "y[0] is 3, expected 2" in wrong.reason


def test_a_timed_call_that_fails_is_no_time(
    toolchain: Toolchain, child_settings: ChildSettings
) -> None:
    with Child(child_settings) as child:
        child.request("load", 20, executable=specification(toolchain, factor=-1.0))
        settle = {"settle_seconds": 1e-4, "settle_calls": 1, "cold": False}
        failed = child.request("burst", 20, samples=1, seconds=1e-4, **settle)
        assert failed == Failure("measure", "a timed call returned 1")


def test_an_adapters_own_words_are_the_reason(toolchain: Toolchain) -> None:
    with pytest.raises(LoadError, match="configuration: no 'factor'"):
        adapter(toolchain)
    failed = verify(adapter(toolchain, factor=-1.0), data())
    assert isinstance(failed, Failure)
    assert failed.reason == "the adapter's run returned 1: a negative factor"
    for unknown in (data(output="z"), data(source="w")):
        refused = verify(adapter(toolchain, factor=2.0), unknown)
        assert isinstance(refused, Failure) and "the adapter" in refused.reason


def near(factor: float, terms: int = 1) -> ProblemData:
    """A float round for y = factor * x, then an exact one that nothing can meet."""
    inputs, wanted = Inputs({"x": X}), factor * X.astype(np.float64)
    float_round = Round("float", inputs, {"y": wanted}, {"y": abs(wanted)}, {"y": 1.0})
    never = Round("exact", inputs, {"y": np.full(4, np.inf, np.float32)})
    return ProblemData({"y": (4,)}, (float_round, never), terms, decided=1.0)


def test_an_algorithm_that_is_not_exact_has_the_float_round_alone(toolchain: Toolchain) -> None:
    """With the errors that it makes: those of a sum with all terms of one sign."""
    found = verify(winograd(toolchain, 2.0), near(2.0))
    assert isinstance(found, Verified)
    assert (found.rounds, found.decided, found.inexact) == ({"float": 1}, None, "Winograd")
    assert isinstance(verify(adapter(toolchain, factor=2.0), near(2.0)), Failure)
    off = near(2.0 * (1 + 1e-6))
    assert isinstance(verify(winograd(toolchain, 2.0), off), Failure)
    wide = near(2.0 * (1 + 1e-6), terms=100)
    assert isinstance(verify(winograd(toolchain, 2.0), wide), Verified)


def test_a_library_may_round_in_another_way_each_time(toolchain: Toolchain) -> None:
    data = ProblemData({"y": (4,)}, near(5.0).rounds[:1])
    found = verify(adapter(toolchain, factor=5.0), data, threads=2)
    assert isinstance(found, Verified) and found.repeatable is False
    steady = ProblemData({"y": (4,)}, near(2.0).rounds[:1])
    found = verify(adapter(toolchain, factor=2.0), steady, threads=2)
    assert isinstance(found, Verified) and found.repeatable is True
