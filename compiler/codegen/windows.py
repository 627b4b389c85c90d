"""A short loop inside a microkernel as straight code: what several of its steps read is read once.

    y[i] += x[i + k] * w[k]     points 0 and 1, steps 0 and 1, from element to element of the window
    const vec e2 = LOAD(q0), e3 = LOAD(q1);     a0 += e2 * e3;
    const vec e4 = LOAD(q0 + 1);                a1 += e4 * e3;
    const vec e5 = LOAD(q1 + 8);                a0 += e4 * e5; ...

gcc reads an operand again for every multiply-add. Of an aligned vector that costs nothing, as it
can be read as often as multiplied; one that starts anywhere takes two lines each time, and one that
is put together from elements more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count, product

from compiler.codegen.border_tile import BorderTile, Point
from compiler.codegen.vector_expression import vector_value
from compiler.lower.addressing import Address
from compiler.lower.edges import anywhere, apart
from compiler.lower.operands import Summand
from compiler.problem.primitive import Access

REGISTERS = {64: 32}  # by bytes of a vector; others:
FEW = 16
SPARE = 2  # for a number that is spread, and for what is on its way to an accumulator
Read = Callable[[int, Address, Point, int, int], str]  # operand, its address, point, vector, step


def shared_reads(
    tile: BorderTile, reads: Sequence[Address], steps: Sequence[int], number: int
) -> list[int]:
    """Operands whose vectors several of `number` steps read, and that take more than a load.

    `steps` are the elements from step to step of each. None where registers are too few to hold
    them beside the accumulators and what serves all points.
    """
    leaf, found = tile.leaf, []
    for k, (address, step) in enumerate(zip(reads, steps, strict=True)):
        dear = apart(leaf, address) > 1 or anywhere(address, leaf.vector, leaf.lanes)
        if not step or not address.uses(leaf.vector) or not dear:
            continue
        places = [
            tile.offset(address, p, 0) + n * step for p in tile.points({}) for n in range(number)
        ]
        if len(set(places)) < len(places):
            found.append(k)
    vectors, points = tile.vectors.size, tile.points({})
    loops = {one.loop for one in tile.point_loops}
    served = [x for x in reads if x.uses(leaf.vector) and not any(x.uses(y) for y in loops)]
    held = vectors * (len(points) + len(found) + len(served) * number) + SPARE
    return found if held <= REGISTERS.get(leaf.lanes * tile.dtype.bytes, FEW) else []


def window(
    tile: BorderTile,
    shared: Sequence[int],
    steps: Sequence[int],
    number: int,
    points: Sequence[Point],
    read: Read,
    taken: Callable[[Point, int, str], str],
) -> list[str]:
    """C lines of all steps; `read` gives the text of an operand, `taken` takes a value."""
    reduced = tile.operands.reduced
    assert isinstance(reduced, Summand)
    loops = {one.loop for one in tile.point_loops}
    once = {k for k, one in enumerate(reduced.reads) if not any(one.uses(x) for x in loops)}
    once.update(shared)
    first = reduced.reads[shared[0]]

    def place(k: int, address: Address, point: Point, step: int) -> int:
        return tile.offset(address, point, 0) + step * steps[k]

    pairs = sorted(
        product(points, range(number)), key=lambda x: (place(shared[0], first, *x), x[1])
    )
    numbers = count(len(reduced.reads))
    names: dict[tuple[int, int, int | None], str] = {}
    lines: list[str] = []
    for (point, step), vector in product(pairs, range(tile.vectors.size)):
        values: dict[Access, tuple[str, bool]] = {}
        own: list[str] = []
        for k, address in enumerate(reduced.reads):
            wide = address.uses(tile.leaf.vector)
            key = k, place(k, address, point, step), vector if wide else None
            name = names.get(key, f"e{next(numbers)}" if k in once else f"e{k}")
            if key not in names:
                kind = "vec" if wide else tile.dtype.c
                text = f"const {kind} {name} = {read(k, address, point, vector, step)};"
                (lines if k in once else own).append(text)
            if k in once:
                names[key] = name
            values[address.access] = name, wide
        value = taken(point, vector, vector_value(reduced.value, values, tile.dtype))
        lines.append(f"{{ {' '.join([*own, value])} }}")
    return lines
