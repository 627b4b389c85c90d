"""A campaign that is resumed: what is different from what it was recorded under, what is left."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import compiler
import harness
from harness.measure.host import git_commit, versions
from harness.record.changes import Change, changed_values, differing
from harness.record.configuration import Document, documents_in, documents_of
from harness.record.journal import CampaignFolder
from harness.record.result import Status, TrialResult
from harness.record.rows import StartRow
from harness.unit import Contender, Unit

SOURCES = ("*.py", "*.c", "*.cpp", "*.h", "*.json")
SHOWN = 4  # changes that are told one by one


def start_now(command: Sequence[str], moment: str, nodes: Mapping[str, str]) -> StartRow:
    """What is recorded of a driver's start; `nodes` gives the compiler by fingerprint."""
    return {
        "started": moment,
        "command": shlex.join(["polydl", *command]),
        "code": code_id(),
        "git_commit": git_commit(),
        "versions": versions(),
        "nodes": dict(nodes),
    }


@lru_cache(maxsize=1)
def code_id() -> str:
    """16 hexadecimal digits of the content of every source file, as this process found it."""
    digest = hashlib.sha256()
    for package in (compiler, harness):
        root = Path(str(package.__file__)).parent
        for file in sorted(file for kind in SOURCES for file in root.rglob(kind)):
            digest.update(f"{package.__name__}/{file.relative_to(root)}\n".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def changed_code(starts: Sequence[StartRow]) -> list[str]:
    """The code and the versions against those of the last start; nothing where none is known."""
    if not starts:
        return []
    last = starts[-1]
    told = []
    if last["code"] != code_id():
        before, now = last["git_commit"], git_commit()
        if before == now:
            before, now = last["code"], code_id()
        told.append(f"code: {before} -> {now}")
    return told + [_told(change) for change in differing(last["versions"], versions())]


def changed_nodes(starts: Sequence[StartRow], nodes: Mapping[str, str]) -> list[str]:
    """Kinds of nodes that the campaign has not been on, or that have another compiler now."""
    known: dict[str, str] = {}
    for start in starts:
        known |= start["nodes"]
    if not known:
        return []
    told = []
    for fingerprint, now in nodes.items():
        if fingerprint not in known:
            told.append(f"host: {', '.join(known)} -> {fingerprint}")
        elif known[fingerprint] != now:
            told.append(f"C compiler: {known[fingerprint]} -> {now}")
    return told


def changed_configuration(before: Sequence[Document], now: Sequence[Document]) -> list[str]:
    """Values that say what is measured and differ; nothing where none are recorded."""
    return [_told(change) for change in changed_values(before, now)] if before else []


def configurations(
    folder: CampaignFolder, text: str
) -> tuple[Sequence[Document], Sequence[Document]]:
    """The recorded ones and those of `text`, but for the name and place of the campaign.

    Both are empty where nothing is recorded.
    """
    if not folder.configuration.exists():
        return [], []
    recorded, asked = (
        [{k: v for k, v in document.items() if k != "campaign"} for document in documents]
        for documents in (documents_in(folder.configuration), documents_of(text))
    )
    return recorded, asked


def unfinished(
    units: Sequence[Unit],
    fingerprints: Iterable[str],
    results: Iterable[TrialResult],
    installed: Callable[[Sequence[Contender]], Sequence[Contender]],
) -> tuple[Unit, ...]:
    """Units with a trial that is missing or failed, or was skipped for want of what is here now.

    A unit is measured whole or not at all. What was done on a kind of node that is absent today is
    done. `results` are a journal's lines, of which the last of a trial counts.
    """
    status: dict[str, Status] = {}
    kinds = set(fingerprints)
    labels: set[str] = set()
    for result in results:
        status[result.trial] = result.status
        if "fingerprint" in result.host:
            kinds.add(str(result.host["fingerprint"]))
        if result.status == "skipped":
            labels.add(result.contender)
    wanted: list[Contender] = []
    for contender in (c for unit in units for c in unit.baselines if c.name in labels):
        if contender not in wanted:
            wanted.append(contender)
    here = installed(wanted) if wanted else ()

    def done(unit: Unit, contender: Contender, kind: str) -> bool:
        found = status.get(unit.trial(contender, kind), "failed")
        return found != "failed" and not (found == "skipped" and contender in here)

    return tuple(
        unit
        for unit in units
        if not any(all(done(unit, c, kind) for c in unit.contenders) for kind in kinds)
    )


def in_short(changes: Sequence[str]) -> str:
    more = f"; and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
    return "; ".join(changes[:SHOWN]) + more


def _told(change: Change) -> str:
    name, before, now = change
    return f"{name}: {before} -> {now}"
