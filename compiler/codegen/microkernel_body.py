"""The innermost tile as one C function: the sum if there is one, what is fused, the stores."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.codegen.border_tile import BorderTile, pointer
from compiler.codegen.finish import finished, pointers
from compiler.codegen.library_product import Product, product_body
from compiler.codegen.reductions import offsets, summed


@dataclass(frozen=True)
class TileFunction:
    """The C function of a border class, and a library's products that it calls."""

    text: str
    products: tuple[Product, ...]


def tile_function(tile: BorderTile) -> TileFunction:
    """The C function of a border class."""
    written = {pointer(address) for address in tile.written}
    parameters = []
    for address in tile.tensors:
        name, c = pointer(address), address.layout.dtype.c
        parameters.append(f"{c if name in written else f'const {c}'} *restrict {name}")
    parameters += [f"long at_{loop}" for loop in tile.starts]
    head = f"static void {tile.name}({', '.join(parameters)})"
    lines, products = product_body(tile) if tile.leaf.form.library else (_body(tile), ())
    text = "\n".join([head, "{", *("  " + line for line in lines), "}"]) + "\n"
    return TileFunction(text, products)


def _body(tile: BorderTile) -> list[str]:
    sums = tile.operands.reduced is not None
    first, middle = (offsets(tile), summed(tile)) if sums else ([], [])
    return [*first, *pointers(tile), *middle, *finished(tile)]
