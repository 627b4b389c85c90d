"""oneDNN with post-ops against the float64 reference, and what it has no implementation for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from compiler.problem.primitive import Primitive
from compiler.problem.reference import reference
from harness.baseline.baseline import Available, Missing, Prepared, Unprepared
from harness.baseline.onednn.onednn import TOOL, OneDnn
from harness.baseline.tool.environment import MANIFEST, tool_folder
from harness.kernel.toolchain import Toolchain
from tests.compiler.problem.operators import CONF
from tests.harness.baseline.adapter import LoadedAdapter
from tests.harness.baseline.specs import conv2d, depthwise, grouped, matmul, primitive


def on_file(name: str, **sizes: int) -> Primitive:
    spec: dict[str, Any] = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    spec["sizes"] = {**spec["sizes"], **sizes}
    return primitive(spec)


def after(spec: dict[str, Any], *statements: str, **changes: Any) -> Primitive:
    """A product and what follows it, with tensors of its own."""
    tensors = {**spec["tensors"], **changes.pop("tensors", {})}
    return primitive(
        {**spec, **changes, "tensors": tensors, "statements": [*spec["statements"], *statements]}
    )


IMAGE = {"ic": 5, "oc": 11, "ih": 6, "iw": 7}
OUT = "out[n,oc,oh,ow]"
BATCHED = matmul() | {
    "sizes": {"b": 3, "m": 4, "n": 5, "k": 6},
    "tensors": {"q": ["b", "m", "k"], "t": ["b", "k", "n"], "c": ["b", "m", "n"]},
    "constant": [],
    "statements": ["c[b,m,n] += q[b,m,k] * t[b,k,n]"],
}
EVERY_FUNCTION = (
    "tanh(c[m,n])",
    "sqrt(abs(c[m,n]))",
    "exp(-abs(c[m,n]))",
    "1/(1 + exp(-c[m,n]))",
    "c[m,n]/(1 + exp(-c[m,n]))",
    "0.5*c[m,n]*(1 + tanh(0.7978845608*(c[m,n] + 0.044715*c[m,n]*c[m,n]*c[m,n])))",
    "c[m,n]*min(max(c[m,n] + 3, 0), 6)/6",
    "c[m,n]*c[m,n]",
    "max(c[m,n], 0.1*c[m,n])",
    "min(max(2*c[m,n] + 1, -1), 6)",
)
EVERY_OPERAND = {
    "tensors": {"u": ["m", "n"], "v": ["n"], "w": ["m"]},
    "constant": ["b", "v"],
}
CASES = {
    "conv2d_bias_relu": on_file("conv2d_bias_relu", **IMAGE, n=2),
    "conv2d_bn_relu": on_file("conv2d_bn_relu", **IMAGE, stride=2),
    "conv2d_residual_relu": on_file("conv2d_residual_relu", **IMAGE),
    "conv2d_residual_relu, wide": on_file("conv2d_residual_relu", ic=16, oc=32, ih=6, iw=6),
    "matmul_bias_gelu": on_file("matmul_bias_gelu", m=9, n=21, k=13),
    "one row": on_file("matmul_bias_gelu", m=1, n=21, k=13),
    "the data is the shortcut": after(conv2d(oc=4), f"{OUT} += data[n,oc,oh,ow]"),
    "bias that is no constant": after(conv2d(), f"{OUT} += bias[oc]", tensors={"bias": ["oc"]}),
    "bias of a grouped convolution": after(
        grouped(), "out[n,g,oc,oh,ow] += bias[g,oc]", tensors={"bias": ["g", "oc"]}
    ),
    "shortcut of a depthwise one": after(
        depthwise(),
        "out[n,c,oh,ow] = min(max(out[n,c,oh,ow]*s[c] + r[n,c,oh,ow], 0), 6)",
        tensors={"s": ["c"], "r": ["n", "c", "oh", "ow"]},
    ),
    "batched, with a mask": after(BATCHED, "c[b,m,n] += mask[m,n]", tensors={"mask": ["m", "n"]}),
    "through a temporary": after(
        matmul(),
        "d[n,m] = max(c[m,n] + bias[n] - r[n,m], 0)",
        tensors={"d": ["n", "m"], "bias": ["n"], "r": ["n", "m"]},
        temporary=["c"],
    ),
    "a shortcut that lies transposed": after(
        matmul(), "c[m,n] += u[m,n]", tensors={"u": ["m", "n"]}, stored={"u": [1, 0]}
    ),
    "a constant that lies transposed": after(
        matmul(),
        "c[m,n] += u[m,n]",
        tensors={"u": ["m", "n"]},
        stored={"u": [1, 0]},
        constant=["b", "u"],
    ),
    "every operation": after(
        matmul(), "c[m,n] = max(min((c[m,n] - u[m,n])*v[n]/v[n], w[m]), u[m,n])", **EVERY_OPERAND
    ),
    **{f"c = {f}": after(matmul(), f"c[m,n] = {f}") for f in EVERY_FUNCTION},
}


def check(baseline: OneDnn, problem: Primitive) -> None:
    """Agrees with the reference, also the second time."""
    assert baseline.supports(problem) is None
    answer = baseline.prepare(problem, 1)
    assert isinstance(answer, Prepared), answer
    random = np.random.default_rng(0)
    inputs = {
        t.name: random.uniform(0.5, 1.5, t.shape) * random.choice([-1, 1], t.shape)
        for t in problem.tensors
        if t.role == "input"
    }
    ((out, wanted),) = reference(problem, inputs).items()
    with LoadedAdapter(answer.executable) as adapter:
        found = adapter.computed(inputs, out, wanted.shape)
        assert set(adapter.describe().layouts) == {*inputs, out}
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_the_reference(case: str, toolchain: Toolchain) -> None:
    check(OneDnn(toolchain), CASES[case])


def test_winograd_is_unsupported_where_the_library_has_none(toolchain: Toolchain) -> None:
    answer = OneDnn(toolchain, algorithm="winograd").prepare(primitive(conv2d(ic=16, oc=16)), 1)
    assert isinstance(answer, Unprepared), "the pip wheel has no Winograd on any x86-64"
    assert answer.status == "unsupported"
    assert answer.reason.startswith("unsupported: conv2d: oneDNN ")
    assert "has no Winograd implementation for it on this machine" in answer.reason
    assert TOOL.command in answer.reason


def test_auto_takes_what_there_is(toolchain: Toolchain) -> None:
    check(OneDnn(toolchain, algorithm="auto"), primitive(conv2d()))


def test_an_algorithm_that_may_be_winograds_is_not_held_to_exact_sums(toolchain: Toolchain) -> None:
    told = {}
    for algorithm in ("direct", "auto"):
        answer = OneDnn(toolchain, algorithm=algorithm).prepare(primitive(conv2d()), 1)
        assert isinstance(answer, Prepared), answer
        told[algorithm] = answer.executable.get("numerics")
    assert told == {
        "direct": None,
        "auto": "auto: Winograd's transforms round what plain sums keep exact",
    }


def test_winograd_is_for_convolutions(fresh: Toolchain) -> None:
    refusal = OneDnn(fresh, algorithm="winograd").supports(primitive(matmul()))
    assert refusal == "unsupported: matmul: winograd is for convolutions"


def test_winograd_takes_its_own_environment_first(tmp_path: Path, fresh: Toolchain) -> None:
    folder = tool_folder(TOOL, fresh)
    for name in ("include/oneapi/dnnl/dnnl_version.h", "lib/libdnnl.so"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("#define DNNL_VERSION_MAJOR 2\n")
    (folder / "bin").mkdir()
    (folder / "bin" / "python").touch()
    (folder / MANIFEST).write_text(json.dumps({"recipe": TOOL.recipe, "versions": {}}))
    winograd, direct = (
        OneDnn(fresh, algorithm="winograd"),
        OneDnn(fresh),
    )
    found, other = winograd.available(), direct.available()
    assert isinstance(found, Available)
    assert isinstance(other, Available)
    assert found.version == "2"
    assert str(folder) in found.facts["onednn_library"]
    assert str(folder) not in other.facts["onednn_library"]
    named = OneDnn(fresh, algorithm="winograd", path=str(tmp_path)).available()
    assert isinstance(named, Missing)


def test_a_library_that_crashes_is_a_failure(
    toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.baseline.onednn.onednn._PROBE", "import os; os.abort()")
    answer = OneDnn(toolchain, algorithm="auto").prepare(primitive(conv2d()), 1)
    assert isinstance(answer, Unprepared)
    assert (answer.stage, answer.status) == ("compile", "failed")
    assert "status -6" in answer.reason
