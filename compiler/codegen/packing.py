"""Copies of an operand into a workspace whose borders are filled, so that no read leaves it."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.errors import ScheduleError
from compiler.lower.addressing import Placement
from compiler.problem.primitive import Access, Affine, Primitive
from compiler.schedule.layout import Layout, layout_from_tag


@dataclass(frozen=True)
class Packed:
    """The workspace copy of a tensor: element i of a dimension is element `i - shift` of it."""

    source: Layout
    target: Layout
    shift: tuple[int, ...]
    outside: float
    tensor: str

    def text(self, shared: bool = False) -> str:
        """C function `pack_TENSOR(source, target)` that copies and fills the borders.

        With `shared`, threads share its outermost loop.
        """
        shape = self.target.shape
        plain = tuple(Affine(((f"i{d}", 1),)) for d in range(len(shape)))
        names = {f"i{d}": f"i{d}" for d in range(len(shape))}
        to = Placement(Access("to", plain), self.target)
        source = Placement(Access("from", plain), self.source, tuple(-s for s in self.shift))
        lines = [
            f"static void pack_{self.tensor}(const float *restrict from, float *restrict to)",
            "{",
        ]
        inside, indent = [], "  "
        outermost = next((d for d in self.target.order if shape[d] > 1), None)
        for d in self.target.order:
            if shared and d == outermost:
                lines.append(f"{indent}#pragma omp parallel for")
            lines.append(f"{indent}for (long i{d} = 0; i{d} < {shape[d]}; ++i{d}) {{")
            indent += "  "
            if self.shift[d] or shape[d] > self.source.shape[d] + self.shift[d]:
                low, high = self.shift[d], self.shift[d] + self.source.shape[d]
                inside.append(f"i{d} >= {low} && i{d} < {high}")
        read = f"from[{source.base(names, {})}]"
        if inside:
            read = f"({' && '.join(inside)}) ? {read} : {_number(self.outside)}"
        write = f"to[{to.base(names, {})}]"
        lines.append(f"{indent}{write} = {read};")
        lines += ["  " * d + "}" for d in range(len(shape), 0, -1)]
        return "\n".join([*lines, "}"]) + "\n"


def packed(
    nest: Primitive, access: Access, source: Layout, tag: str, slack: dict[str, int]
) -> Packed:
    """A copy that covers every index of the access, `slack[loop]` points past a loop's end too."""
    extents = dict(nest.extents)
    for loop, more in slack.items():
        extents[loop] += more
    tensor = nest.tensor(access.tensor)
    shape, shift = [], []
    for index, size in zip(access.indices, tensor.shape, strict=True):
        low, high = index.bounds(extents)
        shift.append(max(0, -low))
        shape.append(max(high + 1, size) + shift[-1])
    if tensor.outside is None and tuple(shape) != tensor.shape and not slack:
        raise ScheduleError(f"schedule: {tensor.name} has no value outside, so it needs no packing")
    target = layout_from_tag(tag, tuple(shape))
    return Packed(source, target, tuple(shift), tensor.outside or 0.0, tensor.name)


def _number(value: float) -> str:
    if value == float("-inf"):
        return "-__builtin_inff()"
    if value == float("inf"):
        return "__builtin_inff()"
    return f"{value!r}f"
