"""AutoTVM: its operators, CUDA's stand-ins, and a tuner that does not end well.

What the real one tunes is verified by the conformance suite, in `make soak`.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.baseline.baseline import Missing, Unprepared
from harness.baseline.builders import baseline_named
from harness.baseline.recognition.products import recognise
from harness.baseline.tvm.autotvm import AutoTvmOptions, autotvm, processor
from harness.baseline.tvm.operators import Operator, Unsuitable, operator_of, packed_arrays
from harness.baseline.tvm.stubs import NO_DEVICE, make_stubs
from harness.errors import SettingsError
from harness.kernel.toolchain import Toolchain
from tests.harness.baseline.environments import fake_autotvm
from tests.harness.baseline.specs import conv2d, depthwise, grouped, matmul, primitive

CORE = min(os.sched_getaffinity(0))


def operator(spec: dict[str, Any], **changes: object) -> Operator:
    problem = primitive(spec, **changes)
    return operator_of(problem, recognise(problem))


def test_a_convolution_is_a_task() -> None:
    found = operator(conv2d(ic=16, oc=24, ih=9, iw=11, stride=2, pad_w=0))
    assert found.template == "conv2d_NCHWc"
    assert found.request == {
        "operator": "conv2d",
        "shapes": [[1, 16, 9, 11], [24, 16, 3, 3]],
        "strides": [2, 2],
        "padding": [1, 0, 1, 0],
        "dilation": [1, 1],
    }


def test_a_depthwise_convolution_and_a_product_are_tasks() -> None:
    assert operator(depthwise()).request["shapes"] == [[1, 9, 6, 7], [9, 1, 3, 3]]
    assert operator(matmul()).request["shapes"] == [[5, 6], [7, 6]]


@pytest.mark.parametrize(
    ("spec", "changes", "told"),
    [
        (grouped(), {}, "3 groups, only one and one for each channel are taken"),
        (conv2d(), {"constant": []}, "the weights are not constant"),
        (matmul(), {"constant": []}, "b is not constant"),
        (matmul(), {"stored": {"a": [1, 0]}, "plain": ["a", "b", "c"]}, "a lies transposed"),
    ],
)
def test_what_it_has_no_operator_for_is_refused(
    spec: dict[str, Any], changes: dict[str, object], told: str
) -> None:
    with pytest.raises(Unsuitable, match=told):
        operator(spec, **changes)


def test_packed_arrays_are_views_of_the_plain_ones() -> None:
    product = recognise(primitive(conv2d(ic=4, oc=6)))
    shapes: list[tuple[str, list[int]]] = [
        ("out", [1, 2, 7, 6, 3]),
        ("weight", [2, 2, 3, 3, 2, 3]),
        ("data", [1, 2, 7, 6, 2]),
    ]
    found: Any = packed_arrays(product, shapes)
    assert found["order"] == [2, 1, 0]
    assert found["weight_layout"] == "ABcd2b3a"
    plain = np.arange(6 * 4 * 3 * 3)
    packed = np.lib.stride_tricks.as_strided(
        plain, found["weight_dims"], [8 * s for s in found["weight_strides"]]
    )
    expected = plain.reshape(2, 3, 2, 2, 3, 3).transpose(0, 2, 4, 5, 3, 1)
    np.testing.assert_array_equal(packed, expected)


def test_the_processor_is_one_that_its_compiler_knows() -> None:
    flags = Path("/proc/cpuinfo").read_text().split()
    assert (processor() in ("x86-64",)) == ("avx2" not in flags)


def test_stand_ins_let_a_library_load_and_find_no_device(tmp_path: Path) -> None:
    """A library that is linked with a CUDA that is not there, versioned as the real one is."""
    real, user = tmp_path / "real", tmp_path / "user.so"
    real.mkdir()
    (real / "cudart.c").write_text("int cudaGetDeviceCount(int *n) { return 0; }")
    (real / "map").write_text("libcudart.so.12 { global: *; };")
    (tmp_path / "user.c").write_text(
        "int cudaGetDeviceCount(int *); int devices(void) { int n; return cudaGetDeviceCount(&n); }"
    )
    build = ["gcc", "-shared", "-fPIC"]
    cudart = str(real / "libcudart.so.12")
    versioned = [f"-Wl,--version-script={real / 'map'}", "-Wl,-soname,libcudart.so.12"]
    subprocess.run([*build, *versioned, str(real / "cudart.c"), "-o", cudart], check=True)
    subprocess.run([*build, str(tmp_path / "user.c"), cudart, "-o", str(user)], check=True)
    (stub,) = make_stubs([user], tmp_path / "stubs")
    ctypes.CDLL(str(stub), mode=ctypes.RTLD_GLOBAL)
    assert ctypes.CDLL(str(user)).devices() == NO_DEVICE


def test_an_environment_without_its_library_is_broken(tmp_path: Path, fresh: Toolchain) -> None:
    fake_autotvm(fresh, "exit 0")
    baseline = autotvm(AutoTvmOptions(), fresh)
    next(tmp_path.rglob("libtvm.so")).unlink()
    answer = baseline.available()
    assert isinstance(answer, Missing)
    assert str(answer) == (
        "the environment of autotvm is broken (no libtvm.so); "
        "mend it with: polydl baseline install autotvm"
    )


def test_a_tuner_that_fails_is_one_line(tmp_path: Path, fresh: Toolchain) -> None:
    fake_autotvm(fresh, "echo 'no module named tvm' >&2; exit 3")
    answer = autotvm(AutoTvmOptions(), fresh).prepare(primitive(matmul()), 1, (CORE,))
    assert isinstance(answer, Unprepared)
    assert answer.status == "failed"
    assert "AutoTVM failed: no module named tvm" in answer.reason
    assert "\n" not in answer.reason


def test_unknown_tuners_list_the_known_ones(fresh: Toolchain) -> None:
    told = "baseline.autotvm.tuner must be one of xgb, random, grid, genetic, got magic"
    with pytest.raises(SettingsError, match=told):
        baseline_named("autotvm", {"tuner": "magic"}, fresh)
