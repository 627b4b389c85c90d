"""A store that is a file: one process at a time opens it, since that may migrate it."""

from __future__ import annotations

import fcntl
import importlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from harness.errors import EnvironmentProblem, RecordError
from harness.lock_file import open_lock

_SCHEME = "sqlite:///"


def is_sqlite(uri: str) -> bool:
    return uri.startswith(_SCHEME)


def sqlite_uri(file: Path) -> str:
    return f"{_SCHEME}{file}"


def sqlite_file(uri: str) -> Path:
    return Path(uri.removeprefix(_SCHEME).partition("?")[0])


def artifact_folder(uri: str) -> Path:
    """Where the files of its runs lie."""
    return sqlite_file(uri).parent / "mlartifacts"


def make_relative(uri: str, experiment: str, location: str, relative: str) -> None:
    """Addresses of files from before they were relative, below `location`, in one experiment.

    MLflow has no call for it: an experiment's place is given once.
    """
    place = location.rstrip("/")
    with closing(sqlite3.connect(sqlite_file(uri), timeout=60.0)) as store, store:
        store.execute(
            "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?) "
            "WHERE experiment_id = ? AND substr(artifact_uri, 1, ?) = ?",
            (relative, len(place) + 2, experiment, len(place) + 1, f"{place}/"),
        )
        store.execute(
            "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?",
            (relative, experiment),
        )


@contextmanager
def written_ahead(uri: str, engine: Any) -> Iterator[None]:
    """While many runs are written by an SQLAlchemy engine: a log ahead of the file, so that a
    commit does not wait for the disk (six commits a run, 3 to 7 ms each).

    Whatever dies, the file stays whole; the power's failure may take the last runs, which `sync`
    brings back. Afterwards the file stands alone again, so that it can be copied; where somebody
    else has it open, whoever closes it last sees to that.
    """

    def ahead(connection: Any, _: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    event = importlib.import_module("sqlalchemy.event")
    engine.dispose()
    event.listen(engine, "connect", ahead)
    try:
        yield
    finally:
        event.remove(engine, "connect", ahead)
        engine.dispose()
        with closing(sqlite3.connect(sqlite_file(uri))) as alone, suppress(sqlite3.Error):
            alone.execute("PRAGMA journal_mode = DELETE")


@contextmanager
def opening(uri: str) -> Iterator[None]:
    """While a store is opened to be written; any other than a sqlite file sees to it itself.

    Raises RecordError for a file that cannot be a store, which SQLAlchemy would try for minutes.
    """
    if is_sqlite(uri):
        file = sqlite_file(uri)
        if file.is_dir():
            raise RecordError(f"{file} is a folder, no sqlite file")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise RecordError(f"unable to open database file: {fault}") from fault
        for place in filter(Path.exists, (file, file.parent)):
            # root may write where nobody may, but what is so marked is meant to stay as it is
            if not (place.stat().st_mode & 0o222 and os.access(place, os.W_OK)):
                raise RecordError(f"attempt to write a readonly database: {place}")
    with alone(uri):
        yield


@contextmanager
def alone(uri: str) -> Iterator[None]:
    """Nobody else of ours opens the store meanwhile; where no lock can be, it is only read."""
    with ExitStack() as held:
        if is_sqlite(uri):
            file = sqlite_file(uri)
            with suppress(OSError, EnvironmentProblem):
                descriptor = open_lock(file.with_name(f"{file.name}.lock"))
                held.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
