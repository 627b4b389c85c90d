"""What isl proves of the printed loops against running their bounds, one iteration at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from random import Random

import pytest

from compiler.errors import ScheduleError
from compiler.lower.coverage import uncovered
from compiler.lower.fit import fitted
from compiler.lower.lowered import lowered
from compiler.lower.steps import Range, Step, iterator, ranges_of, steps_of
from compiler.lower.tree import Grain, Loops, Microkernel, Path, Scalar, Tree
from compiler.model.loop_nest import Guard, loop_nest
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.text import parse_schedule
from tests.compiler.codegen.random_schedules import random_problem, random_schedule
from tests.compiler.codegen.scalar_trees import scalar_tree
from tests.compiler.problem.operators import MAX_POOL, conv2d, matmul

POOL = "scalar/order:c+oh+ow+kh+kw"


def _nest(k: int) -> Primitive:
    return loop_nest(primitive_from(matmul(m=4, n=8, k=k))).nest


def _points(steps: tuple[Step, ...], at: dict[str, int], start: int) -> Iterator[int]:
    """The iterations that loops inside a microkernel reach, their bounds read as Python's."""
    if not steps:
        yield start
        return
    step, *rest = steps
    for piece in range(eval(step.end.replace("/", "//"), {"min": min}, at)):
        inside = {**at, step.name: piece}
        yield from _points(tuple(rest), inside, start + piece * step.level.step)


def _runs(path: Path, extent: int) -> Counter[int]:
    """How often each iteration of k runs."""
    around = [level.step for level in path.loops if level.loop == "k"]
    (grain,) = (grain for grain in path.leaf.grains if grain.loop == "k")
    starts = range(0, extent, around[-1]) if around else (0,)
    steps = steps_of(path, grain)
    return Counter(x for at in starts for x in _points(steps, {"at_k": at}, at))


@pytest.mark.parametrize("seed", range(40))
def test_blocks_that_divide_or_not(seed: int) -> None:
    random = Random(seed)
    k, outer, inner = random.randint(2, 24), random.randint(1, 9), random.randint(1, 6)
    order = random.choice(("k@2+k@1+m+n+k", "k@2+m+n+k@1+k", "m+n+k@2+k@1+k"))
    blocks = f"block:k@2.{outer}+k@1.{inner}"
    nest = _nest(k)
    tree = lowered(nest, parse_schedule(f"broadcast/vector:n.8/order:{order}/{blocks}"))
    (path,) = tree.paths()
    assert (uncovered(tree) is None) == (_runs(path, k) == Counter(range(k)))


def test_blocks_that_overlap_are_named() -> None:
    text = "broadcast/vector:n.8/order:m+n+k@2+k@1+k/block:k@2.6+k@1.4"
    assert uncovered(lowered(_nest(12), parse_schedule(text))) == "k"


def _never_again(path: Path, accumulate: bool) -> str:
    return "at_k != 0"


def test_a_copy_that_never_starts_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "order:k@2+k@1+m+n+k/block:k@2.6+k@1.2/parallel:k@2/private:c.k@2"
    tree = lowered(_nest(12), parse_schedule(f"broadcast/vector:n.8/{text}"))
    assert uncovered(tree) is None
    monkeypatch.setattr("compiler.lower.coverage.goes_on", _never_again)
    assert uncovered(tree) == "k"


@pytest.mark.parametrize("runs", [((1, 3),), ((2, 3),), ((1, 3), (2, 1))])
def test_tiles_that_leave_rows_out_or_reach_past_them(runs: tuple[tuple[int, int], ...]) -> None:
    tree = lowered(_nest(3), parse_schedule("broadcast/vector:n.8/tile:m.3/order:m+n+k"))
    assert uncovered(tree) is None
    wrong = _with_grain(tree, Grain("m", 4, runs))
    rows = [x for x in range(sum(n * size for n, size in runs)) if x < 4]
    assert (uncovered(wrong) is None) == (rows == list(range(4)))


def _with_grain(tree: Tree, grain: Grain) -> Tree:
    (node,) = tree.body
    assert isinstance(node, Loops)
    (leaf,) = node.body
    assert isinstance(leaf, Microkernel)
    grains = tuple(grain if g.loop == grain.loop else g for g in leaf.grains)
    return replace(tree, body=(replace(node, body=(replace(leaf, grains=grains),)),))


def test_all_that_fits_is_covered() -> None:
    random = Random(11)
    seen = 0
    while seen < 20:
        nest = loop_nest(random_problem(random)).nest
        try:
            tree = fitted(nest, random_schedule(nest, random))
        except ScheduleError:
            continue
        assert uncovered(tree) is None
        seen += 1


@pytest.mark.parametrize(
    "text",
    [
        "broadcast/vector:oc.8/tile:oh.2+ow.3/order:oc+oh+ow+kh+kw+ic",
        "broadcast/vector:oc.8/tile:ow.3/order:kh+oc+oh+ow+kw+ic",
        "broadcast/vector:oc.8/order:kh+kw+oc+oh+ow+ic",
        "broadcast/vector:oc.8/tile:oc.2+ow.4/order:oc+oh+ow+kw+ic+kh",
    ],
)
def test_borders_run_the_taps_that_read_inside(text: str) -> None:
    spec = conv2d(ic=4, oc=24, ih=9, iw=11, kh=3, kw=5, pad_h=1, pad_w=3, stride=2, dilation=2)
    nest = loop_nest(primitive_from(spec)).nest
    layout = "layout:data.aBcd4b+out.aBcd8b+weight.ABcd4b8a"
    assert uncovered(fitted(nest, parse_schedule(f"{text}/{layout}"))) is None


def test_the_scalar_nest() -> None:
    nest = loop_nest(primitive_from(MAX_POOL)).nest
    text = "scalar/order:c+oh@1+oh+ow+kh@2+kh@1+kh+kw/block:oh@1.2+kh@2.2+kh@1.1"
    assert uncovered(fitted(nest, parse_schedule(text))) is None
    uneven = "scalar/order:m+n+k@2+k@1+k/block:k@2.6+k@1.4"
    assert uncovered(lowered(_nest(12), parse_schedule(uneven))) == "k"


def _inside(clip: Guard, point: dict[str, int]) -> bool:
    return 0 <= clip.index.at(point) < clip.size


C_FUNCTIONS = {
    "min": min,
    "max": max,
    "floord": lambda n, d: n // d,
    "ceild": lambda n, d: -(-n // d),
}


def _walked(ranges: tuple[Range, ...], at: dict[str, int]) -> Iterator[dict[str, int]]:
    """The iterations that printed loops reach, their bounds read as Python's."""
    if not ranges:
        yield at
        return
    here, *rest = ranges
    first, past = (eval(text, {**C_FUNCTIONS}, at) for text in (here.first, here.past))
    for x in range(first, past, here.level.step):
        yield from _walked(tuple(rest), {**at, here.name: x})


@pytest.mark.parametrize("seed", range(25))
def test_scalar_loops_run_what_changes_something(seed: int) -> None:
    _, tree, _ = scalar_tree(Random(seed))
    assert uncovered(tree) is None
    for path in tree.paths():
        assert isinstance(path.leaf, Scalar)
        extents = {grain.loop: grain.extent for grain in path.leaf.grains}
        box = (dict(zip(extents, x, strict=True)) for x in product(*map(range, extents.values())))
        wanted = [p for p in box if all(_inside(clip, p) for clip in path.leaf.clips)]
        runs = Counter(
            tuple(at[iterator(loop)] for loop in extents) for at in _walked(ranges_of(path), {})
        )
        assert runs == Counter(tuple(p.values()) for p in wanted)


def _one_less(path: Path) -> tuple[Range, ...]:
    """Where bounds are clipped, they stop an iteration early."""
    return tuple(
        replace(r, past=f"{r.past} - 1") if r.past != r.end else r for r in ranges_of(path)
    )


def test_padding_that_is_cut_too_short_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = lowered(loop_nest(primitive_from(MAX_POOL)).nest, parse_schedule(POOL))
    assert uncovered(tree) is None
    monkeypatch.setattr("compiler.lower.coverage.ranges_of", _one_less)
    assert uncovered(tree) == "oh and kh"


@pytest.mark.parametrize("k", [3, 16, 40, 64, 77])
@pytest.mark.parametrize("order", ["m+k", "k@1+m+k/block:k@1.2"])
def test_lanes_across_a_reduction(k: int, order: str) -> None:
    nest = loop_nest(primitive_from(matmul(m=4, n=1, k=k))).nest
    tree = lowered(nest, parse_schedule(f"dot/vector:k.8/tile:k.2/order:{order}"))
    assert uncovered(tree) is None


def test_pieces_of_lanes_that_leave_some_out_are_named() -> None:
    nest = loop_nest(primitive_from(matmul(m=4, n=1, k=77))).nest
    text = "dot/vector:k.8/tile:k.2/order:k@1+m+k/block:k@1.2"
    tree = lowered(nest, parse_schedule(text))
    wrong = _with_grain(tree, Grain("k", 77, ((4, 2),), 8, summed=True))  # 5 tiles are needed
    assert uncovered(wrong) == "k"
