"""What every baseline has to do, in a measuring child as it is measured.

The tuners are tested by `make soak`: their environments take minutes to install.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from harness.baseline.baseline import Available, Baseline, Missing, Prepared, Unprepared
from harness.baseline.builders import TOOLS, baseline_named
from harness.baseline.tool.environment import install, state
from harness.failure import Failure
from harness.kernel import problem_data
from harness.kernel.expectation import computed
from harness.kernel.toolchain import Toolchain
from harness.measure.budget import MeasureSettings
from harness.measure.child import Child, ChildSettings
from harness.measure.contender import ContenderProcess, ContenderStarter
from harness.methods import BASELINES
from harness.settings import cache_folder
from tests.compiler.problem.operators import shipped
from tests.harness.baseline.environments import UNUSED
from tests.harness.baseline.specs import conv2d, depthwise, grouped, matmul, primitive

PROBLEMS = {
    "conv2d": primitive(conv2d(ic=16, oc=24, ih=10, iw=9)),
    "conv2d, uneven padding": primitive(  # one row before, two rows after
        conv2d(ic=17, oc=13, ih=9, iw=11, stride=2, n=2), extents={"oh": "ih//2 + 1", "ow": "6"}
    ),
    "grouped": primitive(grouped()),
    "depthwise": primitive(depthwise()),
    "matmul": primitive(matmul(m=33, n=40, k=20)),
    "matmul, no weight": primitive(matmul(m=33, n=40, k=20), constant=[]),
    "batched matmul": primitive(
        matmul(),
        sizes={"b": 3, "m": 4, "n": 5, "k": 6},
        tensors={"q": ["b", "m", "k"], "t": ["b", "k", "n"], "s": ["b", "m", "n"]},
        constant=[],
        statements=["s[b,m,n] += q[b,m,k] * t[b,k,n]"],
    ),
    "two products": primitive(
        matmul(),
        sizes={"m": 5, "n": 7, "k": 6, "p": 4},
        tensors={
            "a": ["m", "k"],
            "b": ["k", "n"],
            "d": ["n", "p"],
            "t": ["m", "n"],
            "c": ["m", "p"],
        },
        constant=["b", "d"],
        temporary=["t"],
        statements=["t[m,n] += a[m,k] * b[k,n]", "c[m,p] += t[m,n] * d[n,p]"],
    ),
}
_POOL = {"n": 2, "c": 19, "ih": 9, "iw": 7, "kh": 3, "kw": 2, "stride_w": 1, "pad_h_end": 2}
_ROWS = {"m": 5, "n": 37}
_IMAGE = {"n": 2, "c": 24, "h": 5, "w": 7}
STREAMS = {
    **{name: primitive_from(shipped(name, **_POOL)) for name in ("max_pool2d", "avg_pool2d")},
    "padding not counted": primitive_from(shipped("avg_pool2d_exclude_padding", **_POOL)),
    "global_avg_pool2d": primitive_from(shipped("global_avg_pool2d", n=2, c=20, ih=5, iw=7)),
    **{name: primitive_from(shipped(name, **_ROWS)) for name in ("softmax", "layernorm")},
    **{f"eltwise_{x}": primitive_from(shipped(f"eltwise_{x}", **_ROWS)) for x in ("exp", "gelu")},
    "bias_gelu": primitive_from(shipped("bias_gelu", **_ROWS)),
    **{
        name: primitive_from(shipped(name, **_IMAGE))
        for name in ("binary_add", "binary_mul_channel", "residual_relu", "batch_norm")
    },
}
ROUNDED = {"softmax", "layernorm", "attention"}  # throughout; others in what follows exact sums
BEHIND_SUMS = {
    *("avg_pool2d", "padding not counted", "global_avg_pool2d"),
    *("bias_gelu", "eltwise_exp", "eltwise_gelu", "squeeze_excite"),
}
_BLOCK = {"n": 1, "ic": 5, "c": 19, "ih": 7, "iw": 6}
CHAINS = {
    "inverted_residual": primitive_from(shipped("inverted_residual", **_BLOCK)),
    "inverted_bottleneck": primitive_from(shipped("inverted_bottleneck", **_BLOCK, oc=8)),
    "convolution and pool": primitive_from(
        shipped("conv2d_relu_max_pool2d", ic=3, oc=18, ih=9, iw=8)
    ),
    "attention": primitive_from(shipped("attention", heads=3, m=5, n=9, k=4, v=6)),
    "squeeze_excite": primitive_from(shipped("squeeze_excite", c=18, r=5, h=4, w=4)),
}
PRODUCTS = {name for name in PROBLEMS if name != "two products"}
PROBLEMS |= STREAMS | CHAINS
EXPECTED = {  # what each baseline takes; everything else it refuses by name
    "autotvm": {"conv2d", "conv2d, uneven padding", "depthwise", "matmul"},
    "blas": PRODUCTS,
    "libxsmm": PRODUCTS - {"depthwise"},
    "metaschedule": set(PROBLEMS),
    "naive": set(PROBLEMS),
    "onednn": set(PROBLEMS),
    "onnxruntime": set(PROBLEMS),
}
QUICK_TUNING = {"trials": 4, "plan_size": 4, "budget_seconds": 1800.0}
PATIENCE = 60.0  # seconds for an answer of a child, on a busy machine
SETTINGS = MeasureSettings(sample_seconds=1e-3, settle_seconds=1e-3)


def tunes(name: str) -> bool:
    return baseline_named(name, {}, UNUSED).tunes


def marked(name: str, *values: str) -> object:
    marks = [pytest.mark.soak] if tunes(name) else []
    return pytest.param(name, *values, marks=marks)


NAMES = [marked(name) for name in BASELINES]
TAKEN = [marked(n, p) for n in BASELINES for p in PROBLEMS if p in EXPECTED.get(n, ())]
REFUSED = [(n, p) for n in BASELINES for p in PROBLEMS if p not in EXPECTED.get(n, ())]


class Bench:
    """Baselines that are there, the problems' data, and a child for each baseline."""

    def __init__(self, root: Path, toolchain: Toolchain, libxsmm: str | None, child: ChildSettings):
        self.root = root
        self.settings = child
        self._toolchain = toolchain
        self.libxsmm = libxsmm
        self._children: dict[str, Child] = {}
        self.ending = ExitStack()

    def baseline(self, name: str) -> Baseline:
        """With its environment, where it needs one."""
        if name == "libxsmm":
            if self.libxsmm is None:
                pytest.skip("LIBXSMM is not here and apt-get cannot fetch it")
            return baseline_named(name, {"path": self.libxsmm}, self._toolchain)
        if not tunes(name):
            return baseline_named(name, {}, self._toolchain)
        tool, toolchain = TOOLS[name], Toolchain.opened(cache_folder())
        if isinstance(state(tool, toolchain), Missing):
            toolchain = self._toolchain
            if isinstance(state(tool, toolchain), Missing):
                install(tool, toolchain, print)
        return baseline_named(name, QUICK_TUNING, toolchain)

    def prepared(self, name: str, problem: Primitive) -> Prepared:
        answer = self.baseline(name).prepare(problem, 1, self.settings.slot.cores)
        assert isinstance(answer, Prepared), answer
        return answer

    def data(self, problem: str) -> Path:
        folder = self.root / problem.replace(" ", "_")
        if not folder.exists():
            problem_data.save(computed(PROBLEMS[problem], seed=0), folder)
        return folder

    def child(self, name: str, prepared: Prepared) -> Child:
        if name not in self._children:
            environment = dict(prepared.executable.get("environment", {}))  # type: ignore[call-overload]
            settings = replace(self.settings, environment=environment)
            self._children[name] = self.ending.enter_context(Child(settings))
        return self._children[name]


@pytest.fixture(scope="module")
def bench(
    tmp_path_factory: pytest.TempPathFactory,
    toolchain: Toolchain,
    libxsmm_path: str | None,
    child_settings: ChildSettings,
) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("problems"), toolchain, libxsmm_path, child_settings)
    with made.ending:
        yield made


def test_every_baseline_is_tested() -> None:
    assert set(BASELINES) <= set(EXPECTED)
    for name, problems in EXPECTED.items():
        assert {"conv2d", "matmul"} <= problems <= set(PROBLEMS), name


@pytest.mark.parametrize("name", BASELINES)
def test_says_whether_it_is_here(name: str, fresh: Toolchain) -> None:
    baseline = baseline_named(name, {}, fresh)
    assert baseline.name == name
    answer = baseline.available()
    if isinstance(answer, Available):
        assert answer.version
    else:
        assert answer.reason and answer.command
        assert "\n" not in str(answer)
        assert isinstance(baseline.prepare(PROBLEMS["matmul"], 1), Unprepared)


@pytest.mark.parametrize(("name", "problem"), REFUSED)
def test_refuses_by_name(name: str, problem: str, fresh: Toolchain) -> None:
    reason = baseline_named(name, {}, fresh).supports(PROBLEMS[problem])
    assert reason is not None
    assert reason.startswith(f"unsupported: {PROBLEMS[problem].name}: ")
    assert "\n" not in reason


@pytest.mark.parametrize(
    ("name", "problem"), [pair for pair in REFUSED if not tunes(pair[0]) and pair[0] != "naive"]
)
def test_does_not_prepare_what_it_refuses(name: str, problem: str, bench: Bench) -> None:
    answer = bench.baseline(name).prepare(PROBLEMS[problem], 1)
    assert isinstance(answer, Unprepared)
    assert answer.reason.startswith("unsupported: ")


@pytest.mark.parametrize(("name", "problem"), TAKEN)
def test_is_right_and_timed_in_a_child(name: str, problem: str, bench: Bench) -> None:
    assert bench.baseline(name).supports(PROBLEMS[problem]) is None
    prepared = bench.prepared(name, PROBLEMS[problem])
    assert prepared.seconds.total >= 0
    spec = json.loads(json.dumps(prepared.executable))
    child, data = bench.child(name, prepared), str(bench.data(problem))
    loaded = child.request("load", PATIENCE, executable=spec)
    assert not isinstance(loaded, Failure), loaded
    verified = child.request("verify", PATIENCE, data=data, factor=4.0)
    assert not isinstance(verified, Failure), verified
    assert verified["max_error"] <= verified["tolerance"]
    # No allowance: what each of them sums up is summed up exactly.
    if "numerics" not in spec:
        assert verified["rounds"].get("exact", 0) >= (0 if problem in ROUNDED else 2)
    assert (verified["inexact"] is None) == (problem not in BEHIND_SUMS | ROUNDED)
    bound = child.request("bind", PATIENCE, data=data)
    assert not isinstance(bound, Failure), bound
    burst = child.request(
        "burst", PATIENCE, samples=2, seconds=1e-4, settle_seconds=1e-4, settle_calls=1, cold=False
    )
    assert not isinstance(burst, Failure), burst
    assert all(seconds > 0 for seconds, *_ in burst["samples"])
    told = {**prepared.facts, **bound["describe"]}
    assert told["implementation"]
    assert told["version"]
    assert not tunes(name) or "llvm -mcpu=" in told["target"]
    if spec["kind"] != "kernel":
        tensors = PROBLEMS[problem].tensors
        held = {t.name for t in tensors if t.role != "temporary" and t.values is None}
        assert set(told["layouts"]) == held


@pytest.mark.parametrize("name", ["blas", "libxsmm", "onednn"])
def test_without_a_cxx_compiler_it_says_what_to_install(
    name: str, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline = bench.baseline(name)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = baseline.available()
    assert isinstance(found, Missing) and found.command == "apt-get install g++"
    assert found.reason.endswith("needs a C++ compiler")
    refused = baseline.prepare(PROBLEMS["matmul"], 1)
    assert isinstance(refused, Unprepared) and refused.reason == found.reason


@pytest.mark.parametrize("name", NAMES)
def test_a_second_time_it_comes_from_the_cache(name: str, bench: Bench) -> None:
    bench.prepared(name, PROBLEMS["matmul"])
    assert bench.prepared(name, PROBLEMS["matmul"]).cached


def test_all_are_started_side_by_side(bench: Bench) -> None:
    """As the report tier does it: a process for each, verified, then one burst after the other."""
    names = [name for name in BASELINES if not tunes(name)]
    executables = {
        name: bench.prepared(name, PROBLEMS["conv2d"]).executable
        for name in names
        if name != "libxsmm" or bench.libxsmm is not None
    }
    starter = ContenderStarter(executables, bench.data("conv2d"), bench.settings, SETTINGS)
    started = starter(list(executables), 0)
    try:
        for name, running in started.items():
            assert isinstance(running, ContenderProcess), (name, running)
            timed = running.burst()
            assert not isinstance(timed, Failure), (name, timed)
            assert name in starter.verified
    finally:
        for running in started.values():
            if isinstance(running, ContenderProcess):
                running.close()
