"""Cache lines that one call moves into a cache, from how often each footprint is fetched again.

Between two uses of a line in successive iterations of a loop, one iteration's working set passes
by. What fits the cache is fetched once for the loop, what does not fit once per iteration: reuse is
weighted by how often it happens, and all tensors share the capacity (least recently used first).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import zip_longest
from math import inf, prod

from compiler.cost.footprints import PAGE, Footprint, Lines, NestLoop

# Working set / capacity up to which all of the last iteration is still there, and from which none
# is. A stack of perfect recency would step at 1; associativity, prefetched lines and pages placed
# at random spread the step to either side, the lower end more: one crowded set loses lines.
KEPT = 0.45
GONE = 1.4
ONCE = 1.05  # of its lines, as the remainders of loops make it
FOLLOWED = 16  # streams that prefetchers follow at once
# What a written line costs more, in lines from L2, where those written next share few sets of a
# cache: stores leave in order, and each waits. Zen 5: 20 in one of 64 sets, 10 in two, 5 in four,
# hardly any in eight.
WAITING = 20.0
SETS = PAGE // 64  # that an address inside a page chooses from
CROWDED_BY = 16.0  # sets over those that lines use, from which stores wait
NEXT = 24  # lines that are written next
NOTHING: Mapping[str, float] = {}
NOWHERE: Mapping[str, int] = {}


class Traffic:
    """The nest's levels with the lines that every access touches inside each of them."""

    def __init__(
        self,
        loops: Sequence[NestLoop],
        extents: Mapping[str, int],
        read: Sequence[Footprint],
        once: Sequence[Footprint],
        written: Footprint,
        held_from: int,
        nontemporal: bool = False,
        streaming: bool = False,
        vector: str = "",
        ahead: Mapping[str, int] = NOWHERE,
    ) -> None:
        """`written` stays in registers inside the levels from number `held_from` on.

        There what is read `once` is read a single time, beside the stores. Written past the caches
        (`nontemporal`) it takes no place in them. A `streaming` nest has register tiles of one
        point, between which only the loops around them can go on along a row. `vector` fills the
        lanes. Of tensors `ahead` the next piece of so many levels is fetched while one is used.
        """
        self._trips = [loop.trips for loop in loops]
        self._tensors = [*(footprint.tensor for footprint in (*read, *once)), written.tensor]
        covered = _covered(loops, extents)
        self._read = [[footprint.lines(points) for points in covered] for footprint in read]
        kept = covered[: held_from + 1]
        self._written = [written.lines(points) for points in kept]
        self._read += [[footprint.lines(points) for points in kept] for footprint in once]
        tiles = prod(self._trips[:held_from])
        self._runs = [_run(own, held_from, tiles if streaming else inf) for own in self._read]
        self._own_runs = [*self._runs]
        if not streaming:
            inner = {loop.loop for loop in loops[held_from:]}
            point = _of_a_point(covered[held_from], covered[-1], inner, vector)
            for k, (footprint, run) in enumerate(zip(read, self._runs, strict=False)):
                self._own_runs[k] = min(run, max(1.0, footprint.lines(point).run))
        self._waiting = 0.0 if nontemporal else _waiting(self._written)
        held = self._read if nontemporal else [*self._read, self._written]
        touched = [[x.touched for x in own] for own in held]
        self._held = [sum(column) for column in zip_longest(*touched, fillvalue=0.0)]
        self._ahead = [footprint.tensor in ahead for footprint in (*read, *once)]
        for footprint, own in zip((*read, *once), self._read, strict=True):
            if (depth := ahead.get(footprint.tensor)) is not None:
                self._held[depth] += own[depth].touched

    def touched(self, depth: int) -> dict[str, float]:
        """By tensor, the lines inside of so many levels."""
        found: dict[str, float] = {}
        for tensor, own in zip(self._tensors, (*self._read, self._written), strict=True):
            found[tensor] = max(found.get(tensor, 0.0), own[min(depth, len(own) - 1)].touched)
        return found

    def moved(
        self,
        capacity: float,
        crowding: bool = False,
        scattered: float = 0.0,
        streamed: float | None = None,
        left: Mapping[str, float] = NOTHING,
        far: bool = False,
        near: bool = False,
    ) -> float:
        """Lines fetched and written back in one call, for a cache of so many lines.

        The same call ran before: what fits is there already. With `crowding` a tensor may sweep
        itself out of few sets. Lines that lie alone cost `scattered` more each: no prefetcher sees
        them come. From memory, which is `far`, it sees only what a single point of a register tile
        reads on and on, as the points take turns; what is fetched ahead does not wait. From the
        `near` one, stores wait for each other where they crowd. `streamed` is how often each line
        of an output that is written past the caches moves here instead. Another statement has
        `left` tensors in the cache, all that it held meanwhile being so many lines.
        """
        again = [_gone(left[x], capacity) if x in left else 1.0 for x in self._tensors]
        if streamed is not None:
            total = streamed * self._written[0].touched
        else:
            written = self._fetched(self._written, capacity, crowding) * again[-1]
            total = (2 + (self._waiting if near else 0.0)) * written
        runs = self._own_runs if far else self._runs
        reads = zip(self._read, runs, again, self._ahead, strict=False)
        for own, run, share, ahead in reads:
            alone = 0.0 if far and ahead else scattered / run
            total += self._fetched(own, capacity, crowding) * (1 + alone) * share
        return total

    def moved_ahead(self, capacity: float, crowding: bool, left: Mapping[str, float]) -> float:
        """Those of the same lines that are fetched ahead: they arrive while others are used."""
        total = 0.0
        for tensor, own, ahead in zip(self._tensors, self._read, self._ahead, strict=False):
            if ahead:
                share = _gone(left[tensor], capacity) if tensor in left else 1.0
                total += self._fetched(own, capacity, crowding) * share
        return total

    def _fetched(self, own: Sequence[Lines], capacity: float, crowding: bool) -> float:
        """Lines of one tensor, innermost loop first: all of a body again, or only what is new."""
        still = self._missed(own, 0, capacity, crowding)
        if not still:  # everything is there from the last call
            return 0.0
        fetched = own[-1].touched
        for depth in range(len(own) - 2, -1, -1):
            touched = own[depth].touched
            again = self._trips[depth] * fetched - touched
            fetched = touched
            if again > 0.0:
                fetched += again * self._missed(own, depth + 1, capacity, crowding)
        return fetched * still

    def _missed(self, own: Sequence[Lines], depth: int, capacity: float, crowding: bool) -> float:
        """Share of the last iteration's lines that are gone: caches are no perfect stacks."""
        held = self._held[depth]
        if crowding:
            held += own[depth].crowded - own[depth].touched
        return _gone(held, capacity)


def _gone(held: float, capacity: float) -> float:
    """Share of lines that a cache has lost while it held so many."""
    if held >= GONE * capacity:
        return 1.0
    return max(0.0, (held / capacity - KEPT) / (GONE - KEPT))


def _waiting(own: Sequence[Lines]) -> float:
    """What stores of a line wait for the ones before, in lines: by the sets that they share."""
    crowded = next((x.crowded / x.touched for x in reversed(own) if x.touched >= NEXT), 1.0)
    return WAITING * crowded / SETS if crowded >= CROWDED_BY else 0.0


def _run(own: Sequence[Lines], held_from: int, tiles: float) -> float:
    """Lines side by side that come one after another, so that prefetchers see them come.

    Of one of the register tiles; of a tensor that all of them read once, a few rows at a time, also
    in the next ones, which go on with these rows.
    """
    inside = own[held_from]
    once = held_from > 0 and tiles * inside.touched <= ONCE * own[0].touched
    goes_on = once and inside.touched <= FOLLOWED * inside.run
    return max(1.0, own[held_from - 1].run if goes_on else inside.run)


def _of_a_point(
    tile: Mapping[str, int], step: Mapping[str, int], inner: Collection[str], vector: str
) -> dict[str, int]:
    """What one point of a register tile covers while its output stays in registers.

    Of what the `tile` covers in all its steps, the `inner` loops run meanwhile.
    """
    return {
        loop: tile[loop] if loop in inner else count if loop == vector else 1
        for loop, count in step.items()
    }


def _covered(loops: Sequence[NestLoop], extents: Mapping[str, int]) -> list[dict[str, int]]:
    """Points of every loop inside each depth: the nest first, one register tile's step last."""
    found = [dict(extents)]
    for loop in loops:
        found.append(found[-1] | {loop.loop: loop.points} | dict(loop.others))
    return found
