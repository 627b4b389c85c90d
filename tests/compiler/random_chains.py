"""Random statements behind a product, with shifted and transposed reads, and bands for them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from compiler.errors import ProblemError
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Attached, Band

PRODUCT = "c[m,n] += a[m,k] * b[k,n]"


def chain_spec(statements: Sequence[str], **sizes: int) -> dict[str, Any]:
    """A product with statements behind it; what they do not name is left out."""
    lines = [PRODUCT, *statements]
    shapes = {"a": ["m", "k"], "b": ["k", "n"], **{name: ["m", "n"] for name in "xcyz"}}
    used = [name for name in shapes if any(f"{name}[" in line for line in lines)]
    return {
        "name": "chain",
        "sizes": {"m": 3, "n": 3, "k": 3, **sizes},
        "tensors": {name: shapes[name] for name in used},
        "outside": {name: 0 for name in used if name not in "ab"},
        "statements": lines,
    }


def random_chain(random: Random, roomy: bool = False, **sizes: int) -> Primitive | None:
    """One or two statements; None when one reads what nobody has written.

    What is `roomy` and only read has room for reads of the next row and column.
    """
    statements = []
    for target in random.sample(["c", "y", "z"], k=random.choice([1, 2])):
        reads = [f"c[{_index(random)}]"]
        for tensor in random.sample(["x", "y", "z"], k=random.choice([0, 1, 1])):
            reads.append(f"{tensor}[{_index(random)}]")
        value = random.choice([" + ", " - ", " * "]).join(reads)
        statements.append(f"{target}[m,n] = {value} + 1")
    spec = chain_spec(statements, **sizes)
    written = {line.split("[")[0] for line in spec["statements"]}
    read = {n for n in "yz" if any(f"{n}[" in line.split("=")[1] for line in statements)}
    if random.random() < 0.5:
        spec["accumulate"] = sorted(written & read)
    if roomy:
        for name in {"x", "y", "z"} & set(spec["tensors"]) - written:
            spec["tensors"][name] = ["m + 1", "n + 1"]
    try:
        return loop_nest(primitive_from(spec)).nest
    except ProblemError:
        return None


def _index(random: Random) -> str:
    shift = random.choice(["", "", "", "", " + 1", " - 1"])
    order = ("n", "m") if random.random() < 0.15 else ("m", "n")
    return f"{order[0]}{shift},{order[1]}" if random.random() < 0.5 else ",".join(order)


def random_band(
    nest: Primitive, random: Random, fused: tuple[int, ...], lanes: Sequence[int] = (1, 2)
) -> Band:
    """Any order, blocks and register tile."""
    order = ["m", "n", "k"]
    random.shuffle(order)
    block = []
    for loop in ("m", "k"):
        if random.random() < 0.5:
            order.insert(random.randint(0, order.index(loop)), f"{loop}@1")
            block.append((f"{loop}@1", random.choice([1, 2])))
    tile = tuple((loop, random.choice([1, 2, 3])) for loop in ("m", "n"))
    parallel = tuple(x for x in order if x[0] != "k" and random.random() < 0.2)
    attached = tuple(Attached(number) for number in fused)
    vector = ("n", random.choice(lanes))
    return Band("broadcast", tuple(order), vector, tile, tuple(block), parallel, fusion=attached)
