"""A campaign as it is compared with others: its results, and under what they were taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.record.configuration import Document, documents_in
from harness.record.journal import CampaignFolder
from harness.record.result import TrialResult
from harness.record.rows import StartRow
from harness.record.typed import told_and_skipped


@dataclass(frozen=True)
class Recorded:
    """`documents` and `starts` are empty where they were not recorded, or cannot be read."""

    name: str
    results: tuple[TrialResult, ...]
    documents: Sequence[Document] = ()
    starts: Sequence[StartRow] = ()

    @property
    def started(self) -> str:
        """UTC, empty where nothing tells."""
        return min((r.started for r in self.results if r.started), default="")

    @property
    def commit(self) -> str:
        """The code's last git commit; `unknown` without one."""
        told = [start["git_commit"] for start in self.starts]
        told += [str(r.host["git_commit"]) for r in self.results if "git_commit" in r.host]
        return told[-1] if told else "unknown"


def recorded(folder: CampaignFolder) -> Recorded:
    """Raises RecordError where its results cannot be read; what else cannot is told."""
    documents: list[dict[str, Any]] = []
    if folder.configuration.is_file():
        documents = told_and_skipped(lambda: documents_in(folder.configuration), documents)
    starts = told_and_skipped(folder.starts, list[StartRow]())
    return Recorded(folder.name, folder.results(), documents, starts)
