"""The conditions that a campaign's trials share, and what its records lack for a full review."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.analysis.review.document import Problem, Samples
from harness.record.journal import CampaignFolder
from harness.record.network import recorded_networks
from harness.record.result import TrialResult


def facts_of(folder: CampaignFolder, results: Sequence[TrialResult]) -> tuple[tuple[str, str], ...]:
    """(what, value); of several values all, of several commands the last."""
    return tuple((what, value) for what, value in _facts(folder, results) if value)


def lacks_of(
    results: Sequence[TrialResult],
    problems: Sequence[Problem],
    samples: Mapping[str, Samples],
    kernels: Mapping[str, str],
) -> tuple[str, ...]:
    """One line for each thing that a current campaign records and this one does not."""
    timed = [r for r in results if r.seconds is not None]
    own = [r for r in timed if r.schedule is not None]
    missing = {
        "raw samples": [r for r in timed if r.trial not in samples],
        "C text": [r for r in own if r.kernel not in kernels],
        "estimate of what it is bound by": [r for r in own if r.estimate is None],
        "share of disturbed samples": [r for r in timed if r.noise is None],
        "ceilings of the host": [r for r in timed if not r.host.get("peak_gflops")],
        "ceilings of cache levels": [r for r in timed if "architecture" not in r.host],
    }
    told = [
        f"{len(trials)} of {len(timed)} timed trials have no {what}"
        for what, trials in missing.items()
        if trials
    ]
    unknown = sum(problem.bytes is None for problem in problems)
    if unknown:
        told.append(f"{unknown} of {len(problems)} problems are not described by campaign.yaml")
    return tuple(told)


def _facts(folder: CampaignFolder, results: Sequence[TrialResult]) -> Iterator[tuple[str, str]]:
    hosts = [r.host for r in results]
    yield "processor", _all(h.get("cpu") for h in hosts)
    yield "threads", _all(r.threads for r in results)
    yield "cache", _all(r.cache for r in results)
    yield "data type", _all(r.dtype for r in results)
    yield "architecture", _all(r.architecture for r in results)
    yield "layouts", "free: each side's own" if any(r.layouts for r in results) else ""
    starts = folder.starts()
    commits: list[object] = [start["git_commit"] for start in starts]
    yield "network", _all(one.summary for one in recorded_networks(folder))
    yield "commit", _all(commits or [h.get("git_commit") for h in hosts])
    days = sorted(r.started for r in results if r.started)
    yield "date", f"{days[0][:16].replace('T', ' ')} UTC" if days else ""
    yield "nodes", _all(r.node for r in results)
    yield "command", _command(starts[-1].get("command")) if starts else ""


def _command(held: object) -> str:
    if isinstance(held, list):
        return shlex.join(map(str, held))
    return str(held or "")


def _all(values: Iterable[object]) -> str:
    """Each value once; three of many are named."""
    known = [str(value) for value in dict.fromkeys(values) if value not in (None, "")]
    more = f" and {len(known) - 3} more" if len(known) > 3 else ""
    return ", ".join(known[:3]) + more
