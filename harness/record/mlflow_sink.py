"""Results into MLflow: one parent run per campaign, one child run per trial id.

The journal is the source of truth. The driver alone writes here, from a thread of its own, and a
store that does not answer costs one warning: `sync` brings it up to date from the journal later.
MLflow is loaded by name in that thread, after its environment is set (it takes 1 to 6 s).
"""

from __future__ import annotations

import getpass
import importlib
import importlib.util
import logging
import os
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

from harness.errors import EnvironmentProblem, RecordError
from harness.record.journal import CampaignFolder
from harness.record.result import TrialResult
from harness.record.run_fields import RunFields, content_of, run_fields, safe_name

ENVIRONMENT = {  # what the user has set stays
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",  # seconds
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
}
CHATTY = ("mlflow", "alembic", "sqlalchemy")
PARENT = "mlflow.parentRunId"
PAGE = 1000  # runs of one search
CLOSING_SECONDS = 120.0


@dataclass(frozen=True)
class Synced:
    """Child runs written, and those that were up to date."""

    written: int
    unchanged: int


class MlflowSink:
    """Takes results without waiting; `close` waits until they are in the store.

    `warn` is called once at most, with one line, when the store cannot be written. Raises
    EnvironmentProblem where MLflow is not installed.
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
        self._queue: Queue[tuple[TrialResult, ...] | str | None] = Queue()
        self._thread = Thread(target=self._run, name="mlflow", daemon=True)
        self._thread.start()

    @property
    def uri(self) -> str:
        return self._uri

    def record(self, results: Iterable[TrialResult]) -> None:
        """Queues a unit's results, which stand in the journal already."""
        self._queue.put(tuple(results))

    def finish(self, table: str) -> None:
        """Queues what the parent run gets once: the table, the journal, samples and C texts."""
        self._queue.put(table)

    def close(self, seconds: float = CLOSING_SECONDS) -> bool:
        """Waits for what is queued; False when not everything reached the store."""
        self._queue.put(None)
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._fall_back(f"took more than {seconds:.0f} s")
        return not self._warned

    def _run(self) -> None:
        # Whatever MLflow raises (dozens of kinds, its transport's and its database's among them)
        # must not end the campaign.
        try:
            store = _Store(self._folder, self._uri, self._experiment)
            while (item := self._queue.get()) is not None:
                if isinstance(item, str):
                    store.finish(item)
                else:
                    for result in item:
                        store.write(result)
        except Exception as fault:
            self._fall_back(_one_line(fault))

    def _fall_back(self, reason: str) -> None:
        if not self._warned:
            self._warned = True
            self._warn(
                f"MLflow at {self._uri} cannot be written ({reason}); the journal is complete, "
                f"later: polydl sync {self._folder.path}"
            )


def sync(
    folder: CampaignFolder, uri: str | None, experiment: str, table: str | None = None
) -> Synced:
    """Brings the store up to date from the journal; safe to repeat.

    Raises RecordError, and EnvironmentProblem where MLflow is not installed.
    """
    _check_installed()
    results = folder.results()
    address = uri or default_store(folder)
    try:
        store = _Store(folder, address, experiment)
        written = sum(store.write(result) for result in results)
        store.finish(table)
    except Exception as fault:  # see MlflowSink._run
        raise RecordError(f"MLflow at {address}: {_one_line(fault)}") from fault
    return Synced(written, len(results) - written)


def default_store(folder: CampaignFolder) -> str:
    """A sqlite file beside the campaigns, runs/mlflow.db."""
    return f"sqlite:///{folder.path.resolve().parent / 'mlflow.db'}"


class _Store:
    """The parent run of a campaign and its children, by trial id."""

    def __init__(self, folder: CampaignFolder, uri: str, experiment: str) -> None:
        self._folder = folder
        self._mlflow = _load_mlflow()
        if uri.startswith("sqlite:///"):
            Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        self._client = self._mlflow.tracking.MlflowClient(tracking_uri=uri, registry_uri=uri)
        self._experiment = self._experiment_id(uri, experiment)
        self._parent = self._parent_run()
        children = self._search(f"tags.`{PARENT}` = '{self._parent}'")
        self._children = {run.data.tags.get("trial", ""): run for run in children}

    def write(self, result: TrialResult) -> bool:
        """Writes a child run, in place of an older one of its trial; False when up to date."""
        old = self._children.get(result.trial)
        if old is not None and old.data.tags.get("content") == content_of(result):
            return False
        fields = run_fields(result)
        tags = fields.tags | {PARENT: self._parent} | _source_tags()
        run = self._client.create_run(
            self._experiment, start_time=fields.started, tags=tags, run_name=fields.name
        )
        self._log(run.info.run_id, fields)
        status = "FINISHED" if fields.finished else "FAILED"
        self._client.set_terminated(run.info.run_id, status, fields.ended)
        if old is not None:
            self._client.delete_run(old.info.run_id)
        self._children[result.trial] = run
        return True

    def finish(self, table: str | None) -> None:
        """The parent's counts and artifacts; files of the same name are replaced."""
        results = self._folder.results()
        counts = {
            status: sum(r.status == status for r in results)
            for status in ("ok", "failed", "skipped", "unsupported")
        }
        now = self._mlflow.utils.time.get_current_time_millis()
        metric = self._mlflow.entities.Metric
        self._client.log_batch(
            self._parent, [metric(name, float(n), now, 0) for name, n in counts.items()]
        )
        with tempfile.TemporaryDirectory(prefix="polydl-") as name:
            staged = Path(name)
            if table is not None:
                (staged / "results.txt").write_text(table, encoding="utf-8")
            _archive(self._folder, staged / "records.zip")
            files = (self._folder.configuration, self._folder.results_file, self._folder.report)
            for file in [*sorted(staged.iterdir()), *(f for f in files if f.is_file())]:
                self._client.log_artifact(self._parent, str(file))
        self._client.set_terminated(self._parent, "FAILED" if counts["failed"] else "FINISHED")

    def _log(self, run: str, fields: RunFields) -> None:
        entities = self._mlflow.entities
        now = fields.ended or self._mlflow.utils.time.get_current_time_millis()
        self._client.log_batch(
            run,
            metrics=[entities.Metric(k, v, now, 0) for k, v in fields.metrics.items()],
            params=[entities.Param(k, v) for k, v in fields.params.items()],
        )

    def _experiment_id(self, uri: str, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        place = None  # the server's own
        if uri.startswith("sqlite:///"):  # else MLflow fills ./mlruns
            store = Path(uri.removeprefix("sqlite:///"))
            place = (store.parent / "mlartifacts").resolve().as_uri()
        return str(self._client.create_experiment(name, artifact_location=place))

    def _parent_run(self) -> str:
        name = self._folder.name
        known = self._search(f"tags.campaign = '{safe_name(name)}' AND tags.kind = 'campaign'")
        if known:
            return str(known[0].info.run_id)
        tags = {"campaign": safe_name(name), "kind": "campaign"} | _source_tags()
        run = self._client.create_run(self._experiment, tags=tags, run_name=name)
        return str(run.info.run_id)

    def _search(self, condition: str) -> list[Any]:
        found: list[Any] = []
        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment], condition, max_results=PAGE, page_token=token
            )
            found += page
            token = page.token
            if not token:
                return found


def _check_installed() -> None:
    if importlib.util.find_spec("mlflow") is None:
        raise EnvironmentProblem(
            "MLflow is not installed; install it with: "
            f"{sys.executable} -m pip install 'mlflow>=3.13,<4'"
        )


def _load_mlflow() -> Any:
    """The mlflow package, quiet; its environment must stand before it is imported."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for module in ("mlflow", "sqlalchemy", "alembic", "pydantic", "fastapi", "google"):
        warnings.filterwarnings("ignore", module=rf"{module}(\..*)?$")
    mlflow = importlib.import_module("mlflow")
    importlib.import_module("mlflow.tracking")
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow


def _archive(folder: CampaignFolder, target: Path) -> None:
    """Samples, candidates and C texts, as they lie in the folder."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in ("samples", "candidates", "kernels"):
            for file in sorted((folder.path / part).glob("[!.]*")):
                archive.write(file, f"{part}/{file.name}")


def _source_tags() -> dict[str, str]:
    return {"mlflow.source.name": "polydl", "mlflow.user": getpass.getuser()}


def _one_line(fault: BaseException) -> str:
    text = " ".join(str(fault).split()) or type(fault).__name__
    return text if len(text) <= 200 else f"{text[:200]}..."
