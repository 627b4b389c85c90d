"""A campaign's runs in an MLflow store: the parent and its children, found by the campaign's id.

A child carries the id of its journal line (tag `content`), also when a newer one has replaced it.
So the store tells a copy from its original: where each has lines that the other has not, both went
on, and the second one gets an id and runs of its own.
"""

from __future__ import annotations

import importlib
import logging
import os
import tempfile
import warnings
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.account import home_folder, temporary_folder, user_name
from harness.own_files import private_folder
from harness.record.identity import Identity, Lines, identity_of, identity_of_copy, keep_identity
from harness.record.journal import CampaignFolder
from harness.record.result import TrialResult
from harness.record.run_fields import RunFields, run_fields, safe_name
from harness.record.sqlite_store import is_sqlite, opening, sqlite_file
from harness.scratch import clear_scratch, scratch_folder

ENVIRONMENT = {  # what the user has set stays
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",  # seconds
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
}
CHATTY = ("mlflow", "alembic", "sqlalchemy")
PARENT = "mlflow.parentRunId"
CAMPAIGN = "campaign_id"  # the tag of parents and children
PAGE = 1000  # runs of one search
STATUSES = ("ok", "failed", "skipped", "unsupported")


class Store:
    """The parent run of a campaign and its children, by trial id.

    `notes` are for the user: the folder is a copy that got an id of its own, or is behind. `behind`
    means that the store has all of the folder's lines and more: nothing is written then. `written`
    counts the child runs.
    """

    def __init__(self, folder: CampaignFolder, uri: str, experiment: str) -> None:
        self.notes: list[str] = []
        self.written = 0
        self._children: dict[str, tuple[str, str]] = {}  # trial -> run, line
        self._folder = folder
        self._mlflow = load_mlflow()
        with opening(uri):
            self._client = self._mlflow.tracking.MlflowClient(tracking_uri=uri, registry_uri=uri)
            self._experiment = self._experiment_id(uri, experiment)
            self._enter(identity_of(folder.identity_file, folder.results_file))

    def write(self, result: TrialResult, line: str) -> None:
        """Writes the child run of a journal line, in place of an older one of its trial."""
        if self.behind and line not in self._seen:
            self._part()  # a copy that goes on
        old, content = self._children.get(result.trial, ("", ""))
        if self.behind or content == line:
            return
        fields = run_fields(result)
        tags = fields.tags | self._own_tags() | {"content": line, PARENT: self._parent}
        run = self._client.create_run(
            self._experiment, start_time=fields.started, tags=tags, run_name=fields.name
        )
        self._log(run.info.run_id, fields)
        status = "FINISHED" if fields.finished else "FAILED"
        self._client.set_terminated(run.info.run_id, status, fields.ended)
        if old:
            self._client.delete_run(old)
        self._children[result.trial] = (run.info.run_id, line)
        self.written += 1

    def write_journal(self) -> None:
        """The newest line of every trial."""
        newest = dict(Lines.of(self._folder.results_file).newest)
        for result in self._folder.results():
            if result.trial in newest:  # a driver may have added to it
                self.write(result, newest[result.trial])

    def finish(self, table: str | None) -> None:
        """The parent's counts and artifacts; files of the same name are replaced."""
        if self.behind:
            return
        results = self._folder.results()
        counts = {status: sum(r.status == status for r in results) for status in STATUSES}
        now = self._mlflow.utils.time.get_current_time_millis()
        metric = self._mlflow.entities.Metric
        self._client.log_batch(
            self._parent, [metric(name, float(n), now, 0) for name, n in counts.items()]
        )
        place = Path(tempfile.gettempdir())
        clear_scratch(place)
        with scratch_folder(place) as staged:
            if table is not None:
                (staged / "results.txt").write_text(table, encoding="utf-8")
            _archive(self._folder, staged / "records.zip")
            files = (self._folder.configuration, self._folder.results_file, self._folder.report)
            for file in [*sorted(staged.iterdir()), *(f for f in files if f.is_file())]:
                self._client.log_artifact(self._parent, str(file))
        self._client.set_terminated(self._parent, "FAILED" if counts["failed"] else "FINISHED")

    def _enter(self, identity: Identity) -> None:
        """Find the campaign's runs, or begin with a parent; leave those that are another copy's."""
        self._id = identity.id
        lines = Lines.of(self._folder.results_file)
        runs = self._search(f"tags.{CAMPAIGN} = '{identity.id}'", "ALL")
        parents = [run for run in runs if _is_parent(run) and _active(run)]
        if not parents:
            parents, runs = self._adopted(lines)
        self._parent = parents[0].info.run_id if parents else self._new_parent()
        own = [run for run in runs if run.data.tags.get(PARENT) == self._parent]
        self._seen = {_content(run) for run in own if _complete(run)}
        mine = set(lines.ids)
        self.behind = bool(parents) and mine < self._seen
        if not (self.behind or self._seen <= mine):
            self._part()
            return
        if not self.behind:
            self._children = self._alone([run for run in own if _active(run)], lines)
        if self.behind and mine:
            self.notes.append(
                f"the store has all of {self._folder.path} and more: this is an older copy of the "
                "campaign; nothing was written"
            )
        elif parents and not self.behind:
            self._rename(parents[0])

    def _part(self) -> None:
        """A copy and its original went on, each by itself: this one is a campaign of its own."""
        before, own = self._id, identity_of_copy(self._folder.results_file)
        kept = keep_identity(self._folder.identity_file, own)
        self.notes.append(
            f"{self._folder.path} and a copy of it went on, each by itself: "
            f"it is campaign {own.id[:8]} now, no longer {before[:8]}"
            + ("" if kept else "; its folder cannot be written, so that only the store knows")
        )
        self._enter(own)
        self.write_journal()

    def _adopted(self, lines: Lines) -> tuple[list[Any], list[Any]]:
        """The runs of a store from before there were ids, where all are this campaign's.

        They are found by the campaign's name. Two campaigns of one name replaced each other's runs
        there; what has runs of both, or of the other, is left as it is.
        """
        name = safe_name(self._folder.name)
        known = self._search(f"tags.campaign = '{name}' AND tags.kind = 'campaign'", "ACTIVE_ONLY")
        newest = dict(lines.newest)
        moments = {(r.trial, run_fields(r).started) for r in self._folder.results()}
        found = []
        for parent in known:
            if CAMPAIGN in parent.data.tags:
                continue
            runs = self._search(f"tags.`{PARENT}` = '{parent.info.run_id}'", "ACTIVE_ONLY")
            if runs and all(
                _content(run) in lines.ids or (_trial(run), run.info.start_time) in moments
                for run in runs
            ):
                found.append((parent, runs))
        if len(found) != 1:
            return [], []
        ((parent, runs),) = found
        for run in runs:
            self._client.set_tag(run.info.run_id, CAMPAIGN, self._id)
            if _content(run) not in lines.ids:  # of a version that wrote lines otherwise
                self._client.set_tag(run.info.run_id, "content", newest[_trial(run)])
        self._client.set_tag(parent.info.run_id, CAMPAIGN, self._id)
        taken = [self._client.get_run(run.info.run_id) for run in runs]
        return [parent], taken

    def _alone(self, runs: Sequence[Any], lines: Lines) -> dict[str, tuple[str, str]]:
        """By trial its one run and line; what a killed driver left unfinished or twice is deleted.

        The newest line's run is kept, else the newest run.
        """
        newest = dict(lines.newest)
        children: dict[str, tuple[str, str]] = {}
        for run in sorted(runs, key=lambda r: _content(r) == newest.get(_trial(r))):
            trial = _trial(run)
            if trial in children:
                self._client.delete_run(children[trial][0])
            children[trial] = (run.info.run_id, _content(run) if _complete(run) else "")
        return children

    def _new_parent(self) -> str:
        tags = self._own_tags() | {"campaign": safe_name(self._folder.name), "kind": "campaign"}
        run = self._client.create_run(self._experiment, tags=tags, run_name=self._folder.name)
        return str(run.info.run_id)

    def _rename(self, parent: Any) -> None:
        """The folder may be called otherwise by now."""
        if parent.data.tags.get("campaign") != safe_name(self._folder.name):
            self._client.set_tag(parent.info.run_id, "campaign", safe_name(self._folder.name))
            self._client.update_run(parent.info.run_id, name=self._folder.name)

    def _own_tags(self) -> dict[str, str]:
        tags = {"mlflow.source.name": "polydl", "mlflow.user": user_name()}
        return {CAMPAIGN: self._id, **tags}

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
        if is_sqlite(uri):  # else MLflow fills ./mlruns
            place = (sqlite_file(uri).parent / "mlartifacts").resolve().as_uri()
        return str(self._client.create_experiment(name, artifact_location=place))

    def _search(self, condition: str, view: str) -> list[Any]:
        """All runs of the experiment, oldest first; `view` is one of MLflow's ViewType."""
        found: list[Any] = []
        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment],
                condition,
                run_view_type=getattr(self._mlflow.entities.ViewType, view),
                max_results=PAGE,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            found += page
            token = page.token
            if not token:
                return found


def _is_parent(run: Any) -> bool:
    return bool(run.data.tags.get("kind") == "campaign")


def _active(run: Any) -> bool:
    return bool(run.info.lifecycle_stage == "active")


def _complete(run: Any) -> bool:
    """Its numbers are there; a driver that was killed may have left it before."""
    return bool(run.info.status != "RUNNING")


def _trial(run: Any) -> str:
    return str(run.data.tags.get("trial", ""))


def _content(run: Any) -> str:
    return str(run.data.tags.get("content", ""))


def load_mlflow() -> Any:
    """The mlflow package, quiet; its environment must stand before it is imported."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for module in ("mlflow", "sqlalchemy", "alembic", "pydantic", "fastapi", "google"):
        warnings.filterwarnings("ignore", module=rf"{module}(\..*)?$")
    if home_folder() is None:  # MLflow asks for one as it is imported
        os.environ["HOME"] = str(private_folder(temporary_folder(), "set HOME"))
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
                with suppress(FileNotFoundError):  # written anew this moment
                    archive.write(file, f"{part}/{file.name}")
