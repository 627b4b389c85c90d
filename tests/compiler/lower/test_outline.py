"""The printed tree: counts against brute force, and each line that a part of a tree adds."""

from __future__ import annotations

import re
from itertools import groupby
from random import Random
from typing import Any

import pytest

from compiler.lower.fit import fitted
from compiler.lower.lowered import lowered
from compiler.lower.outline import outline
from compiler.lower.tree import Path
from compiler.model.loop_nest import loop_nest
from compiler.problem.specification import primitive_from
from compiler.schedule.text import parse_schedule
from tests.compiler.problem.operators import OPERATORS, conv2d, matmul
from tests.compiler.schedule.random_schedules import random_schedule

Spec = dict[str, Any]

CHAIN: Spec = {
    "name": "chain",
    "sizes": {"m": 12, "n": 32, "k": 16},
    "tensors": {"a": ["m", "k"], "b": ["k", "n"], "bias": ["n"], "t": ["m", "n"], "c": ["m", "n"]},
    "constant": ["b"],
    "temporary": ["t"],
    "statements": ["t[m,n] += a[m,k] * b[k,n]", "c[m,n] = max(-(t[m,n] + bias[n]) * 2, 0)"],
}
S1 = "S1: c[m, n] = max(-(t[m, n] + bias[n]) * 2, 0)"


def printed(spec: Spec, line: str) -> list[str]:
    nest = loop_nest(primitive_from(spec)).nest
    return outline(fitted(nest, parse_schedule(line))).splitlines()


def counted(path: Path, number: int) -> tuple[set[int], set[int]]:
    """Iterations of a level in each piece around it, and the points of its own pieces."""
    level = path.levels[number]
    grain = next(grain for grain in path.leaf.grains if grain.loop == level.loop)
    above = [other for other in path.levels[:number] if other.loop == level.loop]
    around = [grain.pieces_of_points(other) for other in above]
    own = grain.pieces_of_points(level)
    points = range(grain.extent)
    pieces = [
        {own[x] for x in piece} for _, piece in groupby(points, lambda x: [p[x] for p in around])
    ]
    return {len(found) for found in pieces}, {own.count(piece) for piece in set(own)}


@pytest.mark.parametrize("seed", range(30))
def test_counts_are_those_of_brute_force(seed: int) -> None:
    spec = conv2d(n=2, ic=7, oc=9) if seed % 2 else matmul(m=11, n=13, k=5)
    nest = loop_nest(primitive_from(spec)).nest
    tree = lowered(nest, random_schedule(nest, Random(seed)))
    (path,) = tree.paths()
    loops = re.findall(r"for (\S+): (\d+(?: or \d+)*)(?: \w+ of (.*))?", outline(tree))
    assert [name for name, *_ in loops] == [level.name for level in path.levels]
    for number, (_, counts, sizes) in enumerate(loops):
        wanted, points = counted(path, number)
        assert set(map(int, counts.split(" or "))) == wanted
        if found := re.fullmatch(r"(\d+(?: or \d+)*)", sizes.partition(",")[0]):
            lanes = {grain.loop: grain.lanes for grain in path.leaf.grains}
            rounded = lanes[path.levels[number].loop]  # the last vector may be partly empty
            assert set(map(int, found[1].split(" or "))) == {
                -(-x // rounded) * rounded for x in points
            }


def test_a_cut_and_fused_reduction_says_what_waits() -> None:
    lines = printed(
        CHAIN, "broadcast/vector:n.16/tile:n.2+m.6/order:k@1+m+n+k/block:k@1.8/fusion:S1.tile"
    )
    assert lines == [
        "for k@1: 2 pieces of 8",
        "  for m: 2 tiles of 6",
        "    for n: 1 tile of 32",
        "      microkernel broadcast: 2 vectors of 16 n x 6 m; vectors of b, scalars of a",
        "        sums start at 0 in the first piece of k@1, else at what t holds",
        "        for k: 8",
        "          S0: t[m, n] += a[m, k] * b[k, n]",
        "        in the last piece of k@1",
        f"          {S1}",
        "          store c",
        "        else",
        "          store t",
    ]


def test_what_is_fused_is_stored_alone() -> None:
    fused = printed(CHAIN, "broadcast/vector:n.16/tile:n.2+m.6/order:m+n+k/fusion:S1.tile")
    assert fused[-2:] == [f"      {S1}", "      store c"]
    assert not any("store t" in line for line in fused)


def test_bands_follow_each_other() -> None:
    lines = printed(
        CHAIN,
        "broadcast/vector:n.16/tile:n.2+m.6/order:m+n+k/lanes/of:S1/vector:n.16/tile:m.2/order:m+n",
    )
    assert "      store t" in lines
    assert lines[-4:] == [
        "  for n: 2 tiles of 16",
        "    microkernel lanes: 1 vector of 16 n x 2 m",
        f"      {S1}",
        "      store c",
    ]


def test_copies_stand_around_their_loops_and_are_combined() -> None:
    spec = matmul(m=6, n=16, k=24)
    line = (
        "broadcast/vector:n.16/tile:m.6/order:k@2+k@1+m+n+k/block:k@2.12+k@1.4/parallel:k@2"
        "/private:c.k@2"
    )
    lines = printed(spec, line)
    assert lines[0] == "2 copies of c, one for each piece of k@2"
    assert lines[1] == "  parallel for k@2: 2 pieces of 12"
    assert "sums start at 0 in the first piece of k@1, else at what c holds" in lines[6]
    assert lines[-1] == "c takes the sums of its copies, in order"
    begun = printed(spec | {"accumulate": ["c"]}, line)
    assert "sums start at what c holds, in other copies at 0 in the first piece of k@1" in begun[6]


def test_fields_of_the_microkernel_and_threads_are_told() -> None:
    lines = printed(
        matmul(m=6, n=32, k=8),
        "broadcast/vector:n.16/tile:n.2+m.6/order:m+n+k/parallel:m/layout:b.Ba16b"
        "/unroll:4/prefetch:256/ahead:a.m+b.n/nontemporal:1",
    )
    assert lines == [
        "layout b as Ba16b: 2 x 8 x 16",
        "parallel for m: 1 tile of 6",
        "  for n: 1 tile of 32",
        "    microkernel broadcast: 2 vectors of 16 n x 6 m; vectors of b, scalars of a",
        "      sums start at 0",
        "      for k: 8, 4 at once",
        "        prefetch a of the next m",
        "        prefetch b of the next n",
        "        prefetch b 256 bytes ahead",
        "        S0: c[m, n] += a[m, k] * b[k, n]",
        "      store c past the caches",
    ]


def test_taps_are_those_inside_unless_the_operand_is_packed() -> None:
    spec = conv2d(ic=2, oc=16)
    line = (
        "broadcast/vector:oc.16/tile:ow.7/order:oc+oh+ow+ic+kh+kw/layout:out.aBcd16b+weight.Abcd16a"
    )
    lines = [text.strip() for text in printed(spec, line)]
    assert {"for kh: 3, inside data", "for kw: 3, inside data"} <= set(lines)
    outer = line.replace("oc+oh+ow+ic+kh+kw", "oc+kh+oh+ow+ic+kw")
    assert "if kh is inside data" in [text.strip() for text in printed(spec, outer)]
    packed = [text.strip() for text in printed(spec, f"{line}/pack:data.abcd")]
    assert "pack data as abcd: 1 x 2 x 8 x 9, padded" in packed and {
        "for kh: 3",
        "for kw: 3",
    } <= set(packed)


def test_scalar_statements_stand_in_loops_of_their_own() -> None:
    lines = printed(OPERATORS["max_pool"], "scalar/order:c+oh+kh+ow+kw")
    assert lines[0] == "for c: 2" and re.fullmatch(r" +S0: \w+\[.*\] = max\(.*\)", lines[-1])
    assert [line.strip() for line in lines if "inside" in line] == [
        "for kh: 3, inside data",
        "for kw: 2, inside data",
    ]


def test_sums_that_go_on_are_told() -> None:
    spec = matmul(m=6, n=16, k=8) | {"accumulate": ["c"]}
    lines = printed(spec, "broadcast/vector:n.16/tile:m.6/order:m+n+k")
    assert "      sums start at what c holds" in lines
