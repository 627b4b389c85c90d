"""A BLAS against the reference, and which one is found."""

from __future__ import annotations

import ctypes.util
from pathlib import Path

import pytest

from harness.baseline.baseline import Available, Missing, Unprepared
from harness.baseline.blas import library
from harness.baseline.blas.blas import BlasBaseline
from harness.baseline.blas.library import Blas, library_found
from harness.kernel.toolchain import Toolchain
from tests.harness.baseline.cases import CONVOLUTIONS, DEPTHWISE, PRODUCTS, check
from tests.harness.baseline.specs import conv2d, matmul, primitive

CASES = CONVOLUTIONS | DEPTHWISE | PRODUCTS
THREADED = ("stride", "1x1", "grouped", "matmul in several blocks", "batched")


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_the_reference(case: str, toolchain: Toolchain) -> None:
    assert "sgemm" in str(check(BlasBaseline(toolchain), CASES[case])["implementation"])


@pytest.mark.parametrize("case", THREADED)
def test_agrees_on_two_threads(case: str, toolchain: Toolchain) -> None:
    check(BlasBaseline(toolchain), CASES[case], threads=2)


@pytest.mark.parametrize("file", list(library._candidates()), ids=lambda file: Path(file).name[:20])
def test_every_library_that_is_found_can_be_named(file: str, toolchain: Toolchain) -> None:
    """NumPy's has 64-bit integers, SciPy's 32-bit ones."""
    if not Path(file).is_file():
        pytest.skip(f"{file} is known to the linker alone")
    baseline = BlasBaseline(toolchain, path=file)
    answer = baseline.available()
    assert isinstance(answer, Available)
    assert answer.facts["blas_library"] == file
    for case in ("matmul", "stride"):
        check(baseline, CASES[case])


def test_says_what_it_runs(toolchain: Toolchain) -> None:
    found = library_found(None)
    assert isinstance(found, Blas)
    told = check(BlasBaseline(toolchain), primitive(conv2d()))
    assert told["implementation"] == f"im2col and {found.blas} sgemm"
    assert str(told["version"]).startswith(found.version)
    assert told["layouts"] == {"data": "abcd", "weight": "abcd", "out": "abcd"}
    pointwise = check(BlasBaseline(toolchain), CASES["1x1"])
    assert pointwise["implementation"] == f"{found.blas} sgemm"


def test_operands_must_be_contiguous_one_way(toolchain: Toolchain) -> None:
    spec = {
        "sizes": {"b": 3, "m": 4, "n": 5, "k": 6},
        "tensors": {"q": ["b", "m", "k"], "t": ["b", "k", "n"], "s": ["b", "m", "n"]},
        "stored": {"q": [1, 2, 0]},
        "constant": [],
        "statements": ["s[b,m,n] += q[b,m,k] * t[b,k,n]"],
    }
    baseline, problem = BlasBaseline(toolchain), primitive(matmul(), **spec)
    reason = baseline.supports(problem)
    assert reason == "unsupported: matmul: neither rows nor columns of q are contiguous in memory"
    answer = baseline.prepare(problem, 1)
    assert isinstance(answer, Unprepared)
    assert (answer.reason, answer.status) == (reason, "unsupported")


def test_a_path_that_is_no_blas_is_told(tmp_path: Path, fresh: Toolchain) -> None:
    answer = BlasBaseline(fresh, path=str(tmp_path)).available()
    assert isinstance(answer, Missing)
    assert "is no library (a file)" in answer.reason
    text = tmp_path / "text.so"
    text.write_text("no library\n")
    answer = BlasBaseline(fresh, path=str(text)).available()
    assert isinstance(answer, Missing)
    assert str(text) in answer.reason and "\n" not in answer.reason


def test_without_any_blas_the_command_installs_one(
    fresh: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "CARRIED", ())
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    answer = BlasBaseline(fresh).available()
    assert isinstance(answer, Missing)
    assert answer.command.startswith("apt-get install")
    assert isinstance(BlasBaseline(fresh).prepare(primitive(matmul()), 1), Unprepared)


def test_a_library_without_sgemm_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "CARRIED", ())
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: "libm.so.6")
    assert isinstance(library_found(None), Missing)
