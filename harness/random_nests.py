"""Random primitives from a seed: chains of one to three statements, as a user would write them.

The first statement reduces or combines fresh inputs; each later one takes up what was written
before it: element by element, transposed, shifted, pooled, multiplied by a matrix, reduced further.
What is drawn (loops, forms of indices, reductions, values outside, extents) does not depend on what
any compiler does well, nor on the host: extents are scaled until a nominal machine needs the
seconds that were drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, inf, isinf, log, prod
from random import Random
from types import MappingProxyType
from typing import Any

MOST_LOOPS = 6  # of a statement
SECONDS = (20e-6, 3e-3)  # of the nominal machine, which takes so many operations and bytes a second
OPERATIONS_RATE = 50e9
BYTES_RATE = 20e9
MOST_BYTES = 2**25
ELEMENT_BYTES = 4
_NAMES = "ijklmnopqrstuvwx"
# Values by their number of operands: the text, and about how many vector operations it takes.
_SUMMED = {
    1: (("{0}", 1), ("{0} * {0}", 1), ("abs({0})", 2), ("2 * {0} - 1", 2)),
    2: (("{0} * {1}", 1), ("{0} * {1}", 1), ("{0} + {1}", 2), ("abs({0} - {1})", 3)),
    3: (("{0} * {1} * {2}", 2), ("{0} * {1} + {2}", 2), ("({0} - {1}) * {2}", 2)),
}
_COMPARED = {
    1: (("{0}", 1), ("{0}", 1), ("abs({0})", 2)),
    2: (("{0} + {1}", 2), ("{0} * {1}", 2), ("{0} - {1}", 2)),
    3: (("{0} * {1} + {2}", 2), ("max({0}, {1}) - {2}", 3)),
}
_ASSIGNED = {
    1: (("max({0}, 0)", 1), ("tanh({0})", 26), ("1 / (1 + exp(-{0}))", 25), ("0.5 * {0} + 1", 1)),
    2: (("{0} + {1}", 1), ("max({0} * {1}, 0)", 2), ("{0} / (1 + abs({1}))", 10), ("{0} - {1}", 1)),
    3: (("{0} * {1} + {2}", 1), ("min(max({0}, {1}), {2})", 2), ("({0} - {1}) * {2}", 2)),
}
_VALUES = {"add": _SUMMED, "max": _COMPARED, "min": _COMPARED, "": _ASSIGNED}
_RISING = ("{0}", "{0} + {1}")  # an infinity outside leaves a maximum or minimum of them alone


def random_nests(seed: int, count: int) -> list[dict[str, Any]]:
    """The first so many primitives of a seed; more of them begin with the same ones."""
    return [
        random_nest(f"random_{seed}_{number}", Random(f"{seed}:{number}"))
        for number in range(count)
    ]


def random_nest(
    name: str, random: Random, seconds: tuple[float, float] = SECONDS
) -> dict[str, Any]:
    """A primitive's file as plain data; equal for equal states of `random`.

    Its nominal seconds lie between those given where whole extents allow it.
    """
    draft = _Draft(random)
    draft.begin()
    most = random.choice((1, 2, 3))
    while len(draft.statements) < most:
        draft.follow(most - len(draft.statements))
    low, high = map(log, seconds)
    draft.scale(exp(random.uniform(low, high)))
    return draft.spec(name)


@dataclass(frozen=True)
class _Index:
    """`step * loop + dilation * tap - before`: as many indices lie outside in front and behind."""

    loop: str
    step: int = 1
    tap: str | None = None
    dilation: int = 1
    before: int = 0

    def text(self) -> str:
        taps = "" if self.tap is None else f" + {_times(self.dilation, self.tap)}"
        return _times(self.step, self.loop) + taps + (f" - {self.before}" if self.before else "")

    def dimension(self) -> str:
        """The formula of the dimension's size, which is 1 at least."""
        loops = [(self.step, self.loop), *([(self.dilation, self.tap)] if self.tap else [])]
        parts = [name if factor == 1 else f"{factor}*({name} - 1)" for factor, name in loops]
        constant = 1 - 2 * self.before - sum(factor == 1 for factor, _ in loops)
        return " + ".join(parts) + (
            "" if not constant else f" {'+-'[constant < 0]} {abs(constant)}"
        )

    def size(self, extents: Mapping[str, int]) -> int:
        reach = 0 if self.tap is None else self.dilation * (extents[self.tap] - 1)
        return self.step * (extents[self.loop] - 1) + 1 + reach - 2 * self.before


def _times(factor: int, loop: str) -> str:
    return loop if factor == 1 else f"{factor}*{loop}"


@dataclass(frozen=True)
class _Value:
    """What a statement of a kind (add, max, min, or "" that assigns) makes of its operands."""

    kind: str
    text: str
    operands: int
    operations: int

    @property
    def outside(self) -> float:
        """What reads outside give so that they mostly do not count."""
        return {"max": -inf, "min": inf}.get(self.kind, 0.0) if self.text in _RISING else 0.0

    def statement(self, target: str, reads: Sequence[str]) -> str:
        value = self.text.format(*reads)
        if self.kind in ("max", "min"):
            return f"{target} = {self.kind}({target}, {value})"
        return f"{target} {'+=' if self.kind else '='} {value}"


@dataclass(frozen=True)
class _Statement:
    """`operations` are those of one point of its loops."""

    text: str
    loops: tuple[str, ...]
    operations: int


@dataclass
class _Draft:
    """What has been drawn so far; `growth` is how much of the scaling a loop takes, taps none."""

    random: Random
    growth: dict[str, float] = field(default_factory=dict)
    grain: dict[str, int] = field(default_factory=dict)  # extents are multiples of it
    extents: dict[str, int] = field(default_factory=dict)
    least: dict[str, int] = field(default_factory=dict)  # of an extent, where it is more than 2
    halved: dict[str, str] = field(default_factory=dict)  # pooled loops: half of another's extent
    tensors: dict[str, tuple[_Index, ...]] = field(default_factory=dict)
    outside: dict[str, float] = field(default_factory=dict)
    constant: list[str] = field(default_factory=list)
    temporary: list[str] = field(default_factory=list)
    statements: list[_Statement] = field(default_factory=list)
    last: str = ""  # the tensor written last

    def begin(self) -> None:
        """The first one: two to six loops, up to three of them reduced, as windows or at length."""
        count = self.random.randint(2, MOST_LOOPS)
        reduced = self.random.randint(max(0, count - 4), min(3, count - 1))
        kept = [self._loop() for _ in range(count - reduced)]
        windows = self.random.randint(0, min(reduced, len(kept)))
        window = {loop: self._window(loop) for loop in self.random.sample(kept, windows)}
        long = [self._loop() for _ in range(reduced - windows)]
        taps = [index.tap for index in window.values() if index.tap is not None]
        over = [*long, *taps]
        kind = self.random.choice(("add", "add", "max", "min")) if over else ""
        value = self._value(kind, self.random.choice((1, 2, 2, 3)))
        number = value.operands
        first = [loop for loop in kept if loop in window or number == 1 or self._chance(0.7)]
        first = first or kept[:1]
        reads = [self._input([*first, *long], value.outside, window)]
        unread = [loop for loop in kept if loop not in first]
        for place in range(1, number):
            some = [loop for loop in (*kept, *over) if loop not in unread and self._chance(0.5)]
            if place == number - 1:
                some += unread
            reads.append(self._input(some or kept[-1:], value.outside))
        self._state(self._shuffled(kept), value, reads, over)

    def follow(self, most: int) -> None:
        """One more statement that reads what was written last, or two where `most` are wanted."""
        dims = [index.loop for index in self.tensors[self.last]]
        kinds = [self._same, self._same, self._same, self._transposed, self._shifted]
        if len(dims) > 1:
            kinds += [self._reduced, self._reduced, *([self._spread] * (most > 1))]
        if len(dims) < MOST_LOOPS:
            kinds += [self._multiplied]
        if any(self.growth[loop] and loop not in self.halved for loop in dims):
            kinds += [self._pooled]
        self.random.choice(kinds)(dims)

    def _same(self, dims: list[str]) -> None:
        """Element by element, in place or into another tensor, with broadcast operands."""
        reads = [self._last(dims), *self._others(dims, self.random.choice((0, 1, 1, 2)))]
        own = self.last if self._chance(0.4) else None
        self._state(dims, self._value("", len(reads)), reads, target=own)

    def _transposed(self, dims: list[str]) -> None:
        reads = [self._last(dims), *self._others(dims, self.random.choice((0, 1)))]
        self._state(self._shuffled(dims), self._value("", len(reads)), reads)

    def _shifted(self, dims: list[str]) -> None:
        """A value and its neighbour."""
        loop = self.random.choice(dims)
        by = self.random.choice((1, 1, 2))
        self.outside.setdefault(self.last, self.random.choice((0, 0, 1)))
        neighbour = [f"{dim} - {by}" if dim == loop else dim for dim in dims]
        self._state(dims, self._value("", 2), [self._last(dims), self._last(neighbour)])

    def _reduced(self, dims: list[str]) -> None:
        """A sum, maximum or minimum over some of the dimensions."""
        chosen = self.random.sample(dims, self.random.randint(1, len(dims) - 1))
        kept = [loop for loop in dims if loop in chosen]
        kind = self.random.choice(("add", "max", "min"))
        reads = [self._last(dims), *self._others(dims, self.random.choice((0, 0, 1)))]
        over = [loop for loop in dims if loop not in kept]
        self._state(kept, self._value(kind, len(reads)), reads, over)

    def _spread(self, dims: list[str]) -> None:
        """A reduction, and its result taken back to the tensor that it came from."""
        whole = self._last(dims)
        self._reduced(dims)
        kept = [index.loop for index in self.tensors[self.last]]
        self._state(dims, self._value("", 2), [whole, self._last(kept)])

    def _multiplied(self, dims: list[str]) -> None:
        """By a matrix, over one of the dimensions."""
        over = self.random.choice(dims)
        new = self._loop()
        reads = [self._last(dims), self._input([over, new])]
        kept = [new if loop == over else loop for loop in dims]
        self._state(kept, _Value("add", "{0} * {1}", 2, 1), reads, [over])

    def _pooled(self, dims: list[str]) -> None:
        """Every second window of one dimension."""
        wide = [loop for loop in dims if self.growth[loop] and loop not in self.halved]
        over = self.random.choice(wide)
        tap, new = self._tap(), self._loop()
        self.halved[new] = over
        value = self._value(self.random.choice(("add", "max", "min")), 1)
        self.outside.setdefault(self.last, value.outside)
        window = [f"2*{new} + {tap}" if loop == over else loop for loop in dims]
        kept = [new if loop == over else loop for loop in dims]
        self._state(kept, value, [self._last(window)], [tap])

    def _value(self, kind: str, operands: int) -> _Value:
        text, operations = self.random.choice(_VALUES[kind][operands])
        return _Value(kind, text, operands, operations)

    def _state(
        self,
        dims: Sequence[str],
        value: _Value,
        reads: Sequence[str],
        over: Sequence[str] = (),
        target: str | None = None,
    ) -> None:
        """Write the value of these reads, into a new tensor where no target is named."""
        target = target or f"y{len(self.statements)}"
        if self.last not in ("", target) and self._chance(0.6):
            self.temporary.append(self.last)
        self.tensors[target] = tuple(_Index(loop) for loop in dims)
        self.last = target
        text = value.statement(f"{target}[{', '.join(dims)}]", reads)
        self.statements.append(_Statement(text, (*dims, *over), value.operations))

    def _last(self, indices: Sequence[str]) -> str:
        return f"{self.last}[{', '.join(indices)}]"

    def _others(self, dims: Sequence[str], count: int) -> list[str]:
        """New tensors over some of the dimensions."""
        some = (self.random.sample(dims, self.random.randint(1, len(dims))) for _ in range(count))
        return [self._input(loops) for loops in some]

    def _input(
        self,
        loops: Sequence[str],
        outside: float = 0.0,
        window: Mapping[str, _Index] = MappingProxyType({}),
    ) -> str:
        """A new tensor over these loops in any order, read with strides, shifts and windows."""
        name = f"x{sum(tensor.startswith('x') for tensor in self.tensors)}"
        indices = [window.get(loop) or self._index(loop) for loop in self._shuffled(loops)]
        self.tensors[name] = tuple(indices)
        padded = [index for index in indices if index.before]
        if padded:
            if isinf(outside) and not all(index.tap for index in padded):
                outside = 0.0  # without a window nothing would be inside for some elements
            self.outside[name] = outside if self._chance(0.8) else self.random.choice((1, -1))
        elif name != "x0" and self._chance(0.3):
            self.constant.append(name)
        return f"{name}[{', '.join(index.text() for index in indices)}]"

    def _index(self, loop: str) -> _Index:
        if not self.growth[loop] or loop in self.halved or self._chance(0.85):
            return _Index(loop)
        if self._chance(0.5):
            return _Index(loop, step=self.random.choice((2, 2, 3)))
        before = self.random.choice((1, 1, 2))
        self.least[loop] = max(self.least.get(loop, 0), 2 * before + 1)
        return _Index(loop, before=before)

    def _window(self, loop: str) -> _Index:
        tap = self._tap()
        step, dilation = self.random.choice((1, 1, 1, 2, 2, 3)), self.random.choice((1, 1, 1, 2))
        reach = dilation * (self.extents[tap] - 1)
        return _Index(loop, step, tap, dilation, before=self.random.choice((0, 0, reach // 2)))

    def _loop(self) -> str:
        loop = _NAMES[len(self.extents)]
        self.growth[loop] = self.random.uniform(0.3, 1.0)
        self.grain[loop] = self.random.choice((1, 1, 1, 4, 8, 16))
        self.extents[loop] = 1
        return loop

    def _tap(self) -> str:
        loop = self._loop()
        self.growth[loop], self.grain[loop] = 0.0, 1
        self.extents[loop] = self.random.randint(2, 5)
        return loop

    def _shuffled(self, loops: Iterable[str]) -> list[str]:
        found = list(loops)
        self.random.shuffle(found)
        return found

    def _chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def scale(self, seconds: float) -> None:
        """Extents by which the nominal machine needs about so many seconds."""
        low, high = 0.0, 25.0  # of the scale's logarithm
        for _ in range(30):
            middle = (low + high) / 2
            self._grow(exp(middle))
            low, high = (low, middle) if self._seconds() > seconds else (middle, high)
        self._grow(exp(low))

    def _grow(self, scale: float) -> None:
        for loop, growth in self.growth.items():
            if growth and loop not in self.halved:
                grain, wanted = self.grain[loop], max(self.least.get(loop, 2), round(scale**growth))
                self.extents[loop] = -(-wanted // grain) * grain if wanted > grain else wanted
        for loop, source in self.halved.items():
            self.extents[loop] = max(1, self.extents[source] // 2)

    def _seconds(self) -> float:
        """Of the nominal machine; too many bytes are too many seconds."""
        work = sum(s.operations * prod(self.extents[x] for x in s.loops) for s in self.statements)
        held = ELEMENT_BYTES * sum(
            prod(index.size(self.extents) for index in dims) for dims in self.tensors.values()
        )
        return inf if held > MOST_BYTES else max(work / OPERATIONS_RATE, held / BYTES_RATE)

    def spec(self, name: str) -> dict[str, Any]:
        """The primitive's file; what is empty is left out."""
        used = {x for statement in self.statements for x in statement.loops}
        sizes = {x: n for x, n in self.extents.items() if x in used | {*self.halved.values()}}
        file = {
            "name": name,
            "sizes": {loop: size for loop, size in sizes.items() if loop not in self.halved},
            "extents": {loop: f"{source}//2" for loop, source in self.halved.items()},
            "tensors": {
                tensor: [index.dimension() for index in dims]
                for tensor, dims in self.tensors.items()
            },
            "constant": self.constant,
            "temporary": self.temporary,
            "outside": self.outside,
            "statements": [statement.text for statement in self.statements],
        }
        return {key: value for key, value in file.items() if value}
