"""What follows a sum on its register tile: fused statements on the accumulators, and the stores.

Each accumulator is taken through all of them and stored before the next one, so that hardly more
registers are live than during the sum. With nothing summed the same code computes all of a tile.
"""

from __future__ import annotations

from compiler.codegen.border_tile import BorderTile, Point, accumulator
from compiler.codegen.vector_expression import vector_value
from compiler.lower.addressing import Address
from compiler.lower.steps import in_last_piece
from compiler.problem.primitive import Access


def finished(tile: BorderTile) -> list[str]:
    """C lines that end the function."""
    ops = tile.operands
    if not ops.assignments:
        return _sums_stored(tile)
    lines = _assigned(tile)
    if not ops.last:
        return lines
    last = (in_last_piece(level, tile.leaf.grain(level.loop).extent) for level in ops.last)
    whole, rest = ("  " + line for line in lines), ("  " + line for line in _sums_stored(tile))
    return [f"if ({' && '.join(last)}) {{", *whole, "} else {", *rest, "}"]


def pointers(tile: BorderTile) -> list[str]:
    """Declarations of where each operand of the tile begins, but for those of the sum."""
    read = {address.access.tensor for address in tile.operands.reads}
    lines = []
    for address in tile.written:
        kind = "float *" if address.access.tensor in read else "float *restrict "
        name = f"t_{address.access.tensor}"
        lines.append(f"{kind}{_written(tile, address)} = {name} + {tile.base(address)};")
    for number, address in enumerate(tile.operands.reads):
        name = f"t_{address.access.tensor}"
        lines.append(f"const float *in{number} = {name} + {tile.base(address)};")
    return lines


def sums_loaded(tile: BorderTile) -> dict[tuple[Point, int], str]:
    """What the output holds, by accumulator."""
    output = tile.operands.output
    name = _written(tile, output)
    return {(p, j): tile.load(name, output, p, j) for p, j in tile.accumulators()}


def _written(tile: BorderTile, address: Address) -> str:
    number = tile.written.index(address)
    return f"out{number}" if number else "out"


def _sums_stored(tile: BorderTile) -> list[str]:
    output = tile.operands.output
    if output not in tile.written:
        return []
    name = _written(tile, output)
    return [tile.store(name, output, p, j, accumulator(p, j)) for p, j in tile.accumulators()]


def _assigned(tile: BorderTile) -> list[str]:
    """All statements on one accumulator after the other, a column of points at a time."""
    loops = {loop for point in tile.points({}) for loop, _ in point}
    lines = []
    for vector in range(tile.vectors.size):
        values: dict[Access, tuple[str, bool]] = {}
        inside = ["{"]
        for number, address in enumerate(tile.operands.reads):
            if any(address.uses(loop) for loop in loops):
                continue
            name = f"e{number}"
            inside.append("  " + _read(tile, number, address, (), vector, name))
            values[address.access] = name, address.uses(tile.leaf.vector)
        for point in tile.points({}):
            inside += ("  " + line for line in _chain(tile, point, vector, values))
        lines += [*inside, "}"]
    return lines


def _chain(
    tile: BorderTile, point: Point, vector: int, shared: dict[Access, tuple[str, bool]]
) -> list[str]:
    """Every statement on one accumulator, then its stores."""
    ops = tile.operands
    values = dict(shared)
    lines = []
    for number, address in enumerate(ops.reads):
        if address.access not in values:
            name = f"e{number}"
            lines.append(_read(tile, number, address, point, vector, name))
            values[address.access] = name, address.uses(tile.leaf.vector)
    if ops.factors is not None:
        values[ops.output.access] = accumulator(point, vector), True
    for number, one in enumerate(ops.assignments):
        text = vector_value(one.value, values)
        lines.append(f"const vec y{number} = {text};")
        values[one.target] = f"y{number}", True
    for address in ops.stores:
        value, _ = values[address.access]
        lines.append(tile.store(_written(tile, address), address, point, vector, value))
    return ["{", *("  " + line for line in lines), "}"]


def _read(
    tile: BorderTile, number: int, address: Address, point: Point, vector: int, name: str
) -> str:
    if address.uses(tile.leaf.vector):
        return f"const vec {name} = {tile.load(f'in{number}', address, point, vector)};"
    return f"const float {name} = in{number}[{tile.offset(address, point, vector)}];"
