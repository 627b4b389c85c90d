"""Bytes that a schedule's working sets hold in each level: what the paper's rankings see of it."""

from __future__ import annotations

from compiler.cost.analysed_nest import analysed_parallel, nest_of_tree
from compiler.cost.cache_levels import level_bytes
from compiler.cost.working_sets import WorkingSets
from compiler.lower.tree import Tree
from compiler.microkernel.contraction import anchor
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive


class HeldBytes:
    """The analysis of one nest for one machine's caches; what schedules share is done once.

    The outermost parallel level counts as the paper's parallel loop. Of several statements the
    largest sum of products counts; without one nothing is held, so all schedules tie.
    """

    def __init__(self, nest: Primitive, machine: Architecture) -> None:
        self._nest, self._caches = nest, machine.caches
        self._analysed = len(nest.statements) == 1 or anchor(nest) is not None
        self._working_sets = WorkingSets()

    def of(self, tree: Tree) -> dict[str, int]:
        """By level, as the paper places working sets; the caches first, then memory."""
        if not self._analysed:
            return level_bytes((), self._caches, self._nest.dtype)
        analysed = nest_of_tree(tree)
        pairs = self._working_sets.of(analysed, analysed_parallel(analysed, tree))
        return level_bytes(pairs, self._caches, self._nest.dtype)
