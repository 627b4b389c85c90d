"""A finished campaign in a few small files, as experiments/ holds them: read as any other.

    campaign.yaml  starts.jsonl  results.jsonl.gz
    samples.jsonl.gz  candidates.jsonl.gz  again.jsonl.gz

The last line of every trial in the journal's order, its samples and candidates, one line a trial.
C texts are left out, for schedules print them again; so is what says where the campaign lay and
not what was measured: folders and addresses. The same campaign gives the same files, and a kept
one gives itself.
"""

from __future__ import annotations

import gzip
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from compiler.errors import shown
from harness.errors import RecordError
from harness.record.configuration import configuration_text, documents_in
from harness.record.journal import CampaignFolder
from harness.record.result import TrialResult
from harness.record.result_line import json_text, line_of
from harness.record.typed import content
from harness.record.writer import write_whole

_PLACE = re.compile(r"(?<![\w.])/(?:[\w.+~-]+/)+([\w.+~-]+)")  # its last part is a file's name
_ELSEWHERE = {  # keys that say where a campaign ran
    "campaign": ("name", "dir", "resume"),
    "tracking": ("uri",),
    "cluster": ("address", "cores"),
}


def write_kept(folder: CampaignFolder, path: Path) -> CampaignFolder:
    """The campaign's files in a folder that is new, empty or a kept campaign's already.

    Raises RecordError where the campaign cannot be read, has no results or the folder is another's.
    """
    results = folder.results()
    if not results:
        raise RecordError(f"campaign {folder.name}: has no results to keep")
    kept = CampaignFolder(path)
    _check_usable(kept)
    starts = [{**start, "command": _command(start.get("command"))} for start in folder.starts()]
    told = starts[0]["command"] if starts else ""
    words = shlex.split(str(told))[1:]
    texts = {
        file.name: configuration_text(list(map(_placeless_document, documents_in(file))), words)
        for file in sorted(folder.path.glob("campaign*.yaml"))
    }
    texts[kept.starts_file.name] = _lines(starts)
    packed = {
        "results": "".join(f"{line_of(_placeless(result))}\n" for result in results),
        "samples": _by_trial(results, folder.samples),
        "candidates": _by_trial(results, folder.candidates),
        "again": _by_trial(results, folder.again),
    }
    try:
        path.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_whole(path / name, text)
        for kind, text in packed.items():
            _pack(kept.packed_file(kind), text.encode())
    except OSError as fault:
        raise RecordError(f"{shown(path, 120)}: {shown(fault)}") from fault
    return CampaignFolder(path)


def _check_usable(kept: CampaignFolder) -> None:
    path = kept.path
    if path.exists() and not path.is_dir():
        raise RecordError(f"{shown(path, 120)}: is a file")
    if path.is_dir() and not kept.kept and any(path.iterdir()):
        raise RecordError(f"{shown(path, 120)}: holds something else than a kept campaign")


def _pack(file: Path, held: bytes) -> None:
    """Compressed, where there is anything; what says the same already stays, whatever packed it."""
    if not held:
        file.unlink(missing_ok=True)
    if not held or (file.is_file() and content(file) == held):
        return
    partial = file.with_name(f".{file.name}.partial")
    partial.write_bytes(gzip.compress(held, mtime=0))
    partial.replace(file)


def _by_trial(results: Sequence[TrialResult], rows_of: Any) -> str:
    found = ((result.trial, rows_of(result.trial)) for result in results)
    return _lines({"trial": trial, "rows": rows} for trial, rows in found if rows)


def _lines(rows: Iterator[Mapping[str, object]] | Sequence[Mapping[str, object]]) -> str:
    return "".join(f"{json_text(row)}\n" for row in rows)


def _placeless(result: TrialResult) -> TrialResult:
    """Without folders: a library is known by its file's name and its version."""
    return replace(
        result,
        versions={name: _without_places(told) for name, told in result.versions.items()},
        reason=None if result.reason is None else _without_places(result.reason),
    )


def _placeless_document(document: Mapping[str, Any]) -> dict[str, Any]:
    held = dict(document)
    for key, fields in _ELSEWHERE.items():
        if isinstance(held.get(key), Mapping):
            held[key] = {**held[key], **{name: None for name in fields if name in held[key]}}
    return {**held, **{k: _plain(held[k]) for k in ("strategy", "baseline") if k in held}}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _plain(member) for key, member in value.items()}
    return _without_places(value) if isinstance(value, str) else value


def _command(told: object) -> str:
    """Without the words that say where it ran."""
    words = list(map(str, told)) if isinstance(told, list) else shlex.split(str(told or ""))
    keys = tuple(f"{group}.{name}=" for group, names in _ELSEWHERE.items() for name in names)
    return shlex.join(word for word in words if not word.startswith(keys))


def _without_places(told: str) -> str:
    return _PLACE.sub(r"\1", told)
