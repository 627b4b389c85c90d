"""The public face: what `import polydl` gives, on real kernels and campaigns."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import polydl
from compiler.problem.reference import reference
from compiler.schedule.text import parse_schedule
from harness.calling.packed_tensor import PackedTensor
from harness.calling.verified import KernelError
from harness.cluster.topology import topology_found
from harness.errors import HarnessError
from tests.harness.campaigns import BRIEF, TOY

ROOT = Path(__file__).resolve().parents[1]
CONV: dict[str, Any] = {"ic": 16, "oc": 32, "ih": 8, "iw": 8}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build_cache: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(build_cache))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_kernel_is_verified_and_equals_the_reference() -> None:
    conv = polydl.kernel("conv2d", strategy="roofline", **CONV)
    assert conv.verified["rounds"]["exact"] > 0
    assert conv.verified["max_error"] <= conv.verified["tolerance"]
    draw = np.random.default_rng(0)
    data = draw.standard_normal((1, 16, 8, 8), dtype=np.float32)
    weight = draw.standard_normal((32, 16, 3, 3), dtype=np.float32)
    wanted = reference(conv.primitive, {"data": data, "weight": weight})["out"]
    assert np.allclose(conv(data, weight), wanted, rtol=1e-4, atol=1e-4)
    packed = conv(conv.pack("data", data), conv.pack("weight", weight))
    assert isinstance(packed, PackedTensor)
    assert np.allclose(np.asarray(packed), wanted, rtol=1e-4, atol=1e-4)
    chosen = parse_schedule(conv.schedule)
    assert isinstance(chosen, polydl.Schedule)
    for schedule in (conv.schedule, chosen):
        again = polydl.kernel("conv2d", schedule=schedule, **CONV)
        assert (again.schedule, again.source) == (conv.schedule, conv.source)
    assert str(again) == "<conv2d(data (1, 16, 8, 8), weight (32, 16, 3, 3)) -> out>"


def test_a_search_on_all_cores_up_to_two() -> None:
    words = ("matmul", "strategy.top_k.k=2")
    threads = min(2, len(topology_found().cores))
    product = polydl.kernel(*words, strategy="top_k", threads=threads, m=32, n=64, k=16)
    a, b = np.ones((32, 16), np.float32), np.ones((16, 64), np.float32)
    assert np.all(np.asarray(product(a, b)) == 16)


def test_the_users_own_primitive(place: Path) -> None:
    (place / "mine" / "primitive").mkdir(parents=True)
    spec = "{name: twice, sizes: {n: 5}, tensors: {x: [n], y: [n]}, statements: ['y[n] = 2*x[n]']}"
    (place / "mine" / "primitive" / "twice.yaml").write_text(spec)
    twice = polydl.kernel("twice", "--config-dir=mine", n=8)
    assert np.array_equal(np.asarray(twice(np.arange(8, dtype=np.float32))), 2 * np.arange(8))


@pytest.mark.parametrize(
    ("told", "words", "sizes"),
    [
        ("primitive: unknown option 'conv9d'", ("conv9d",), {}),
        ("primitive.sizes.ix", ("conv2d",), {"ix": 3}),
        ("ic must be an integer, got 3; 4", ("conv2d",), {"ic": "3; 4"}),
        ("threads must be between 1 and", ("conv2d", "threads=999"), {}),
        ("a kernel has one strategy, 2 are chosen", ("matmul", "strategy=[roofline,top_k]"), {}),
        ("cannot be set together with workload", ("conv2d", "workload=quickstart"), {}),
        ("cannot be measured here", ("conv2d", "architecture=graviton3"), {}),
        ("schedule", ("matmul", "strategy=fixed", "strategy.fixed.schedule=nonsense"), {}),
        ("one combination is taken, got 2", ("matmul", "-m", "primitive.sizes.m=4,8"), {}),
        ("cluster=ray changes nothing here (kernel)", ("conv2d", "cluster=ray"), {}),
    ],
)
def test_what_cannot_be_had_is_one_line(
    told: str, words: tuple[str, ...], sizes: dict[str, Any]
) -> None:
    with pytest.raises(polydl.REFUSALS) as caught:
        polydl.kernel(*words, **sizes)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_kernel_that_is_wrong_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the schedule does: here nothing passes, for no error is allowed."""
    with pytest.raises(KernelError, match=r"matmul: verify: c\[") as caught:
        polydl.kernel("matmul", "measure.tolerance_factor=1e-9", m=5, n=16, k=300)
    assert caught.value.stage == "verify"


def test_campaigns_are_tables(place: Path) -> None:
    words = (*TOY, *BRIEF, "baseline=[naive]")
    rows = polydl.campaign(*words, "campaign.dir=one")
    polydl.campaign(*words, "campaign.dir=two")
    assert rows == polydl.load("one") == polydl.load(str(place / "one"))
    table = pandas.DataFrame(rows)
    assert list(table.contender) == ["roofline", "naive"]
    assert table.gflops.dtype == float
    found = polydl.compare("one", "two")
    assert {pair["contender"] for pair in found["pairs"]} == {"roofline", "naive"}
    assert polydl.load(place / "one") == rows
    for name in ("three", Path("three")):
        with pytest.raises(HarnessError, match="campaign 'three': no such folder"):
            polydl.load(name)
    with pytest.raises(HarnessError, match="threshold must be a number from 0 to 1, got nan"):
        polydl.compare("one", "two", float("nan"))


def test_a_dry_run_measures_nothing(place: Path) -> None:
    with pytest.raises(HarnessError, match=r"campaign\.dry_run=true prints a plan"):
        polydl.campaign(*TOY, *BRIEF, "campaign.dir=one", "campaign.dry_run=true")
    assert not (place / "one").exists()


def test_explanations() -> None:
    assert "working sets" in polydl.explain("matmul", m=6, n=16, k=8)
    told = json.loads(polydl.explain("matmul", format="json", m=6, n=16, k=8))
    assert told["problem"]["sizes"] == {"m": 6, "n": 16, "k": 8}
    with pytest.raises(HarnessError, match="one combination is taken, got 2"):
        polydl.explain("matmul", "-m", "primitive.sizes.m=4,8")
    with pytest.raises(HarnessError, match=r"out=x\.html is for `polydl explain`"):
        polydl.explain("matmul", "out=x.html")


def test_explanations_of_several_threads() -> None:
    def told(k: int) -> str:
        return polydl.explain("matmul", "architecture=xeon_8280", format="c", m=6, n=16, k=k)

    alone = [told(k) for k in (7, 8)]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(told, (7, 8))) == alone


def test_the_module_is_the_command_line_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "polydl", "--version"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == f"polydl {polydl.__version__}\n"


def test_importing_it_leaves_the_heavy_rooms_alone() -> None:
    code = "import polydl, sys; print([x for x in ('ray', 'mlflow', 'jinja2') if x in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n"
