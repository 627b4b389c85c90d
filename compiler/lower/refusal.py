"""What legality answers when a tree breaks a dependence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.problem.primitive import Access


@dataclass(frozen=True)
class Refusal:
    """A broken dependence: `order` when it would run backwards, `parallel` when at once.

    `fusion` when two statements run in an order, or on points of a tile, that breaks it.
    """

    kind: str
    loop: str  # the level; a loop where the points of a register tile meet; "" between bands
    statement: int
    text: str

    def __str__(self) -> str:
        return self.text


def iteration_text(point: Mapping[str, int]) -> str:
    """`at m=0, n=1`."""
    return f"at {', '.join(f'{loop}={value}' for loop, value in point.items())}"


def element_text(access: Access, point: Mapping[str, int]) -> str:
    """The element that an access names at one iteration, `scores[0, 1]`."""
    places = ", ".join(str(index.at(point)) for index in access.indices)
    return f"{access.tensor}[{places}]"
