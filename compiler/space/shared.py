"""Bands that share their outermost loop: what one writes is near when the next one reads it.

    S0: t[m] = max(t[m], x[m,n])      for m@1: pieces of a few rows
    S1: y[m,n] = exp(x[m,n] - t[m])     S0, S1 and S2 over those rows
    S2: s[m] += y[m,n]                  S3
    S3: y[m,n] = y[m,n] / s[m]        fusion:S0.m@1+S1.m@1+S2.m@1

Pieces are one register tile of the last statement's outermost loop, and as many as fill half of
each cache. Of the statements before, all are attached that may be; the others share loops of their
own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from compiler.lower.legality import legal
from compiler.lower.lowered import anchored, lowered
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.schedule.schedule import Band, Schedule, loop_of
from compiler.space.scalar import PIECES

FILLED = 0.5  # of a cache, by what a piece touches
MOST = 12  # bands that are tried in pairs
Pattern = tuple[tuple[int, int, bool], ...]  # a statement, its host, whether its band is its own


class SharedLoops:
    """Schedules of one nest whose bands share loops.

    What may be attached is found out once for bands of the same forms.
    """

    def __init__(
        self, nest: Primitive, scalar: Sequence[Band], machine: Architecture, threads: int
    ) -> None:
        """`scalar` has a band of every statement that serves where its own does not fit pieces."""
        self._nest, self._scalar, self._threads = nest, scalar, threads
        self._held = (0.0, *(FILLED * cache.bytes for cache in machine.caches))
        self._patterns: dict[object, Pattern] = {}

    def of(self, schedule: Schedule) -> tuple[Schedule, ...]:
        """Those of the same bands, one for each size of pieces that makes a difference."""
        bands = tuple(
            replace(band, of=numbers[0]) for band, numbers in anchored(self._nest, schedule)
        )
        if len(bands) > MOST:
            return ()
        apart = replace(schedule, bands=bands)
        forms = tuple((band.scheme, band.vector[0], band.fused) for band in bands)
        found: dict[Schedule, None] = {}
        for held in self._held:
            if (held, forms) not in self._patterns:
                self._patterns[held, forms] = self._pattern(apart, held)
            shared = apart
            for number, host, own in self._patterns[held, forms]:
                shared = self._attached(shared, number, host, own, held)
            if shared != apart and legal(self._nest, shared):
                found[shared] = None
        return tuple(found)

    def _pattern(self, schedule: Schedule, held: float) -> Pattern:
        """All attachments that are legal, those of the last statement first."""
        found: list[tuple[int, int, bool]] = []
        numbers = [band.of for band in schedule.bands if band.of is not None]
        for place in reversed(range(1, len(numbers))):
            host = numbers[place]
            if any(number == host for number, _, _ in found):
                continue
            for number in reversed(numbers[:place]):
                for own in (True, False):
                    tried = self._attached(schedule, number, host, own, held)
                    if tried != schedule and legal(self._nest, tried):
                        schedule = tried
                        found.append((number, host, own))
                        break
        return tuple(found)

    def _attached(
        self, schedule: Schedule, number: int, host: int, own: bool, held: float
    ) -> Schedule:
        """With one more statement attached to the host's outermost loop; as it is without one."""
        bands = {band.of: band for band in schedule.bands}
        if bands[host].private:  # its sums are whole after its loops alone
            return schedule
        outer = self._pieces(schedule, bands[host], held)
        if outer is None:
            return schedule
        if number in (one.statement for b in bands.values() for one in b.attached):
            return schedule
        bands[host] = outer.attaching([number], outer.order[0])
        band = bands[number] if own else self._scalar[number]
        bands[number] = band.serial()
        return replace(schedule, bands=tuple(bands.values()))

    def _pieces(self, schedule: Schedule, band: Band, held: float) -> Band | None:
        """The host with a loop over pieces outermost, which touch about so many bytes."""
        if band.attached:
            return band
        loop = band.order[0] if band.order else ""
        paths = lowered(self._nest, schedule).paths()
        leaf = next(path.leaf for path in paths if path.leaf.statement == band.of)
        grain = next((grain for grain in leaf.grains if grain.loop == loop), None)
        if grain is None or grain.summed or loop != loop_of(loop):
            return None
        touched = sum(tensor.bytes for tensor in self._nest.tensors) / self._nest.extent(loop)
        count = int(held / touched / grain.points)
        count = max(1, min(count, grain.count // (PIECES * self._threads)))
        if count == 1:
            return band
        pieces = f"{loop}@1"
        parallel = tuple(pieces if level == loop else level for level in band.parallel)
        block = (*band.block, (pieces, count))
        return replace(band, order=(pieces, *band.order), block=block, parallel=parallel[:1])
