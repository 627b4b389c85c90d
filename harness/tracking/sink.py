"""Results into MLflow: one parent run per campaign, one child run per trial id.

The journal is the source of truth. The driver alone writes here, from a thread of its own, and a
store that does not answer costs one warning: `sync` brings it up to date from the journal later.
MLflow is loaded by name in that thread (it takes 1 to 6 s).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Thread

from harness.errors import EnvironmentProblem, RecordError
from harness.extras import installing
from harness.record.identity import line_id
from harness.record.journal import CampaignFolder
from harness.record.result import TrialResult
from harness.record.result_line import line_of
from harness.tracking.overview import Overview
from harness.tracking.refusal import refusal, without_password
from harness.tracking.sqlite_store import sqlite_uri
from harness.tracking.store import Store

CLOSING_SECONDS = 120.0

_Item = tuple[TrialResult, ...] | Overview | None  # None is the end


@dataclass(frozen=True)
class Synced:
    """Child runs written, and those that were up to date; `notes` are for the user."""

    written: int
    unchanged: int
    notes: tuple[str, ...] = ()


class MlflowSink:
    """Takes results without waiting; `close` waits until they are in the store.

    `warn` is called with one line, once at most when the store cannot be written, and for what the
    store says of the folder. Raises EnvironmentProblem where MLflow is not installed.
    """

    def __init__(
        self,
        folder: CampaignFolder,
        uri: str | None,
        experiment: str,
        warn: Callable[[str], None],
    ) -> None:
        _check_installed()
        self._folder = folder
        self._uri = uri or default_store(folder)
        self._experiment = experiment
        self._warn = warn
        self._warned = False
        self._whole = False  # the campaign has said its last
        self._store: Store | None = None
        self._queue: Queue[_Item] = Queue()
        self._thread = Thread(target=self._run, name="mlflow", daemon=True)
        self._thread.start()

    @property
    def uri(self) -> str:
        return self._uri

    def record(self, results: Iterable[TrialResult]) -> None:
        """Queues a unit's results, which stand in the journal already."""
        self._queue.put(tuple(results))

    def finish(self, overview: Overview) -> None:
        """Queues what the parent run gets once: what it says of the whole, journal and page."""
        self._whole = True
        self._queue.put(overview)

    def close(self, seconds: float = CLOSING_SECONDS) -> bool:
        """Waits for what is queued; False when not everything reached the store.

        Of a campaign that has finished, for as long as the store gets on: a large one takes hours.
        """
        self._queue.put(None)
        while self._thread.is_alive():
            before = self._written
            self._thread.join(seconds)
            written = self._written
            if self._thread.is_alive() and (written == before or not self._whole):
                self._fall_back(f"took more than {seconds:.0f} s")
                break
            if self._thread.is_alive():
                self._warn(f"MLflow has {written} trials so far; the journal is complete")
        return not self._warned

    @property
    def _written(self) -> int:
        return self._store.written if self._store is not None else 0

    def _run(self) -> None:
        # Whatever MLflow raises (dozens of kinds, its transport's and its database's among them)
        # must not end the campaign.
        try:
            store = self._store = Store(self._folder, self._uri, self._experiment)
            with store.many():
                store.write_journal()  # what a driver before this one did not come to
                while (items := self._taken())[-1] is not None:
                    store.write(
                        (result, line_id(line_of(result).encode()))
                        for item in items
                        if isinstance(item, tuple)
                        for result in item
                    )
                    for item in items:
                        if isinstance(item, Overview):
                            store.finish(item)
            for note in store.notes:
                self._warn(note)
        except Exception as fault:
            self._fall_back(refusal(fault))

    def _taken(self) -> list[_Item]:
        """The next item, and the results that wait behind it; the end stands alone."""
        items = [self._queue.get()]
        with suppress(Empty):
            while isinstance(items[-1], tuple):
                items.append(self._queue.get_nowait())
        if items[-1] is None and len(items) > 1:
            self._queue.put(items.pop())
        return items

    def _fall_back(self, reason: str) -> None:
        if not self._warned:
            self._warned = True
            self._warn(
                f"MLflow at {without_password(self._uri)} cannot be written ({reason}); "
                f"the journal is complete, later: polydl sync {self._folder.path}"
            )


def sync(
    folder: CampaignFolder, uri: str | None, experiment: str, overview: Overview | None = None
) -> Synced:
    """Brings the store up to date from the journal; safe to repeat.

    Raises RecordError, and EnvironmentProblem where MLflow is not installed.
    """
    _check_installed()
    address = uri or default_store(folder)
    try:
        store = Store(folder, address, experiment)
        store.write_journal()
        store.finish(overview)
    except Exception as fault:  # see MlflowSink._run
        raise RecordError(f"MLflow at {without_password(address)}: {refusal(fault)}") from fault
    unchanged = len(folder.results()) - store.written
    return Synced(store.written, unchanged, tuple(store.notes))


def default_store(folder: CampaignFolder) -> str:
    """A sqlite file beside the campaigns, runs/mlflow.db."""
    return sqlite_uri(folder.path.resolve().parent / "mlflow.db")


def _check_installed() -> None:
    if importlib.util.find_spec("mlflow") is None:
        raise EnvironmentProblem(
            f"mlflow is not installed; install it with: {installing('mlflow')}"
        )
