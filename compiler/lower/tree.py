"""The lowered tree: a schedule applied to a nest, the one form of it that anything else reads.

broadcast/vector:oc.16/tile:oc.4+ow.7/order:ic@1+oc+oh+ow+kh+kw+ic/block:ic@1.256/fusion:S1.tile

Loops ic@1 (256 grains a piece), oc, oh, ow (one grain each)
  Microkernel of S0 over kh, kw, ic       grains: 4 vectors of oc, 7 points of ow, else a point
    fused S1                              in the last piece of ic@1

A band that is attached to a level of another one stands in that level's body, before the levels
that are deeper: the last child of a node goes on with the node's own statement.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from math import prod

from compiler.lower.region import Kept, Region
from compiler.microkernel.signature import Signature
from compiler.model.loop_nest import Guard
from compiler.problem.primitive import Affine, Primitive, Statement
from compiler.schedule.layout import Layout, layout_of
from compiler.schedule.schedule import Sizes, Tags

Runs = tuple[tuple[int, int], ...]  # (pieces, size of each), larger size first


@dataclass(frozen=True)
class Grain:
    """What the levels of a loop count: register tiles of a loop of the output, else points.

    `runs` are (grains, size), the size in vectors of `lanes` points; the last vector may reach past
    the loop's `extent`. A reduction loop that fills the lanes has grains of several vectors too. In
    a region all of them count from its first point; where regions differ in size, the last grain is
    cut short.
    """

    loop: str
    extent: int
    runs: Runs
    lanes: int = 1
    summed: bool = False  # a reduction loop of a microkernel
    region: Region | None = None  # None: it runs over all of the loop

    @property
    def count(self) -> int:
        return sum(n for n, _ in self.runs)

    @property
    def points(self) -> int:
        """Points of the largest grain."""
        return self.runs[0][1] * self.lanes

    def pieces(self, level: Level) -> int:
        """Pieces that a level of the loop cuts all of it into."""
        return -(-self.count // level.step)

    def pieces_of_points(self, level: Level) -> list[int]:
        """The piece of a level that holds each point; step 0 makes every point its own."""
        if not level.step:
            return list(range(self.extent))
        sizes = [size * self.lanes for n, size in self.runs for _ in range(n)]
        pieces = [number // level.step for number, size in enumerate(sizes) for _ in range(size)]
        return pieces[: self.extent]


@dataclass(frozen=True)
class Level:
    """A loop over pieces of `loop`, each `step` grains but for the last one of all.

    `ow@0` with step 0 runs over the points of a grain.
    """

    name: str  # ic@1
    loop: str
    step: int
    parallel: bool = False

    def points(self, grain: Grain) -> int:
        """Points of its loop in one full piece."""
        return self.step * grain.points


@dataclass(frozen=True)
class Box:
    """The elements along a dimension that a stage holds: `size` from max(0, `start`) on.

    `start` is over the numbers of pieces around, and at least `low`.
    """

    start: Affine
    size: int
    low: int
    aligned: int  # a number that divides the first one; 0 when that is 0

    @property
    def first(self) -> str:
        """C and isl text of the first element."""
        return str(self.start) if self.low >= 0 else f"max(0, {self.start})"


@dataclass(frozen=True)
class Rolling:
    """What a piece keeps of the one before: the last rows of a box, which become its first ones.

    `windows` are what a piece touches, inside the boxes that all pieces on the buffer have.
    """

    dimension: int
    loop: str  # of its writer, along the rows
    rows: int  # of the tensor
    kept: Kept
    windows: tuple[Box, ...]


@dataclass(frozen=True)
class StageBuffer:
    """A temporary that one piece of the levels around writes and reads: a box of it, reused.

    `depth` levels are around its memory; so many `at` a piece, whose number says where its boxes
    begin. They are more where pieces keep rows from each other.
    """

    tensor: str
    boxes: tuple[Box, ...]
    layout: Layout  # of the box
    depth: int
    at: int
    rolling: Rolling | None = None

    @property
    def kept(self) -> int:
        """Elements that a piece keeps of the one before it."""
        if self.rolling is None:
            return 0
        inner = self.layout.order[self.layout.order.index(self.rolling.dimension) + 1 :]
        sizes = [x.size for place, x in enumerate(self.rolling.windows) if place not in inner]
        row = self.layout.outer_strides[self.rolling.dimension]
        window = self.rolling.windows[self.rolling.dimension].size
        blocks = prod(self.layout.block(place) for place in range(len(self.boxes)))
        return prod(sizes) // window * self.rolling.kept.points * row // blocks


@dataclass(frozen=True)
class Loops:
    """Levels right inside each other, outermost first, around `body`, which runs in its order.

    The levels are of the loops of the last leaf; what stands before it is attached to them, and the
    stages live in one piece of them.
    """

    levels: tuple[Level, ...]
    body: tuple[Subtree, ...]
    stages: tuple[StageBuffer, ...] = ()


@dataclass(frozen=True)
class Private:
    """Sums of a tensor by pieces: each piece of `levels` has a copy of it while `body` runs.

    The first piece's is the tensor itself, those of the others lie in a workspace and start at the
    neutral element. After the body they are combined into the tensor, in the order of the pieces.
    """

    tensor: str
    levels: tuple[Level, ...]
    body: tuple[Subtree, ...]


@dataclass(frozen=True)
class Fused:
    """A statement computed on a microkernel's register tile, before it is stored.

    `loops` pairs its loops with those of the microkernel's statement whose points it takes. It runs
    in the last piece of each of the reduction levels `last` around the microkernel: before that the
    sums are not whole.
    """

    statement: int
    loops: tuple[tuple[str, str], ...]
    last: tuple[Level, ...] = ()


class _Leaf:
    """What both kinds of leaves are asked for."""

    statement: int
    grains: tuple[Grain, ...]
    fused: tuple[Fused, ...]

    @property
    def statements(self) -> tuple[int, ...]:
        """All that it computes, in this order."""
        return (self.statement, *(fused.statement for fused in self.fused))

    @property
    def names(self) -> dict[int, dict[str, str]]:
        """By statement that it computes, its loops with their names here; others keep their own."""
        return {self.statement: {}} | {one.statement: dict(one.loops) for one in self.fused}

    def grain(self, loop: str) -> Grain:
        return next(grain for grain in self.grains if grain.loop == loop)


@dataclass(frozen=True)
class Microkernel(_Leaf):
    """One grain of each output loop of a statement, its accumulators held in registers.

    `levels` are the reduction levels that run meanwhile, `grains` those of all of its loops,
    `fused` the statements that follow on the same registers.
    """

    statement: int
    form: Signature
    levels: tuple[Level, ...]
    grains: tuple[Grain, ...]
    vector: str
    unroll: int = 1
    prefetch: int = 0
    ahead: Tags = ()
    nontemporal: bool = False
    fused: tuple[Fused, ...] = ()

    @property
    def lanes(self) -> int:
        return self.grain(self.vector).lanes

    @property
    def points(self) -> tuple[Level, ...]:
        """The points of its register tile as loops, innermost of all, which run at once.

        But those of a reduction: each lane has a sum of its own, which changes their order alone.
        """
        return tuple(
            Level(f"{g.loop}@0", g.loop, 0, not g.summed) for g in self.grains if g.points > 1
        )


@dataclass(frozen=True)
class Scalar(_Leaf):
    """One instance of a statement; its grains are points.

    Iterations outside a clip change nothing, and bounds of the loops leave them out.
    """

    statement: int
    grains: tuple[Grain, ...]
    clips: tuple[Guard, ...] = ()
    levels: tuple[Level, ...] = ()
    points: tuple[Level, ...] = ()
    fused: tuple[Fused, ...] = ()


Leaf = Microkernel | Scalar
Subtree = Loops | Private | Leaf


@dataclass(frozen=True)
class Around:
    """A level of another statement that a leaf runs inside; `number` counts from the outermost."""

    number: int
    level: Level
    grain: Grain
    statement: int

    @property
    def piece(self) -> str:
        """C and isl variable: the number of the piece that runs."""
        return f"p{self.number}"


@dataclass(frozen=True)
class Path:
    """A leaf with the loops around it, outermost first, those of its own statement last.

    `private` are those with copies each.
    """

    loops: tuple[Level, ...]
    leaf: Leaf
    private: tuple[Level, ...] = ()
    around: tuple[Around, ...] = ()

    @property
    def levels(self) -> tuple[Level, ...]:
        """All levels of the order, those inside the leaf last."""
        return self.loops + self.leaf.levels

    @property
    def every(self) -> tuple[Level, ...]:
        """All levels around the leaf, whosever they are."""
        return (*(one.level for one in self.around), *self.loops)

    @property
    def cut(self) -> tuple[Level, ...]:
        """The finest level around a microkernel of each of its reduction loops that has one."""
        summed = {grain.loop for grain in self.leaf.grains if grain.summed}
        return tuple({x.loop: x for x in self.loops if x.loop in summed}.values())

    @property
    def copies(self) -> tuple[int, ...]:
        """Pieces of each private level; every combination has a copy of the target."""
        return tuple(self.leaf.grain(level.loop).pieces(level) for level in self.private)

    @property
    def regions(self) -> tuple[Region, ...]:
        return tuple(grain.region for grain in self.leaf.grains if grain.region is not None)


@dataclass(frozen=True)
class Tree:
    """What runs, in which order; where tensors lie for the caller, and their packed copies."""

    nest: Primitive
    body: tuple[Subtree, ...]
    layout: Tags = ()
    pack: Tags = ()
    stages: tuple[StageBuffer, ...] = ()  # of all nodes
    held: Sizes = ()  # temporaries that no piece of so many levels leaves a register tile with

    def paths(self) -> tuple[Path, ...]:
        """Every leaf in the order they run."""
        return tuple(path for node in self.body for path in paths_of(node))

    def statement(self, leaf: Leaf) -> Statement:
        return self.nest.statements[leaf.statement]

    def layout_of(self, name: str) -> Layout:
        """Where a tensor lies: as the schedule says, else plain as stored; of a stage, its box."""
        stage = self.stage(name)
        if stage is not None:
            return stage.layout
        return layout_of(self.nest.tensor(name), dict(self.layout).get(name))

    def stage(self, tensor: str) -> StageBuffer | None:
        """Where a tensor lives that does not exist in full."""
        return next((stage for stage in self.stages if stage.tensor == tensor), None)

    def staged(self, tensor: str) -> int:
        """How many levels are around its memory or its register tile; 0 where all share it."""
        stage = self.stage(tensor)
        return dict(self.held).get(tensor, 0) if stage is None else stage.depth

    @property
    def parallel(self) -> bool:
        """Whether threads share any of its loops."""
        return any(level.parallel for path in self.paths() for level in path.loops)


def last_leaf(node: Subtree) -> Leaf:
    """Whose levels those of a node are."""
    return last_leaf(node.body[-1]) if isinstance(node, Loops | Private) else node


def surrounding(
    levels: tuple[Level, ...], leaf: Leaf, around: tuple[Around, ...]
) -> tuple[Around, ...]:
    """`around`, then the levels of a leaf, for what is attached to the last of them."""
    return around + tuple(
        Around(len(around) + place, level, leaf.grain(level.loop), leaf.statement)
        for place, level in enumerate(levels)
    )


def paths_of(
    node: Subtree,
    loops: tuple[Level, ...] = (),
    private: tuple[Level, ...] = (),
    around: tuple[Around, ...] = (),
) -> Iterator[Path]:
    """Every leaf of a subtree in the order they run."""
    if isinstance(node, Private):
        (child,) = node.body
        yield from paths_of(child, loops, node.levels, around)
    elif isinstance(node, Loops):
        *attached, last = node.body
        own = loops + node.levels
        for child in attached:
            yield from paths_of(child, around=surrounding(own, last_leaf(node), around))
        yield from paths_of(last, own, private, around)
    else:
        yield Path(loops, node, private, around)


def shared_levels(first: Path, second: Path) -> tuple[Around, ...]:
    """The levels that two leaves run inside together."""
    one, other = (surrounding(path.loops, path.leaf, path.around) for path in (first, second))
    return common(one, other)


def common(one: tuple[Around, ...], other: tuple[Around, ...]) -> tuple[Around, ...]:
    """The outermost levels that are the same."""
    pairs = zip(one, other, strict=False)
    return tuple(level for level, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
