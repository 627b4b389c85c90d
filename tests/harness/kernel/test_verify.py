"""Verification in this process: kernels that fault are for the child's tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.failure import Failure
from harness.kernel import problem_data
from harness.kernel.first_result import compare_with_first
from harness.kernel.load import LoadError, load
from harness.kernel.problem_data import ProblemData
from harness.kernel.toolchain import Toolchain
from harness.kernel.verify import EPS, Verified, compared, verify
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
    assert found.tolerance == pytest.approx(4 * EPS * kernels.K**0.5)


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


def one_value(points: bool = False) -> ProblemData:
    shape = (1,) if points else (4,)
    return ProblemData(
        inputs={},
        shapes={"y": (4,)},
        expected={"y": np.full(shape, 2.0)},
        magnitude={"y": np.full(shape, 2.0)},
        points={"y": np.array([[1]]) if points else None},
        reduction_length=1,
    )


def test_nan_never_passes() -> None:
    values = np.array([2, np.nan, 2, 2], np.float32)
    found = compared({"y": values}, one_value(), tolerance=1.0)
    assert isinstance(found, Failure) and "y[1] is nan" in found.reason


def test_infinities_that_agree_are_exact() -> None:
    data = one_value()
    data = ProblemData(
        {}, data.shapes, {"y": np.full(4, -np.inf)}, {"y": np.zeros(4)}, {"y": None}, 1
    )
    found = compared({"y": np.full(4, -np.inf, np.float32)}, data, tolerance=0.1)
    assert isinstance(found, Verified) and found.max_error == 0


def test_a_zero_magnitude_must_be_exact() -> None:
    data = ProblemData({}, {"y": (1,)}, {"y": np.zeros(1)}, {"y": np.zeros(1)}, {"y": None}, 1)
    assert isinstance(compared({"y": np.full(1, 1e-30, np.float32)}, data, 1.0), Failure)
    assert isinstance(compared({"y": np.zeros(1, np.float32)}, data, 1.0), Verified)


def test_sampled_results_are_compared_in_full_with_the_first(tmp_path: Path) -> None:
    data = one_value(points=True)
    first = np.array([5, 2, 5, 5], np.float32)
    assert isinstance(compared({"y": first}, data, 1e-6), Verified)
    assert compare_with_first({"y": first}, data, tmp_path, 1e-6) is None
    assert compare_with_first({"y": first.copy()}, data, tmp_path, 1e-6) is None
    other = np.array([5, 2, 5, 6], np.float32)
    assert isinstance(compared({"y": other}, data, 1e-6), Verified)
    differs = compare_with_first({"y": other}, data, tmp_path, 1e-6)
    assert isinstance(differs, Failure) and "y[3] is 6" in differs.reason


def test_an_executable_of_no_known_kind() -> None:
    with pytest.raises(LoadError, match="unknown kind 'magic'; known: kernel, adapter"):
        load({"kind": "magic"})


def test_a_library_that_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="cannot load the library"):
        load({"kind": "kernel", "library": str(tmp_path / "none.so"), "buffers": []})
