"""Verification in this process: kernels that fault are for the child's tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compiler.problem.dtypes import EPS
from harness.failure import Failure
from harness.kernel import problem_data
from harness.kernel.load import LoadError, load
from harness.kernel.problem_data import Inputs, Round
from harness.kernel.toolchain import Toolchain
from harness.kernel.verify import Verified, compared, verify
from tests.harness import matmul_kernels as kernels


def verified(text: str, toolchain: Toolchain, data: Path) -> Verified | Failure:
    loaded = load(kernels.executable(text, toolchain))
    return verify(loaded, problem_data.read(data))


def test_a_right_kernel_passes_and_says_its_worst_error(
    toolchain: Toolchain, matmul_data: Path
) -> None:
    found = verified(kernels.GOOD, toolchain, matmul_data)
    assert isinstance(found, Verified)
    assert 0 < found.max_error <= found.tolerance
    assert found.tolerance == pytest.approx(4 * EPS)  # whatever K is: inputs have random signs
    assert found.rounds == {"float": 1, "exact": 2}
    assert found.decided == 1.0 and found.inexact is None and found.repeatable is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (kernels.LAST_TERM_MISSING, "expected"),
        (kernels.NOT_INITIALISED, "is nan, expected"),
        (kernels.WRITES_INPUT, "changed its input 'b'"),
    ],
)
def test_a_wrong_kernel_fails(
    text: str, reason: str, toolchain: Toolchain, matmul_data: Path
) -> None:
    found = verified(text, toolchain, matmul_data)
    assert isinstance(found, Failure)
    assert found.stage == "verify" and reason in found.reason


def near(expected: float, scale: float) -> Round:
    """One output of four elements with a tolerance."""
    return Round(
        "float", Inputs({}), {"y": np.full(4, expected)}, {"y": np.full(4, scale)}, {"y": 1.0}
    )


ANY = 1 / EPS  # a factor that allows errors of the whole scale


def test_nan_never_passes() -> None:
    values = np.array([2, np.nan, 2, 2], np.float32)
    found = compared({"y": values}, near(2.0, 2.0), ANY)
    assert isinstance(found, Failure) and "y[1] is nan" in found.reason
    equal = Round("exact", Inputs({}), {"y": np.full(4, 2, np.float32)})
    found = compared({"y": values}, equal, ANY)
    assert isinstance(found, Failure) and "y[1] is nan, expected 2 exactly" in found.reason


def test_nan_where_the_statements_give_nan() -> None:
    nan = np.full(4, np.nan, np.float32)
    for one in (near(np.nan, np.nan), Round("exact", Inputs({}), {"y": nan})):
        assert isinstance(compared({"y": nan}, one, 4.0), Verified)
        assert isinstance(compared({"y": np.zeros(4, np.float32)}, one, 4.0), Failure)


def test_infinities_that_agree_are_exact() -> None:
    found = compared({"y": np.full(4, -np.inf, np.float32)}, near(-np.inf, 0.0), 0.1)
    assert isinstance(found, Verified) and found.max_error == 0
    assert isinstance(compared({"y": np.zeros(4, np.float32)}, near(-np.inf, 0.0), ANY), Failure)


def test_a_zero_magnitude_must_be_exact() -> None:
    assert isinstance(compared({"y": np.full(4, 1e-30, np.float32)}, near(0, 0), ANY), Failure)
    assert isinstance(compared({"y": np.zeros(4, np.float32)}, near(0, 0), ANY), Verified)


def test_nothing_is_asked_where_the_magnitude_is_infinite() -> None:
    for value in (np.nan, np.inf, 0.0):
        found = compared({"y": np.full(4, value, np.float32)}, near(2.0, np.inf), 4.0)
        assert isinstance(found, Verified) and found.max_error == 0


def test_exact_rounds_take_no_error_but_the_sign_of_zero() -> None:
    one = Round("exact", Inputs({}), {"y": np.array([0, 2**24 - 1], np.float32)})
    assert isinstance(compared({"y": np.array([-0.0, 2**24 - 1], np.float32)}, one, ANY), Verified)
    found = compared({"y": np.array([0, 2**24 - 2], np.float32)}, one, ANY)
    assert isinstance(found, Failure)
    assert found.reason == (
        "y[1] is 16777214, expected 16777215 exactly (exact round; 1 of 2 values are wrong)"
    )


def test_an_executable_of_no_known_kind() -> None:
    with pytest.raises(LoadError, match="unknown kind 'magic'; known: kernel, adapter, python"):
        load({"kind": "magic"})


def test_a_library_that_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="cannot load the library"):
        load({"kind": "kernel", "library": str(tmp_path / "none.so"), "buffers": []})
