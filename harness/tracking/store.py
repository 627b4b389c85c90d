"""A campaign's runs in an MLflow store: the parent and its children, found by the campaign's id.

A child carries the id of its journal line (tag `content`), also when a newer one has replaced it.
So the store tells a copy from its original: where each has lines that the other has not, both went
on, and the second one gets an id and runs of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from harness.account import user_name
from harness.record.identity import Identity, Lines, identity_of, identity_of_copy, keep_identity
from harness.record.journal import CampaignFolder
from harness.record.result import TrialResult
from harness.tracking.artifacts import RELATIVE, Artifacts
from harness.tracking.client import client_of, load_mlflow
from harness.tracking.overview import Overview
from harness.tracking.run_fields import RunFields, milliseconds, run_fields, safe_name
from harness.tracking.sqlite_store import is_sqlite, make_relative, opening, written_ahead

PARENT = "mlflow.parentRunId"
CAMPAIGN = "campaign_id"  # the tag of parents and children
NOTE = "mlflow.note.content"
PAGE = 200  # runs of one search: a server in use takes seconds for a thousand
WRITERS = 8  # threads that write to a server: what waits for it takes longer than what is done here

Line = tuple[TrialResult, str]  # a result, and the id of its journal line


class Store:
    """The parent run of a campaign and its children, by trial id.

    `notes` are for the user: the folder is a copy that got an id of its own, or is behind. `behind`
    means that the store has all of the folder's lines and more: nothing is written then. `written`
    counts the child runs.
    """

    def __init__(self, folder: CampaignFolder, uri: str, experiment: str) -> None:
        self.notes: list[str] = []
        self.written = 0
        self._ahead = False
        self._children: dict[str, tuple[str, str]] = {}  # trial -> run, line
        self._folder = folder
        self._mlflow = load_mlflow()
        self._uri = uri
        self._artifacts = Artifacts(uri)
        self._writers = 1 if is_sqlite(uri) else WRITERS  # one at a time has the file
        with opening(uri):
            self._client = client_of(uri)
            self._experiment = self._experiment_id(uri, experiment)
            self._enter(identity_of(folder.identity_file, folder.results_file))

    def write(self, lines: Iterable[Line]) -> None:
        """Writes the child runs of journal lines, each in place of an older one of its trial.

        Of several lines of one trial the last counts. What was written when a fault ends this is
        whole, and found when the store is opened again.
        """
        newest = {result.trial: (result, line) for result, line in lines}
        if self.behind and any(line not in self._seen for _, line in newest.values()):
            self._part()  # a copy that goes on
        if self.behind:
            return
        due = [
            (result, line)
            for result, line in newest.values()
            if self._children.get(result.trial, ("", ""))[1] != line
        ]
        with ThreadPoolExecutor(self._writers, "mlflow-run") as pool:
            waiting = [pool.submit(self._write, result, line) for result, line in due]
            try:
                for (result, line), one in zip(due, waiting, strict=True):
                    self._children[result.trial] = (one.result(), line)
                    self.written += 1
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def write_journal(self) -> None:
        """The newest line of every trial."""
        newest = dict(Lines.of(self._folder.results_file).newest)
        results = self._folder.results()  # a driver may add to it meanwhile
        with self.many():
            self.write((r, newest[r.trial]) for r in results if r.trial in newest)

    @contextmanager
    def many(self) -> Iterator[None]:
        """While many runs are written, which are not to wait for the disk one by one."""
        with ExitStack() as held:
            if is_sqlite(self._uri) and not self._ahead:
                engine = self._client._tracking_client.store.engine
                held.enter_context(written_ahead(self._uri, engine))
                held.callback(setattr, self, "_ahead", False)
                self._ahead = True
            yield

    def finish(self, overview: Overview | None) -> None:
        """What the parent says of the whole campaign; files of the same name are replaced."""
        if self.behind:
            return
        entities = self._mlflow.entities
        now = self._mlflow.utils.time.get_current_time_millis()
        failed = any(result.status == "failed" for result in self._folder.results())
        files = (self._folder.configuration, self._folder.results_file, self._folder.report)
        put: dict[str, Path | str] = {file.name: file for file in files}
        if overview is not None:
            put["results.txt"] = overview.table
        self._artifacts.put(self._client.get_run(self._parent), put)
        if overview is not None:
            tags = {**overview.tags, NOTE: overview.note}
            self._client.log_batch(
                self._parent,
                metrics=[entities.Metric(k, v, now, 0) for k, v in overview.metrics.items()],
                tags=[entities.RunTag(k, v) for k, v in tags.items()],
            )
            self._log_workloads(overview.workloads)
        self._client.set_terminated(self._parent, "FAILED" if failed else "FINISHED")

    def _write(self, result: TrialResult, line: str) -> str:
        """One child run, terminated when all of it is there; then the older one goes."""
        folder = self._folder
        fields = run_fields(result, folder.candidates(result.trial))
        tags = fields.tags | self._own_tags() | {"content": line, PARENT: self._parent}
        run = self._client.create_run(
            self._experiment, start_time=fields.started, tags=tags, run_name=fields.name
        )
        files = {
            "samples.json": folder.samples_file(result.trial),
            "candidates.jsonl": folder.candidates_file(result.trial),
            "again.jsonl": folder.again_file(result.trial),
        }
        if result.kernel is not None:
            files["kernel.c.txt"] = folder.kernel_file(result.kernel)  # the UI shows no .c
        self._artifacts.put(run, files)
        self._log(run.info.run_id, fields)
        status = "FINISHED" if fields.finished else "FAILED"
        self._client.set_terminated(run.info.run_id, status, fields.ended)
        old, _ = self._children.get(result.trial, ("", ""))
        if old:
            self._client.delete_run(old)
        return str(run.info.run_id)

    def _log_workloads(self, workloads: Mapping[str, str]) -> None:
        """As inputs of the parent: what the UI calls its datasets."""
        entities = self._mlflow.entities
        inputs = [
            entities.DatasetInput(
                entities.Dataset(name, digest, "polydl", name),
                [entities.InputTag("mlflow.data.context", "benchmark")],
            )
            for name, digest in workloads.items()
        ]
        if inputs:
            self._client.log_inputs(self._parent, inputs)

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
        moments = {(r.trial, milliseconds(r.started)) for r in self._folder.results()}
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

        The newest line's run is kept, a complete one before one that is not, else the newest run.
        """
        newest = dict(lines.newest)
        children: dict[str, tuple[str, str]] = {}
        for run in sorted(runs, key=lambda r: (_content(r) == newest.get(_trial(r)), _complete(r))):
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
        began = fields.started or now
        steps = [
            entities.Metric(
                "best.microseconds", s.microseconds, began + int(1e3 * s.seconds), s.number
            )
            for s in fields.steps
        ]
        self._client.log_batch(
            run,
            metrics=steps + [entities.Metric(k, v, now, 0) for k, v in fields.metrics.items()],
            params=[entities.Param(k, v) for k, v in fields.params.items()],
        )

    def _experiment_id(self, uri: str, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            place = RELATIVE if is_sqlite(uri) else None  # the server's own
            return str(self._client.create_experiment(name, artifact_location=place))
        number, place = str(found.experiment_id), str(found.artifact_location)
        if is_sqlite(uri) and place.startswith("file:") and Path(place).name == "mlartifacts":
            make_relative(uri, number, place, RELATIVE)  # until 0.2.0 they were absolute
        return number

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
