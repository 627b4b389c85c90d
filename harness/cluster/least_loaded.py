"""Names by their load: who has the least is known at once, whoever's load has changed."""

from __future__ import annotations

from heapq import heapify, heappop, heappush


class LeastLoaded:
    """Of equal loads the name that came first has the least."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[float, int, str]] = {}
        self._heap: list[tuple[float, int, str]] = []  # holds entries of the past, too
        self._came = 0

    def set(self, name: str, load: float) -> None:
        held = self._held.get(name)
        if held is not None and held[0] == load:
            return
        if held is None:
            self._came += 1
        entry = (load, self._came if held is None else held[1], name)
        self._held[name] = entry
        heappush(self._heap, entry)
        if len(self._heap) > 64 + 2 * len(self._held):
            self._heap = list(self._held.values())
            heapify(self._heap)

    def discard(self, name: str) -> None:
        self._held.pop(name, None)

    def least(self, but: str | None = None) -> str | None:
        """None where nobody is; `but` only where nobody else is."""
        first = self._top()
        if first is None or first[2] != but:
            return None if first is None else first[2]
        heappop(self._heap)
        second = self._top()
        heappush(self._heap, first)
        return first[2] if second is None else second[2]

    def _top(self) -> tuple[float, int, str] | None:
        while self._heap:
            entry = self._heap[0]
            if self._held.get(entry[2]) is entry:
                return entry
            heappop(self._heap)
        return None
