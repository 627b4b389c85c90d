"""Whether a schedule speaks of a nest at all: its loops, levels, sizes and layouts exist there."""

from __future__ import annotations

from compiler.errors import ScheduleError
from compiler.problem.primitive import Primitive, Tensor
from compiler.schedule.layout import Layout, layout_from_tag
from compiler.schedule.schedule import Schedule, depth_of, loop_of


def check_fit(nest: Primitive, schedule: Schedule) -> None:
    """Raise ScheduleError naming the first field that does not fit the nest.

    Says nothing of legality: a schedule that fits may still break a dependence.
    """
    where = f"{nest.name}: schedule"
    loops = [loop for loop, _ in nest.extents]
    reduction = {loop for s in nest.statements for loop in s.reduction_loops}
    named = (*schedule.order, *(name for name, _ in (*schedule.tile, *schedule.block)))
    for level in named + ((schedule.vector[0],) if schedule.vector[0] else ()):
        if loop_of(level) not in loops:
            raise ScheduleError(f"{where}: unknown loop '{level}'; known: {', '.join(loops)}")
    for loop in loops:
        _check_levels(where, schedule, loop, nest.extent(loop))
    for loop, _ in schedule.tile:
        if loop in reduction:
            raise ScheduleError(f"{where}: '{loop}' is a reduction loop, it cannot be tiled")
    inner = schedule.microkernel_levels(tuple(reduction))
    if inside := [level for level in schedule.parallel if level in inner]:
        raise ScheduleError(f"{where}: parallel level '{inside[0]}' is inside the microkernel")
    for name, tag in (*schedule.layout, *schedule.pack):
        layout_from_tag(tag, nest.tensor(name).shape)
    for name, _ in schedule.layout:
        if not free(nest.tensor(name)):
            raise ScheduleError(f"{where}: the layout of '{name}' is fixed by the caller")
    if schedule.fusion or schedule.microkernel not in ("generated", "product"):
        raise ScheduleError(f"{where}: this version generates neither fusion nor library calls")


def layout_of(nest: Primitive, schedule: Schedule, name: str) -> Layout:
    """Where a tensor lies for the caller: the schedule's choice, else plain as stored."""
    tensor = nest.tensor(name)
    tag = dict(schedule.layout).get(name)
    return layout_from_tag(tag, tensor.shape) if tag else Layout(tensor.shape, tensor.stored)


def free(tensor: Tensor) -> bool:
    """Whether the schedule may choose how the tensor lies in memory."""
    return tensor.constant or not tensor.plain


def _check_levels(where: str, schedule: Schedule, loop: str, extent: int) -> None:
    present = [level for level in schedule.order if loop_of(level) == loop]
    depths = [depth_of(level) for level in present]
    if loop not in present or depths != sorted(depths, reverse=True):
        raise ScheduleError(f"{where}: the order must hold '{loop}', after its tile loops")
    above = 0
    for level in present[:-1]:
        size = schedule.block_of(level)
        if size is None:
            raise ScheduleError(f"{where}: level '{level}' has no size; give block:{level}.SIZE")
        if above % size:
            raise ScheduleError(f"{where}: block {level}.{size} does not divide {above} around it")
        above = size
    for level, _ in schedule.block:
        if loop_of(level) == loop and level not in present[:-1]:
            raise ScheduleError(f"{where}: block '{level}' is no tile level of the order")
    if schedule.tile_of(loop) > extent:
        raise ScheduleError(
            f"{where}: tile {loop}.{schedule.tile_of(loop)} is larger than its extent {extent}"
        )
