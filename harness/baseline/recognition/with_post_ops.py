"""A product and the element-wise statements around it, as one operator with post-ops.

The statements are followed as values: each read of a written tensor is replaced by what it holds,
until the output is one expression of the product and of inputs. So temporaries, the order of the
statements and the names of their loops make no difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from compiler.problem.primitive import (
    Access,
    Affine,
    Call,
    Expression,
    Number,
    Primitive,
    Read,
    Statement,
    operations_of,
)
from harness.baseline.recognition.post_ops import PRODUCT, Binary, Eltwise, PostOp, post_ops_of
from harness.baseline.recognition.products import Convolution, MatrixProduct, recognise
from harness.baseline.recognition.views import (
    Unrecognised,
    View,
    check_covered,
    is_loop,
    loops_in,
    merged,
    view_of,
)

MOST_OPERATIONS = 200  # in the output's expression: a temporary that is read often repeats


@dataclass(frozen=True)
class WithPostOps:
    """`product` writes the primitive's output after its `post_ops` on each element."""

    primitive: Primitive
    product: Convolution | MatrixProduct
    post_ops: tuple[PostOp, ...]

    @property
    def out(self) -> View:
        return self.product.out if isinstance(self.product, Convolution) else self.product.c

    def operand(self, access: Access) -> View:
        """The tensor of a post-op with the dimensions of `out`, of length 1 where it has none.

        Raises Unrecognised.
        """
        check_covered(self.primitive, access)
        has = loops_in(access)
        axes = self.product.axes
        if not has <= {axis for axis in axes if axis}:
            raise Unrecognised(f"{access} has other loops than the product")
        at = [axis if axis in has else None for axis in axes]
        view = view_of(self.primitive, access, at)
        if isinstance(self.product, MatrixProduct):
            return view
        apart = [a for a in axes[1:3] if a and self.primitive.extent(a) > 1]
        if len(apart) == 2 and len(has & set(apart)) == 1:
            raise Unrecognised(f"{access} varies with only one of {' and '.join(apart)}")
        return merged(view)

    def bias_and_steps(self) -> tuple[View | None, tuple[PostOp, ...]]:
        """The tensor with one number for each output channel (or column), added first; the rest.

        Of a convolution it has that dimension alone.
        """
        first, rest = self.post_ops[:1], self.post_ops[1:]
        bias = self._bias(first[0]) if first else None
        return (None, self.post_ops) if bias is None else (bias, rest)

    def _bias(self, one: PostOp) -> View | None:
        if not isinstance(one, Binary) or one.function != "add":
            return None
        view = self.operand(one.operand)
        product = isinstance(self.product, MatrixProduct)
        channel = len(view.dims) - 1 if product else 1
        if any(length > 1 for d, length in enumerate(view.dims) if d != channel):
            return None
        if view.dims[channel] != self.out.dims[channel]:
            return None
        if product:
            return view
        only = slice(channel, channel + 1)
        return replace(
            view,
            dims=view.dims[only],
            plain=view.plain[only],
            stored=view.stored[only],
        )


def recognise_with_post_ops(primitive: Primitive) -> WithPostOps:
    """The operator that a primitive's statements are together; raises Unrecognised."""
    if len(primitive.statements) == 1:
        return WithPostOps(primitive, recognise(primitive), ())
    sums = [s for s in primitive.statements if s.reduction_loops]
    if len(sums) != 1 or sums[0].reduction != "add":
        raise Unrecognised(f"{len(sums)} of its statements reduce, only a single product is taken")
    outputs = [t for t in primitive.tensors if t.role == "output"]
    if len(outputs) != 1:
        raise Unrecognised(f"{len(outputs)} outputs, only a single one is taken")
    values = _Values(primitive, sums[0])
    for statement in primitive.statements:
        values.follow(statement)
    target = values.target(outputs[0].name)
    operands = {access.tensor for access in (*sums[0].reads, target)}
    alone = replace(
        primitive,
        tensors=tuple(t for t in primitive.tensors if t.name in operands),
        statements=(replace(sums[0], target=target),),
    )
    recognised = WithPostOps(primitive, recognise(alone), post_ops_of(values.held[target.tensor]))
    for one in recognised.post_ops:
        if not isinstance(one, Eltwise):
            recognised.operand(one.operand)
    return recognised


class _Values:
    """What every written tensor holds, as an expression in the loops of the product."""

    def __init__(self, primitive: Primitive, product: Statement) -> None:
        self.primitive = primitive
        self.product = product
        self.held: dict[str, Expression] = {}
        self._written = {s.target.tensor for s in primitive.statements}
        check_covered(primitive, product.target)
        # The product's loops along the dimensions of every tensor that is written.
        self._loops = {product.target.tensor: [i.loops[0] for i in product.target.indices]}

    def target(self, tensor: str) -> Access:
        """The tensor as the product would write it."""
        return Access(tensor, tuple(Affine(((loop, 1),)) for loop in self._loops[tensor]))

    def follow(self, statement: Statement) -> None:
        target = statement.target.tensor
        if statement is self.product:
            if any(access.tensor in self._written for access in statement.reads):
                raise Unrecognised(f"'{statement.text}' reads what another statement writes")
            value: Expression = PRODUCT
        else:
            loops = self._aligned(statement)
            value = self._rewritten(statement.value, loops, statement)
        if statement.reduction is not None:
            value = Call(statement.reduction, (self._before(target), value))
        if operations_of(value) > MOST_OPERATIONS:
            raise Unrecognised(f"more than {MOST_OPERATIONS} operations follow the product")
        self.held[target] = value

    def _before(self, tensor: str) -> Expression:
        start = self.primitive.start_of(tensor)
        if start is None:
            raise Unrecognised(f"{tensor} starts from values of its own, only from zero is taken")
        return self.held.get(tensor) or Number(start)

    def _aligned(self, statement: Statement) -> Mapping[str, str]:
        """The statement's loops in terms of the product's, by a tensor that is known already."""
        accesses = [a for a in (statement.target, *statement.reads) if a.tensor in self._written]
        for access in accesses:
            check_covered(self.primitive, access)
        known = next((a for a in accesses if a.tensor in self._loops), None)
        if known is None:
            raise Unrecognised(f"'{statement.text}' does not follow from the product")
        own = (index.loops[0] for index in known.indices)
        loops = dict(zip(own, self._loops[known.tensor], strict=True))
        for access in accesses:
            if not loops_in(access) <= loops.keys():
                raise Unrecognised(f"{access} has other loops than the product")
            along = [loops[index.loops[0]] for index in access.indices]
            if self._loops.setdefault(access.tensor, along) != along:
                raise Unrecognised(f"'{statement.text}' takes {access} from another place")
        return loops

    def _rewritten(
        self, e: Expression, loops: Mapping[str, str], statement: Statement
    ) -> Expression:
        if isinstance(e, Call):
            return Call(
                e.function, tuple(self._rewritten(a, loops, statement) for a in e.arguments)
            )
        if isinstance(e, Number):
            return e
        access = e.access
        if access.tensor in self._written:
            return self._before(access.tensor)
        for index in access.indices:
            if not is_loop(index) or index.loops[0] not in loops:
                raise Unrecognised(f"index '{index}' of {access} is no loop of the product")
        renamed = (Affine(((loops[index.loops[0]], 1),)) for index in access.indices)
        return Read(Access(access.tensor, tuple(renamed)))
