"""What legality answers when a tree breaks a dependence."""

from __future__ import annotations

from dataclasses import dataclass


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
