"""The strategies by name: this project's, the first choices of packages' rankings, and theirs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from harness.errors import SettingsError
from harness.methods import STRATEGIES
from harness.plugins import loaded, plugins
from harness.strategy.first_choice import first_choice
from harness.strategy.rankings import known_rankings
from harness.strategy.strategy import Strategy


def known_strategies() -> Mapping[str, Strategy[Any]]:
    """Raises EnvironmentProblem where a package's strategy or ranking cannot be used."""
    own = {**{name: first_choice(name) for name in known_rankings()}, **_own()}
    return {**own, **plugins("polydl.strategies", lambda found: isinstance(found, Strategy), own)}


def strategy_named(name: str) -> Strategy[Any]:
    """An unknown name lists the known ones."""
    known = known_strategies()
    if name not in known:
        raise SettingsError(f"strategy: unknown '{name}'; known: {', '.join(sorted(known))}")
    return known[name]


@cache
def _own() -> Mapping[str, Strategy[Any]]:
    return loaded(STRATEGIES)
