"""From a lowered tree to a kernel: border classes, functions, loops, buffers."""

from __future__ import annotations

from itertools import product

from compiler.codegen.c_printer import prelude, translation_unit
from compiler.codegen.kernel import Buffer, Kernel
from compiler.codegen.loop_ast import c_loops
from compiler.codegen.microkernel_body import TileFunction
from compiler.codegen.packing import packing
from compiler.codegen.scalar_nest import fixed_tensors, scalar_body
from compiler.lower.isl_tree import Space
from compiler.lower.operands import Operands, Packed, operands, tiles_of
from compiler.lower.tree import Microkernel, Path, Tree

MATHEMATICS = "float expf(float), tanhf(float), erff(float);\n"  # that the scalar nest calls


def generate(tree: Tree) -> Kernel:
    """The kernel of a legal tree that fits; the same tree gives the same bytes."""
    path = tree.paths()[0]
    if isinstance(path.leaf, Microkernel):
        return _vector_kernel(tree, path, path.leaf)
    temporaries = tuple(
        Buffer(t.name, "workspace", t.elements, None)
        for t in tree.nest.tensors
        if t.role == "temporary"
    )
    buffers = _buffers(tree) + temporaries
    text = translation_unit(
        _comment(tree), prelude(1, False) + MATHEMATICS, [], buffers, scalar_body(tree)
    )
    return Kernel(text, buffers, tree.parallel)


def _vector_kernel(tree: Tree, path: Path, leaf: Microkernel) -> Kernel:
    placed = operands(tree, leaf)
    functions = {f.name: f for f in _functions(path, leaf, placed)}
    space = Space(path)

    def call(name: str, coordinates: tuple[str, ...]) -> str:
        return _call(functions[name], space, coordinates)

    classes = [(f.name, {tile.loop: tile for tile in f.tiles}) for f in functions.values()]
    loops = c_loops(space, classes, call)
    buffers = _buffers(tree) + _workspaces(placed.copies)
    calls = [f"pack_{c.tensor}(t_{c.tensor}, t_packed_{c.tensor});" for c in placed.copies]
    fence = ["__builtin_ia32_sfence();"] if leaf.nontemporal else []
    text = translation_unit(
        _comment(tree),
        prelude(leaf.lanes, leaf.nontemporal),
        [
            *(packing(copy, tree.parallel) for copy in placed.copies),
            *(f.text() for f in functions.values()),
        ],
        buffers,
        [*fixed_tensors(tree), *calls, *loops, *_guarded(fence)],
    )
    return Kernel(text, buffers, tree.parallel)


def _functions(path: Path, leaf: Microkernel, placed: Operands) -> list[TileFunction]:
    """A function for each border class; classes multiply over the loops."""
    return [
        TileFunction(f"tile{number}", path, leaf, placed, tiles)
        for number, tiles in enumerate(product(*tiles_of(leaf, placed)))
    ]


def _call(function: TileFunction, space: Space, coordinates: tuple[str, ...]) -> str:
    at = dict(zip(space.loops, coordinates, strict=True))
    placed = function.operands
    arguments = []
    for address in (placed.vector, placed.broadcast, placed.output):
        name = address.access.tensor
        arguments.append(f"t_packed_{name}" if address.shift else f"t_{name}")
    for tile in function.tiles:
        scale = function.leaf.lanes if tile.loop == function.leaf.vector else 1
        arguments.append(_scaled(at[tile.loop], tile.size * scale, tile.offset * scale))
    for level in function.outer_reduction:
        arguments.append(_scaled(at[level.loop], level.step, 0))
    return f"{function.name}({', '.join(arguments)});"


def _scaled(coordinate: str, size: int, offset: int) -> str:
    text = f"({coordinate})" if not coordinate.isalnum() else coordinate
    text = f"{text} * {size}" if size != 1 else text
    return f"{text} + {offset}".replace("+ -", "- ") if offset else text


def _buffers(tree: Tree) -> tuple[Buffer, ...]:
    buffers = []
    for tensor in tree.nest.tensors:
        if tensor.role == "temporary" or tensor.values is not None:
            continue
        layout = tree.layout_of(tensor.name)
        buffers.append(Buffer(tensor.name, tensor.role, layout.elements, layout, tensor.constant))
    return tuple(buffers)


def _workspaces(copies: tuple[Packed, ...]) -> tuple[Buffer, ...]:
    return tuple(
        Buffer(f"packed_{copy.tensor}", "workspace", copy.target.elements, None) for copy in copies
    )


def _guarded(fence: list[str]) -> list[str]:
    return ["#if defined(__SSE__)", *fence, "#endif"] if fence else []


def _comment(tree: Tree) -> list[str]:
    sizes = " ".join(f"{name}={value}" for name, value in tree.nest.sizes)
    statements = [statement.text for statement in tree.nest.statements]
    return [f"{tree.nest.name}: {sizes}", *statements]
