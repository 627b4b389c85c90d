"""A trained model tells which of two schedules is faster; round robin, ranked by wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.bounds import one_of
from harness.errors import SettingsError
from harness.strategy.rankings import known_microkernels, known_spaces
from harness.strategy.strategy import Chosen, Rankings, Sources, Strategy, out_of


@dataclass(frozen=True)
class TournamentOptions:
    space: str = one_of("full", known_spaces)
    fuse: bool = True
    microkernel: str = one_of("generated", known_microkernels)
    # A file that `polydl train` wrote, and once looked up what it holds; None: the shipped one.
    model: Any = None


def _choose(options: TournamentOptions, rankings: Rankings) -> Chosen:
    ranked, seconds = rankings.ranked(
        "tournament", options.space, options.fuse, options.model, options.microkernel
    )
    return out_of(ranked, ranked[:1], seconds)


def _look_up(options: Mapping[str, Any], sources: Sources) -> Mapping[str, Any]:
    """Nodes may not have the file; a trial is known by what the network is, not where it lay."""
    model = options.get("model")
    if model is None:
        return options
    if not isinstance(model, str):
        raise SettingsError(f"strategy.tournament.model must be a file's name, got {model!r}")
    return {**options, "model": sources.model(Path(model))}


TOURNAMENT = Strategy(TournamentOptions, _choose, look_up=_look_up)
