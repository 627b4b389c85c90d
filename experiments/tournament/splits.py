"""How well tournaments choose what they have not seen: by network, by host, and by what they see.

    python experiments/tournament/splits.py SURVEY.csv...

Each survey is a file that `polydl train` takes; nothing is measured. Three tables in splits.json:

networks  trained on all surveys without the network's layers (whoever else has them), judged on it
hosts     trained on the surveys of all other hosts; where layers are unseen as well, in five parts,
          each without the layers that it is judged on
features  the last with some of the features left out, and with other models in place of a linear
          one: they learn by how much the roofline errs
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from compiler.cost.features import DESCRIBED, FEATURES, PAPER
from compiler.cost.tournament import Tournament
from harness.analysis.figure import Figure
from harness.analysis.rank_quality import RankQuality, chances, geometric_figure, quality
from harness.learn.pairs import Accuracy, Survey, accuracy, survey_of
from harness.learn.survey_files import read_survey
from harness.learn.training import FIRST_GUESS, BradleyTerry, Perceptron, trained

OUT = Path(__file__).with_name("splits.json")
PARTS = 5  # of the layers
OTHERS: dict[str, Callable[[], Any]] = {
    "100 extra trees": partial(ExtraTreesRegressor, 100, min_samples_leaf=3, max_features=0.5),
    "perceptron 32-16": partial(MLPRegressor, hidden_layer_sizes=(32, 16), alpha=1.0),
}
SEED = 0
NAMES = tuple(FEATURES)
ESTIMATE = [n for n in DESCRIBED if n in ("log estimate", "log compute") or n.endswith("share")]
LAYOUTS = [n for n in DESCRIBED if n.endswith(("onwards", "next", "apart", "packed"))]
TILE = ["log vectors", "log points", "registers", "latency hidden", "load bound", "lanes used"]
TILE += ["even tiles", "tiled loops"]
SETS = {
    "all": list(NAMES),
    "without the paper's bytes": [n for n in NAMES if n not in PAPER],
    "without layouts": [n for n in NAMES if n not in LAYOUTS],
    "the estimate and its parts": ESTIMATE,
    "register tile alone": TILE,
    "the paper's bytes alone": list(PAPER),
}


@dataclass(frozen=True)
class Seeing(BradleyTerry):
    """The same form with some of the features."""

    names: tuple[str, ...] = NAMES

    @property
    def features(self) -> tuple[str, ...]:
        return self.names


Split = list[tuple[list[Survey], list[Survey]]]  # what is learned, and what is judged by it


def seen_by(survey: Survey, names: Sequence[str]) -> Survey:
    """With these features of it alone."""
    return replace(survey, rows=survey.rows[:, [NAMES.index(name) for name in names]])


def by_network(surveys: Sequence[Survey], network: str) -> Split:
    judged = [one for one in surveys if one.network == network]
    return [_apart(surveys, judged)]


def by_host(surveys: Sequence[Survey], host: str, unseen_layers: bool) -> Split:
    judged = [one for one in surveys if one.host == host]
    others = [one for one in surveys if one.host != host]
    if not unseen_layers:
        return [(others, judged)]
    layers = sorted({one.identity for one in judged})
    Random(SEED).shuffle(layers)
    parts = [set(layers[k::PARTS]) for k in range(PARTS)]
    return [_apart(others, [one for one in judged if one.identity in part]) for part in parts]


def _apart(pool: Sequence[Survey], judged: list[Survey]) -> tuple[list[Survey], list[Survey]]:
    layers = {one.identity for one in judged}
    return [one for one in pool if one.identity not in layers], judged


def judged(split: Split, names: Sequence[str]) -> tuple[list[RankQuality], Accuracy]:
    """Every judged survey by a tournament that has learned the rest of its part."""
    form = Perceptron() if list(names) == ["paper"] else Seeing(names=tuple(names))
    found, right = [], []
    for learned, others in split:
        model: Tournament = trained(form, [seen_by(x, form.features) for x in learned], SEED)
        for survey in (seen_by(other, form.features) for other in others):
            fewest = -np.array(model.wins(survey.rows), float)
            found.append(quality(survey.problem, "", fewest, survey.seconds))
            right.append(accuracy(model, survey))
    return found, Accuracy.over(right)


def regressed(split: Split, make: Callable[[], Any]) -> list[RankQuality]:
    """Every judged survey by the roofline's estimate, corrected by what a model says of it."""
    estimate = NAMES.index(FIRST_GUESS)
    found = []
    for learned, others in split:
        scaler = StandardScaler().fit(np.vstack([one.rows for one in learned]))
        errors = [np.log(one.seconds) - one.rows[:, estimate] for one in learned]
        model = make().set_params(random_state=SEED)
        inputs = scaler.transform(np.vstack([one.rows for one in learned]))
        model.fit(inputs, np.concatenate([error - error.mean() for error in errors]))
        for one in others:
            slowness = one.rows[:, estimate] + model.predict(scaler.transform(one.rows))
            found.append(quality(one.problem, "", slowness, one.seconds))
    return found


def by_roofline(split: Split) -> Iterator[RankQuality]:
    for _, others in split:
        for one in others:
            assert one.expected is not None
            yield quality(one.problem, "", one.expected, one.seconds)


def by_chance(split: Split) -> Iterator[RankQuality]:
    return (chances(one.problem, one.seconds)[0] for _, others in split for one in others)


def figures(found: Sequence[RankQuality]) -> list[str]:
    few = [one.best_of_few.value for one in found if one.best_of_few is not None]
    taus = [one.tau.value for one in found if one.tau is not None]
    shares = [told(geometric_figure(x)) for x in ([one.first.value for one in found], few)]
    return [*shares, f"{np.mean(taus):.2f}" if taus else ""]


def told(figure: Figure) -> str:
    low, high = figure.ci95 or (figure.value, figure.value)
    return f"{figure.value:.3f} [{low:.3f} {high:.3f}]"


def against(better: Sequence[RankQuality], than: Sequence[RankQuality]) -> Figure:
    """The geometric mean of the ratio of first choices, problem by problem."""
    pairs = zip(better, than, strict=True)
    return geometric_figure([one.first.value / other.first.value for one, other in pairs])


def compared(
    what: str,
    split: Split,
    sets: Mapping[str, list[str]],
    models: Mapping[str, Callable[[], Any]] = MappingProxyType({}),
) -> Iterator[tuple[str, list[str]]]:
    """A row for each set of features and each other model, then what needs no training."""
    plain = list(by_roofline(split))
    problems = str(len(plain))
    for name, features in sets.items():
        found, right = judged(split, features)
        shares = [f"{100 * share:.1f} %" for share in (right.share, right.clear_share)]
        row = [problems, *figures(found), *shares, told(against(found, plain))]
        yield f"{what}: {name}", row
    for name, make in models.items():
        others = regressed(split, make)
        yield f"{what}: {name}", [problems, *figures(others), "", "", told(against(others, plain))]
    yield f"{what}: roofline", [problems, *figures(plain), "", "", ""]
    yield f"{what}: random pick", [problems, *figures(list(by_chance(split))), "", "", ""]


def main(files: Sequence[str]) -> None:
    if not files:
        raise SystemExit("surveys: none is named (see README.md beside this file)")
    surveys = [survey_of(one, NAMES) for file in files for one in read_survey(file)]
    networks = list(dict.fromkeys(one.network for one in surveys))
    hosts = list(dict.fromkeys(one.host for one in surveys))
    own = {"tournament": SETS["all"]}
    both = {"tournament": SETS["all"], "polydl_tournament": ["paper"]}
    held: dict[str, dict[str, Any]] = {"networks": {}, "hosts": {}, "layers": {}}
    for network in networks:
        held["networks"].update(compared(network, by_network(surveys, network), own))
    whole = [part for network in networks for part in by_network(surveys, network)]
    held["networks"].update(compared("all networks, each unseen", whole, both))
    chosen = against(judged(whole, own["tournament"])[0], list(by_roofline(whole)))
    held["unseen"] = {"of_roofline": chosen.value}
    for host in hosts if len(hosts) > 1 else ():
        held["hosts"].update(compared(host, by_host(surveys, host, False), both))
        layers = by_host(surveys, host, True)
        held["layers"].update(compared(host, layers, SETS, OTHERS))
    OUT.write_text(json.dumps(held, indent=1) + "\n")
    print(f"written: {OUT}; then: polydl claims tables=true")


if __name__ == "__main__":
    main(sys.argv[1:])
