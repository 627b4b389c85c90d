"""A recorded schedule as the loop nest that it means, and what its levels hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from compiler.cost.analysed_nest import analysed_parallel, nest_of_tree
from compiler.cost.cache_levels import level_bytes
from compiler.cost.index_values import TooWide
from compiler.cost.working_sets import working_sets
from compiler.errors import CompilerError
from compiler.lower.lowered import lowered
from compiler.lower.outline import outline
from compiler.lower.tree import Tree
from compiler.pipeline import normal_form, parse_schedule
from compiler.problem.architecture import CacheLevel
from compiler.problem.primitive import Primitive
from harness.record.result import TrialResult


@dataclass(frozen=True)
class NestTold:
    """Lines of the loop nest, and bytes of working sets by level, as the paper places them."""

    loops: tuple[str, ...]
    working_sets: Mapping[str, int] = field(default_factory=dict)


def nest_told(result: TrialResult, primitive: Primitive) -> NestTold:
    """Raises CompilerError for a schedule that this version does not know."""
    assert result.schedule is not None
    schedule = parse_schedule(result.schedule)
    tree = lowered(normal_form(primitive, schedule), schedule)
    return NestTold(tuple(outline(tree).splitlines()), _working_sets(tree, result))


def _working_sets(tree: Tree, result: TrialResult) -> Mapping[str, int]:
    """Empty where the analysis does not reach, or the host's caches are not known."""
    sizes = result.host.get("analysed_caches") or result.host.get("caches")
    if not isinstance(sizes, Mapping):
        return {}
    caches = [CacheLevel(str(name), int(size)) for name, size in sorted(sizes.items())]
    try:
        nest = nest_of_tree(tree)
        pairs = working_sets(nest, analysed_parallel(nest, tree))
        return level_bytes(pairs, caches, tree.nest.dtype)
    except (TooWide, CompilerError):
        return {}
