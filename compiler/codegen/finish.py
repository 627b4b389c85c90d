"""What follows a sum on its register tile: fused statements on the accumulators, and the stores.

Each accumulator is taken through all of them and stored before the next one, so that hardly more
registers are live than during the sum. With nothing summed the same code computes all of a tile.
"""

from __future__ import annotations

from compiler.codegen.border_tile import BorderTile, Point, accumulator
from compiler.codegen.interior import straight_where_inside
from compiler.codegen.lane_reads import Spot, at_point, lane_read
from compiler.codegen.vector_expression import Values, number_value, vector_value
from compiler.lower.addressing import Address
from compiler.lower.steps import in_last_piece
from compiler.microkernel.functions import vector_operations
from compiler.problem.primitive import Access

INLINE = 12  # operations; longer texts times all accumulators would take the compiler seconds


def finished(tile: BorderTile) -> list[str]:
    """C lines that end the function."""
    ops = tile.operands
    if not ops.assignments:
        return _sums_stored(tile)
    lines = straight_where_inside(tile, {one.access for one in ops.reads}, _assigned)
    if not ops.last:
        return lines
    last = (in_last_piece(level, tile.leaf.grain(level.loop)) for level in ops.last)
    whole, rest = ("  " + line for line in lines), ("  " + line for line in _sums_stored(tile))
    return [f"if ({' && '.join(last)}) {{", *whole, "} else {", *rest, "}"]


def pointers(tile: BorderTile) -> list[str]:
    """Declarations of where each operand of the tile begins, but for those of the sum."""
    read = {address.access.tensor for address in tile.operands.reads}
    lines = []
    for address in tile.places:
        constant = "" if address in tile.written else "const "
        alone = "" if address.access.tensor in read else "restrict "
        name, c = f"t_{address.access.tensor}", address.layout.dtype.c
        place = f"{constant}{c} *{alone}{_place(tile, address)}"
        lines.append(f"{place} = {name} + {tile.base(address)};")
    for number, address in enumerate(tile.operands.reads):
        name, c = f"t_{address.access.tensor}", address.layout.dtype.c
        lines.append(f"const {c} *in{number} = {name} + {tile.base(address)};")
    return lines


def sums_loaded(tile: BorderTile) -> dict[tuple[Point, int], str]:
    """What the output holds, by accumulator."""
    output = tile.operands.output
    name = _place(tile, output)
    return {
        (p, j): tile.load(name, output, str(tile.offset(output, p, j)), j)
        for p, j in tile.accumulators()
    }


def _place(tile: BorderTile, address: Address) -> str:
    number = tile.places.index(address)
    return f"out{number}" if number else "out"


def _sums_stored(tile: BorderTile) -> list[str]:
    output = tile.operands.output
    if output not in tile.written:
        return []
    name = _place(tile, output)
    return [
        tile.store(name, output, str(tile.offset(output, p, j)), j, accumulator(p, j))
        for p, j in tile.accumulators()
    ]


def _assigned(tile: BorderTile) -> list[str]:
    """All statements on one accumulator after the other, a column of points at a time."""
    lines = []
    for vector in range(tile.vectors.size):
        shared: dict[Access, tuple[str, bool]] = {}
        inside = []
        for number, address in enumerate(tile.operands.reads):
            if not _moves(tile, address):
                inside.append(_read(tile, number, address, at_point(tile, (), vector)))
                shared[address.access] = f"e{number}", address.uses(tile.leaf.vector)
        inside += _looped(tile, vector, shared) if _long(tile) else _unrolled(tile, vector, shared)
        lines += ["{", *("  " + line for line in inside), "}"]
    return lines


def _long(tile: BorderTile) -> bool:
    """Whether the statements are many operations: then a loop runs them, printed once a vector."""
    return sum(vector_operations(one.value) for one in tile.operands.assignments) > INLINE


def _moves(tile: BorderTile, address: Address) -> bool:
    """Whether an operand differs between the points of the tile."""
    return any(address.uses(one.loop) for one in tile.point_loops)


def _unrolled(tile: BorderTile, vector: int, shared: Values) -> list[str]:
    lines = []
    for point in tile.points({}):
        spot = at_point(tile, point, vector)
        chain = _chain(tile, shared, accumulator(point, vector), spot)
        lines += ["{", *("  " + line for line in chain), "}"]
    return lines


def _looped(tile: BorderTile, vector: int, shared: Values) -> list[str]:
    """Loops over the points, the accumulators in an array."""
    lines, place = [], "0"
    for one in tile.point_loops:
        place = f"{place} * {one.size} + i_{one.loop}" if place != "0" else f"i_{one.loop}"

    def offset(address: Address) -> str:
        terms = [str(tile.offset(address, (), vector))]
        for one in tile.point_loops:
            if step := address.coefficient(one.loop, 1):
                terms.append(f"i_{one.loop} * {step}")
        return " + ".join(terms)

    def position(loop: str) -> str:
        own = f" + i_{loop}" if any(one.loop == loop for one in tile.point_loops) else ""
        return tile.position(loop, (), vector) + own

    points = tile.points({})
    if tile.operands.reduced is not None:
        names = ", ".join(accumulator(point, vector) for point in points)
        lines.append(f"const {tile.result} held[{len(points)}] = {{{names}}};")
    for one in tile.point_loops:
        lines.append(f"for (long i_{one.loop} = 0; i_{one.loop} < {one.size}; ++i_{one.loop})")
    chain = _chain(tile, shared, f"held[{place}]", Spot(vector, offset, position))
    return [*lines, "{", *("  " + line for line in chain), "}"]


def _chain(tile: BorderTile, shared: Values, summed: str, spot: Spot) -> list[str]:
    """Every statement on one accumulator, then its stores."""
    ops = tile.operands
    values = dict(shared)
    lines = []
    for number, address in enumerate(ops.reads):
        if address.access not in values:
            lines.append(_read(tile, number, address, spot))
            values[address.access] = f"e{number}", address.uses(tile.leaf.vector)
    if ops.reduced is not None:
        values[ops.output.access] = summed, tile.wide
    for number, one in enumerate(ops.assignments):
        value = (vector_value if tile.wide else number_value)(one.value, values, tile.dtype)
        lines.append(f"const {tile.result} y{number} = {value};")
        values[one.target] = f"y{number}", tile.wide
    for address in ops.stores:
        value, _ = values[address.access]
        at = spot.offset(address)
        lines.append(tile.store(_place(tile, address), address, at, spot.vector, value))
    return lines


def _read(tile: BorderTile, number: int, address: Address, spot: Spot) -> str:
    kind = "vec" if address.uses(tile.leaf.vector) else address.layout.dtype.c
    return f"const {kind} e{number} = {lane_read(tile, f'in{number}', address, spot)};"
