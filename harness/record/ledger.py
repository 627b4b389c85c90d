"""The journal's own thread: the campaign goes on dispatching while the disk takes what has ended.

A write to disk takes milliseconds, however much it writes, so that whatever has ended meanwhile
goes into one. Only then does a unit count as done.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, Queue
from threading import Thread
from types import TracebackType

from harness.record.writer import CampaignWriter, UnitRecords

MOST = 256  # units that wait to be written; a driver that is faster than its disk waits there

_Entry = tuple[UnitRecords, Callable[[], None]]


class Ledger:
    """A context manager; when it is left, everything that was put into it is on disk."""

    def __init__(self, writer: CampaignWriter) -> None:
        self._writer = writer
        self._queue: Queue[_Entry | None] = Queue(MOST)
        self._fault: BaseException | None = None
        self._thread = Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def put(self, unit: UnitRecords, done: Callable[[], None]) -> None:
        """Record a unit; `done` is called from the ledger's thread once it is on disk.

        Raises what an earlier write met: nothing is accepted any more then.
        """
        self._check()
        self._queue.put((unit, done))

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._queue.put(None)
        self._thread.join()
        if kind is None:
            self._check()

    def _check(self) -> None:
        if self._fault is not None:
            raise self._fault

    def _run(self) -> None:
        """After a fault the queue is emptied all the same, so that nobody waits for room in it."""
        going = True
        while going:
            batch = self._taken()
            going = batch[-1] is not None
            if self._fault is None:
                try:
                    self._write([entry for entry in batch if entry is not None])
                except BaseException as fault:
                    self._fault = fault

    def _taken(self) -> list[_Entry | None]:
        """The next entry, and all that wait behind it."""
        batch = [self._queue.get()]
        try:
            while batch[-1] is not None:
                batch.append(self._queue.get_nowait())
        except Empty:
            pass
        return batch

    def _write(self, batch: list[_Entry]) -> None:
        self._writer.record([unit for unit, _ in batch])
        for _, done in batch:
            done()
