"""Kernels on whole vectors that are no contraction: depthwise, pooling, reductions, chains."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from compiler.errors import ProblemError
from compiler.lower.coverage import uncovered
from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from compiler.space.candidates import candidates
from compiler.space.lane_schedules import lane_schedules
from tests.compiler.codegen.batch import Case, check_cases
from tests.compiler.machines import AVX2, AVX512, NEON
from tests.compiler.problem.operators import AVERAGE_POOL, MAX_POOL, shipped

Sizes = dict[str, int]


def _sized(spec: dict[str, Any], **sizes: int) -> dict[str, Any]:
    return {**spec, "sizes": {**spec["sizes"], **sizes}}


def _image(random: Random) -> Sizes:
    kh, kw = random.choice([(1, 1), (2, 2), (3, 3), (3, 2), (5, 5)])
    return {
        "n": random.choice([1, 2]),
        "c": random.choice([1, 5, 16, 20, 40]),
        "ih": random.randint(kh, 9),
        "iw": random.randint(kw, 19),
        "kh": kh,
        "kw": kw,
    }


def _depthwise(random: Random) -> dict[str, Any]:
    sizes = _image(random)
    stride, dilation = random.choice([(1, 1), (1, 1), (2, 1), (1, 2), (3, 2)])
    pad = random.randint(0, max(sizes["kh"], sizes["kw"]) - 1)
    reach = dilation * (max(sizes["kh"], sizes["kw"]) - 1) + 1
    sizes |= {"ih": sizes["ih"] + reach, "iw": sizes["iw"] + reach}
    more = {"stride": stride, "dilation": dilation, "pad_h": pad, "pad_w": pad}
    return shipped("depthwise_conv2d", **sizes, **more)


def _deconvolution(random: Random) -> dict[str, Any]:
    """A transposed convolution of one to three dimensions: groups, steps, padding on each side."""
    axes = random.choice(["w", "hw", "hw", "dhw"])
    sizes = {"g": random.choice([1, 1, 3]), "ic": random.randint(1, 5)}
    sizes |= {"oc": random.choice([1, 8, 20])}
    target, data, weight, shape = [], [], [], []
    for x in axes:
        taps = random.randint(1, 4)
        longest = {"w": 24, "hw": 11, "dhw": 5}[axes]
        sizes |= {f"i{x}": random.randint(1, longest), f"k{x}": taps}
        stride, dilation = random.choice([1, 2, 2, 3]), random.choice([1, 1, 2])
        first, last = (random.randint(0, dilation * (taps - 1) + 1) for _ in range(2))
        last -= random.choice([0, 0, stride - 1])  # output padding
        target.append(f"{stride}*i{x} + {dilation}*k{x} - {first}")
        data.append(f"i{x}")
        weight.append(f"k{x}")
        shape.append(f"{stride}*(i{x}-1) + {dilation}*(k{x}-1) + 1 - {first + last}")
    lines = [f"y[g, oc, {', '.join(target)}] += x[g, ic, {', '.join(data)}] * "]
    lines[0] += f"w[g, ic, oc, {', '.join(weight)}]"
    spec: dict[str, Any] = {
        "name": "deconvolution",
        "sizes": sizes,
        "extents": {f"o{x}": extent for x, extent in zip(axes, shape, strict=True)},
        "tensors": {
            "x": ["g", "ic", *data],
            "w": ["g", "ic", "oc", *weight],
            "y": ["g", "oc", *(f"o{x}" for x in axes)],
        },
        "constant": ["w"],
        "statements": lines,
    }
    if random.random() < 0.4:
        element = f"g, oc, {', '.join(f'o{x}' for x in axes)}"
        spec["tensors"] |= {"bias": ["g", "oc"]}
        lines.append(f"y[{element}] = max(y[{element}] + bias[g, oc], 0)")
    try:
        primitive_from(spec)
    except ProblemError:  # nothing is left of the output
        return _deconvolution(random)
    return spec


def _statements(name: str, tensors: dict[str, list[str]], *lines: str, **more: Any) -> Any:
    def spec(random: Random) -> dict[str, Any]:
        sizes = {"m": random.randint(1, 9), "n": random.choice([1, 7, 16, 37])}
        sizes |= {"k": random.randint(1, 11)}
        used = {x for shape in tensors.values() for x in shape} & set(sizes)
        return {
            "name": name,
            "sizes": {x: sizes[x] for x in sizes if x in used},
            "tensors": tensors,
            "statements": list(lines),
            **more,
        }

    return spec


MN, N = ["m", "n"], ["n"]
PROBLEMS = {
    "depthwise": _depthwise,
    "max_pool": lambda random: _sized(MAX_POOL, c=random.choice([3, 8, 20])),
    "average_pool": lambda random: _sized(AVERAGE_POOL, c=random.choice([3, 8, 20])),
    "depthwise_1d": lambda random: shipped("depthwise_conv1d", c=random.choice([4, 17]), iw=9),
    "depthwise_3d": lambda random: shipped("depthwise_conv3d", c=9, id=4, ih=5, iw=6),
    "columns": _statements("columns", {"x": MN, "y": N}, "y[n] += x[m,n]"),
    "greatest": _statements("greatest", {"x": MN, "y": N}, "y[n] = max(y[n], x[m,n])"),
    "least": _statements("least", {"x": MN, "y": N}, "y[n] = min(y[n], x[m,n] * x[m,n])"),
    "squares": _statements("squares", {"x": MN, "s": N, "y": N}, "y[n] += (x[m,n]-s[n]) * x[m,n]"),
    "relu": _statements("relu", {"x": MN, "y": MN}, "y[m,n] = max(x[m,n], 0)"),
    "binary": _statements("binary", {"x": MN, "b": ["m"], "y": MN}, "y[m,n] = x[m,n] * b[m] - 1"),
    "scaled": _statements(
        "scaled",
        {"a": ["k", "n"], "s": ["m", "k"], "y": MN},
        "y[m,n] += exp(0.1 * a[k,n]) * s[m,k]",
    ),
    "upsampled": _statements(
        "upsampled", {"x": MN, "y": ["2*m", "n"]}, "y[2*m+i,n] = x[m,n]", extents={"i": 2}
    ),
    "multiplied": _statements(
        "multiplied",
        {"x": ["n", "m"], "w": ["n", "3"], "y": ["n*3", "m"]},
        "y[3*n+q,m] += x[n,m] * w[n,q]",
        extents={"q": 3},
    ),
    "diagonal": _statements(
        "diagonal",
        {"x": ["n", "m"], "g": ["n", "n"], "y": N},
        "g[n,i] += x[n,m] * x[i,m]",
        "y[n] = g[n,n] * 2",
        extents={"i": "n"},
        temporary=["g"],
    ),
    "overlapping": _statements(
        "overlapping", {"x": ["m", "k", "n"], "y": ["m + k - 1", "n"]}, "y[m+k,n] += x[m,k,n]"
    ),
    "between": _statements(
        "between",
        {"x": ["k", "m", "n"], "y": ["2*m + 1", "n"]},
        "y[2*m+1,n] = max(y[2*m+1,n], x[k,m,n])",
    ),
    "deconvolution": _deconvolution,
    "enlarged": _statements(
        "enlarged", {"x": MN, "y": ["3*m - 1", "n"]}, "y[3*m+i-1,n] = x[m,n]", extents={"i": 3}
    ),
    "moved": _statements("moved", {"x": MN, "y": MN}, "y[m-1,n] = 2 * x[m,n]"),
    "scattered": _statements(
        "scattered",
        {"x": ["k", "m"], "w": ["k", "n", "4"], "y": ["n", "2*m + 2"], "z": ["n", "2*m + 2"]},
        "y[n,2*m+q] += x[k,m] * w[k,n,q]",
        "z[n,i] = max(y[n,i], 0)",
        extents={"q": 4, "i": "2*m + 2"},
        temporary=["y"],
    ),
    "summed_twice": _statements(
        "summed_twice",
        {"x": ["m", "k", "n"], "t": MN, "y": N},
        "t[m,n] += x[m,k,n]",
        "t[m,n] = t[m,n] / k",
        "y[n] = max(y[n], t[m,n])",
        temporary=["t"],
    ),
}  # fmt: skip
MORE = {"depthwise": 10, "deconvolution": 10}


def _lanes(primitive: Primitive, random: Random) -> list[Schedule]:
    nest = loop_nest(primitive).nest
    machine, threads = random.choice([NEON, AVX2, AVX512]), random.choice([1, 2])
    fuse = random.random() < 0.7
    found = candidates(nest, machine, threads, fuse)
    lanes = [s for s in found if any(band.scheme == "lanes" for band in s.bands)]
    return random.sample(lanes, k=min(2, len(lanes)))


@pytest.mark.parametrize("names", [list(PROBLEMS)[::2], list(PROBLEMS)[1::2]], ids=["even", "odd"])
def test_random_sizes(names: list[str], tmp_path: Path) -> None:
    cases: list[Case] = []
    for name in names:
        random = Random(name)  # of its own: what one problem draws changes no other one
        for _ in range(MORE.get(name, 3)):
            primitive = primitive_from(PROBLEMS[name](random))
            for schedule in _lanes(primitive, random):
                tree = fitted(loop_nest(primitive).nest, schedule)
                assert by_isl(tree) is None and uncovered(tree) is None, str(schedule)
                cases.append((primitive, schedule))
    assert len({primitive.name for primitive, _ in cases}) == len(names)
    check_cases(cases, tmp_path, "lanes")


def test_a_contraction_is_left_to_its_own_forms() -> None:
    for spec, vectors in (
        (shipped("conv2d", ic=8, oc=16, ih=6, iw=6), set()),
        (shipped("depthwise_conv2d", c=16, ih=6, iw=6), {"c", "oh", "ow"}),  # no points reuse any
        (MAX_POOL, {"c", "oh", "ow"}),
    ):
        nest = loop_nest(primitive_from(spec)).nest
        found = {schedule.band.vector[0] for schedule in lane_schedules(nest, AVX2, 1)}
        assert found <= vectors and bool(found) == bool(vectors)
