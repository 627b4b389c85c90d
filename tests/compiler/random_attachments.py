"""Random statements, each with a band of its own, some attached to levels of later ones."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random
from typing import Any

from compiler.errors import ProblemError
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive, Statement
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import ROOT, Attached, Band, Schedule

SHAPES = {
    "x": ["m", "n"],
    "u": ["m", "n"],
    "v": ["m", "n"],
    "r": ["m"],
    "s": ["n"],
    "w": ["m", "n"],
}


def random_statements(random: Random, most: int = 4, **sizes: int) -> Primitive | None:
    """Two statements or more over rows and columns; None when one reads what nobody has written."""
    lines: list[str] = []
    written = ["x"]
    for number in range(random.randint(2, most)):
        read = _read(random.choice(written[-2:]), random)
        other = random.choice(["", "", f" * {_read(random.choice(written), random)}"])
        target = random.choice(["r[m]", "s[n]"]) if random.random() < 0.35 else "uvw"[number % 3]
        if random.random() < 0.1 and written[-1] in "uvw":
            target = written[-1]  # in place
        if len(target) > 1:
            line = f"{target} {random.choice(['+=', '+=', '='])} {read}{other}"
            if " = " in line:
                line = f"{target} = max({target}, {read}{other})"
        else:
            line = f"{target}[m,n] = {read}{other}"
        lines.append(line)
        written.append(target.split("[")[0])
    used = {name for name in SHAPES if any(f"{name}[" in line for line in lines)}
    spec: dict[str, Any] = {
        "name": "row",
        "sizes": {"m": 3, "n": 3, **sizes},
        "tensors": {name: shape for name, shape in SHAPES.items() if name in used},
        "outside": dict.fromkeys(used, 0),
        "statements": lines,
    }
    spec["temporary"] = [x for x in dict.fromkeys(written[1:-1]) if random.random() < 0.7]
    spec["temporary"] = [x for x in spec["temporary"] if x != written[-1]]
    try:
        nest = loop_nest(primitive_from(spec)).nest
    except ProblemError:
        return None
    return nest if {loop for loop, _ in nest.extents} == {"m", "n"} else None


def _read(tensor: str, random: Random) -> str:
    shift = random.choice(["", "", "", "", "", " + 1", " - 1"])
    if len(SHAPES[tensor]) == 1:
        return f"{tensor}[{SHAPES[tensor][0]}{shift}]"
    rows = random.choice([f"m{shift}", "m", "m"])
    return f"{tensor}[n,m]" if random.random() < 0.05 else f"{tensor}[{rows},n]"


def random_windows(random: Random) -> Primitive:
    """Two statements or three, sums of sliding windows of what the one before has computed.

    The first may scatter: what is written beside its target is dropped.
    """
    rows, taps, stride = random.randint(6, 9), random.randint(1, 4), random.choice([1, 1, 2])
    before = random.choice([0, 0, 1])
    first = random.choice(["t[c,h] = x[c,h] * 2", "t[c,h] += x[d,h] * w[d,c]"])
    if random.random() < 0.3:
        first = random.choice(["t[c, 2*g + e - 1] += x[d,g] * w[d,c]", "t[c, g + e - 1] += x[c,g]"])
    second = f"y[c,p] += t[c, {stride}*p + k - {before}]"
    lines = [first, random.choice([second, f"{second} * v[c,k]"])]
    if random.random() < 0.5:
        lines.append(random.choice(["z[q,c] += y[c, q + j]", "z[p,c] = y[c,p] + 1"]))
    shapes = {
        "x": ["d" if "d" in first else "c", "g" if "g" in first else "h"],
        "w": ["d", "c"],
        "v": ["c", "k"],
    }
    shapes |= {"t": ["c", "h"], "y": ["c", "p"], "z": ["q" if "q" in lines[-1] else "p", "c"]}
    used = {name: shape for name, shape in shapes.items() if any(f"{name}[" in x for x in lines)}
    named = set(re.findall(r"\b[a-z]\b", " ".join(lines))) - {"h"}
    sizes = {"c": random.randint(2, 4), "d": 2, "k": taps, "j": 2}
    sizes |= {"g": random.randint(2, rows), "e": 3}
    spec: dict[str, Any] = {
        "name": "window",
        "sizes": {name: size for name, size in sizes.items() if name in named},
        "extents": {"h": rows, "p": str((rows + before - taps) // stride + 1)},
        "tensors": used,
        "outside": {"t": 0},
        "temporary": [name for name in "ty" if len(lines) == 3 or name == "t"],
        "statements": lines,
    }
    if "q" in lines[-1]:
        spec["extents"]["q"] = "p - 1"
    return loop_nest(primitive_from(spec)).nest


def random_attachments(nest: Primitive, random: Random, keep: float = 0.0) -> Schedule:
    """Any orders and blocks; most statements are attached to a level of a later one.

    `keep` is how often such a one keeps what the piece before it has computed.
    """
    bands = [_band(statement, k, random) for k, statement in enumerate(nest.statements)]
    hosted: dict[int, list[Attached]] = {}
    kept: dict[int, list[Attached]] = {}
    for number in range(len(bands) - 1):
        if random.random() < 0.8:
            host = random.randint(number + 1, len(bands) - 1)
            at = random.choice(bands[host].order)
            hosted.setdefault(host, []).append(Attached(number, at))
            outside = (ROOT, *bands[host].order[: bands[host].order.index(at)])
            if random.random() < keep:
                kept.setdefault(host, []).append(Attached(number, random.choice(outside)))
            bands[number] = replace(bands[number], parallel=())
    return Schedule(
        tuple(
            replace(band, fusion=tuple(hosted.get(k, ())), keep=tuple(kept.get(k, ())))
            for k, band in enumerate(bands)
        )
    )


def _band(statement: Statement, number: int, random: Random) -> Band:
    order = list(statement.loops)
    random.shuffle(order)
    block: tuple[tuple[str, int], ...] = ()
    if random.random() < 0.4:
        loop = random.choice(order)
        order.insert(random.randint(0, order.index(loop)), f"{loop}@1")
        block = ((f"{loop}@1", random.choice([2, 3])),)
    parallel = tuple(level for level in order if random.random() < 0.1)
    scalar = Band("scalar", tuple(order), block=block, parallel=parallel, of=number)
    kept = [loop for loop in statement.loops if loop not in statement.reduction_loops]
    scatters = any(len(index.loops) > 1 for index in statement.target.indices)
    if not scatters and (statement.reduction_loops or random.random() < 0.3):
        return scalar
    vector = kept[0] if scatters else kept[-1]
    tile = tuple((loop, random.choice([1, 2, 3])) for loop in kept)
    lanes = random.choice([1, 1, 2, 4])
    return replace(scalar, scheme="lanes", vector=(vector, lanes), tile=tile)
