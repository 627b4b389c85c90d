"""Random small problems and random schedules for them, all from a seed."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import lru_cache

from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.layout import Layout, free
from compiler.schedule.schedule import Schedule, depth_of, loop_of
from compiler.space.candidates import candidates
from tests.compiler.problem.operators import conv2d, matmul


def machine(vector_bytes: int) -> Architecture:
    """A machine to generate for; its registers are those of AVX-512 or AVX2."""
    registers = 32 if vector_bytes == 64 else 16
    return Architecture("test", "x86_64", vector_bytes, registers)


def random_problem(rng: random.Random) -> Primitive:
    """A convolution or a matrix product with sizes 1 to 20."""
    if rng.random() < 0.25:
        sizes = {name: rng.randint(1, 20) for name in "mnk"}
        fixed = {
            "sizes": sizes,
            "stored": {name: rng.choice([[0, 1], [1, 0]]) for name in "abc"},
            "plain": rng.sample(["a", "b", "c"], rng.randint(0, 3)),
            "constant": rng.choice([[], ["b"], ["a"]]),
        }
        return primitive_from({**matmul(), **fixed})
    while True:
        sizes = {
            "n": rng.choice([1, 1, 2]),
            "ic": rng.randint(1, 20),
            "oc": rng.randint(1, 20),
            "ih": rng.randint(1, 14),
            "iw": rng.randint(1, 14),
            "kh": rng.choice([1, 2, 3, 5]),
            "kw": rng.choice([1, 2, 3, 5]),
            "stride": rng.choice([1, 1, 2, 3]),
            "pad_h": rng.randint(0, 3),
            "pad_w": rng.randint(0, 3),
            "dilation": rng.choice([1, 1, 2]),
        }
        reach = [sizes["dilation"] * (sizes[k] - 1) + 1 for k in ("kh", "kw")]
        padded = [sizes["ih"] + 2 * sizes["pad_h"], sizes["iw"] + 2 * sizes["pad_w"]]
        if padded[0] >= reach[0] and padded[1] >= reach[1]:
            return primitive_from(conv2d(**sizes))


def random_schedule(nest: Primitive, rng: random.Random) -> Schedule:
    """A candidate with most fields redrawn; it breaks no dependence, but need not fit the nest."""
    return redrawn(nest, rng.choice(_candidates(nest, rng.choice([4, 16, 32, 64]))), rng)


def redrawn(nest: Primitive, base: Schedule, rng: random.Random) -> Schedule:
    """A schedule of one band with all redrawn but its scheme, vector and fusion."""
    reduction = {loop for s in nest.statements for loop in s.reduction_loops}
    tile = tuple(
        (loop, rng.randint(1, min(4, extent)))
        for loop, extent in nest.extents
        if loop not in reduction and rng.random() < 0.7
    )
    levels = [loop for loop, _ in nest.extents]
    block = [(name, size) for name, size in base.band.block if loop_of(name) in reduction]
    levels += [name for name, _ in block]
    for loop, _ in nest.extents:
        if rng.random() < 0.3 and not any(loop_of(name) == loop for name, _ in block):
            block.append((f"{loop}@1", rng.choice([1, 2, 3, 4, 8])))
            levels.append(f"{loop}@1")
    rng.shuffle(levels)
    if rng.random() < 0.7:  # mostly with a reduction inside the microkernel
        levels.sort(key=lambda level: loop_of(level) in reduction)
    for loop, _ in nest.extents:
        at = [i for i, level in enumerate(levels) if loop_of(level) == loop]
        ordered = sorted((levels[i] for i in at), key=depth_of, reverse=True)
        for i, level in zip(at, ordered, strict=True):
            levels[i] = level
    shared = [x for x in levels if loop_of(x) not in reduction and rng.random() < 0.4]
    parallel = tuple(shared) if rng.random() < 0.2 else ()
    layout = _random_layouts(nest, base, rng) if rng.random() < 0.3 else base.layout
    return replace(base, layout=layout).with_band(
        tile=tile,
        order=tuple(levels),
        block=tuple(block),
        parallel=parallel,
        private=(),
        unroll=rng.choice([1, 2, 4]),
        prefetch=rng.choice([0, 0, 256]),
        ahead=_random_ahead(nest, levels, reduction, rng) if rng.random() < 0.4 else (),
        nontemporal=rng.random() < 0.15,
    )


def _random_ahead(
    nest: Primitive, levels: list[str], reduction: set[str], rng: random.Random
) -> tuple[tuple[str, str], ...]:
    """Some operands with a level that moves them, around the microkernel if there is one."""
    inner = next((i for i, x in enumerate(reversed(levels)) if loop_of(x) not in reduction), 0)
    around = levels[: len(levels) - inner]
    reads = list(dict.fromkeys(nest.statements[0].reads))
    reads = rng.sample(reads, min(len(reads), rng.randint(1, 2)))
    moving = {a.tensor: [x for x in around if loop_of(x) in a.loops] for a in reads}
    return tuple((name, rng.choice(some)) for name, some in sorted(moving.items()) if some)


def _random_layouts(
    nest: Primitive, base: Schedule, rng: random.Random
) -> tuple[tuple[str, str], ...]:
    """One tensor's dimensions in another order and blocked otherwise, where that is allowed."""
    tensor = rng.choice([t for t in nest.tensors if free(t)] or list(nest.tensors))
    order = list(range(len(tensor.shape)))
    rng.shuffle(order)
    blocked = rng.sample(order, rng.randint(0, min(2, len(order))))
    blocks = tuple((d, rng.choice([2, 3, 4, 8, 16])) for d in blocked)
    tag = Layout(tensor.shape, tuple(order), blocks).tag()
    return tuple(sorted({**dict(base.layout), tensor.name: tag}.items()))


@lru_cache(maxsize=16)
def _candidates(nest: Primitive, vector_bytes: int) -> tuple[Schedule, ...]:
    return candidates(nest, machine(vector_bytes))
