"""Affine statements of forms that no shipped primitive has: diagonals, scatters, reads that repeat.

    y[i, 2*j + k] += a[k, k] * b[j + i, j] - a[k, k]
    z[p] = max(z[p], y[p, q])

Extents of tensors follow from their indices, so that everything read is inside. Some targets are
cropped: `y[2*j + k - 1]` of two elements less.
"""

from __future__ import annotations

from random import Random
from typing import Any

from compiler.errors import ProblemError
from compiler.problem.specification import primitive_from

EXTENTS = (1, 2, 3, 5, 7, 8, 9, 16, 17, 20, 30, 33)
MOST_ITERATIONS = 200_000
RANKS = (1, 2, 2, 3)
CROPPED = 0.3
SHIFTS = (0, 0, 0, 1, 1, 2, -1)  # elements that a target lacks at an end, or has more there
COMBINED = ("{} * {}", "{} + {}", "{} - {}", "max({}, {})")
UPDATES = ("{t} += {v}", "{t} += {v}", "{t} = max({t}, {v})", "{t} = min({t}, {v})", "{t} = {v}")
FOLLOWERS = ("z[{all}] = max(y[{all}], 0)", "y[{all}] = y[{all}] * 0.5")
FOLDED = ("z[p] += y[{all}]", "z[p] = max(z[p], y[{all}])")


def odd_problem(random: Random) -> dict[str, Any]:
    """A primitive's file of one or two statements, as plain data; equal for equal states."""
    while True:
        spec = _drawn(random)
        try:
            if primitive_from(spec).flops <= MOST_ITERATIONS:
                return spec
        except ProblemError:
            continue  # a loop that nothing reads, an update that overwrites itself


def _drawn(random: Random) -> dict[str, Any]:
    loops = "ijklm"[: random.choice((2, 3, 3, 4))]
    sizes = {loop: random.choice(EXTENTS) for loop in loops}
    tensors: dict[str, list[str]] = {}

    def access(name: str, allowed: list[str]) -> str:
        indices = [_index(allowed, random) for _ in range(random.choice(RANKS))]
        tensors[name] = [extent for _, extent in indices]
        return f"{name}[{', '.join(text for text, _ in indices)}]"

    target = access("y", random.sample(loops, random.randint(1, len(loops))))
    if random.random() < CROPPED:
        places = target[2:-1].split(", ")
        cut = [(random.choice(SHIFTS), random.choice(SHIFTS)) for _ in places]
        pairs = list(zip(places, tensors["y"], cut, strict=True))
        tensors["y"] = [f"{extent} - {before + behind}" for _, extent, (before, behind) in pairs]
        target = f"y[{', '.join(f'{text} - {before}' for text, _, (before, _) in pairs)}]"
    reads = [access(name, list(loops)) for name in "abc"[: random.choice((1, 2, 2, 3))]]
    if random.random() < 0.25:
        reads.append(reads[0])
    value = reads[0]
    for read in reads[1:]:
        value = random.choice(COMBINED).format(value, read)
    spec: dict[str, Any] = {
        "name": "odd",
        "sizes": sizes,
        "tensors": tensors,
        "statements": [random.choice(UPDATES).format(t=target, v=value)],
    }
    if random.random() < 0.5:
        _follow(spec, random)
    return spec


def _follow(spec: dict[str, Any], random: Random) -> None:
    """A second statement, over all that the first one may have written."""
    shape = spec["tensors"]["y"]
    own = dict(zip("pqr", shape, strict=False))
    text = random.choice((*FOLLOWERS, *FOLDED))
    spec["extents"] = own
    spec["statements"].append(text.format(all=", ".join(own)))
    if text.startswith("z"):
        spec["tensors"]["z"] = shape[:1] if text in FOLDED else shape
        spec["temporary"] = random.choice((["y"], []))


def _index(allowed: list[str], random: Random) -> tuple[str, str]:
    """Text of an index, and the extent that holds it."""
    loop, kind = random.choice(allowed), random.random()
    if kind < 0.62 or len(allowed) == 1:
        return loop, loop
    if kind < 0.75:
        step = random.choice((2, 3))
        return f"{step}*{loop}", f"{step}*{loop} - {step - 1}"
    other = random.choice([one for one in allowed if one != loop])
    step = random.choice((1, 1, 2, 3))
    return f"{step}*{loop} + {other}", f"{step}*{loop} + {other} - {step}"
