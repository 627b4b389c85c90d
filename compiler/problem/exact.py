"""Inputs for which float32 makes no error: how large they may be, so that results can be compared
with `==`.

Inputs are integers of -R..R, never 0, times a power of two. Every value of a chain of sums and
products is then an integer times a power of two as well, and exact in float32 in any order of
summation as long as the worst case of the integers (the sum of the terms' magnitudes) is below
2**24. An abstract interpretation of the statements gives that worst case; R is the largest that
keeps it: `R = floor(sqrt((2**24-1)/K))` for one contraction over K terms, `K R**3 + R < 2**24`
with a batch normalisation behind it.

Powers of two align what is added, and give the argument of what depends on its size (clip, exp,
tanh, erf) a standard deviation of about 3. What float32 must round (functions, numbers that are
no short binary fraction) ends exactness: statements behind it have a rounding that is known, until
they sum up rounded values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import log2, sqrt

from compiler.problem.interpretation import TOO_LONG, Interpretation
from compiler.problem.primitive import Primitive
from compiler.problem.scales import LIMIT, Scale
from compiler.problem.signs import one_signed_terms

DEVIATION = 3.0
_Scales = Mapping[str, Scale]
_Run = Callable[[_Scales, int], Interpretation]  # of these scales, and the largest of others


@dataclass(frozen=True)
class ExactForm:
    """`largest` is R, 0 where there is no exact round at all; `why` tells what float32 rounds.

    `exponents` are of the inputs' powers of two, `negated` the inputs whose signs change in a
    second round, so that the arguments of max, min and abs are their opposites. The first
    `statements` are exact. Outputs are `equal`, or `rounded` by statements after those.
    """

    largest: int
    exponents: Mapping[str, int] = field(default_factory=dict)
    negated: frozenset[str] = frozenset()
    statements: int = 0
    equal: tuple[str, ...] = ()
    rounded: tuple[str, ...] = ()
    why: str | None = None


def exact_form(primitive: Primitive, wanted: float = DEVIATION) -> ExactForm:
    """The widest inputs for which as many statements as possible are exact.

    Arguments of functions have about the wanted standard deviation.
    """
    runs = one_signed_terms(primitive)
    known = {0: ExactForm(0, why=f"statement 1: {TOO_LONG}")}
    least, most = 0, len(primitive.statements)
    count = most  # which mostly is the answer
    while least < most:
        known[count] = _form(primitive, runs, count, wanted)
        if known[count].largest:
            least = count
        else:
            most = count - 1
        count = (least + most + 1) // 2
    form = known[least]
    return form if form.equal or form.rounded else ExactForm(0, why=form.why)


def float_exponents(
    primitive: Primitive, deviation: float, wanted: float = DEVIATION
) -> dict[str, int]:
    """Powers of two for inputs of that deviation, so that arguments of functions deviate by the
    wanted one."""
    runs = one_signed_terms(primitive)
    ran = _settled(
        lambda scales, _: Interpretation(primitive, runs, 0, 1, deviation, scales), wanted
    )
    return {name: scale.exponent for name, scale in ran.placed.items()}


def _form(primitive: Primitive, runs: tuple[int, ...], count: int, wanted: float) -> ExactForm:
    """The form of which the first `count` statements are exact."""

    def interpreted(largest: int, scales: _Scales) -> Interpretation:
        deviation = sqrt((largest + 1) * (2 * largest + 1) / 6)  # all integers equally likely
        return Interpretation(primitive, runs, count, largest, deviation, scales)

    def widest(scales: _Scales, near: int) -> Interpretation:
        """Looked for from `near` outwards: another input's scale moves it little."""
        best = interpreted(0, scales)
        high, middle, step = LIMIT, max(near, 1), 1
        while best.largest < high:
            ran = interpreted(middle, scales)
            if ran.fits:
                best, towards = ran, middle + step
            else:
                high, towards = middle - 1, middle - step
            between = best.largest > 0 and high < LIMIT
            middle = (best.largest + high + 1) // 2 if between else towards
            middle, step = min(max(middle, best.largest + 1), high), 2 * step
        return best

    ran = _settled(widest, wanted)
    outputs = {t.name: ran.values[t.name] for t in primitive.tensors if t.role == "output"}
    return ExactForm(
        ran.largest,
        {name: scale.exponent for name, scale in ran.placed.items()},
        frozenset(name for name, scale in ran.placed.items() if scale.odd),
        ran.exact,
        tuple(name for name, v in outputs.items() if v.why is None),
        tuple(name for name, v in outputs.items() if v.why is not None and not v.lost),
        next((v.why for v in outputs.values() if v.why is not None), None),
    )


def _settled(run: _Run, wanted: float = DEVIATION) -> Interpretation:
    """The interpretation once every argument that asks for it has been given its scale."""
    scales: dict[str, Scale] = {}
    treated: set[str] = set()
    ran = run(scales, 1)
    while True:
        pending = next((a for a in ran.arguments if set(a.factors) - treated), None)
        if pending is None:
            return ran
        chosen = next(name for name in reversed(pending.factors) if name not in treated)
        treated |= set(pending.factors)
        sized = (a for a in ran.arguments if a.scaled and set(a.factors) <= set(pending.factors))
        argument = next(sized, None)
        shift = 0 if argument is None else round(log2(wanted / argument.deviation))
        scales[chosen] = Scale(shift, odd=True)
        ran = run(scales, ran.largest)
