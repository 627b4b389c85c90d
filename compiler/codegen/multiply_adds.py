"""One step of a contraction's register tile: vectors times scalars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.codegen.border_tile import BorderTile, accumulator
from compiler.lower.operands import Factors


def multiply_add(
    tile: BorderTile,
    vector: str,
    scalar: str,
    factors: Factors,
    live: Mapping[str, tuple[int, ...]],
    ahead: Sequence[str],
) -> list[str]:
    """Every live accumulator takes vector times scalar, after what is fetched `ahead`."""
    lines = [f"const {tile.dtype.c} *vp = {vector}, *sp = {scalar};"]
    lines += ["STEP;", *ahead]
    if tile.leaf.prefetch:
        lines.append(f"__builtin_prefetch(vp + {tile.leaf.prefetch // tile.dtype.bytes});")
    points, count = tile.points(live), tile.vectors.size
    # The smaller side stays in registers, the other passes through one register at a time.
    if len(points) >= count:
        lines += [_load_vector(tile, factors, j) for j in range(count)]
        for k, p in enumerate(points):
            offset = tile.offset(factors.broadcast, p, 0)
            lines.append(f"const {tile.dtype.c} x{k} = sp[{offset}];")
            lines += [f"{accumulator(p, j)} += w{j} * x{k};" for j in range(count)]
        return lines
    for k, p in enumerate(points):
        offset = tile.offset(factors.broadcast, p, 0)
        lines.append(f"vec x{k} = SPLAT(sp[{offset}]); KEEP(x{k});")
    for j in range(count):
        lines.append(_load_vector(tile, factors, j))
        lines += [f"{accumulator(p, j)} += w{j} * x{k};" for k, p in enumerate(points)]
    return lines


def _load_vector(tile: BorderTile, factors: Factors, vector: int) -> str:
    address = factors.vector
    offset = address.coefficient(tile.vectors.loop, tile.leaf.lanes) * vector
    lanes = tile.partial(vector)
    if lanes and not factors.whole_loads:
        return f"vec w{vector} = LOAD_PART(vp + {offset}, {lanes});"
    return f"vec w{vector} = LOAD(vp + {offset}); KEEP(w{vector});"
