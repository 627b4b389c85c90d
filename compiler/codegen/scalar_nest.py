"""The scalar nest in C: any primitive of the grammar, each statement in loops of its own.

    out[c,p] = max(out[c,p], data[c, 2*p + k - 1]), -inf outside, order c+p+k

    for (long i_c = 0; i_c < 2; ++i_c) {
      for (long i_p = 0; i_p < 4; ++i_p) {
        float most = -__builtin_inff();
        for (long i_k = max(0, -2*i_p + 1); i_k < min(3, -2*i_p + 8); ++i_k) {
          most = maximum(most, t_data[i_c * 7 + i_k * 1 + i_p * 2 - 1]);
        }
        t_out[i_c * 4 + i_p * 1] = maximum(t_out[i_c * 4 + i_p * 1], most);
      }
    }

Padding that changes nothing bounds the loops; whether another read is inside is asked where the
loops that tell are known. A reduction innermost stays in a register. The innermost loop runs in
vectors where neighbours are neighbours in memory and no dependence forbids it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from compiler.codegen.private_copies import INLINE, Copies
from compiler.codegen.scalar_expression import (
    CALLED,
    REGISTERS,
    combined,
    condition,
    declarations,
    element,
    expression,
    inside,
    library,
    number_text,
)
from compiler.lower.addressing import Address
from compiler.lower.edges import Question, questions
from compiler.lower.legality import structural_alone
from compiler.lower.operands import starts
from compiler.lower.steps import SHARED, SHORT, Range, ranges_of
from compiler.lower.tree import Leaf, Path, Scalar, Tree
from compiler.microkernel.contraction import covers
from compiler.problem.dtypes import DType
from compiler.problem.primitive import NEUTRAL, Access, Call, Expression, Statement

# LOOPS: builds are at -O2, which suits microkernels; around scalar loops gcc takes conditions that
# do not change out of them and unrolls the ends of vector loops only at -O3.
# maximum, minimum: as fmaxf and fminf, the number of a number and a NaN; those are calls.
PRELUDE = """\
#if defined(__GNUC__) && !defined(__clang__)
#define LOOPS __attribute__((optimize("O3")))
#else
#define LOOPS
#endif
#define maximum(x, y) ({{ const {c} a = (x), b = (y); ((a > b) | (b != b)) ? a : b; }})
#define minimum(x, y) ({{ const {c} a = (x), b = (y); ((a < b) | (b != b)) ? a : b; }})
"""
OWN = "own"  # the copy of a target that a piece of a private level sums in
CLAUSES = {"add": "+", "max": "max", "min": "min"}  # OpenMP's names of reductions


def scalar_prelude(dtype: DType) -> str:
    """What the text of scalar statements stands on, for elements of one type."""
    return PRELUDE.format(c=dtype.c) + declarations(dtype)


def inline(dtype: DType) -> dict[str, str]:
    """The library's functions, but for those that the prelude has."""
    return library(dtype) | INLINE


def scalar_statement(tree: Tree, path: Path, opened: int = 0) -> list[str]:
    """C lines of a scalar leaf's statement in its nest, of which `opened` levels are loops."""
    assert isinstance(path.leaf, Scalar)
    copies = Copies(tree, path) if path.private else None
    lines = copies.started() if copies is not None else []
    lines += _Nest(tree, path, path.leaf, opened).lines
    return lines + (copies.combined() if copies is not None else [])


def fixed_tensors(tree: Tree) -> list[str]:
    """C arrays of the tensors whose values stand in the primitive, each in its layout."""
    lines = []
    for tensor in tree.nest.tensors:
        if tensor.values is not None:
            packed = tree.layout_of(tensor.name).pack(np.asarray(tensor.values))
            values = ", ".join(number_text(float(v), tensor.dtype) for v in packed)
            c, attribute = tensor.dtype.c, "__attribute__((aligned(64)))"
            lines.append(f"static const {c} t_{tensor.name}[] {attribute} = {{{values}}};")
    return lines


def starting_lines(tree: Tree, path: Path) -> list[str]:
    """What a target in full starts from, where its first statement does not overwrite all of it."""
    name = tree.statement(path.leaf).target.tensor
    number = starting_value(tree, path.leaf)
    if number is None or tree.stage(name) is not None:
        return []
    value = number_text(number, tree.nest.tensor(name).dtype)
    count = tree.layout_of(name).elements
    threads = "parallel for " if tree.parallel and count >= SHARED else ""
    loop = f"for (long i = 0; i < {count}; ++i) t_{name}[i] = {value};"
    return [f"#pragma omp {threads}simd", loop]


def starting_value(tree: Tree, leaf: Leaf) -> float | None:
    """What all of a target is set to before its first statement; None where nothing need be."""
    nest, statement = tree.nest, tree.statement(leaf)
    own = any(access.tensor == statement.target.tensor for access in statement.reads)
    partly = statement.reduction or own or not covers(nest, statement.target)
    if not partly or not starts(nest, leaf.statement):
        return None
    return NEUTRAL[statement.reduction or "add"]


@dataclass(frozen=True)
class _Nest:
    """A statement under its loops, outermost first, the first of which are `opened`."""

    tree: Tree
    path: Path
    leaf: Scalar
    opened: int

    @property
    def lines(self) -> list[str]:
        statement, reduction = self.statement, self.statement.reduction
        target = element(self.tree, statement.target, OWN if self.path.private else None)
        register = REGISTERS.get(reduction or "", "")
        dtype = self.tree.nest.tensor(statement.target.tensor).dtype
        functions = inline(dtype)
        value = expression(self.tree, statement.value, self.asked, functions)
        summed = register if self.kept < len(self.ranges) else target
        update = combined(reduction, summed, value, functions)
        where = inside(self.tree, statement.target, self.asked)
        lines = [f"if ({where}) {update}" if where else update]
        for place in range(len(self.ranges), self.opened - 1, -1):
            if place < len(self.ranges):
                lines = [*self._pragma(place), _head(self.ranges[place]), *_indented(lines), "}"]
            if place == self.kept < len(self.ranges):
                neutral = number_text(NEUTRAL[reduction or "add"], dtype)
                start = f"{dtype.c} {register} = {neutral};"
                lines = [start, *lines, combined(reduction, target, register, functions)]
            lines = [*(text for depth, text in self.hoisted if depth == place), *lines]
        alone = self.kept == self.opened < len(self.ranges)  # its register stands outside of loops
        if self.opened:
            lines = self._guarded(lines)
            return ["{", *_indented([*self._starts("\n".join(lines)), *lines]), "}"]
        return ["{", *_indented(lines), "}"] if alone else lines

    def _starts(self, text: str) -> list[str]:
        """Where the pieces of the loops around begin, of which the text speaks."""
        number = len(self.path.around)
        return [
            f"const long {r.name} = {_start(self.path, r)}p{number + place} * {r.level.step};"
            for place, r in enumerate(self.ranges[: self.opened])
            if re.search(rf"\b{r.name}\b", text)
        ]

    def _guarded(self, lines: list[str]) -> list[str]:
        """Lines that run where the clips of the loops around let them."""
        asked = [
            f"{r.first} <= {r.name} && {r.name} < {r.past}"
            for r in self.ranges[: self.opened]
            if (r.first, r.past) != (r.start, r.end)
        ]
        return [f"if ({' && '.join(asked)}) {{", *_indented(lines), "}"] if asked else lines

    def _pragma(self, place: int) -> list[str]:
        """Whether threads share a loop, and whether it runs in vectors."""
        words = ["parallel for"] if place in self.team[:1] else []
        if place == len(self.ranges) - 1 and self.vectorised:
            words.append("simd")
            reduction = self.statement.reduction
            if reduction and self.kept < len(self.ranges):
                words.append(f"reduction({CLAUSES[reduction]}:{REGISTERS[reduction]})")
        elif words and len(self.team) > 1:
            words.append(f"collapse({len(self.team)})")
        return [f"#pragma omp {' '.join(words)}"] if words else []

    @cached_property
    def statement(self) -> Statement:
        return self.tree.statement(self.leaf)

    @cached_property
    def ranges(self) -> tuple[Range, ...]:
        return ranges_of(self.path)

    @cached_property
    def clipped(self) -> set[Question]:
        return {(clip.index, clip.size) for clip in self.leaf.clips}

    @cached_property
    def kept(self) -> int:
        """The loops from here on sum into a register: they are left to the reduction."""
        place = len(self.ranges)
        target = self.statement.target
        dropped = not set(questions(self.tree.nest, target)) <= self.clipped
        if dropped or any(a.tensor == target.tensor for a in self.statement.reads):
            return place
        reduction = self.statement.reduction_loops
        private = self.path.private
        while place > self.opened and (level := self.ranges[place - 1].level).loop in reduction:
            if level in private:
                break
            place -= 1
        return place

    @property
    def outer(self) -> int:
        """Loops around, whosever they are."""
        return len(self.path.around) + self.opened

    @cached_property
    def team(self) -> tuple[int, ...]:
        """The outermost parallel loop and those right inside it: a rectangle, once.

        A thread starts no others, and a loop of vectors stays whole.
        """
        places: list[int] = []
        if any(level.parallel for level in self.path.every[: self.outer]):
            return ()
        for place, r in enumerate(self.ranges[self.opened :], self.opened):
            around = [self.ranges[p].name for p in places]
            tied = any(re.search(rf"\b{name}\b", r.first + r.past) for name in around)
            whole = self.vectorised and place == len(self.ranges) - 1
            if r.level.parallel and not (places and (tied or whole)):
                places.append(place)
            elif places:
                break
        return tuple(places)

    @cached_property
    def vectorised(self) -> bool:
        """Whether the innermost loop is long, contiguous, and carries nothing but its own sum."""
        if not self.ranges or _functions(self.statement.value).intersection(CALLED):
            return False
        level = self.ranges[-1].level
        around = [other.step for other in self.path.loops[:-1] if other.loop == level.loop]
        extent = self.leaf.grain(level.loop).extent
        if min([*around, extent]) < SHORT:
            return False
        if self.kept < len(self.ranges):
            return all(self._stride(a, level.loop) in (0, 1) for a in self.statement.reads)
        if self._stride(self.statement.target, level.loop) != 1:
            return False
        # what threads may share, vectors may
        shared = (*self.path.loops[:-1], replace(level, parallel=True))
        return structural_alone(self.tree, replace(self.path, loops=shared)) is None

    def _stride(self, access: Access, loop: str) -> int | None:
        """Elements from one iteration to the next; None in a blocked dimension."""
        address = Address(access, self.tree.layout_of(access.tensor))
        return address.coefficient(loop, 1) if address.block_of(loop) == 1 else None

    @cached_property
    def asked(self) -> dict[Question, str]:
        """How the body reads whether an index is inside, where bounds of loops do not see to it."""
        return {q: flag or condition(self.tree, q) for q, (flag, _) in self._open.items()}

    @cached_property
    def hoisted(self) -> list[tuple[int, str]]:
        """The thread's copy of the target, flags, and how many loops are around each."""
        return self._copy + [
            (depth, f"const int {flag} = {condition(self.tree, question)};")
            for question, (flag, depth) in self._open.items()
            if flag
        ]

    @cached_property
    def _copy(self) -> list[tuple[int, str]]:
        """Declared inside the loops that threads share."""
        if not self.path.private:
            return []
        by_level = {r.level: r.name for r in self.ranges}
        copies = Copies(self.tree, self.path)
        at = copies.place(
            [f"{by_level[x]} / {x.step}" if x.step > 1 else by_level[x] for x in self.path.private]
        )
        return [(self._inside, f"{copies.dtype.c} *restrict {OWN} = {at};")]

    @property
    def _inside(self) -> int:
        """The number of loops outermost of which each thread, and each copy, has its own."""
        private = [k for k, level in enumerate(self.path.loops) if level in self.path.private]
        return 1 + max([*private, *self.team], default=-1)

    @cached_property
    def _open(self) -> dict[Question, tuple[str, int]]:
        """By open question a flag and its depth; no flag where it needs the innermost loop."""
        depths = {r.level.name: max(place + 1, self.opened) for place, r in enumerate(self.ranges)}
        found: dict[Question, tuple[str, int]] = {}
        for access in self.statement.accesses:
            for question in questions(self.tree.nest, access):
                needed = max((depths[loop] for loop in question[0].loops), default=0)
                depth = max(needed, self._inside)
                flag = f"inside{len(found)}" if 0 < depth < len(self.ranges) else ""
                if question not in self.clipped:
                    found.setdefault(question, (flag, depth))
        return found


def _start(path: Path, r: Range) -> str:
    """Where the pieces of a level are counted from."""
    grain = path.leaf.grain(r.level.loop)
    return f"{grain.region.first} + " if grain.region is not None else ""


def _head(r: Range) -> str:
    step = f"++{r.name}" if r.level.name == r.level.loop else f"{r.name} += {r.level.step}"
    return f"for (long {r.name} = {r.first}; {r.name} < {r.past}; {step}) {{"


def _indented(lines: list[str]) -> list[str]:
    return ["  " + line for line in lines]


def _functions(value: Expression) -> set[str]:
    if not isinstance(value, Call):
        return set()
    return {value.function}.union(*map(_functions, value.arguments))
