"""The compiler's stages, one line each: the only door the harness uses besides the values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from compiler.codegen.generate import generate, untransformed
from compiler.codegen.kernel import Kernel
from compiler.cost.own_roofline import OwnRoofline, own_roofline
from compiler.cost.ranking import Ranked, Ranker, best_varied, places, ranker, tournament_of
from compiler.cost.roofline import Estimate, Roofline
from compiler.cost.tournament_file import tournament_from
from compiler.errors import CompilerError, ScheduleError
from compiler.lower.coverage import uncovered
from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl
from compiler.lower.lowered import lowered
from compiler.microkernel.catalogue import LIBRARIES
from compiler.microkernel.contraction import anchor
from compiler.model.loop_nest import LoopNest, loop_nest
from compiler.model.reassociation import NUMERICS, REASSOCIATE, reassociated
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.schedule.schedule import Schedule
from compiler.schedule.text import parse_schedule
from compiler.space.candidates import candidates, fetched_ahead
from compiler.space.chain import apart, joined
from compiler.space.library_product import in_library
from compiler.space.paper_variants import paper_variants
from compiler.space.pipelines import in_a_row, pipelines
from compiler.space.scalar import as_written

__all__ = [
    "LIBRARIES",
    "NUMERICS",
    "Estimate",
    "Fusion",
    "OwnRoofline",
    "Ranked",
    "compile_as_written",
    "compile_schedule",
    "compile_untransformed",
    "estimated",
    "fusions",
    "loop_nest",
    "normal_form",
    "own_roofline",
    "parse_schedule",
    "ranked_schedules",
    "searched",
    "trained_tournament",
]

# Of a nest on a machine with so many threads: fused on tiles or not, inside levels or not.
Enumeration = Callable[[LoopNest, Architecture, int, bool, bool], tuple[Schedule, ...]]


def _full(
    model: LoopNest, architecture: Architecture, threads: int, fuse: bool, attach: bool
) -> tuple[Schedule, ...]:
    def expected(nest: Primitive) -> Callable[[Schedule], float]:
        roofline = Roofline(nest, architecture)
        return lambda schedule: roofline.estimate(schedule, threads).seconds

    nest = model.nest
    found = pipelines(nest, architecture, threads, fuse, expected, attach)
    if found and in_a_row(nest):
        return found
    others = candidates(nest, architecture, threads, fuse, expected(nest))
    return tuple(dict.fromkeys((*found, *others)))


def _paper(
    model: LoopNest, architecture: Architecture, threads: int, fuse: bool, attach: bool
) -> tuple[Schedule, ...]:
    return paper_variants(model, architecture, threads, fuse)


SPACES: dict[str, Enumeration] = {"full": _full, "paper": _paper}


def ranked_schedules(
    primitive: Primitive,
    architecture: Architecture,
    threads: int = 1,
    ranking: str | Ranker = "roofline",
    limit: int | None = None,
    space: str = "full",
    fuse: bool = True,
    microkernel: str = "generated",
    attach: bool = True,
    numerics: Collection[str] = (),
    private: bool = True,
) -> tuple[Ranked, ...]:
    """Candidate schedules of a primitive, best predicted first, at most `limit` of them.

    `ranking` is one of RANKERS by name, or another one of `trained_tournament`.
    `space` is where they come from, one of SPACES; an unknown one lists those.
    With `fuse`, statements are computed on a contraction's register tile where that is legal and
    the roofline expects a gain of it. Without `attach` no band is inside a level of another one,
    without `private` no reduction is shared by threads.
    Another `microkernel` than `generated` is one of LIBRARIES: its matrix product computes sums of
    products, with nothing on its tiles, but inside levels of others like any band. Raises
    ScheduleError where no schedule of the space leaves it one. `numerics` allows what changes
    rounding, of NUMERICS: with `reassociate` there are also the schedules of the statements with
    factors moved behind sums, where any can be.
    """
    known = set(NUMERICS)
    if unknown := sorted(set(numerics) - known):
        raise CompilerError(f"numerics: unknown '{unknown[0]}'; known: {', '.join(NUMERICS)}")

    def of(one: Primitive) -> tuple[Ranked, ...]:
        return _ranked(
            one, architecture, threads, ranking, space, fuse, microkernel, attach, private
        )

    moved = reassociated(primitive) if REASSOCIATE in numerics else None
    if moved is None:
        return of(primitive)[:limit]
    others = tuple(
        replace(one, schedule=replace(one.schedule, numerics=(REASSOCIATE,))) for one in of(moved)
    )
    own = of(primitive)
    first = {
        form[0].schedule: estimated(primitive, form[0].schedule, architecture, threads).seconds
        for form in (own, others)
    }
    behind = max(first, key=first.__getitem__)  # the form that a ranking without seconds puts last
    ranked = {one.schedule: one for one in (*own, *others)}
    keys = {
        one.schedule: (one.seconds or 0.0, form[0].schedule == behind, one.place)
        for form in (own, others)
        for one in form
    }
    ordered = places({s: tuple(map(float, key)) for s, key in keys.items()})
    return tuple(replace(ranked[s], place=place) for place, s in ordered)[:limit]


def _ranked(
    primitive: Primitive,
    architecture: Architecture,
    threads: int,
    ranking: str | Ranker,
    space: str,
    fuse: bool,
    microkernel: str,
    attach: bool,
    private: bool,
) -> tuple[Ranked, ...]:
    """The same of the statements as they are."""
    if space not in SPACES:
        raise CompilerError(f"unknown space '{space}'; known: {', '.join(SPACES)}")
    library = "" if microkernel == "generated" else microkernel
    model = loop_nest(primitive)
    rank = ranker(ranking) if isinstance(ranking, str) else ranking
    for fused in (True, False) if fuse and not library else (False,):
        inside = attach and fuse and (fused or bool(library))
        schedules = SPACES[space](model, architecture, threads, fused, inside)
        if not attach:
            schedules = tuple(s for s in schedules if _detached(s) == s)
        if not private:
            schedules = tuple(dict.fromkeys(map(_with_whole_sums, schedules)))
        if library:
            schedules = in_library(model.nest, schedules, library, architecture)
        found = rank(model.nest, schedules, architecture, threads)
        if not fused or _pays(model.nest, found[0].schedule, architecture, threads):
            break
    return found


def _pays(nest: Primitive, schedule: Schedule, architecture: Architecture, threads: int) -> bool:
    """Whether the roofline expects no loss of what a schedule fuses."""
    if not any(band.fused for band in schedule.bands):
        return True
    roofline = Roofline(nest, architecture)
    alone = apart(nest, schedule, architecture, threads)
    fused = roofline.estimate(schedule, threads).seconds
    return alone is None or fused <= roofline.estimate(alone, threads).seconds


def searched(
    primitive: Primitive,
    ranked: Sequence[Ranked],
    architecture: Architecture,
    count: int,
    per_tile: int,
) -> tuple[Ranked, ...]:
    """What a search of `count` measures: the best few, at most `per_tile` of one register tile.

    Where there is one, the last of three or more is the first choice with an operand fetched ahead,
    of which the ranking expects nothing.
    """
    best = best_varied(ranked, count, per_tile)
    if count < 3 or not best:
        return best
    nest = normal_form(primitive, best[0].schedule)
    ahead = fetched_ahead(nest, best[0].schedule, architecture)
    return best if ahead is None else (*best[: count - 1], replace(best[0], schedule=ahead))


def estimated(
    primitive: Primitive, schedule: Schedule, architecture: Architecture, threads: int = 1
) -> Estimate:
    """What the roofline expects of a schedule, whoever chose it."""
    nest = normal_form(primitive, schedule)
    return Roofline(nest, architecture).estimate(schedule, threads)


def normal_form(primitive: Primitive, schedule: Schedule) -> Primitive:
    """The nest that a schedule's bands are of; ScheduleError where its numerics change nothing."""
    if REASSOCIATE not in schedule.numerics:
        return loop_nest(primitive).nest
    moved = reassociated(primitive)
    if moved is None:
        where = f"{primitive.name}: schedule: numerics:{REASSOCIATE}"
        raise ScheduleError(f"{where}: no factor can be moved behind a sum")
    return loop_nest(moved).nest


@dataclass(frozen=True)
class Fusion:
    """What a schedule makes of one statement behind the anchor.

    `at` is where it is computed inside another band: `tile`, or a level; None where it is not.
    `why` says what forbids to fuse it, None where nothing does. `seconds` are the roofline's for
    the schedule with everything fused that may be, and with nothing fused; where bands are inside
    levels, for the schedule and for one with these bands apart. `saved` are the bytes that the
    fused one moves less from each level.
    """

    statement: int
    at: str | None
    why: str | None
    seconds: tuple[float, float] | None
    saved: Mapping[str, float] = field(default_factory=dict)


def fusions(
    primitive: Primitive, schedule: Schedule, architecture: Architecture, threads: int = 1
) -> tuple[Fusion, ...]:
    """Every statement behind the anchor, and those inside other bands; none without an anchor."""
    nest = normal_form(primitive, schedule)
    number = anchor(nest)
    if number is None or all(band.scheme == "scalar" for band in schedule.bands):
        return ()
    together: Schedule | None = schedule
    alone: Schedule | None = _detached(schedule)
    refused: dict[int, str] = {}
    if alone == schedule:
        together, refused = joined(nest, schedule, architecture, threads)
        alone = apart(nest, schedule, architecture, threads)
    seconds: tuple[float, float] | None = None
    saved: dict[str, float] = {}
    if together is not None and alone is not None:
        roofline = Roofline(nest, architecture)
        fused, single = (roofline.estimate(s, threads) for s in (together, alone))
        seconds = fused.seconds, single.seconds
        saved = {level: single.moved[level] - moved for level, moved in fused.moved.items()}
    at = {attached.statement: attached.at for band in schedule.bands for attached in band.fusion}
    behind = range(number + 1, len(nest.statements)) if refused or not at else ()
    return tuple(
        Fusion(other, at.get(other), refused.get(other), seconds, saved)
        for other in sorted({*behind, *at})
    )


def _detached(schedule: Schedule) -> Schedule:
    """The same bands, none inside a level of another one."""
    bands = (band.without([one.statement for one in band.attached]) for band in schedule.bands)
    return replace(schedule, bands=tuple(bands))


def _with_whole_sums(schedule: Schedule) -> Schedule:
    """The same, each sum by one thread."""
    bands = []
    for band in schedule.bands:
        shared = {level for _, level in band.private}
        parallel = tuple(level for level in band.parallel if level not in shared)
        bands.append(replace(band, parallel=parallel, private=()))
    return replace(schedule, bands=tuple(bands))


def trained_tournament(data: object, where: str = "tournament") -> Ranker:
    """The ranking by a network that `polydl train` wrote, as plain data.

    CompilerError, which begins with `where`, when it is none.
    """
    return tournament_of(tournament_from(data, where))


def compile_schedule(
    primitive: Primitive, schedule: Schedule, numerics: Collection[str] = ()
) -> Kernel:
    """C text of a primitive under a schedule.

    ScheduleError when the schedule does not fit the nest or breaks a dependence, which it names, or
    changes rounding otherwise than `numerics` allows.
    """
    if denied := [name for name in schedule.numerics if name not in numerics]:
        raise ScheduleError(
            f"{primitive.name}: schedule: numerics:{denied[0]} changes rounding; allow it with "
            f"numerics=[{denied[0]}]"
        )
    return compile_as_written(normal_form(primitive, schedule), schedule)


def compile_as_written(primitive: Primitive, schedule: Schedule) -> Kernel:
    """The same for a schedule of the primitive's own loops: nothing is normalised first."""
    tree = fitted(primitive, schedule)
    if refusal := by_isl(tree):
        raise ScheduleError(f"{primitive.name}: {refusal}")
    if loops := uncovered(tree):
        raise ScheduleError(f"{primitive.name}: schedule: iterations of {loops} do not run once")
    return replace(generate(tree), schedule=str(schedule))


def compile_untransformed(primitive: Primitive, threads: int = 1) -> Kernel:
    """The statements as they are written, with the legal outermost loops parallel."""
    schedule = as_written(primitive, threads)
    return replace(untransformed(lowered(primitive, schedule)), schedule=str(schedule))
