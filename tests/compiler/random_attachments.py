"""Random statements, each with a band of its own, some attached to levels of later ones."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from compiler.errors import ProblemError
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive, Statement
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Attached, Band, Schedule

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


def random_attachments(nest: Primitive, random: Random) -> Schedule:
    """Any orders and blocks; most statements are attached to a level of a later one."""
    bands = [_band(statement, k, random) for k, statement in enumerate(nest.statements)]
    hosted: dict[int, list[Attached]] = {}
    for number in range(len(bands) - 1):
        if random.random() < 0.8:
            host = random.randint(number + 1, len(bands) - 1)
            at = random.choice(bands[host].order)
            hosted.setdefault(host, []).append(Attached(number, at))
            bands[number] = replace(bands[number], parallel=())
    return Schedule(
        tuple(replace(band, fusion=tuple(hosted.get(k, ()))) for k, band in enumerate(bands))
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
    if statement.reduction_loops or random.random() < 0.3:
        return scalar
    tile = tuple((loop, random.choice([1, 2, 3])) for loop in statement.loops)
    return replace(scalar, scheme="lanes", vector=("n", random.choice([1, 1, 2, 4])), tile=tile)
