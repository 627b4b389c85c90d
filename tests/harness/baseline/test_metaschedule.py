"""MetaSchedule's request, its environment, and tuners that do not end well.

What TVM makes of a request is tested by `make soak`, here and in test_conformance.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compiler.problem.inputs import integer_inputs
from compiler.problem.primitive import Primitive
from compiler.problem.reference import reference
from compiler.problem.specification import primitive_from
from harness.baseline.adapter.build import AdapterBuildError
from harness.baseline.baseline import Available, Missing, Prepared, Unprepared
from harness.baseline.builders import baseline_named
from harness.baseline.tool.environment import MANIFEST, install, state, tool_folder
from harness.baseline.tvm import metaschedule as module
from harness.baseline.tvm.metaschedule import TOOL, MetaSchedule, array_of
from harness.baseline.tvm.metaschedule_request import described, memory_order
from harness.baseline.tvm.tuning import SLACK, TuningOptions
from harness.kernel.toolchain import Toolchain
from harness.settings import cache_folder
from tests.compiler.problem.operators import shipped
from tests.harness.baseline.adapter import LoadedAdapter
from tests.harness.baseline.specs import Spec, conv2d, grouped, matmul, primitive
from tests.processes import runs

CORES = tuple(sorted(os.sched_getaffinity(0)))[:1]
COMMAND = "polydl baseline install metaschedule"
QUICK = TuningOptions(trials=8, plan_size=4, budget_seconds=400.0, reuse=True)


def relu() -> Spec:
    spec = conv2d()
    spec["tensors"] = {**spec["tensors"], "bias": ["oc"]}
    last = "out[n,oc,oh,ow] = max(out[n,oc,oh,ow] + bias[oc], 0)"
    return {**spec, "statements": [*spec["statements"], last]}


# ---- the request


def test_a_request_is_in_the_order_of_memory() -> None:
    """The transposed `a` is read at [k, m]; `b` may be packed."""
    ordinary = {"outside": None, "value": None}
    assert described(primitive(matmul(), stored={"a": [1, 0]}, plain=["a"])) == {
        "tensors": [
            {"name": "a", "shape": [6, 5], "role": "input", "constant": False, **ordinary},
            {"name": "b", "shape": [6, 7], "role": "input", "constant": True, **ordinary},
            {"name": "c", "shape": [5, 7], "role": "output", "constant": False, **ordinary},
        ],
        "statements": [
            {
                "target": "c",
                "reduction": "add",
                "axes": [["m", 5], ["n", 7]],
                "over": [["k", 6]],
                "value": [
                    "mul",
                    ["read", "a", [[[["k", 1]], 0], [[["m", 1]], 0]]],
                    ["read", "b", [[[["k", 1]], 0], [[["n", 1]], 0]]],
                ],
            }
        ],
    }


def test_channels_are_last_where_the_layout_is_free() -> None:
    free = primitive(conv2d())
    plain = primitive(conv2d(), plain=["data"], stored={"data": [0, 2, 1, 3]})
    assert memory_order(free, free.tensor("data")) == (0, 2, 3, 1)
    assert memory_order(free, free.tensor("out")) == (0, 2, 3, 1)
    assert memory_order(free, free.tensor("weight")) == (0, 1, 2, 3)
    assert memory_order(plain, plain.tensor("data")) == (0, 2, 1, 3)
    groups = primitive(grouped())
    assert memory_order(groups, groups.tensor("out")) == (0, 3, 4, 1, 2)
    request = json.loads(json.dumps(described(free)))
    assert request["tensors"][2]["shape"] == [1, 7, 6, 5]
    assert request["statements"][0]["axes"] == [["n", 1], ["oh", 7], ["ow", 6], ["oc", 5]]


def test_a_request_has_every_statement_and_what_lies_outside() -> None:
    request = json.loads(json.dumps(described(primitive(relu()))))
    assert request["tensors"][0]["outside"] == 0
    product, last = request["statements"]
    assert product["over"] == [["ic", 4], ["kh", 3], ["kw", 3]]
    assert product["value"][1][2][1] == [[["kh", 1], ["oh", 1]], -1]
    assert last["over"] == []
    assert last["value"][0] == "max"
    assert last["value"][2] == 0.0


def test_a_tensor_of_one_number_is_that_number() -> None:
    counted = primitive_from(shipped("avg_pool2d_exclude_padding"))
    tensors = json.loads(json.dumps(described(counted)))["tensors"]
    found = {t["name"]: (t["value"], t["outside"]) for t in tensors}
    assert found["inside_h"] == (1.0, 0)
    assert found["data"] == (None, 0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"accumulate": ["c"]}, "c starts from the caller's values"),
        ({"statements": ["c[m,2*n] += a[m,k] * b[k,n]"], "tensors": {"c": ["m", "2*n"]}}, "2*n"),
        ({"tensors": {"c": ["m", "n+1"]}}, "n goes to 7, not to 8"),
        (
            {"statements": ["c[m,m] += a[m,k] * b[k,m]"], "tensors": {"c": ["m", "m"]}},
            "c[m, m] is written along a diagonal",
        ),
        (
            {"statements": ["c[m,n] = a[m,0] * b[0,n] + c[m,n-1]"], "outside": {"c": 0}},
            "reads elements that it writes",
        ),
    ],
)
def test_refuses_by_name(changes: Spec, reason: str, fresh: Toolchain) -> None:
    spec = matmul()
    spec["tensors"] = {**spec["tensors"], **changes.pop("tensors", {})}
    refused = MetaSchedule(fresh, QUICK).supports(primitive(spec, **changes))
    assert refused is not None
    assert refused.startswith("unsupported: matmul: ")
    assert reason in refused


# ---- what the tuner has laid out anew


def test_an_axis_that_runs_over_its_dimension_is_two() -> None:
    """`b` lies as [n, k]; an axis of 14 goes through halves of k, then through n."""
    b = primitive(matmul(), stored={"b": [1, 0]}).tensor("b")
    thirds: dict[str, int] = {"extent": 3, "dimension": 1, "step": 1}
    found: Any = array_of("t", b, (1, 0), [thirds, {"extent": 14, "dimension": 1, "step": 3}])
    assert found["t_shape"] == [3, 14]
    plain = np.arange(6 * 7)
    steps = [8 * step for step in found["t_strides"]]
    packed = np.lib.stride_tricks.as_strided(plain, found["t_dims"], steps)
    expected = plain.reshape(6, 7).T.reshape(14, 3).T
    np.testing.assert_array_equal(packed.reshape(found["t_shape"]), expected)
    assert found["t_layout"] == "Ab2a"
    with pytest.raises(AdapterBuildError, match="a dimension of 6 unevenly"):
        array_of("t", b, (1, 0), [{"extent": 21, "dimension": 1, "step": 4}])


# ---- the environment


def fake_environment(toolchain: Toolchain, recipe: str = TOOL.recipe) -> Path:
    """Whole as far as anybody looks; its interpreter is this one."""
    folder = tool_folder(TOOL, toolchain)
    site = folder / "lib" / "python3.11" / "site-packages"
    for library in ("tvm_ffi/lib/libtvm_ffi.so", "tvm/lib/libtvm_runtime.so"):
        (site / library).parent.mkdir(parents=True)
        (site / library).touch()
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(sys.executable)
    manifest = {"name": TOOL.name, "recipe": recipe, "versions": {}}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return site


@pytest.mark.parametrize("trouble", ["missing", "not whole", "another version", "broken"])
def test_an_environment_in_trouble_is_one_line_with_the_command(
    trouble: str, fresh: Toolchain
) -> None:
    if trouble != "missing":
        site = fake_environment(fresh, "old" if trouble == "another version" else TOOL.recipe)
        if trouble == "not whole":
            (tool_folder(TOOL, fresh) / MANIFEST).unlink()
        if trouble == "broken":
            (site / "tvm" / "lib" / "libtvm_runtime.so").unlink()
    answer = MetaSchedule(fresh, QUICK).available()
    assert isinstance(answer, Missing)
    assert trouble in answer.reason
    assert answer.command == COMMAND
    assert "\n" not in str(answer)


def test_without_a_cxx_compiler_it_says_what_to_install(
    fresh: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_environment(fresh)
    monkeypatch.setenv("PATH", str(fresh.cache))
    found = MetaSchedule(fresh, QUICK).available()
    assert isinstance(found, Missing) and found.command == "apt-get install g++"


def test_a_whole_environment_is_available(fresh: Toolchain) -> None:
    fake_environment(fresh)
    assert isinstance(MetaSchedule(fresh, QUICK).available(), Available)


# ---- tuners that do not end well

CHILD = (
    "import subprocess, sys; child = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
)
LOGGED = (
    "import json, pathlib\n"
    "folder = pathlib.Path(sys.argv[1])\n"
    "(folder / 'child').write_text(str(child.pid))\n"
    "row = {'configuration': 'tile=1', 'at': 0.5, 'seconds': 0.25, 'reason': None}\n"
    "(folder / 'tried.jsonl').write_text(json.dumps(row) + '\\n{\"configur')\n"
)


def prepared_by(
    script: str, fresh: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> tuple[Prepared | Unprepared, Path]:
    """What a tuner of this text comes to within a second, and the folder of its run."""
    fake_environment(fresh)
    (fresh.cache / "tuner.py").write_text(CHILD + LOGGED + script)
    monkeypatch.setattr(module, "SCRIPT", fresh.cache / "tuner.py")
    baseline = MetaSchedule(fresh, TuningOptions(8, 4, 0.5, True), slack=0.5)
    answer = baseline.prepare(primitive(matmul()), 1, CORES)
    (folder,) = (fresh.cache / "tuning").glob("metaschedule_*/0001")
    return answer, folder


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("import time; time.sleep(60)", "TVM MetaSchedule was stopped at its limit of 1 s"),
        ("import os; os.abort()", "TVM MetaSchedule died of SIGABRT"),
        ("sys.exit('no space left')", "TVM MetaSchedule failed: no space left"),
    ],
)
def test_a_tuner_that_hangs_or_dies_is_ended_and_recorded(
    script: str, reason: str, fresh: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.baseline.tvm.tuning.BUILD_SECONDS", 0.5)
    start = time.monotonic()
    answer, folder = prepared_by(script, fresh, monkeypatch)
    assert time.monotonic() - start < 10
    assert isinstance(answer, Unprepared)
    assert answer.stage == "measure"
    assert reason in answer.reason
    assert "1 of 1 trials were good" in answer.reason
    assert [(t.configuration, t.at, t.seconds) for t in answer.tried] == [("tile=1", 0.5, 0.25)]
    assert answer.seconds.total > 0
    assert not runs(int((folder / "child").read_text()))
    assert not (folder / "tmp").exists()


# ---- with TVM


@pytest.fixture(scope="module")
def tuning(tmp_path_factory: pytest.TempPathFactory) -> Toolchain:
    """The user's where the environment is there; else it is installed for this test."""
    users = Toolchain.opened(cache_folder())
    if not isinstance(state(TOOL, users), Missing):
        return users
    own = Toolchain.opened(tmp_path_factory.mktemp("cache"))
    install(TOOL, own, print)
    return own


@pytest.mark.soak
@pytest.mark.parametrize("spec", [conv2d(ic=16, oc=32), matmul(m=32, n=48, k=64), relu()])
def test_tunes_what_is_right_and_keeps_it(spec: Spec, tuning: Toolchain) -> None:
    problem = primitive(spec)
    baseline = baseline_named("metaschedule", {"trials": 8, "plan_size": 4}, tuning)
    first = baseline.prepare(problem, 1, CORES)
    assert isinstance(first, Prepared), first
    assert len(first.tried) == 8
    assert [t.at for t in first.tried] == sorted(t.at for t in first.tried)
    random = np.random.default_rng(0)
    inputs = {t.name: random.standard_normal(t.shape) for t in problem.tensors if t.role == "input"}
    with LoadedAdapter(first.executable) as adapter:
        for name, values in inputs.items():
            adapter.bind(name, values.astype(np.float32))
        adapter.run()
        for name, values in reference(problem, inputs).items():
            found = adapter.fetch(name, values.shape)
            np.testing.assert_allclose(found, values, rtol=1e-4, atol=1e-4)
        assert adapter.describe().implementation.startswith("TVM MetaSchedule (8 trials")
    again = baseline.prepare(problem, 1, CORES)
    assert isinstance(again, Prepared)
    assert again.cached
    assert (again.seconds, again.tried) == (first.seconds, first.tried)


@pytest.mark.soak
def test_a_spent_budget_leaves_the_best_so_far(tuning: Toolchain) -> None:
    options = TuningOptions(trials=500, plan_size=4, budget_seconds=60.0, reuse=False)
    answer = MetaSchedule(tuning, options).prepare(primitive(matmul(m=64)), 1, CORES)
    assert isinstance(answer, Prepared), answer
    assert answer.facts["tuning_stop"] == "budget of 60 s"
    assert 60 <= answer.seconds.total < 60 + SLACK


def product(tensors: Spec, *statements: str, **changes: object) -> Spec:
    """A matrix product c with more statements behind it."""
    spec = matmul(m=8, n=8, k=8)
    spec["tensors"] = {**spec["tensors"], **tensors}
    return {**spec, "constant": [], "statements": [*spec["statements"], *statements], **changes}


ADDED = product({"d": ["m", "k"], "e": ["k", "n"]}, "c[m,n] += d[m,k] * e[k,n]")
PADDED = product(  # with 1: unwritten memory is often 0
    {"out": ["m", "n"]}, "out[m,n] += c[m+r-1,n]", temporary=["c"], outside={"c": 1}
)
PADDED["sizes"]["r"] = 3
SCALED = product(
    {"x": ["m", "k"], "s": ["m"], "out": ["m", "n"]},
    "s[m] += x[m,k]",
    "out[m,n] = c[m,n] * s[m]",
    temporary=["c", "s"],
)


def designs(problem: Primitive, tuning: Toolchain, folder: Path, *mode: str) -> Any:
    """What metaschedule_designs.py says of a problem."""
    found = state(TOOL, tuning)
    assert not isinstance(found, Missing)
    inputs = integer_inputs(problem, 4, 0, 0, frozenset())
    for name, values in {**inputs, **reference(problem, inputs)}.items():
        np.save(folder / f"{name}.npy", values.astype(np.float32))
    request = {**described(problem), "threads": 1}
    (folder / "request.json").write_text(json.dumps(request))
    script = Path(__file__).with_name("metaschedule_designs.py")
    command = [str(found.python), "-s", str(script), str(folder), str(module.FUNCTION.parent)]
    ended = subprocess.run(
        [*command, *mode], capture_output=True, text=True, env={"HOME": str(folder)}
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.soak
@pytest.mark.parametrize("spec", [ADDED, PADDED, SCALED])
def test_every_design_of_a_product_with_readers_is_right(
    spec: Spec, tuning: Toolchain, tmp_path: Path
) -> None:
    found = designs(primitive(spec), tuning, tmp_path)
    assert isinstance(found, list), found
    assert len(found) >= 3 and all(found)


@pytest.mark.soak
def test_tvm_still_needs_the_copies(tuning: Toolchain, tmp_path: Path) -> None:
    """Of 0.27.0.post1: no issue of the project names it. Where this fails they are to go."""
    found = designs(primitive(PADDED), tuning, tmp_path, "plain")
    assert isinstance(found, list) and not all(found), found
    for spec in (ADDED, SCALED):
        ended = designs(primitive(spec), tuning, tmp_path, "plain")
        assert isinstance(ended, str) and ended.startswith("ScheduleError: "), ended


@pytest.mark.soak
def test_a_sum_that_tvm_adds_up_more_than_once_is_found(tuning: Toolchain, tmp_path: Path) -> None:
    chain = product({"e": ["n", "k"], "out": ["m", "k"]}, "out[m,k] += c[m,n] * e[n,k]")
    chain["temporary"] = ["c"]
    assert designs(primitive(chain), tuning, tmp_path, "within") == ["c_1", False]
