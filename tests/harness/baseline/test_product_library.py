"""Kernels with a library's matrix product inside: they compute what the reference says."""

from __future__ import annotations

import ctypes
import random
import re
from pathlib import Path

import pytest

from compiler.errors import ScheduleError
from compiler.pipeline import compile_schedule, parse_schedule, ranked_schedules
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import TILE, Schedule
from harness.baseline.baseline import Missing
from harness.baseline.blas.library import library_found
from harness.baseline.libxsmm.libxsmm import installation_at
from harness.baseline.product_library import ProductLibrary, build_kernel, with_blas, with_libxsmm
from harness.failure import Failure
from harness.kernel.build import build
from harness.kernel.expectation import computed
from harness.kernel.load import kernel_spec, load
from harness.kernel.toolchain import Toolchain
from harness.kernel.verify import verify
from tests.compiler.machines import AVX2
from tests.compiler.problem.operators import shipped
from tests.harness.baseline.specs import conv2d, grouped, matmul, primitive

PROBLEMS = {
    "padded": primitive(conv2d(ic=32, oc=64, ih=9, iw=12)),
    "strided": primitive(conv2d(n=2, ic=64, oc=32, ih=7, iw=8, stride=2)),
    "channels left over": primitive(conv2d(ic=16, oc=24, ih=6, iw=5)),
    "1x1": primitive(conv2d(ic=64, oc=64, kh=1, kw=1, pad_h=0, pad_w=0, ih=6, iw=6)),
    "matmul": primitive(matmul(m=35, n=48, k=32)),
    "batched": primitive(
        matmul(),
        sizes={"b": 3, "m": 8, "n": 16, "k": 12},
        tensors={"q": ["b", "m", "k"], "t": ["b", "k", "n"], "s": ["b", "m", "n"]},
        constant=[],
        statements=["s[b,m,n] += q[b,m,k] * t[b,k,n]"],
    ),
}
MLP = {"m": 32, "k": 32, "n": 64, "p": 32}
BLOCK = {"ic": 16, "c": 32, "ih": 8, "iw": 8}
SPACES = dict.fromkeys(PROBLEMS, ("full", "paper")) | {"batched": ("full",)}

ROWS = "broadcast/vector:n.8/tile:n.2+m.5/layout:b.Ba16b/"
PIXELS = "broadcast/vector:oc.8/tile:oc.2+ow.6/"
BLOCKS = PIXELS + "layout:data.aBcd16b+weight.ABcd16b16a+out.aBcd16b/block:ic@1.16/"
GROUPS = PIXELS + "layout:data.abCde16c+weight.aBCde16c16b+out.abCde16c/block:ic@1.16/"
ODD = conv2d(ic=40, oc=16, ih=6, iw=6)
UNPADDED = conv2d(ic=24, oc=16, ih=8, iw=8, pad_h=0, pad_w=0)
DEEP = matmul(m=10, n=32, k=50)
SHORTER = {
    "pieces": (DEEP, ROWS + "order:k@1+m+n+k/block:k@1.16/parallel:m"),
    "more of sums": ({**DEEP, "accumulate": ["c"]}, ROWS + "order:k@1+m+n+k/block:k@1.16"),
    "the batch": (DEEP, ROWS + "order:m+n+k@1+k/block:k@1.16/parallel:m"),
    "pieces of batches": (DEEP, ROWS + "order:k@2+m+n+k@1+k/block:k@2.32+k@1.16"),
    "a batch of it alone": (
        matmul(m=10, n=32, k=34),
        ROWS + "order:k@2+m+n+k@1+k/block:k@2.32+k@1.16",
    ),
    "inside around batches": (DEEP, ROWS + "order:m+n+k@2+k@1+k/block:k@2.32+k@1.16"),
    "taps are the batch": (UNPADDED, BLOCKS + "order:ic@1+oc+oh+kh+ow+kw+ic/parallel:oh"),
    "taps are the batch inside": (UNPADDED, BLOCKS + "order:oc+oh+kh+ow+ic@1+kw+ic"),
    "padded": (ODD, BLOCKS + "order:oc+oh+ic@1+ow+kh+kw+ic/parallel:oh"),
    "padded, inside": (ODD, BLOCKS + "order:oc+oh+ow+ic@1+kh+kw+ic"),
    "padded, the batch": (ODD, BLOCKS + "order:oc+oh+ow+kh+kw+ic@1+ic"),
    "grouped": (
        grouped(ic=24, oc=16, iw=8),
        GROUPS + "order:n+g+ic@1+oc+oh+ow+kh+kw+ic/parallel:g",
    ),
}


@pytest.fixture(params=["libxsmm", "cblas"])
def library(request: pytest.FixtureRequest) -> tuple[str, ProductLibrary]:
    if request.param == "cblas":
        found = library_found(None)
        assert not isinstance(found, Missing)
        return "cblas", with_blas(found)
    path = request.getfixturevalue("libxsmm_path")
    if path is None:
        pytest.skip("LIBXSMM is not here and apt-get cannot fetch it")
    installation = installation_at(Path(path))
    assert installation is not None
    return "libxsmm", with_libxsmm(installation)


def _check(problem: Primitive, schedule: Schedule, flags: tuple[str, ...], made: Toolchain) -> None:
    kernel = compile_schedule(problem, schedule)
    assert len(kernel.libraries) == 1
    built = build(kernel.text, kernel.openmp, made, libraries=flags)
    assert not isinstance(built, Failure), built
    expected = computed(problem, 0)
    executable = load(kernel_spec(kernel, built.path))
    try:
        found = verify(executable, expected)
        assert not isinstance(found, Failure), f"{schedule}: {found}"
    finally:
        executable.close()


@pytest.mark.parametrize("name", PROBLEMS)
def test_agrees_with_the_reference(
    name: str, library: tuple[str, ProductLibrary], toolchain: Toolchain
) -> None:
    dice = random.Random(name)
    for space in SPACES[name]:
        for threads in (1, 2):
            ranked = ranked_schedules(
                PROBLEMS[name], AVX2, threads, space=space, microkernel=library[0]
            )
            assert ranked
            for one in dice.sample(ranked, min(2, len(ranked))):
                _check(PROBLEMS[name], one.schedule, library[1].flags, toolchain)


@pytest.mark.parametrize("name", SHORTER)
def test_a_shorter_last_piece_is_a_product_of_less_depth(
    name: str, library: tuple[str, ProductLibrary], toolchain: Toolchain
) -> None:
    """Wherever the level is that cuts the innermost loop."""
    spec, line = SHORTER[name]
    schedule = parse_schedule(f"{line}/microkernel:{library[0]}")
    _check(primitive(spec), schedule, library[1].flags, toolchain)


@pytest.mark.parametrize("ic", [24, 100])
def test_the_papers_variants_take_channels_that_no_block_divides(ic: int) -> None:
    """What pads the last block is no part of a product."""
    problem = primitive(conv2d(ic=ic, oc=32, kh=1, kw=1, pad_h=0, pad_w=0, ih=6, iw=6))
    one = ranked_schedules(problem, AVX2, space="paper", microkernel="libxsmm", limit=1)[0]
    text = compile_schedule(problem, one.schedule).text
    depths = set(map(int, re.findall(r"\bproduct_\d+_\d+_(\d+)_", text)))
    assert depths == {16, ic % 16}


def test_windows_that_lie_in_the_padding(
    library: tuple[str, ProductLibrary], toolchain: Toolchain
) -> None:
    """LIBXSMM computes one product of a batch at least: it is not called for none."""
    problem = primitive(conv2d(ic=16, oc=16, ih=4, iw=4, pad_h=4, pad_w=4))
    line = BLOCKS.replace("+ow.6", "").replace("block:ic@1.16/", "")
    schedule = parse_schedule(f"{line}order:oc+oh+kh+ow+kw+ic/microkernel:{library[0]}")
    _check(problem, schedule, library[1].flags, toolchain)


def test_more_columns_than_the_caches_hold(
    library: tuple[str, ProductLibrary], toolchain: Toolchain
) -> None:
    """None of the paper's tiles divides them: a call takes as many as its blocks can be wide."""
    problem = primitive(matmul(m=24, n=36548, k=32))
    one = ranked_schedules(problem, AVX2, space="paper", microkernel=library[0])[0]
    assert one.schedule.band.tile_of("n") * 8 < 36548
    _check(problem, one.schedule, library[1].flags, toolchain)


@pytest.mark.parametrize("name", ["mlp", "inverted_residual"])
def test_inside_levels_of_other_bands(
    name: str, library: tuple[str, ProductLibrary], toolchain: Toolchain
) -> None:
    """Products of pieces, on stages of their own, are matched by the same strides."""
    sizes = {"mlp": MLP, "inverted_residual": BLOCK}[name]
    problem = primitive_from(shipped(name, **sizes))
    ranked = ranked_schedules(problem, AVX2, microkernel=library[0])
    schedules = [one.schedule for one in ranked]
    inside = [s for s in schedules if any(a.at != TILE for b in s.bands for a in b.fusion)]
    assert inside and len(inside) < len(schedules)
    assert all(any(b.microkernel == library[0] for b in s.bands) for s in schedules)
    _check(problem, inside[0], library[1].flags, toolchain)


def test_the_papers_analysis_is_the_same_with_generated_c() -> None:
    """Its products are in the same places, whoever computes them."""
    for name in ("padded", "1x1", "matmul"):
        costs = [
            sorted(
                one.parts["cost"]
                for one in ranked_schedules(
                    PROBLEMS[name], AVX2, ranking="polydl", space="paper", microkernel=microkernel
                )
            )
            for microkernel in ("generated", "libxsmm")
        ]
        assert set(costs[1]) <= set(costs[0]) and costs[1][0] == costs[0][0]


def test_the_blas_has_its_threads_again(toolchain: Toolchain) -> None:
    """It may be the library that NumPy computes with in this process."""
    found = library_found(None)
    assert not isinstance(found, Missing) and found.set_threads
    blas = ctypes.CDLL(str(found.library))
    count, before = getattr(blas, found.get_threads), getattr(blas, found.get_threads)()
    try:
        getattr(blas, found.set_threads)(2)
        one = ranked_schedules(PROBLEMS["matmul"], AVX2, microkernel="cblas", limit=1)[0]
        _check(PROBLEMS["matmul"], one.schedule, with_blas(found).flags, toolchain)
        assert count() == 2
    finally:
        getattr(blas, found.set_threads)(before)


def test_what_is_no_product_is_refused() -> None:
    product, kept = primitive(matmul(m=8, n=32, k=16)), "broadcast/vector:n.8/"
    for line, told in {
        kept + "tile:n.1+m.8/order:k+n+m/microkernel:cblas": "must end in a reduction loop",
        kept + "tile:n.4+m.8/order:m+n+k/layout:b.Ba8b/microkernel:cblas": "not contiguous over 32",
        kept + "tile:n.4+m.8/order:m+n+k/unroll:2/microkernel:cblas": "takes no fusion:S.tile",
        kept
        + "tile:n.4/order:m+n+k/microkernel:mkl": "unknown microkernel 'mkl'; known: generated",
    }.items():
        with pytest.raises(ScheduleError, match=told):
            compile_schedule(product, parse_schedule(line))


def test_a_missing_library_says_what_installs_it(fresh: Toolchain) -> None:
    found = build_kernel("", False, ("libxsmm",), fresh, 60.0)
    if isinstance(found, Failure):
        assert "polydl baseline install libxsmm" in found.reason
    else:  # the system has one
        assert installation_at(Path("/usr")) or installation_at(Path("/usr/local"))
