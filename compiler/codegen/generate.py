"""From a lowered tree to a kernel: border classes, functions, loops, buffers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from compiler.codegen.border_tile import BorderTile, pointer
from compiler.codegen.c_printer import prelude, translation_unit
from compiler.codegen.kernel import Buffer, Kernel
from compiler.codegen.lane_functions import lane_functions
from compiler.codegen.lane_reads import lane_reads
from compiler.codegen.library_product import product_body, product_functions, product_setup
from compiler.codegen.loop_ast import c_loops
from compiler.codegen.microkernel_body import tile_function
from compiler.codegen.packing import packing
from compiler.codegen.private_copies import Copies
from compiler.codegen.scalar_expression import declarations
from compiler.codegen.scalar_nest import fixed_tensors, scalar_prelude, scalar_statement
from compiler.codegen.untransformed import untransformed_body
from compiler.codegen.vector_expression import functions_of
from compiler.codegen.vector_functions import vector_functions
from compiler.lower.border_classes import TileClass
from compiler.lower.isl_tree import TileSpace
from compiler.lower.operands import Operands, Packed, Summand, operands, tiles_of
from compiler.lower.tree import Microkernel, Path, Scalar, Tree
from compiler.problem.primitive import Reduction

FENCE = ("#if defined(__SSE__)", "__builtin_ia32_sfence();", "#endif")


@dataclass(frozen=True)
class _Part:
    """What one leaf of the tree adds to the text."""

    body: Sequence[str]
    tiles: tuple[BorderTile, ...] = ()
    copies: tuple[Packed, ...] = ()


def generate(tree: Tree) -> Kernel:
    """The kernel of a legal tree that fits; the same tree gives the same bytes."""
    parts: list[_Part] = []
    for path in tree.paths():
        leaf = path.leaf
        if isinstance(leaf, Microkernel):
            first = sum(len(part.tiles) for part in parts)
            parts.append(_vectorised(tree, path, leaf, first))
        else:
            parts.append(_Part(scalar_statement(tree, path)))
    tiles = [tile for part in parts for tile in part.tiles]
    copies = tuple(dict.fromkeys(copy for part in parts for copy in part.copies))
    library_tiles = [tile for tile in tiles if tile.leaf.form.library]
    products = tuple(dict.fromkeys(p for tile in library_tiles for p in product_body(tile)[1]))
    buffers = (*_buffers(tree, tiles), *_workspaces(copies), *_private(tree))
    calls = [f"pack_{c.tensor}(t_{c.tensor}, t_packed_{c.tensor});" for c in copies]
    functions = [tile_function(tile) for tile in tiles]
    text = translation_unit(
        _comment(tree),
        _head(tree, tiles, functions) + product_functions(products),
        [*(packing(copy, tree.parallel) for copy in copies), *functions],
        buffers,
        [
            *fixed_tensors(tree),
            *product_setup(products),
            *calls,
            *(line for part in parts for line in part.body),
        ],
        "LOOPS " if _scalar(tree) else "",
    )
    libraries = tuple(dict.fromkeys(product.library for product in products))
    return Kernel(text, buffers, tree.parallel, libraries)


def untransformed(tree: Tree) -> Kernel:
    """The kernel of a scalar tree without blocks, its statements as they are written."""
    dtype, buffers = tree.nest.dtype, _buffers(tree, ())
    head = prelude(dtype, 1, False) + declarations(dtype)
    text = translation_unit(_comment(tree), head, [], buffers, untransformed_body(tree))
    return Kernel(text, buffers, tree.parallel)


def _scalar(tree: Tree) -> bool:
    return any(isinstance(path.leaf, Scalar) for path in tree.paths())


def _head(tree: Tree, tiles: Sequence[BorderTile], texts: Sequence[str]) -> str:
    dtype, lanes = tree.nest.dtype, max((tile.leaf.lanes for tile in tiles), default=1)
    functions = {name for tile in tiles for name in _functions(tile)}
    nontemporal = any(tile.leaf.nontemporal for tile in tiles)
    partial = any(piece.partial for tile in tiles for piece in tile.pieces)
    joined = {_reduction(tile.operands) for tile in tiles if not tile.wide}
    return (
        prelude(dtype, lanes, nontemporal, partial)
        + lane_reads(dtype, lanes, texts)
        + (vector_functions(functions, lanes, dtype) if functions else "")
        + (lane_functions(joined, lanes, dtype) if joined else "")
        + (scalar_prelude(dtype) if _scalar(tree) or _private(tree) else "")
    )


def _functions(tile: BorderTile) -> Iterator[str]:
    """What is called on vectors."""
    placed, reduced = tile.operands, tile.operands.reduced
    reads = (*placed.reads, *(reduced.reads if isinstance(reduced, Summand) else ()))
    scalars = {address.access for address in reads if not address.uses(tile.leaf.vector)}
    for one in placed.assignments if tile.wide else ():
        yield from functions_of(one.value, scalars)
    if isinstance(placed.reduced, Summand):
        yield from functions_of(placed.reduced.value, scalars)
        if placed.reduced.reduction != "add":
            yield placed.reduced.reduction


def _reduction(placed: Operands) -> Reduction:
    assert isinstance(placed.reduced, Summand)
    return placed.reduced.reduction


def _vectorised(tree: Tree, path: Path, leaf: Microkernel, first: int) -> _Part:
    """A function for each border class, numbered from `first`; classes multiply over the loops."""
    placed = operands(tree, leaf)
    one = TileClass(leaf.vector, 0, 1, 1, 0)  # unless its lanes are points of the output
    tiles = tuple(
        BorderTile(
            f"tile{first + number}",
            path,
            leaf,
            placed,
            classes,
            next((t for t in classes if t.loop == leaf.vector), one),
        )
        for number, classes in enumerate(product(*tiles_of(leaf, placed)))
    )
    named = {tile.name: tile for tile in tiles}
    space = TileSpace(path)
    copied = Copies(tree, path) if path.private else None

    def call(name: str, coordinates: tuple[str, ...]) -> str:
        return _call(named[name], space, coordinates, copied)

    classes = [(tile.name, {one.loop: one for one in tile.tiles}) for tile in tiles]
    body = [*c_loops(space, classes, call), *(FENCE if leaf.nontemporal else ())]
    if copied is not None:
        body += copied.combined()
    return _Part(body, tiles, placed.copies)


def _call(
    tile: BorderTile, space: TileSpace, coordinates: tuple[str, ...], copied: Copies | None
) -> str:
    at = dict(zip(space.loops, coordinates, strict=True))
    places = [pointer(address) for address in tile.tensors]
    if copied is not None:
        steps = [(level, -(-level.step // space.step(level.loop))) for level in tile.path.private]
        pieces = [f"({at[x.loop]}) / {step}" if step > 1 else at[x.loop] for x, step in steps]
        own = pointer(tile.operands.output)
        places = [copied.place(pieces) if place == own else place for place in places]
    arguments = places
    for one in tile.tiles:
        scale = tile.leaf.lanes if one.loop == tile.leaf.vector else 1
        arguments.append(_scaled(at[one.loop], one.size * scale, one.offset * scale))
    for level in tile.path.cut:
        points = level.points(tile.leaf.grain(level.loop))
        arguments.append(_scaled(at[level.loop], points, 0))
    return f"{tile.name}({', '.join(arguments)});"


def _scaled(coordinate: str, size: int, offset: int) -> str:
    text = f"({coordinate})" if not coordinate.isalnum() else coordinate
    text = f"{text} * {size}" if size != 1 else text
    return f"{text} + {offset}".replace("+ -", "- ") if offset else text


def _buffers(tree: Tree, tiles: Sequence[BorderTile]) -> tuple[Buffer, ...]:
    """The caller's tensors, then the temporaries that lie in memory at all."""
    touched = {address.access.tensor for tile in tiles for address in tile.tensors}
    for path in tree.paths():
        if isinstance(path.leaf, Scalar):
            statement = tree.statement(path.leaf)
            touched |= {access.tensor for access in (statement.target, *statement.reads)}
    given, own = [], []
    for tensor in tree.nest.tensors:
        layout = tree.layout_of(tensor.name)
        if tensor.role == "temporary":
            if tensor.name in touched:
                own.append(Buffer(tensor.name, "workspace", layout.elements, tensor.dtype, None))
        elif tensor.values is None:
            buffer = Buffer(
                tensor.name, tensor.role, layout.elements, tensor.dtype, layout, tensor.constant
            )
            given.append(buffer)
    return (*given, *own)


def _private(tree: Tree) -> tuple[Buffer, ...]:
    """A workspace for each tensor that has copies: its statements have them one after another."""
    found: dict[str, Buffer] = {}
    for buffer in (Copies(tree, path).buffer for path in tree.paths() if path.private):
        largest = found.setdefault(buffer.name, buffer)
        if buffer.elements > largest.elements:
            found[buffer.name] = buffer
    return tuple(found.values())


def _workspaces(copies: tuple[Packed, ...]) -> tuple[Buffer, ...]:
    return tuple(
        Buffer(f"packed_{c.tensor}", "workspace", c.target.elements, c.target.dtype, None)
        for c in copies
    )


def _comment(tree: Tree) -> list[str]:
    sizes = " ".join(f"{name}={value}" for name, value in tree.nest.sizes)
    statements = [statement.text for statement in tree.nest.statements]
    return [f"{tree.nest.name}: {sizes}", *statements]
