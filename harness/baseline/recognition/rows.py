"""Softmax and layer normalisation along one dimension.

y = exp(x - max x) / sum of exp(x - max x)
y = (x - mean x) / sqrt(variance x + epsilon) * gamma + beta

An output is one of them where it equals what is built from its own parts, in normal form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product as pairs

from compiler.problem.primitive import (
    Access,
    Call,
    Expression,
    Number,
    Primitive,
    Read,
    reads_of,
)
from harness.baseline.recognition.normal_form import (
    alike,
    inverse,
    normal,
    product,
    scaled,
    terms,
    total,
)
from harness.baseline.recognition.values import Followed, loops_of, renamed
from harness.baseline.recognition.views import (
    Unrecognised,
    View,
    check_covered,
    loops_in,
    view_of,
)


@dataclass(frozen=True)
class Softmax:
    """Along the last dimension of `source` and `out`."""

    source: View
    out: View


@dataclass(frozen=True)
class LayerNorm:
    """Along the last dimension of `source` and `out`; `scale` and `shift` have that one alone."""

    source: View
    out: View
    epsilon: float
    scale: View | None
    shift: View | None


def recognise_rows(primitive: Primitive, found: Followed) -> Softmax | LayerNorm:
    """Raises Unrecognised."""
    if len(found.reduced) != 2 or any(len(r.over) != 1 for r in found.reduced.values()):
        raise Unrecognised(f"{len(found.reduced)} reductions, no operator that is known has them")
    first, second = found.reduced.values()
    along = [loop for loop in found.loops if loop not in _read_at(found, found.value)]
    if len(along) != 1 or len(found.loops) < 2:
        raise Unrecognised("its reductions are not along one dimension of its output")
    sums = _sums(found, found.value, along[0])
    if len(sums) != 2:
        raise Unrecognised("its reductions are over different rows")
    (one, x), (other, inner) = sorted(sums.items(), key=lambda s: s[0].access.tensor)
    if not isinstance(x, Read):
        raise Unrecognised("what is reduced first is no tensor")
    check_covered(primitive, x.access)
    rows = _Rows(primitive, found, along[0], x)
    if second.reduction == "add" and first.reduction == "max":
        return rows.softmax(one, other, inner)
    if second.reduction == "add" and first.reduction == "add":
        return rows.layernorm(one, other, inner)
    raise Unrecognised("no operator that is known reduces so")


def _read_at(found: Followed, e: Expression) -> set[str]:
    """The loops at which reductions are read."""
    reads = (a for a in reads_of(e) if a.tensor in found.reduced)
    return {loop for access in reads for index in access.indices for loop in index.loops}


def _sums(found: Followed, e: Expression, along: str) -> dict[Read, Expression]:
    """What every reduction that an expression reads reduces, in the loops of its reader."""
    sums: dict[Read, Expression] = {}
    for access in reads_of(e):
        reduced = found.reduced.get(access.tensor)
        if reduced is not None and Read(access) not in sums:
            loops = dict(zip(reduced.kept, loops_of(access), strict=True))
            inner = renamed(reduced.value, {**loops, reduced.over[0]: along})
            sums |= {Read(access): normal(inner), **_sums(found, inner, along)}
    return sums


@dataclass(frozen=True)
class _Rows:
    primitive: Primitive
    found: Followed
    along: str
    x: Read

    def views(self) -> tuple[View, View]:
        axes = [*(loop for loop in self.found.loops if loop != self.along), self.along]
        return (
            view_of(self.primitive, self.x.access, axes),
            view_of(self.primitive, self.found.access, axes),
        )

    def softmax(self, largest: Read, summed: Read, inner: Expression) -> Softmax:
        power = Call("exp", (total(self.x, product(Number(-1), largest)),))
        if not alike(inner, power):
            raise Unrecognised("what follows a maximum is no sum of exponentials")
        if not alike(normal(self.found.value), product(power, inverse(summed))):
            raise Unrecognised("no softmax: the output is no exponential by the sum of them")
        return Softmax(*self.views())

    def layernorm(self, summed: Read, squares: Read, inner: Expression) -> LayerNorm:
        share = Number(1 / self.primitive.extent(self.along))
        apart = total(self.x, product(Number(-1), share, summed))
        if not alike(inner, product(apart, apart)):
            raise Unrecognised("what follows a sum is no sum of squared distances from the mean")
        value = normal(self.found.value)
        rows = [a for a in reads_of(value) if loops_in(a) == {self.along}]
        choices = [None, *dict.fromkeys(rows)]
        for epsilon in _epsilons(value):
            deviation = Call("sqrt", (total(product(share, squares), Number(epsilon)),))
            for scale, shift in pairs(choices, choices):
                factor = [] if scale is None else [Read(scale)]
                added = [] if shift is None else [Read(shift)]
                built = total(product(apart, inverse(deviation), *factor), *added)
                if alike(value, built):
                    return LayerNorm(*self.views(), epsilon, self._row(scale), self._row(shift))
        raise Unrecognised("no layer normalisation: the output is no multiple of the distance")

    def _row(self, access: Access | None) -> View | None:
        if access is None:
            return None
        check_covered(self.primitive, access)
        return view_of(self.primitive, access, [self.along])


def _epsilons(e: Expression) -> Iterator[float]:
    """The numbers that are added below every root."""
    if isinstance(e, Call):
        if e.function == "sqrt":
            coefficient, factors = scaled(e.arguments[0])
            constant, _ = terms(product(*factors))
            yield coefficient * constant
        for argument in e.arguments:
            yield from _epsilons(argument)
