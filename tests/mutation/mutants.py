"""Mutants of a kernel: its text with one token changed, drawn by part of the code and operator."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from tests.mutation.edits import block_edits, edits

ON_EDGES = 0.3  # of the mutants are drawn from code for remainders and borders, where there is any
ON_FUSED = 0.7  # of the others, from what follows a sum on its register tile
FUSED = re.compile(r"\b(?:in\d+|[ey]\d+|held|out\d+)\b|if \(at_.* (?:>=|!=) \d+\) \{")


@dataclass(frozen=True)
class Mutant:
    """`part` is `interior`, `remainder`, `border`, `fused`, `function`, `packing`, `loops` or
    `macro`; `before` and `after` are lines, of which `before` starts with that number."""

    operator: str
    part: str
    line: int
    before: str
    after: str

    def of(self, text: str) -> str:
        """The mutant of this text."""
        lines = text.split("\n")
        end = self.line + len(self.before.split("\n"))
        assert "\n".join(lines[self.line : end]) == self.before
        return "\n".join([*lines[: self.line], self.after, *lines[end:]])

    def __str__(self) -> str:
        before = (f"- {line.strip()}" for line in self.before.split("\n"))
        after = (f"+ {line.strip()}" for line in self.after.split("\n"))
        return "\n".join([f"line {self.line + 1}", *before, *after])


def mutants(text: str, rng: random.Random, count: int) -> list[Mutant]:
    """Different ones, every operator as likely as another where it applies at all."""
    sites = all_mutants(text)
    edges = [m for m in sites if m.part in ("remainder", "border")]
    fused = [m for m in sites if m.part in ("fused", "function")]
    drawn: dict[tuple[int, str], Mutant] = {}
    while len(drawn) < min(count, len(sites) // 2):
        pool = edges if edges and rng.random() < ON_EDGES else sites
        pool = fused if fused and pool is sites and rng.random() < ON_FUSED else pool
        operator = rng.choice(sorted({m.operator for m in pool}))
        mutant = rng.choice([m for m in pool if m.operator == operator])
        drawn.setdefault((mutant.line, mutant.after), mutant)
    return list(drawn.values())


def all_mutants(text: str) -> list[Mutant]:
    """Every one of a kernel's text: of its functions, and of the macros that they use."""
    lines = text.split("\n")
    functions = _functions(lines)
    widest = max((_accumulators(lines[a:b]) for a, b in functions), default=0)
    defined = frozenset(re.findall(r" vec (vec_\w+)\(", text))
    size = re.search(r"vector_size\((\d+)\)", text)
    lanes = int(size[1]) // 4 if size else 1
    found: list[Mutant] = []
    for first, end in (*_macros(lines), *functions):
        body = lines[first:end]
        names = defined | set(re.findall(r"[a-z]\w*", "\n".join(body)))
        for number, line in enumerate(body, first):
            if number == first and "#define" not in line:
                continue  # a function's head
            part = _part(body, line, widest)
            found += [
                Mutant(o, part, number, line, changed) for o, changed in edits(line, names, lanes)
            ]
        fused = " vec y0 = " in "\n".join(body)
        for operator, at, before, after in block_edits(body) if fused else ():
            found.append(Mutant(operator, "fused", first + at, "\n".join(before), "\n".join(after)))
    return found


def _macros(lines: list[str]) -> list[tuple[int, int]]:
    """First line and end of the macros that compute something and are used."""
    found = []
    for number, line in enumerate(lines):
        if defined := re.match(
            r"#define (min|max|maximum|minimum|floord|ceild|LOAD|STORE|\w+_PART)\(", line
        ):
            end = number + 1 + line.endswith("\\")
            if re.search(rf"\b{defined[1]}\(", "\n".join(lines[end:])):
                found.append((number, end))
    return found


def _functions(lines: list[str]) -> list[tuple[int, int]]:
    """First line and end of each function."""
    head = re.compile(r"(?:static |LOOPS )?void \w+\(|static inline .* vec vec_\w+\(")
    starts = [i for i, line in enumerate(lines) if head.match(line)]
    return [(start, lines.index("}", start) + 1) for start in starts]


def _accumulators(body: list[str]) -> int:
    return sum(bool(re.match(r"\s*vec a", line)) for line in body)


def _part(body: list[str], line: str, widest: int) -> str:
    """By function: a tile smaller than others or with parts of vectors is a remainder, one whose
    taps depend on where it is lies on a border; elsewhere a line with a condition tells a border.
    In any tile what is computed of sums, and when, is fused.
    """
    text = "\n".join(body)
    if text.startswith("#define"):
        return "remainder" if "_PART" in text else "macro"
    if body[0].startswith("static inline"):
        return "function"
    if re.match(r"static void tile", text):
        if " vec y0 = " in text and FUSED.search(line):
            return "fused"
        if re.search(r"\w+_low|for \(long r_\w+ = [1-9]|if \(at_\w+ >=", text):
            return "border"
        partial = "_PART" in text or _accumulators(body) < widest
        return "remainder" if partial else "interior"
    if re.search(r"\?|if \(", line):
        return "border"
    return "packing" if text.startswith("static void pack") else "loops"
