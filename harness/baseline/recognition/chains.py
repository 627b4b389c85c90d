"""Several operators in a row, each of which writes what later ones read.

    mid = min(max(data * expand + bias, 0), 6)     a convolution, add bias, clip
    deep = max(mid * filter, 0)                    a depthwise convolution, relu
    out = max(out, deep)                           a pooling

The statements are cut into as few operators as there can be: what a library fuses into one of its
primitives is one here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from compiler.problem.primitive import Primitive, Tensor
from harness.baseline.recognition.elementwise import Elementwise
from harness.baseline.recognition.operators import Operator, recognise_operator, steps_of
from harness.baseline.recognition.pooling import Pooling
from harness.baseline.recognition.post_ops import Binary
from harness.baseline.recognition.products import Convolution, MatrixProduct
from harness.baseline.recognition.rows import LayerNorm, Softmax
from harness.baseline.recognition.single_writes import factors_in_front, with_single_writes
from harness.baseline.recognition.views import Unrecognised, View
from harness.baseline.recognition.with_post_ops import WithPostOps

MOST_STATEMENTS = 200  # every row of them may be an operator: their number counts squared
MOVED = "a factor behind a sum of products stands on an operand"
LONGEST = 16  # statements of one operator


@dataclass(frozen=True)
class Chain:
    """Operators in the order in which they run; `moved` says that factors stand before sums."""

    operators: tuple[Operator, ...]
    moved: bool = False

    @cached_property
    def made(self) -> frozenset[str]:
        """Tensors that an operator writes for later ones."""
        return frozenset(operator.out.tensor for operator in self.operators[:-1])

    @cached_property
    def apart(self) -> frozenset[str]:
        """Those of them that a reader sees in other dimensions than the operator that writes."""
        written = {operator.out.tensor: operator.out for operator in self.operators[:-1]}
        views = [view for operator in self.operators for view in inputs_of(operator)]
        return frozenset(
            view.tensor
            for view in views
            if view.tensor in written and not _same(view, written[view.tensor])
        )

    def depthwise_follows(self, k: int) -> bool:
        """Whether operator `k` is a 1x1 convolution that a depthwise one alone reads.

        oneDNN may compute the second as a post-op of the first.
        """
        if not 0 <= k < len(self.operators) - 1:
            return False
        first, second = self.operators[k : k + 2]
        if not (isinstance(first, WithPostOps) and isinstance(second, WithPostOps)):
            return False
        before, depthwise = first.product, second.product
        if not (isinstance(before, Convolution) and isinstance(depthwise, Convolution)):
            return False
        taps = len(depthwise.stride)
        readers = [
            v for one in self.operators for v in inputs_of(one) if v.tensor == first.out.tensor
        ]
        return (
            taps == 2
            and set(before.weight.dims[-taps:]) == {1}
            and before.groups == 1
            and depthwise.groups == depthwise.data.dims[1] == depthwise.out.dims[1]
            and readers == [depthwise.data]
            and first.out.tensor not in self.apart
            and all(
                len(set(of)) == 1
                for of in (depthwise.weight.dims[-taps:], depthwise.stride, depthwise.before)
            )
            and set(depthwise.dilation) == {1}
        )


def inputs_of(operator: Operator) -> tuple[View, ...]:
    """What an operator reads, as it sees it."""
    views: list[View | None] = []
    match operator:
        case WithPostOps(product=Convolution() as product):
            views = [product.data, product.weight]
        case WithPostOps(product=MatrixProduct() as product):
            views = [product.a, product.b]
        case Pooling():
            views = [operator.data]
        case LayerNorm():
            views = [operator.source, operator.scale, operator.shift]
        case Softmax() | Elementwise():
            views = [operator.source]
    if isinstance(operator, WithPostOps | Pooling | Elementwise):
        binary = (step for step in steps_of(operator) if isinstance(step, Binary))
        views += [operator.operand(step.operand) for step in binary]
    return tuple(view for view in views if view is not None)


def _same(one: View, other: View) -> bool:
    """Whether two operators see the same dimensions of a tensor, whatever lies behind."""

    def seen(view: View) -> tuple[tuple[int, int], ...]:
        steps = zip(view.dims, view.plain, strict=True)
        return tuple((length, step if length > 1 else 0) for length, step in steps)

    return one.offset == other.offset and seen(one) == seen(other)


def recognise_chain(primitive: Primitive) -> Chain:
    """What a primitive's statements are together; raises Unrecognised.

    Where a factor behind a sum makes more operators than one in front of it, it is moved there.
    """
    try:
        return Chain((recognise_operator(primitive),))
    except Unrecognised as single:
        if sum(bool(s.reduction_loops) for s in primitive.statements) < 2:
            raise
        if len(primitive.statements) > MOST_STATEMENTS:
            raise
        outputs = sum(tensor.role == "output" for tensor in primitive.tensors)
        if outputs > 1:  # what is between operators is handed to nobody
            raise Unrecognised(f"{outputs} outputs, only a single one is taken") from single
        refusal = single
    apart = with_single_writes(primitive)
    moved = factors_in_front(apart)
    found: list[Chain] = []
    for one in dict.fromkeys((apart, moved)):
        try:
            found.append(Chain(_operators(one), moved=one is moved and moved is not apart))
        except Unrecognised as reason:
            refusal = reason
    if not found:
        raise refusal
    return min(found, key=lambda chain: len(chain.operators))


def _operators(primitive: Primitive) -> tuple[Operator, ...]:
    """The fewest that cover all statements, each a row of them."""
    count = len(primitive.statements)
    best: list[tuple[Operator, ...] | None] = [(), *[None] * count]
    refusals: dict[int, Unrecognised] = {}
    for start in range(count):
        before = best[start]
        if before is None:
            continue
        for end in range(start + 1, min(count, start + LONGEST) + 1):
            known = best[end]
            if known is not None and len(known) <= len(before) + 1:
                continue
            try:
                operator = recognise_operator(cut_out(primitive, start, end))
            except Unrecognised as reason:
                refusals.setdefault(start, reason)
                continue
            best[end] = (*before, operator)
    if best[count] is None:
        raise refusals[max(refusals)]
    return best[count] or ()


def cut_out(primitive: Primitive, start: int, end: int) -> Primitive:
    """Statements from `start` up to `end` as a primitive of its own.

    What earlier ones have written is an input of it, what later ones read an output. `primitive`
    has single writes.
    """
    statements = primitive.statements[start:end]
    used = {access.tensor for s in statements for access in s.accesses}
    earlier = {s.target.tensor for s in primitive.statements[:start]}
    written = {s.target.tensor for s in statements}
    later = {a.tensor for s in primitive.statements[end:] for a in (s.target, *s.reads)}

    def within(tensor: Tensor) -> Tensor:
        if tensor.name in written:
            needed = tensor.role == "output" or tensor.name in later
            role = replace(tensor, role="output" if needed else "temporary")
            return replace(role, accumulate=tensor.accumulate or tensor.name in earlier)
        return replace(tensor, role="input") if tensor.name in earlier else tensor

    loops = {loop for s in statements for loop in s.loops}
    return replace(
        primitive,
        extents=tuple((loop, n) for loop, n in primitive.extents if loop in loops),
        tensors=tuple(within(t) for t in primitive.tensors if t.name in used),
        statements=statements,
    )
