"""A border class of a microkernel: its points, vectors and accumulators, and where they lie."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import gcd

from compiler.lower.addressing import Address
from compiler.lower.border_classes import Border, TileClass, lane_pieces
from compiler.lower.edges import Question
from compiler.lower.operands import Factors, Operands, whole
from compiler.lower.steps import variable
from compiler.lower.tree import Level, Microkernel, Path
from compiler.problem.dtypes import DType

Point = tuple[tuple[str, int], ...]  # offset in the register tile, by loop


@dataclass(frozen=True)
class BorderTile:
    """One border class: which points and vectors, in a C function of this name."""

    name: str
    path: Path
    leaf: Microkernel  # which ends the path
    operands: Operands
    tiles: tuple[TileClass, ...]  # one per loop of the output
    vectors: TileClass  # of the vector loop: one of these, or where lanes lie across, a single one

    @property
    def reduced(self) -> tuple[Address, ...]:
        """What its reduction reads: two factors, or the operands of any expression."""
        reduced = self.operands.reduced
        if isinstance(reduced, Factors):
            return reduced.vector, reduced.broadcast
        return reduced.reads if reduced is not None else ()

    @property
    def dtype(self) -> DType:
        """Of its vectors."""
        return self.operands.output.layout.dtype

    @property
    def starts(self) -> tuple[str, ...]:
        """Loops whose position the function takes, in the order of its parameters."""
        return (*(t.loop for t in self.tiles), *(level.loop for level in self.path.cut))

    @property
    def written(self) -> tuple[Address, ...]:
        """What it stores: at last, and between the pieces of a cut reduction."""
        ops = self.operands
        return tuple(dict.fromkeys((*ops.stores, *((ops.output,) if self.path.cut else ()))))

    @property
    def places(self) -> tuple[Address, ...]:
        """What it stores, and where sums begin with values of an earlier statement."""
        ops = self.operands
        begun = ops.reduced is not None and ops.reduced.accumulate
        return tuple(dict.fromkeys((*self.written, *((ops.output,) if begun else ()))))

    @property
    def tensors(self) -> tuple[Address, ...]:
        """An operand of each pointer that the function takes, in the order of its parameters."""
        found: dict[str, Address] = {}
        for address in (*self.reduced, *self.places, *self.operands.reads):
            found.setdefault(pointer(address), address)
        return tuple(found.values())

    @property
    def pieces(self) -> tuple[TileClass, ...]:
        """What its vector loop is made of: one, or across a reduction whole ones and a rest."""
        grain = self.leaf.grain(self.leaf.vector)
        return (self.vectors,) if self.wide else lane_pieces(grain)

    @property
    def wide(self) -> bool:
        """Whether its results are vectors; else they are the numbers that lanes are joined to."""
        return not self.leaf.form.across

    @property
    def result(self) -> str:
        """C type of a result."""
        return "vec" if self.wide else self.dtype.c

    @property
    def point_loops(self) -> tuple[TileClass, ...]:
        """The loops that its points lie on, the vector loop apart."""
        return tuple(t for t in self.tiles if t.size > 1 and t is not self.vectors)

    @property
    def ranged_borders(self) -> tuple[Border, ...]:
        """Borders whose taps are a range known at run time: tiles of a single point."""
        points = {grain.loop: grain.points for grain in self.leaf.grains}
        return tuple(border for border in self.operands.borders if points[border.point] == 1)

    def without(self, answered: Collection[Question]) -> BorderTile:
        """The tile where these questions are not asked: it is inside."""
        left = (
            replace(edge, questions=tuple(q for q in edge.questions if q not in answered))
            for edge in self.operands.edges
        )
        edges = tuple(edge for edge in left if edge.questions)
        return replace(self, operands=replace(self.operands, edges=edges))

    def points(self, live: Mapping[str, tuple[int, ...]]) -> list[Point]:
        """Points of the tile that are live, the vector loop apart."""
        ranges = [[(t.loop, i) for i in live.get(t.loop, range(t.size))] for t in self.point_loops]
        return list(product(*ranges))

    def aligned(self) -> dict[str, int]:
        """Numbers that divide the starts of the loops."""
        lanes = self.leaf.lanes
        aligned = {self.vectors.loop: lanes}
        if self.vectors.offset % self.vectors.step == 0:
            aligned[self.vectors.loop] = lanes * self.vectors.step
        for region in self.path.regions:
            aligned[region.loop] = gcd(aligned.get(region.loop, 1), region.aligned)
        for level in self.path.cut:
            aligned[level.loop] = level.points(self.leaf.grain(level.loop))
        return aligned

    def base(self, address: Address) -> str:
        """C expression of an operand's offset at the first point of the tile."""
        return address.base({loop: f"at_{loop}" for loop in self.starts}, self.aligned())

    def offset(self, address: Address, point: Point, vector: int) -> int:
        """Elements from the first point of the tile to another one."""
        lanes = self.leaf.lanes
        inside = sum(address.coefficient(loop, 1) * i for loop, i in point)
        return inside + address.coefficient(self.vectors.loop, lanes) * vector

    def position(
        self, loop: str, point: Point, vector: int, levels: Sequence[Level] | None = None
    ) -> str:
        """C expression of a loop's value at a point, in the first lane of a vector.

        Of the loops inside, `levels` run; None: all of them.
        """
        running = self.leaf.levels if levels is None else levels
        inside = [level for level in running if level.loop == loop]
        texts = [f"at_{loop}"] if loop in self.starts else []
        texts += [f"{variable(x)} * {x.points(self.leaf.grain(loop))}" for x in inside]
        more = dict(point).get(loop, 0)
        more += self.leaf.lanes * vector if loop == self.leaf.vector else 0
        return " + ".join([*texts, *([str(more)] if more or not texts else [])])

    def accumulators(self) -> list[tuple[Point, int]]:
        """(point, vector) of every accumulator."""
        return [(p, j) for p in self.points({}) for j in range(self.vectors.size)]

    def load(self, name: str, address: Address, offset: str, vector: int) -> str:
        """C expression of a vector of an operand, of one element where all lanes share it."""
        if not address.uses(self.leaf.vector):
            return f"{name}[{offset}]"
        at = f"{name} + {offset}"
        lanes = self.partial(vector)
        return f"LOAD_PART({at}, {lanes})" if lanes and not self.whole(address) else f"LOAD({at})"

    def store(self, name: str, address: Address, offset: str, vector: int, value: str) -> str:
        """C statement that writes a result there."""
        if not self.wide:
            return f"{name}[{offset}] = {value};"
        at = f"{name} + {offset}"
        lanes = self.partial(vector)
        if lanes and not self.whole(address):
            return f"STORE_PART({at}, {value}, {lanes});"
        return f"{'STREAM' if self.leaf.nontemporal else 'STORE'}({at}, {value});"

    def partial(self, vector: int) -> int:
        """Lanes of a vector that are inside the loop when it is the last one, else 0."""
        if self.vectors.partial and vector == self.vectors.size - 1:
            return self.leaf.grain(self.vectors.loop).extent % self.leaf.lanes
        return 0

    def whole(self, address: Address) -> bool:
        """Whether a last vector of the operand is read and written like the others.

        Not of a reduction along the lanes, to which those beyond the last element must add nothing.
        """
        if self.leaf.form.across:
            return False
        copied = any(copy.tensor == address.access.tensor for copy in self.operands.copies)
        return (copied and bool(address.shift)) or whole(self.leaf, address)


def accumulator(point: Point, vector: int, name: str = "a") -> str:
    """C name of an accumulator."""
    return name + "_".join(str(i) for _, i in point) + f"v{vector}"


def pointer(address: Address) -> str:
    """C name of a tensor, or of the packed copy of it."""
    return f"t_packed_{address.access.tensor}" if address.shift else f"t_{address.access.tensor}"
