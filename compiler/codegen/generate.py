"""From a lowered tree to a kernel: border classes, functions, loops, buffers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from compiler.codegen.border_tile import BorderTile, pointer
from compiler.codegen.c_printer import prelude, translation_unit
from compiler.codegen.kernel import Buffer, Kernel
from compiler.codegen.lane_functions import lane_functions
from compiler.codegen.lane_reads import lane_reads
from compiler.codegen.library_product import product_end, product_functions, product_setup
from compiler.codegen.loop_ast import c_loops, open_loops
from compiler.codegen.microkernel_body import tile_function
from compiler.codegen.packing import packing
from compiler.codegen.private_copies import Copies
from compiler.codegen.scalar_expression import declarations
from compiler.codegen.scalar_nest import (
    fixed_tensors,
    scalar_prelude,
    scalar_statement,
    starting_lines,
    starting_value,
)
from compiler.codegen.staging import THREAD, rolled, shared, stage_buffer, stage_lines, started
from compiler.codegen.untransformed import untransformed_body
from compiler.codegen.vector_expression import functions_of
from compiler.codegen.vector_functions import vector_functions
from compiler.lower.border_classes import TileClass
from compiler.lower.crops import unplaced
from compiler.lower.isl_tree import TileSpace
from compiler.lower.operands import Operands, Packed, Summand, classes_of, operands
from compiler.lower.steps import region_bounds
from compiler.lower.tree import (
    Around,
    Loops,
    Microkernel,
    Path,
    Private,
    Scalar,
    Subtree,
    Tree,
    last_leaf,
    paths_of,
    surrounding,
)
from compiler.microkernel.contraction import scatters
from compiler.problem.primitive import Reduction

FENCE = ("#if defined(__SSE__)", "__builtin_ia32_sfence();", "#endif")


@dataclass
class _Parts:
    """The text of a tree's nodes, and what they add to the rest of the translation unit."""

    tree: Tree
    tiles: list[BorderTile] = field(default_factory=list)
    copies: dict[Packed, None] = field(default_factory=dict)
    stages: list[Buffer] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)  # of classes

    def lines(self, node: Subtree, above: Path, opened: int = 0) -> list[str]:
        """C lines of a subtree; `above` has the levels around it, of which `opened` are loops."""
        path = replace(above, leaf=last_leaf(node))
        if isinstance(node, Private):
            (child,) = node.body
            return self.lines(child, replace(path, private=node.levels))
        if isinstance(node, Loops):
            path = replace(path, loops=(*path.loops, *node.levels))
            *attached, last = node.body
            if not attached:
                return self.lines(last, path, opened)
            around = surrounding(path.loops, path.leaf, path.around)
            inner = [x for s in node.stages for x in (*stage_lines(s, path), *rolled(s, path))]
            for stage in node.stages:
                self.stages.append(stage_buffer(stage, shared(stage, path)))
            inner += [x for child in attached for x in self.attached(child, around)]
            inner += self.lines(last, path, len(path.loops))
            return open_loops(TileSpace(path), opened, len(path.loops), inner)
        if isinstance(node, Scalar):
            return scalar_statement(self.tree, path, opened)
        return self.vectorised(path, node, opened)

    def attached(self, node: Subtree, around: tuple[Around, ...]) -> list[str]:
        """The same of a subtree that stands in the body of levels of another statement."""
        leaf = last_leaf(node)
        bounds = (
            f"const long {name} = {value};"
            for region in Path((), leaf).regions
            for name, value in region_bounds(region)
        )
        path = Path((), leaf, around=around)
        return [*bounds, *self.started(path), *self.lines(node, path)]

    def started(self, path: Path) -> list[str]:
        """Sets the stage of a leaf's target, if it has one that must be set."""
        if not _set_before(self.tree, path):
            return []
        name = self.tree.statement(path.leaf).target.tensor
        value = starting_value(self.tree, path.leaf)
        stages = (stage for stage in self.tree.stages if stage.tensor == name)
        return [x for s in stages if value is not None for x in started(s, path, value)]

    def vectorised(self, path: Path, leaf: Microkernel, opened: int) -> list[str]:
        """A function for each border class; those that differ in their place alone share it."""
        placed = operands(self.tree, leaf)
        one = TileClass(leaf.vector, 0, 1, 1, 0)  # unless its lanes are points of the output
        functions: dict[tuple[TileClass, ...], str] = {}
        named: dict[str, BorderTile] = {}
        for classes in classes_of(leaf, placed):
            name = f"tile{next(self.numbers)}"
            function = functions.setdefault(unplaced(classes, placed.crops), name)
            vectors = next((t for t in classes if t.loop == leaf.vector), one)
            named[name] = BorderTile(function, path, leaf, placed, classes, vectors)
        self.copies |= dict.fromkeys(placed.copies)
        space = TileSpace(path)

        copied = Copies(self.tree, path) if path.private else None
        called: set[str] = set()

        def call(name: str, coordinates: tuple[str, ...]) -> str:
            called.add(named[name].name)
            return _call(named[name], space, coordinates, copied)

        each = [(name, {one.loop: one for one in tile.tiles}) for name, tile in named.items()]
        body = c_loops(space, each, call, placed.crops, opened)
        self.tiles += [tile for name, tile in named.items() if tile.name == name and name in called]
        body += FENCE if leaf.nontemporal else ()
        return body + (copied.combined() if copied is not None else [])


def generate(tree: Tree) -> Kernel:
    """The kernel of a legal tree that fits; the same tree gives the same bytes."""
    parts = _Parts(tree)
    body = []
    for node in tree.body:
        for path in paths_of(node):
            body += starting_lines(tree, path) if _set_before(tree, path) else []
        body += parts.lines(node, Path((), last_leaf(node)))
    tiles, copies = parts.tiles, tuple(parts.copies)
    buffers = (*_buffers(tree, tiles), *_workspaces(copies), *_private(tree), *parts.stages)
    calls = [f"pack_{c.tensor}(t_{c.tensor}, t_packed_{c.tensor});" for c in copies]
    made = [tile_function(tile) for tile in tiles]
    functions = [function.text for function in made]
    products = tuple(dict.fromkeys(p for function in made for p in function.products))
    thread = THREAD if any(buffer.each_thread for buffer in buffers) else ""
    text = translation_unit(
        _comment(tree),
        _head(tree, tiles, functions) + product_functions(products) + thread,
        [*(packing(copy, tree.parallel) for copy in copies), *functions],
        buffers,
        [*fixed_tensors(tree), *product_setup(products), *calls, *body, *product_end(products)],
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


def _set_before(tree: Tree, path: Path) -> bool:
    """Whether a target is set as a whole: what is on vectors covers it, or adds to it."""
    scattered = scatters(tree.nest, tree.nest.statements[path.leaf.statement])
    return isinstance(path.leaf, Scalar) or scattered


def _scalar(tree: Tree) -> bool:
    return any(isinstance(path.leaf, Scalar) for path in tree.paths())


def _head(tree: Tree, tiles: Sequence[BorderTile], texts: Sequence[str]) -> str:
    dtype, lanes = tree.nest.dtype, max((tile.leaf.lanes for tile in tiles), default=1)
    functions = {name for tile in tiles for name in _functions(tile)}
    nontemporal = any(tile.leaf.nontemporal for tile in tiles)
    partial = any(piece.partial for tile in tiles for piece in tile.pieces)
    partial |= any(tile.operands.edges for tile in tiles)
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
        start = _scaled(at[one.loop], one.step * scale, one.offset * scale)
        region = tile.leaf.grain(one.loop).region
        terms = [start] if region is None else [region.first, *([start] if start != "0" else ())]
        arguments.append(" + ".join(terms))
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
            touched |= tree.statement(path.leaf).tensors
    given, own = [], []
    for tensor in tree.nest.tensors:
        layout = tree.layout_of(tensor.name)
        if tensor.role == "temporary":
            if tensor.name in touched and tree.stage(tensor.name) is None:
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
