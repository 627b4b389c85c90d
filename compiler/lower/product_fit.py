"""What a library's matrix product demands of a microkernel: operands that are matrices, by strides.

c[p,v] += a[p,k] * b[k,v]       v and k contiguous, p and k any step that keeps rows apart
"""

from __future__ import annotations

from compiler.errors import ScheduleError
from compiler.lower.addressing import Address
from compiler.lower.operands import Factors, Operands
from compiler.lower.steps import lengths_of
from compiler.lower.tree import Microkernel, Path
from compiler.problem.dtypes import F32


def check_product(path: Path, leaf: Microkernel, placed: Operands) -> None:
    """Raises ScheduleError where the leaf's tile and innermost loop are no product of matrices."""
    where, factors = f"schedule: microkernel:{leaf.form.name}", placed.reduced
    assert isinstance(factors, Factors)
    if placed.output.layout.dtype != F32:
        raise ScheduleError(f"{where}: it computes {F32.name} alone")
    if leaf.fused or leaf.prefetch or leaf.ahead or leaf.nontemporal or leaf.unroll > 1:
        raise ScheduleError(
            f"{where}: it takes no fusion:S.tile, unroll, prefetch, ahead and nontemporal"
        )
    if path.private:
        raise ScheduleError(f"{where}: it has no copies for threads, as private:C.LEVEL gives")
    rows = [g for g in leaf.grains if not g.summed and g.points > 1 and g.loop != leaf.vector]
    if len(rows) > 1:
        raise ScheduleError(f"{where}: a tile along {rows[0].loop} and {rows[1].loop} is no matrix")
    if not leaf.levels:
        raise ScheduleError(f"{where}: the order must end in a reduction loop, its depth")
    inner = leaf.levels[-1]
    if any(border.tap == inner.loop for border in factors.borders):
        raise ScheduleError(f"{where}: {inner.loop} reads past a border, it is no product's depth")
    depth, lanes = lengths_of(path, inner)[0], leaf.grain(leaf.vector).points
    if factors.broadcast.coefficient(inner.loop, 1) != 1:
        name = factors.broadcast.access.tensor
        raise ScheduleError(f"{where}: {name} is not contiguous along {inner.loop}")
    for address in (factors.vector, placed.output):
        if lanes > leaf.lanes and address.coefficient(leaf.vector, leaf.lanes) != leaf.lanes:
            raise ScheduleError(
                f"{where}: {address.access.tensor} is not contiguous over {lanes} {leaf.vector}"
            )
    _check_rows(where, factors.vector, inner.loop, lanes)
    for grain in rows:
        _check_rows(where, factors.broadcast, grain.loop, depth)
        _check_rows(where, placed.output, grain.loop, lanes)


def _check_rows(where: str, address: Address, loop: str, length: int) -> None:
    """Rows of a matrix do not overlap."""
    step = address.coefficient(loop, 1)
    if step < length:
        raise ScheduleError(
            f"{where}: rows of {length} of {address.access.tensor} are {step} apart along {loop}"
        )
