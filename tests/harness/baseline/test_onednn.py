"""oneDNN against the reference, through the adapter's C ABI."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from compiler.problem.primitive import Access, Call, Primitive, Read
from harness.baseline.baseline import Missing, Prepared, Unprepared
from harness.baseline.builders import baseline_named
from harness.baseline.onednn.onednn import OneDnn, installation_at
from harness.errors import SettingsError
from harness.kernel.toolchain import Toolchain
from tests.harness.baseline.adapter import AdapterError, LoadedAdapter
from tests.harness.baseline.specs import (
    conv1d,
    conv2d,
    depthwise,
    grouped,
    matmul,
    primitive,
)

Array = npt.NDArray[np.float64]

CASES = {
    "odd channels": primitive(conv2d(ic=17, oc=13, n=2)),
    "stride": primitive(conv2d(ih=9, iw=11, stride=2)),
    "rows that no output reads": primitive(conv2d(ih=10, iw=11, stride=3, pad_h=0, pad_w=0)),
    "dilation": primitive(conv2d(ih=9, iw=8, dilation=2, pad_h=2)),
    "1x1 stride 2": primitive(conv2d(kh=1, kw=1, stride=2, pad_h=0, pad_w=0, ih=8)),
    "7x7": primitive(conv2d(ic=3, oc=64, kh=7, kw=7, stride=2, pad_h=3, pad_w=3, ih=20, iw=20)),
    "fewer outputs than fit": primitive(conv2d(), extents={"oh": "3", "ow": "2"}),
    "more outputs than fit": primitive(conv2d(), extents={"oh": "ih+1", "ow": "iw+1"}),
    "weights not constant": primitive(conv2d(oc=16, ic=16), constant=[]),
    "memory order of the weight": primitive(
        conv2d(oc=16, ic=16), constant=[], stored={"weight": [2, 3, 1, 0]}
    ),
    "grouped": primitive(grouped()),
    "depthwise": primitive(depthwise()),
    "1-D, cropped, other names": primitive(conv1d()),
    "1-D, starting inside": primitive(conv1d("2*ow + kw + 1")),
    "matmul": primitive(matmul()),
    "matmul, no weight": primitive(matmul(), constant=[]),
    "matmul, a transposed": primitive(matmul(m=33, k=20), stored={"a": [1, 0]}),
    "matmul, b transposed": primitive(matmul(m=33, k=20), stored={"b": [1, 0]}, constant=[]),
    "matmul, c transposed": primitive(matmul(), stored={"c": [1, 0]}),
    "matmul, factors exchanged": primitive(matmul(), statements=["c[m,n] += b[k,n] * a[m,k]"]),
    "batched": primitive(
        matmul(),
        sizes={"b": 3, "h": 2, "m": 4, "n": 5, "k": 6},
        tensors={"q": ["b", "h", "m", "k"], "t": ["b", "h", "n", "k"], "s": ["b", "h", "m", "n"]},
        constant=[],
        statements=["s[b,h,m,n] += q[b,h,m,k] * t[b,h,n,k]"],
    ),
    "one row, a transposed": primitive(matmul(m=1), stored={"a": [1, 0]}, constant=[]),
    "one column, all transposed": primitive(
        matmul(n=1), stored={"a": [1, 0], "b": [1, 0], "c": [1, 0]}, constant=[]
    ),
    "matrix times vector": primitive(
        matmul(),
        sizes={"m": 9, "k": 6},
        tensors={"a": ["m", "k"], "b": ["k"], "c": ["m"]},
        statements=["c[m] += a[m,k] * b[k]"],
    ),
}


def product(problem: Primitive, inputs: dict[str, Array]) -> Array:
    """The statement point by point: an oracle that shares nothing with the recogniser."""
    statement = problem.statements[0]
    loops = dict(
        zip(statement.loops, np.indices([problem.extent(x) for x in statement.loops]), strict=True)
    )

    def at(access: Access) -> tuple[npt.NDArray[np.int64], ...]:
        ones = np.ones(loops[statement.loops[0]].shape, np.int64)
        return tuple(
            sum((c * loops[x] for x, c in i.terms), i.constant * ones) for i in access.indices
        )

    value = np.ones(loops[statement.loops[0]].shape)
    assert isinstance(statement.value, Call)
    for factor in statement.value.arguments:
        assert isinstance(factor, Read)
        shape = problem.tensor(factor.access.tensor).shape
        where = at(factor.access)
        inside = np.all([(i >= 0) & (i < n) for i, n in zip(where, shape, strict=True)], axis=0)
        clipped = tuple(np.clip(i, 0, n - 1) for i, n in zip(where, shape, strict=True))
        value = value * np.where(inside, inputs[factor.access.tensor][clipped], 0.0)
    result = np.zeros(problem.tensor(statement.target.tensor).shape)
    np.add.at(result, at(statement.target), value)
    return result


def prepared(baseline: OneDnn, problem: Primitive) -> Prepared:
    answer = baseline.prepare(problem, 1)
    assert isinstance(answer, Prepared), answer
    return answer


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_the_statement(case: str, onednn: OneDnn) -> None:
    problem = CASES[case]
    assert onednn.supports(problem) is None
    random = np.random.default_rng(0)
    inputs = {
        t.name: random.uniform(0.5, 1.5, t.shape) * random.choice([-1, 1], t.shape)
        for t in problem.tensors
        if t.role == "input"
    }
    out = next(t for t in problem.tensors if t.role == "output")
    with LoadedAdapter(prepared(onednn, problem).executable) as adapter:
        found = adapter.computed(inputs, out.name, out.shape)
        facts = adapter.describe()
    np.testing.assert_allclose(found, product(problem, inputs), rtol=1e-4, atol=1e-4)
    assert facts.implementation
    assert set(facts.layouts) == {t.name for t in problem.tensors}


def test_says_what_it_runs(onednn: OneDnn) -> None:
    answer = onednn.available()
    with LoadedAdapter(prepared(onednn, primitive(matmul())).executable) as adapter:
        facts = adapter.describe()
    assert not isinstance(answer, Missing)
    assert facts.version == answer.version
    assert facts.layouts["a"] == "ab"
    assert facts.layouts["c"] == "ab"


def test_the_second_adapter_comes_from_the_cache(onednn: OneDnn) -> None:
    problem = primitive(matmul())
    prepared(onednn, problem)
    assert prepared(onednn, problem).cached


def test_wrong_calls_are_refused(onednn: OneDnn) -> None:
    executable = prepared(onednn, primitive(matmul())).executable
    with LoadedAdapter(executable) as adapter:
        with pytest.raises(AdapterError, match="a has 30 elements, got 3"):
            adapter.bind("a", np.zeros(3, np.float32))
        with pytest.raises(AdapterError, match="unknown tensor 'x'"):
            adapter.fetch("x", (1,))
    with pytest.raises(AdapterError, match="no 'kind'"):
        LoadedAdapter({**executable, "configuration": {"threads": 1, "links": 1}})


def test_a_missing_onednn_names_the_command(tmp_path: Path, fresh: Toolchain) -> None:
    baseline = baseline_named("onednn", {"path": str(tmp_path)}, fresh)
    answer = baseline.available()
    assert isinstance(answer, Missing)
    assert str(tmp_path) in answer.reason
    assert "install" in answer.command
    assert isinstance(baseline.prepare(primitive(matmul()), 1), Unprepared)


def test_a_header_without_a_library_is_no_installation(tmp_path: Path) -> None:
    header = tmp_path / "include/oneapi/dnnl/dnnl_version.h"
    header.parent.mkdir(parents=True)
    header.write_text("#define DNNL_VERSION_MAJOR 2\n#define DNNL_VERSION_MINOR 6\n")
    assert installation_at(tmp_path) is None
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/libdnnl.so").touch()
    found = installation_at(tmp_path)
    assert found is not None
    assert found.version == "2.6"


def test_an_adapter_that_does_not_compile_is_a_failure(tmp_path: Path) -> None:
    for name in (
        "include/oneapi/dnnl/dnnl_version.h",
        "include/oneapi/dnnl/dnnl.hpp",
        "lib/libdnnl.so",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("#error broken on purpose\n")
    answer = OneDnn(Toolchain.opened(tmp_path / "cache"), path=str(tmp_path)).prepare(
        primitive(matmul()), 1
    )
    assert isinstance(answer, Unprepared)
    assert answer.stage == "compile"
    assert "\n" not in answer.reason
    assert list((tmp_path / "cache/adapters").iterdir()) == []


def test_unknown_names_list_the_known_ones(fresh: Toolchain) -> None:
    with pytest.raises(SettingsError, match="unknown 'onedn'; known: "):
        baseline_named("onedn", {}, fresh)
    with pytest.raises(SettingsError, match="must be one of direct, winograd, auto, got fast"):
        baseline_named("onednn", {"algorithm": "fast"}, fresh)
