"""When something is due, by name: one time each, moved often and looked at seldom."""

from __future__ import annotations

from heapq import heapify, heappop, heappush


class Alarms:
    """A heap of times, in which a name that is put off stays where it was until that is reached."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._placed: dict[str, float] = {}  # where a name stands in the heap, never too late
        self._heap: list[tuple[float, str]] = []

    def set(self, name: str, when: float) -> None:
        """Due at `when`, and at no other time."""
        self._due[name] = when
        if when < self._placed.get(name, float("inf")):
            self._place(name, when)

    def clear(self, name: str) -> None:
        self._due.pop(name, None)
        self._placed.pop(name, None)

    def due(self, now: float) -> list[str]:
        """The names whose time has come, the earliest first; they have none any more."""
        rung: list[str] = []
        while self._heap and self._heap[0][0] <= now:
            placed, name = heappop(self._heap)
            if self._placed.get(name) != placed:
                continue  # cleared, or moved forward
            when = self._due[name]
            if when > now:
                self._place(name, when)
            else:
                self.clear(name)
                rung.append(name)
        return rung

    def _place(self, name: str, when: float) -> None:
        self._placed[name] = when
        heappush(self._heap, (when, name))
        if len(self._heap) > 64 + 2 * len(self._placed):
            self._heap = [(placed, known) for known, placed in self._placed.items()]
            heapify(self._heap)
