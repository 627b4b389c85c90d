"""polydl explain: what the compiler makes of one problem, without running it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from compiler.pipeline import parse_schedule
from compiler.problem.architecture import Architecture
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from harness.analysis.explained import ROOFLINE, Explanation, LoopOrder, Source, explained
from harness.cli.asked import Configured
from harness.cli.rooms import room
from harness.cluster.node import share_of
from harness.errors import SettingsError
from harness.kernel.toolchain import Toolchain
from harness.measure.ceilings import host_architecture
from harness.outside import path_of, write_text
from harness.product_rates import with_product_rates
from harness.record.journal import recorded_schedule
from harness.report.explain import as_c, as_json, as_text
from harness.settings import Settings, one_of_settings
from harness.settings.model_file import read_model
from harness.settings.values import ProblemChoice
from harness.strategy.rankings import known_rankings

OF_A_SPACE = ("space", "fuse", "attach", "private", "microkernel")  # options that strategies share
_FORMS: dict[str, Callable[[Explanation], str]] = {
    "text": as_text,
    "json": as_json,
    "html": lambda one: str(room("harness.report.explain_page").as_html(one)),
    "c": as_c,
}


def main(asked: Configured) -> int:
    settings = one_of_settings(asked.words, "explain")
    text = told(settings)
    if settings.out is None:
        sys.stdout.write(text)
        return 0
    write_text(path_of(settings.out), text)
    return 0


def told(settings: Settings) -> str:
    """The explanation of the one problem, in the format that is asked for."""
    problem = one_problem(settings)
    explanation = explained(
        problem.name,
        primitive_from(problem.spec),
        architecture_of(settings),
        settings.threads,
        chosen_schedule(settings),
        chosen_ranking(settings),
        settings.numerics,
    )
    return _FORMS[settings.format](explanation).rstrip("\n") + "\n"


def one_problem(settings: Settings) -> ProblemChoice:
    """The only problem. Raises SettingsError that names them where there are several."""
    names = [problem.name for problem in settings.problems]
    if not names:
        raise SettingsError("nothing to explain: name a problem, for instance primitive=conv2d")
    if len(names) > 1:
        raise SettingsError(
            f"explain takes one problem, {len(names)} are chosen; "
            f"add workload.select=[NAME], one of: {', '.join(names)}"
        )
    return settings.problems[0]


def architecture_of(settings: Settings) -> Architecture:
    """The described machine, or this host (its ceilings are measured once, 5 s)."""
    choice = settings.architecture
    if not choice.is_host:
        return choice.described()
    core = share_of(settings.cluster.cores).slots(1)[-1].cores[0]
    toolchain = Toolchain.opened(settings.cache_folder)
    detected = host_architecture(toolchain, core)
    return choice.applied_to(with_product_rates(detected, choice.libraries, toolchain, core))


def chosen_schedule(settings: Settings) -> Schedule | LoopOrder | None:
    """`schedule=...`, or that of the strategy `fixed`; None leaves the choice to the ranking."""
    given = settings.schedule
    if isinstance(given, Mapping):
        return _loop_order(given)
    if given is not None:
        return parse_schedule(str(given))
    for method in settings.strategies:
        if method.name == "fixed":
            source = method.options["from"]
            text = method.options["schedule"] if source is None else recorded_schedule(source)
            return parse_schedule(text)
    return None


def chosen_ranking(settings: Settings) -> Source:
    """The ranking and the space of the first strategy that has any; roofline for `fixed` alone.

    With what that strategy wants of the space: nothing fused, or a library's product.
    """
    known = known_rankings()
    for method in settings.strategies:
        options = method.options
        named = [*options.get("rankings", ()), options.get("ranker"), method.name]
        ranking = next((str(name) for name in named if name in known), None)
        if ranking is not None:
            path = options.get("model")
            model = None if path is None else read_model(Path(path))
            told = {name: options[name] for name in OF_A_SPACE if name in options}
            return Source(ranking, model=model, **told)
    return ROOFLINE


def _loop_order(given: Mapping[str, Any]) -> LoopOrder:
    """schedule.order=[...] schedule.tiles={...} schedule.parallel=LOOP, of the primitive's loops.

    schedule.order=[m@1,n,k,m] schedule.tiles={m@1: 16} needs no quotes beyond the shell's own.
    """
    known = ("order", "tiles", "parallel")
    for key in given:
        if key not in known:
            raise SettingsError(f"schedule.{key}: unknown key; known: {', '.join(known)}")
    order, tiles, parallel = given.get("order"), given.get("tiles") or {}, given.get("parallel")
    if not isinstance(order, list) or not order:
        raise SettingsError("schedule.order must list the loops, outermost first")
    if not isinstance(tiles, Mapping):
        raise SettingsError(f"schedule.tiles must be a mapping of levels to sizes, got {tiles!r}")
    for level, size in tiles.items():
        if type(size) is not int:
            raise SettingsError(f"schedule.tiles: {level}: must be a whole number, got {size!r}")
    levels = tuple(str(level) for level in order)
    if parallel is not None and parallel not in levels:
        raise SettingsError(
            f"schedule.parallel: '{parallel}' is not in the order {', '.join(levels)}"
        )
    return LoopOrder(levels, {str(level): size for level, size in tiles.items()}, parallel)
