"""Matrix products: factors that lie transposed, and batches over which one of them is repeated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.onnx.expressions import Inexpressible
from harness.onnx.graph import Graph, GraphNode
from harness.onnx.readings import Reading, reading_of
from harness.onnx.start import Addend, Axes, Start, shape_of


def matmul(node: GraphNode, graph: Graph) -> Start:
    a, b = (reading_of(name, graph) for name in node.inputs[:2])
    if not a.dims or not b.dims:
        raise Inexpressible(f"matrices of {a.dims} and {b.dims}")
    row, column = len(a.dims) == 1, len(b.dims) == 1
    a = a.widened(2) if row else a
    b = b.widened(2).turned((1, 0)) if column else b
    rank = max(len(a.dims), len(b.dims))
    a, b = a.widened(rank), b.widened(rank)
    last = rank - 1 - row
    ends = (() if row else (rank - 2,), () if column else (last,))
    return _product(node, graph, a, b, ends)


def gemm(node: GraphNode, graph: Graph) -> Start:
    a, b = (reading_of(name, graph) for name in node.inputs[:2])
    if len(a.dims) != 2 or len(b.dims) != 2:
        raise Inexpressible(f"matrices of {a.dims} and {b.dims}")
    a, b = (
        one.turned((1, 0)) if node.attributes.get(key, 0) else one
        for one, key in ((a, "transA"), (b, "transB"))
    )
    start = _product(node, graph, a, b, ((0,), (1,)))
    added, beta = node.input(2), node.attributes.get("beta", 1.0)
    return replace(
        start,
        factor=node.attributes.get("alpha", 1.0),
        addend=Addend(added, shape_of(added, graph), beta) if added and beta else None,
    )


Steps = Mapping[str, int | None]  # in a factor's memory, by loop


@dataclass(frozen=True)
class _Batch:
    """A loop over rows of the result or what is in front of them, outermost first.

    `axes` are those of the node's result, `steps` in memory those of a and of b, None where the
    same elements are read again.
    """

    axes: tuple[int, ...]
    size: int
    steps: tuple[int | None, int | None]

    def around(self, inner: _Batch) -> _Batch | None:
        """Both as one loop; None where they are none in some factor's memory."""
        for outer, own in zip(self.steps, inner.steps, strict=True):
            if outer is None or own is None:
                if outer is not own:
                    return None
            elif inner.size > 1 and outer != own * inner.size:
                return None
        steps = self.steps if inner.size == 1 else inner.steps
        return _Batch((*self.axes, *inner.axes), self.size * inner.size, steps)


def _product(
    node: GraphNode,
    graph: Graph,
    a: Reading,
    b: Reading,
    ends: tuple[tuple[int, ...], tuple[int, ...]],
) -> Start:
    """Of matrices in the last two dimensions; `ends` are the result's axes of rows and columns."""
    if a.dims[-1] != b.dims[-2]:
        raise Inexpressible(f"matrices of {a.dims} and {b.dims}")
    *batches, rows = _batches(a, b, ends[0])
    loops = ["batch", *(f"batch_{number}" for number in range(2, len(batches) + 1))]
    named = dict(zip(loops, batches, strict=False))
    sizes = {loop: one.size for loop, one in named.items()}
    sizes |= {"m": rows.size, "n": b.dims[-1], "k": a.dims[-1]}
    steps = {
        "a": {**_steps(named, 0), "m": rows.steps[0], "k": a.steps[-1]},
        "b": {**_steps(named, 1), "k": b.steps[-2], "n": b.steps[-1]},
    }
    axes: Axes = (*(((loop,), one.axes) for loop, one in named.items()), (("m",), rows.axes))
    start = Start(
        "batched_matmul" if batches else "matmul",
        sizes,
        "c",
        (*axes, (("n",), ends[1])),
        through=(*a.through, *b.through),
    )
    stored = {name: _stored(sizes, of) for name, of in steps.items()}
    words = [word for name, order in stored.items() if (word := _word(name, order))]
    changes: dict[str, Any] = {}
    if words:
        changes["stored"] = stored | ({"c": list(range(len(named) + 2))} if named else {})
    repeated = [name for name, of in steps.items() if len(of) < len(named) + 2]
    if repeated or len(batches) > 1:
        start = replace(start, spec=_spec(sizes, {**steps, "c": [*named, "m", "n"]}))
        words += [f"{len(batches)}_batches"] if len(batches) > 1 else []
        words += [f"repeated_{name}" for name in repeated]
    # Which factor is known ahead of time stands in `constant`: b in matmul's file, else none.
    constant = [t for t, name in zip("ab", node.inputs, strict=False) if name in graph.constants]
    if constant != ([] if batches else ["b"]):
        changes["constant"] = constant
        words.append(f"constant_{'_'.join(constant)}" if constant else "variable")
    return replace(start, changes=changes, words=tuple(words))


def _steps(batches: Mapping[str, _Batch], factor: int) -> Steps:
    found = {loop: one.steps[factor] for loop, one in batches.items()}
    return {loop: step for loop, step in found.items() if step is not None}


def _spec(sizes: Mapping[str, int], loops: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """The file of a product whose batches are no single one of both factors."""
    tensors = {name: list(own) for name, own in loops.items()}
    a, b, c = (f"{name}[{','.join(own)}]" for name, own in tensors.items())
    statements = [f"{c} += {a} * {b}"]
    return {
        "sizes": dict(sizes),
        "tensors": tensors,
        "plain": list(tensors),
        "statements": statements,
    }


def _batches(a: Reading, b: Reading, rows: tuple[int, ...]) -> list[_Batch]:
    """What is in front of the rows in as few loops as there can be, and the rows, which take in
    what stands right before them of a alone."""
    found: list[_Batch] = []
    for axis, pair in enumerate(zip(a.dims[:-2], b.dims[:-2], strict=True)):
        size = max(pair)
        if not {1, size}.issuperset(pair):
            raise Inexpressible(f"batches of {a.dims[:-2]} and {b.dims[:-2]}")
        if size > 1:
            steps = (
                None if pair[0] == 1 else a.steps[axis],
                None if pair[1] == 1 else b.steps[axis],
            )
            _append(found, _Batch((axis,), size, steps))
    _append(found, _Batch(rows, a.dims[-2], (a.steps[-2], None)))
    return found


def _append(found: list[_Batch], inner: _Batch) -> None:
    joined = found[-1].around(inner) if found else None
    if joined is None:
        found.append(inner)
    else:
        found[-1] = joined


def _stored(sizes: Mapping[str, int], steps: Steps) -> list[int]:
    """The order of a factor's dimensions in memory, slowest first."""
    loops = list(steps)
    long = [axis for axis, loop in enumerate(loops) if sizes[loop] > 1]
    order = sorted(long, key=lambda axis: -(steps[loops[axis]] or 0))
    if order == long:
        return list(range(len(loops)))
    return [*(axis for axis in range(len(loops)) if axis not in long), *order]


def _word(tensor: str, order: Sequence[int]) -> str:
    """Of a factor whose matrices lie transposed, or otherwise than they are read."""
    usual = list(range(len(order)))
    if order == usual:
        return ""
    if order == [*usual[:-2], usual[-1], usual[-2]]:
        return f"{tensor}t"
    return f"{tensor}_{''.join(map(str, order))}"
