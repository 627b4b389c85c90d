"""A dimension written by several loops becomes one dimension for each of them.

    upsampling:  y[c, 2*h + i] = x[c, h]         y of 2*h rows
    split:       y[c, h, i] = x[c, h]            y of h times 2 rows, the same elements in order

It is what coalescing undoes: afterwards each element of such a target is named by loops that stand
alone, as vectors and layouts want it. Only what is written so is split: a strided read alone, as in
a 1x1 convolution with stride 2, is served as it is.
"""

from __future__ import annotations

from dataclasses import replace

from compiler.model.accesses import accesses, mapped
from compiler.problem.primitive import Access, Affine, Primitive, Tensor


def split_dimensions(nest: Primitive) -> Primitive:
    """The nest with each dimension split that can be, in row-major order of its elements."""
    for statement in nest.statements:
        target = statement.target
        for d, index in enumerate(target.indices):
            steps = sorted(abs(step) for _, step in index.terms)
            if len(steps) > 1 and _splits(nest, target.tensor, d, steps[1]):
                return split_dimensions(_split(nest, target.tensor, d, steps[1]))
    return nest


def _splits(nest: Primitive, name: str, d: int, radix: int) -> bool:
    """Whether every index of the dimension is an outer one times the radix plus an inner one."""
    tensor = nest.tensor(name)
    if radix < 2 or tensor.shape[d] % radix or tensor.values is not None:
        return False
    extents = dict(nest.extents)
    for access in accesses(nest):
        if access.tensor == name:
            outer, inner = _parts(access.indices[d], radix)
            low, high = inner.bounds(extents)
            least, most = outer.bounds(extents)
            if low < 0 or high >= radix or least < 0 or most >= tensor.shape[d] // radix:
                return False
    return True


def _parts(index: Affine, radix: int) -> tuple[Affine, Affine]:
    """(outer, inner) with index = outer * radix + inner."""
    outer = tuple((loop, step // radix) for loop, step in index.terms if step % radix == 0)
    inner = tuple((loop, step) for loop, step in index.terms if step % radix)
    return Affine(outer, index.constant // radix), Affine(inner, index.constant % radix)


def _split(nest: Primitive, name: str, d: int, radix: int) -> Primitive:
    def changed(access: Access) -> Access:
        if access.tensor != name:
            return access
        pair = _parts(access.indices[d], radix)
        return Access(name, (*access.indices[:d], *pair, *access.indices[d + 1 :]))

    def tensor(one: Tensor) -> Tensor:
        if one.name != name:
            return one
        shape = (*one.shape[:d], one.shape[d] // radix, radix, *one.shape[d + 1 :])
        stored: list[int] = []
        for dimension in one.stored:
            moved = dimension + (dimension > d)
            stored += [moved, moved + 1] if dimension == d else [moved]
        return replace(one, shape=shape, stored=tuple(stored))

    return replace(
        nest,
        tensors=tuple(tensor(one) for one in nest.tensors),
        statements=tuple(mapped(statement, changed) for statement in nest.statements),
    )
