"""What each loop of a contraction is to a vector kernel: lanes, pixels, batch, channel, taps."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.errors import ScheduleError
from compiler.microkernel.contraction import Contraction, contraction, dimension, sum_of_products
from compiler.problem.primitive import Primitive


@dataclass(frozen=True)
class Axes:
    """The loops by role, outermost first within a role, seen from one vector loop.

    pixels   output loops that only the broadcast operand reads: each vector serves all of them
    batch    other output loops: nothing is reused over them but what both operands share
    channel  the reduction loop that is a plain index of both operands and can be blocked, if any
    taps     the other reduction loops
    """

    roles: Contraction
    vector: str
    pixels: tuple[str, ...]
    batch: tuple[str, ...]
    channel: str | None
    taps: tuple[str, ...]


def axes_of(nest: Primitive) -> tuple[Axes, ...]:
    """The readings of a nest of one statement, one per loop that can fill lanes; none of others."""
    found = sum_of_products(nest, 0)
    if found is None:
        return ()
    readings = []
    for loop in found[0].loops:
        try:
            roles = contraction(nest, 0, loop)
        except ScheduleError:
            continue
        readings.append(axes(nest, roles, loop))
    return tuple(readings)


def axes(nest: Primitive, roles: Contraction, vector: str) -> Axes:
    """The loops of a contraction by role when `vector` fills the lanes."""
    kept = [loop for loop in roles.output.loops if loop != vector]
    pixels = tuple(loop for loop in kept if loop not in roles.vector_operand.loops)
    channels = [
        loop
        for loop in roles.statement.reduction_loops
        if dimension(roles.vector_operand, loop) is not None
        and dimension(roles.broadcast_operand, loop) is not None
    ]
    channel = max(channels, key=nest.extent, default=None)
    return Axes(
        roles,
        vector,
        pixels,
        tuple(loop for loop in kept if loop not in pixels),
        channel,
        tuple(loop for loop in roles.statement.reduction_loops if loop != channel),
    )
