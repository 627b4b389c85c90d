"""Random trees of scalar loops, around statements whose reads and writes leave their tensors.

Recurrences, dropped writes and windows that run back are theirs alone: harness.random_nests draws
what a user would write.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from compiler.errors import ScheduleError
from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl
from compiler.lower.tree import Tree
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Band, Schedule
from tests.compiler.schedule.random_schedules import random_schedule


def _primitive(random: Random) -> Primitive:
    """One to three statements: sums, maxima and minima over windows, shifts, dropped writes.

    Values outside are neutral or not; those of integer inputs stay small integers.
    """
    sizes = {"i": random.randint(2, 12), "j": random.randint(2, 20), "k": random.randint(1, 4)}
    spec: dict[str, Any] = {"name": "random", "sizes": sizes, "tensors": {}, "outside": {}}
    spec["statements"] = []
    for number in range(random.randint(1, 3)):
        _add(spec, f"x{number}", f"y{number}", random)
    if not any("k" in statement for statement in spec["statements"]):
        del sizes["k"]
    return primitive_from(spec)


def _add(spec: dict[str, Any], read: str, target: str, random: Random) -> None:
    row, column, tap = (random.randint(-3, 3) for _ in range(3))
    scale, back = random.choice([1, 1, 2, 3]), random.choice(["+ k", "- k", "+ 2*k"])
    window = f"{read}[{scale}*i {back} + {row}, j + {column}]"
    reduction, outside = random.choice([("max", "-inf"), ("max", 1), ("min", "inf"), ("min", -1)])
    own = f"{target}[i, j]"
    choices = {
        "sum": (f"{own} += {window} * w[k]", 0),
        "sum of a row": (f"{target}[i] += {read}[i, j + {column}] * w[k]", 0),
        "sum of all": (f"{target}[0] += {read}[i + {row}, {scale}*j + {column}]", 0),
        "sum with a value outside": (f"{own} += {window} * w[k]", 2),
        "window": (f"{own} = {reduction}({own}, {window})", outside),
        "row": (f"{target}[i] = {reduction}({target}[i], {read}[i + {row}, j])", outside),
        "shift": (f"{own} = {read}[i + {row}, j + {column}] - 2 * {read}[i, j]", 3),
        "dropped": (f"{target}[i + {row}, j + {column}] = {read}[i, j]", 0),
        "scattered": (f"{target}[{scale}*i {back} + {tap}, j] += {read}[i, j] * w[k]", 0),
        "recurrence": (f"{own} = {target}[i - 1, j + {column}] + {read}[i, j]", 1),
    }
    what = random.choice(sorted(choices))
    statement, value = choices[what]
    shapes = {"sum of a row": ["i"], "row": ["i"], "sum of all": [1]}
    spec["tensors"] |= {read: ["i", "j"], target: shapes.get(what, ["i", "j"])}
    spec["tensors"] |= {"w": ["k"]} if "w[k]" in statement else {}
    spec["outside"][target if what == "recurrence" else read] = value
    spec["statements"].append(statement)


def scalar_tree(random: Random) -> tuple[Primitive, Tree, Schedule]:
    """A random primitive under a legal schedule of scalar loops, tiled and parallel or not."""
    while True:
        primitive = _primitive(random)
        nest = loop_nest(primitive).nest
        drawn = random_schedule(nest, random).band
        band = Band("scalar", drawn.order, block=drawn.block, parallel=drawn.parallel)
        for schedule in (Schedule((band,)), Schedule((replace(band, parallel=()),))):
            try:
                tree = fitted(nest, schedule)
            except ScheduleError:
                continue
            if by_isl(tree) is None:
                return primitive, tree, schedule
