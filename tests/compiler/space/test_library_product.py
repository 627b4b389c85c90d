"""How much of a problem a library's product takes at once."""

from __future__ import annotations

from math import prod

import pytest

from compiler.lower.fit import fitted
from compiler.lower.tree import Microkernel
from compiler.model.loop_nest import loop_nest
from compiler.problem.architecture import Architecture
from compiler.problem.specification import primitive_from
from compiler.space.candidates import candidates
from compiler.space.library_product import in_library
from compiler.space.paper_variants import paper_variants
from tests.compiler.machines import AVX2, AVX512
from tests.compiler.problem.operators import matmul


@pytest.mark.parametrize("machine", [AVX2, AVX512], ids=["avx2", "avx512"])
@pytest.mark.parametrize("sizes", [(64, 64, 64), (128, 2048, 4096), (96, 512, 700)])
def test_operands_of_a_product_stay_in_the_second_level(
    machine: Architecture, sizes: tuple[int, int, int]
) -> None:
    m, n, k = sizes
    nest = loop_nest(primitive_from(matmul(m=m, n=n, k=k))).nest
    found = in_library(nest, candidates(nest, machine), "libxsmm", machine)
    whole = set()
    for schedule in found:
        (path,) = fitted(nest, schedule).paths()
        leaf = path.leaf
        assert isinstance(leaf, Microkernel)
        rows = prod(g.points for g in leaf.grains if not g.summed and g.loop != leaf.vector)
        width = leaf.grain("n").points
        depth = schedule.band.block_of("k@1") or k
        touched = 4 * (rows * depth + depth * width + rows * width)
        smallest = rows <= 32 and width <= 4 * leaf.lanes  # of the generated register tile
        assert touched <= machine.caches[1].bytes or smallest, str(schedule)
        whole.add((rows, width, depth) == sizes)
    assert (True in whole) == (sizes == (64, 64, 64))


@pytest.mark.parametrize("machine", [AVX2, AVX512], ids=["avx2", "avx512"])
@pytest.mark.parametrize("n", [36548, 36547, 9137 * 8])
def test_columns_that_no_tile_divides_are_cut_too(machine: Architecture, n: int) -> None:
    """Blocks of b grow with the part that a call takes, where they pad no more than before."""
    model = loop_nest(primitive_from(matmul(m=1632, n=n, k=1024)))
    variants = paper_variants(model, machine)
    assert len(in_library(model.nest, variants, "libxsmm", machine)) == len(variants)
