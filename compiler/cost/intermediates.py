"""Where a schedule keeps what one statement computes for another, and what that is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from compiler.cost.roofline import Roofline
from compiler.errors import ScheduleError
from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl
from compiler.lower.lowered import anchored, lowered
from compiler.lower.stages import times_computed
from compiler.lower.tree import Path, Tree
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive, Tensor
from compiler.schedule.schedule import Band, Schedule


@dataclass(frozen=True)
class Intermediate:
    """A temporary of several statements.

    It lives in pieces of the levels `inside`, outermost first: on a buffer of `bytes` for each
    thread, 0 where it never leaves a register tile. Without levels it exists in full, `whole`
    bytes. An element is computed so many `times` on average; `kept` rows are not computed again.
    `saved` are the bytes that each level moves less than with its statements in bands apart.
    `why` is what forbids to attach them to their reader, None where they are or could be.
    """

    tensor: str
    inside: tuple[str, ...]
    bytes: int
    whole: int
    times: float
    kept: int = 0
    saved: Mapping[str, float] = field(default_factory=dict)
    why: str | None = None


def intermediates(
    nest: Primitive, schedule: Schedule, machine: Architecture, threads: int = 1
) -> tuple[Intermediate, ...]:
    """Every temporary of a schedule that fits."""
    tree, model = lowered(nest, schedule), Roofline(nest, machine)
    moved = model.estimate(schedule, threads).moved
    found = []
    for tensor in nest.tensors:
        writers = [path for path in tree.paths() if _writes(tree, path, tensor.name)]
        if tensor.role != "temporary" or not writers:
            continue
        numbers = {path.leaf.statement for path in writers}
        stage, depth = tree.stage(tensor.name), tree.staged(tensor.name)
        times = max(times_computed(nest, path) for path in writers)
        if stage is None and not depth:
            why = _forbidden(nest, schedule, tensor, sorted(numbers))
            found.append(Intermediate(tensor.name, (), 0, tensor.bytes, times, why=why))
            continue
        inside = tuple(one.level.name for one in writers[0].around)
        saved: dict[str, float] = {}
        with suppress(ScheduleError):  # apart they need not fit the others' layouts
            apart = replace(schedule, bands=tuple(b.without(numbers) for b in schedule.bands))
            alone = model.estimate(apart, threads).moved
            saved = {level: alone[level] - size for level, size in moved.items()}
        size = stage.layout.bytes if stage is not None else 0
        kept = stage.rolling.kept.points if stage is not None and stage.rolling is not None else 0
        found.append(Intermediate(tensor.name, inside, size, tensor.bytes, times, kept, saved))
    return tuple(found)


def _writes(tree: Tree, path: Path, tensor: str) -> bool:
    statements = (tree.nest.statements[number] for number in path.leaf.statements)
    return any(statement.target.tensor == tensor for statement in statements)


def _forbidden(
    nest: Primitive, schedule: Schedule, tensor: Tensor, numbers: Sequence[int]
) -> str | None:
    """Why the statements that write a tensor run inside no level of the band that reads it.

    None where they may. Of several levels the outermost one's reason: inside they need more.
    """
    own = {number: band for band, members in anchored(nest, schedule) for number in members}
    for band in schedule.bands:
        for one in band.attached:
            if one.statement in numbers:
                return f"fusion:S{one.statement}.{one.at}: {tensor.name} is used outside of it too"
    readers = [
        number
        for number in own
        if number > numbers[-1]
        and any(access.tensor == tensor.name for access in nest.statements[number].reads)
    ]
    if len(schedule.bands) == 1 or not readers:
        return "its statements and their reader stand in one band"
    host, reasons = readers[0], []
    for level in own[host].order:
        try:
            refusal = by_isl(fitted(nest, _attached(own, schedule, host, numbers, level)))
        except ScheduleError as error:
            reasons.append(str(error).removeprefix(f"{nest.name}: "))
            continue
        if refusal is None:
            return None
        reasons.append(str(refusal))
    return reasons[0].removeprefix("schedule: ") if reasons else f"S{host} has no loop"


def _attached(
    own: Mapping[int, Band], schedule: Schedule, host: int, numbers: Sequence[int], level: str
) -> Schedule:
    """The schedule with the bands of some statements at a level of the host's."""
    bands = {number: replace(band, of=number) for number, band in own.items()}
    bands |= {number: bands[number].serial() for number in numbers}
    bands[host] = bands[host].attaching(numbers, level)
    return replace(schedule, bands=tuple(bands.values()))
