"""The innermost tile as one C function: the sum if there is one, what is fused, the stores."""

from __future__ import annotations

from compiler.codegen.border_tile import BorderTile, pointer
from compiler.codegen.finish import finished, pointers
from compiler.codegen.reductions import offsets, summed


def tile_function(tile: BorderTile) -> str:
    """The C function of a border class."""
    written = {pointer(address) for address in tile.written}
    parameters = []
    for address in tile.tensors:
        name, c = pointer(address), address.layout.dtype.c
        parameters.append(f"{c if name in written else f'const {c}'} *restrict {name}")
    parameters += [f"long at_{loop}" for loop in tile.starts]
    lines = [f"static void {tile.name}({', '.join(parameters)})", "{"]
    sums = tile.operands.reduced is not None
    body = [*(offsets(tile) if sums else ()), *pointers(tile), *(summed(tile) if sums else ())]
    body += finished(tile)
    return "\n".join([*lines, *("  " + line for line in body), "}"]) + "\n"
