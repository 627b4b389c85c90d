"""Training on some networks and hosts, judged on every one: the model's provenance, the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from rich import box
from rich.table import Table
from sklearn import __version__ as sklearn_version

from compiler.cost.tournament import Tournament
from harness.analysis.figure import Figure
from harness.analysis.rank_quality import (
    FEW,
    RANDOM,
    RankQuality,
    chances,
    geometric_figure,
    quality,
)
from harness.errors import SettingsError
from harness.learn.pairs import CLEAR, Accuracy, Survey, accuracy
from harness.learn.training import Form, trained
from harness.measure.host import versions
from harness.nearest import listed

LEARNED, ELSEWHERE, UNSEEN = "trained on", "on another host", "unseen"
TOURNAMENT, ROOFLINE = "tournament", "roofline"


@dataclass(frozen=True)
class Choice:
    """A ranking's shares of the fastest measured schedule, geometric means over problems."""

    first: Figure
    best_of_few: Figure


@dataclass(frozen=True)
class Judged:
    """What a model makes of one network on one host, and what other rankings do.

    `seen`: LEARNED where it was trained on any of these problems, ELSEWHERE where on one of them
    as another host measured it.
    """

    host: str
    network: str
    seen: str
    problems: int
    candidates: int
    accuracy: Accuracy
    choices: Mapping[str, Choice]


def trained_and_judged(
    form: Form,
    sources: Sequence[Survey],
    judges: Sequence[Survey],
    test: Sequence[str],
    seed: int,
    names: Sequence[str],
) -> tuple[Tournament, tuple[Judged, ...]]:
    """A model trained on `sources`, and what it makes of them and of `judges`.

    It has seen nothing of the networks in `test`: a layer that one of them shares with another
    network is left out as well, on every host. `names` are those of the sources. Raises
    SettingsError for an unknown network or where none is left to train on.
    """
    every = (*sources, *judges)
    networks = list(dict.fromkeys(one.network for one in every))
    for name in test:
        if name not in networks:
            raise SettingsError(f"test: no network '{name}'; {listed(name, networks)}")
    unseen = {one.identity for one in every if one.network in test}
    learned = [one for one in sources if one.identity not in unseen]
    if not learned:
        raise SettingsError(f"test: nothing is left to train on besides {', '.join(test)}")
    tournament = trained(form, learned, seed)
    groups: dict[tuple[str, str], list[Survey]] = {}
    for one in every:
        groups.setdefault((one.host, one.network), []).append(one)
    judged = tuple(_judged(tournament, group, learned) for group in groups.values())
    left_out = [
        one.problem for one in sources if one.identity in unseen and one.network not in test
    ]
    provenance = {
        "recordings": list(names),
        "hosts": list(dict.fromkeys(one.host for one in learned)),
        "seed": seed,
        "trained_on": {
            "problems": len(learned),
            "candidates": sum(len(one.seconds) for one in learned),
            "networks": list(dict.fromkeys(one.network for one in learned)),
            "left_out": left_out,
        },
        "training": dict(form.settings),
        "versions": {**versions(), "scikit-learn": sklearn_version},
        "judged": [asdict(one) for one in judged],
    }
    return replace(tournament, provenance=provenance), judged


def _judged(tournament: Tournament, group: Sequence[Survey], learned: Sequence[Survey]) -> Judged:
    hosts: dict[str, set[str]] = {}
    for one in learned:
        hosts.setdefault(one.identity, set()).add(one.host)
    seen = UNSEEN
    if any(one.host in hosts.get(one.identity, ()) for one in group):
        seen = LEARNED
    elif any(one.identity in hosts for one in group):
        seen = ELSEWHERE
    found: dict[str, list[RankQuality]] = {TOURNAMENT: [], ROOFLINE: [], RANDOM: []}
    for one in group:
        fewest = -np.array(tournament.wins(one.rows), float)
        found[TOURNAMENT].append(quality(one.problem, TOURNAMENT, fewest, one.seconds))
        if one.expected is not None:
            found[ROOFLINE].append(quality(one.problem, ROOFLINE, one.expected, one.seconds))
        found[RANDOM].append(chances(one.problem, one.seconds)[0])
    return Judged(
        group[0].host,
        group[0].network,
        seen,
        len(group),
        sum(len(one.seconds) for one in group),
        Accuracy.over([accuracy(tournament, one) for one in group]),
        {name: _choice(own) for name, own in found.items() if len(own) == len(group)},
    )


def _choice(problems: Sequence[RankQuality]) -> Choice:
    few = [one.best_of_few.value for one in problems if one.best_of_few is not None]
    first = geometric_figure([one.first.value for one in problems])
    return Choice(first, geometric_figure(few))


def accuracy_table(judged: Sequence[Judged]) -> Table:
    """By host and network, then all unseen ones together."""
    table = Table(title="pairs whose faster schedule is told", box=box.SIMPLE_HEAD, pad_edge=False)
    apart = f"{CLEAR - 1:.0%} apart"
    for heading in ("host", "network", "", "problems", "pairs", "right", apart, "right"):
        left = heading in ("host", "network", "")
        table.add_column(heading, justify="left" if left else "right", no_wrap=not left)
    unseen = [one for one in judged if one.seen == UNSEEN]
    rows = list(judged)
    if len(unseen) > 1:
        together = Accuracy.over([one.accuracy for one in unseen])
        problems = sum(one.problems for one in unseen)
        candidates = sum(one.candidates for one in unseen)
        rows.append(Judged("", "all unseen", UNSEEN, problems, candidates, together, {}))
    for one in rows:
        table.add_row(
            one.host,
            one.network,
            one.seen,
            str(one.problems),
            str(one.accuracy.pairs),
            f"{one.accuracy.share:.1%}",
            str(one.accuracy.clear_pairs),
            f"{one.accuracy.clear_share:.1%}" if one.accuracy.clear_pairs else "",
        )
    return table


def choice_table(judged: Sequence[Judged]) -> Table:
    """Shares of the fastest measured schedule, beside what other rankings reach there."""
    title = "share of the fastest measured schedule"
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("host", "network", "", "ranking"):
        table.add_column(heading)
    for heading in ("first choice", f"best of {FEW}"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in judged:
        for ranking, choice in one.choices.items():
            first = ranking == TOURNAMENT
            told = (one.host, one.network, one.seen) if first else ("", "", "")
            table.add_row(*told, ranking, str(choice.first), str(choice.best_of_few))
    return table
