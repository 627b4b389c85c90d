"""Training on some networks, judged by network: the model's provenance and the table of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from rich import box
from rich.table import Table
from sklearn import __version__ as sklearn_version

from compiler.cost.tournament import PairClassifier
from harness.errors import SettingsError
from harness.learn.pairs import CLEAR, Accuracy, Survey, accuracy
from harness.learn.training import BATCH, EPOCHS, HIDDEN, trained
from harness.measure.host import versions
from harness.nearest import listed


@dataclass(frozen=True)
class NetworkAccuracy:
    """How often the model tells the faster of two schedules in the problems of one network."""

    network: str
    seen: bool  # trained on
    problems: int
    candidates: int
    accuracy: Accuracy


def trained_and_judged(
    surveys: Sequence[Survey],
    test: Sequence[str],
    seed: int,
    campaigns: Sequence[str],
    hosts: Sequence[str],
) -> tuple[PairClassifier, tuple[NetworkAccuracy, ...]]:
    """A model that has seen nothing of the networks in `test`, and its accuracy on every network.

    A layer that a test network shares with another one is left out of the training. Raises
    SettingsError for an unknown network or where none is left to train on.
    """
    networks = list(dict.fromkeys(survey.network for survey in surveys))
    for name in test:
        if name not in networks:
            raise SettingsError(f"test: no network '{name}'; {listed(name, networks)}")
    unseen = {survey.identity for survey in surveys if survey.network in test}
    learned = [survey for survey in surveys if survey.identity not in unseen]
    if not learned:
        raise SettingsError(f"test: nothing is left to train on besides {', '.join(test)}")
    classifier = trained(learned, seed)
    judged = tuple(
        _judged(classifier, name, name not in test, [s for s in surveys if s.network == name])
        for name in networks
    )
    provenance = {
        "campaigns": list(campaigns),
        "hosts": list(hosts),
        "seed": seed,
        "trained_on": {"problems": len(learned), "left_out": _left_out(surveys, learned, test)},
        "training": {"hidden": list(HIDDEN), "epochs": EPOCHS, "batch": BATCH},
        "versions": {**versions(), "scikit-learn": sklearn_version},
        "networks": {one.network: _plain(one) for one in judged},
    }
    return replace(classifier, provenance=provenance), judged


def accuracy_table(judged: Sequence[NetworkAccuracy]) -> Table:
    """By network, then all unseen ones together."""
    table = Table(title="pairs whose faster schedule is told", box=box.SIMPLE_HEAD, pad_edge=False)
    apart = f"{CLEAR - 1:.0%} apart"
    for heading in ("network", "", "problems", "candidates", "pairs", "right", apart, "right"):
        left = heading in ("network", "")
        table.add_column(heading, justify="left" if left else "right", no_wrap=not left)
    unseen = [one for one in judged if not one.seen]
    rows = list(judged)
    if len(unseen) > 1:
        together = Accuracy.over([one.accuracy for one in unseen])
        problems, candidates = sum(o.problems for o in unseen), sum(o.candidates for o in unseen)
        rows.append(NetworkAccuracy("all unseen", False, problems, candidates, together))
    for one in rows:
        table.add_row(
            one.network,
            "trained on" if one.seen else "unseen",
            str(one.problems),
            str(one.candidates),
            str(one.accuracy.pairs),
            f"{one.accuracy.share:.1%}",
            str(one.accuracy.clear_pairs),
            f"{one.accuracy.clear_share:.1%}",
        )
    return table


def _judged(
    classifier: PairClassifier, network: str, seen: bool, surveys: Sequence[Survey]
) -> NetworkAccuracy:
    return NetworkAccuracy(
        network,
        seen,
        len(surveys),
        sum(len(survey.seconds) for survey in surveys),
        Accuracy.over([accuracy(classifier, survey) for survey in surveys]),
    )


def _left_out(
    surveys: Sequence[Survey], learned: Sequence[Survey], test: Sequence[str]
) -> list[str]:
    """Layers of the other networks that a test network has too."""
    kept = {id(survey) for survey in learned}
    return [s.problem for s in surveys if id(s) not in kept and s.network not in test]


def _plain(one: NetworkAccuracy) -> Mapping[str, object]:
    return {key: value for key, value in asdict(one).items() if key != "network"}
