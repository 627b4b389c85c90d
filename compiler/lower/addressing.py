"""Where an access finds its element: offsets in a blocked layout as functions of the loops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.errors import ScheduleError
from compiler.problem.primitive import Access, Affine
from compiler.schedule.layout import Layout


@dataclass(frozen=True)
class Address:
    """An access to a tensor that lies in `layout`; `shift` is added to each index first.

    Every dimension that the layout blocks must be indexed by one loop alone, so that offsets
    inside and between blocks are linear in the levels of that loop.
    """

    access: Access
    layout: Layout
    shift: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        blocked = [d for d, _ in self.layout.blocks]
        if len(set(blocked)) != len(blocked):
            raise ScheduleError(f"schedule: {self.access.tensor}: a dimension is blocked twice")
        for d in blocked:
            index = self.index(d)
            if index.terms and (len(index.terms) > 1 or index.terms[0][1] != 1 or index.constant):
                raise ScheduleError(
                    f"schedule: {self.access.tensor}: dimension {d} is indexed by '{index}', "
                    "only one indexed by a loop alone can be blocked"
                )
        loops = [loop for d in blocked for loop in self.index(d).loops]
        if diagonal := sorted({loop for loop in loops if loops.count(loop) > 1}):
            raise ScheduleError(
                f"schedule: {self.access}: {diagonal[0]} indexes two dimensions, one can be blocked"
            )

    def index(self, d: int) -> Affine:
        index = self.access.indices[d]
        return Affine(index.terms, index.constant + self.shift[d]) if self.shift else index

    def uses(self, loop: str) -> bool:
        return loop in self.access.loops

    def coefficient(self, loop: str, step: int) -> int:
        """Elements that the offset grows by when `loop` advances by `step` points.

        For a blocked dimension the step is a multiple of the block, or stays inside one.
        """
        total = 0
        for d, outer in enumerate(self.layout.outer_strides):
            coefficient = self.index(d).coefficient(loop)
            block = self.layout.block(d)
            if not coefficient:
                continue
            if block == 1:
                total += outer * coefficient * step
            elif step % block == 0:
                total += outer * (step // block)
            elif block % step == 0 or block >= self.layout.shape[d]:
                total += self._inner_stride(d) * step
            else:
                raise ScheduleError(
                    f"schedule: {self.access.tensor}: a step of {step} along {loop} does not fit "
                    f"blocks of {block}"
                )
        return total

    @property
    def constant(self) -> int:
        """Elements before the first one that it is at: of indices like `i + 1`."""
        places = enumerate(self.layout.outer_strides)
        return sum(n * self.index(d).constant for d, n in places if self.layout.block(d) == 1)

    def block_of(self, loop: str) -> int:
        """Size of the layout's block along a loop, 1 when that dimension is not blocked."""
        sizes = [
            self.layout.block(d)
            for d, index in enumerate(self.access.indices)
            if index.coefficient(loop)
        ]
        return max(sizes, default=1)

    def contiguous(self, loop: str) -> bool:
        """Whether consecutive points of the loop are consecutive elements."""
        return self.coefficient(loop, 1) == 1

    def base(self, starts: Mapping[str, str], aligned: Mapping[str, int]) -> str:
        """C expression of the offset at the point where each loop is at `starts` (0 if missing).

        `aligned[loop]` is a number that divides every start of the loop.
        """
        terms: list[str] = []
        for d, outer in enumerate(self.layout.outer_strides):
            index, block = self.index(d), self.layout.block(d)
            for loop, coefficient in index.terms:
                start = starts.get(loop)
                if start is None:
                    continue
                if block == 1:
                    terms.append(f"{start} * {outer * coefficient}")
                    continue
                terms.append(f"{start} / {block} * {outer}")
                if aligned.get(loop, 1) % block:
                    terms.append(f"{start} % {block} * {self._inner_stride(d)}")
        if self.constant or not terms:
            terms.append(str(self.constant))
        return " + ".join(terms).replace("+ -", "- ")

    def _inner_stride(self, d: int) -> int:
        for (dimension, _), stride in zip(
            self.layout.blocks, self.layout.block_strides, strict=True
        ):
            if dimension == d:
                return stride
        raise AssertionError(f"dimension {d} is not blocked")
