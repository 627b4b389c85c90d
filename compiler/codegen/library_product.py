"""A library's matrix product in a microkernel's place: C that calls it, and what sets it up.

    c[p,v] += sum over i of a[p, i, k] * b[i, k, v]      p points, v lanes, k the innermost loop

The loop right around the innermost one is the product's batch, `i`: its operands move by the same
number of elements from one to the next. Sums are added to the output in memory. What begins a sum
overwrites it where one call does all of it, and zeroes the tile before the calls where several do.

Where the last piece of the innermost loop is shorter, there is a product of its depth too. The
position of the piece chooses between the two; a batch is all but the last one, then that one.

LIBXSMM generates code for each shape when it is asked first; column-major, it calls v its rows and
p its columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from compiler.codegen.border_tile import BorderTile, pointer
from compiler.codegen.reductions import Reduction, offsets, tap_ranges
from compiler.lower.addressing import Address
from compiler.lower.operands import Factors
from compiler.lower.steps import goes_on, lengths_of
from compiler.lower.tree import Level
from compiler.problem.dtypes import F32


@dataclass(frozen=True)
class Product:
    """One shape of product; `add` to what the output holds, else overwrite it.

    Steps are in elements: of the vector operand from k to k, of the broadcast operand and of the
    output from point to point, and of both operands from one of the batch to the next.
    """

    library: str
    lanes: int
    points: int
    depth: int
    steps: tuple[int, int, int]
    batch: tuple[int, int]
    add: bool

    @property
    def name(self) -> str:
        numbers = (self.lanes, self.points, self.depth, *self.steps, *self.batch)
        return "_".join(["product", *map(str, numbers), "add" if self.add else "set"])


# Of each library: what is declared once, the function of a shape, and what runs around all calls.
_DECLARED = {
    "libxsmm": """\
#include <libxsmm.h>
""",
    "cblas": """\
void CBLAS_SGEMM(int, int, int, CBLAS_INT, CBLAS_INT, CBLAS_INT, {c}, const {c} *, CBLAS_INT,
                 const {c} *, CBLAS_INT, {c}, {c} *, CBLAS_INT);
#ifdef CBLAS_SET_THREADS
int CBLAS_GET_THREADS(void);
void CBLAS_SET_THREADS(int);
#endif
""",
}
_FUNCTION = {
    "libxsmm": """\
static libxsmm_smmfunction_reducebatch_strd {name}_call;
static inline void {name}(const {c} *v, const {c} *s, {c} *c, long n)
{{
  const unsigned long long count = n;
  {name}_call(v, s, c, &count);
}}
""",
    "cblas": """\
static inline void {name}(const {c} *v, const {c} *s, {c} *c, long n)
{{
  for (long i = 0; i < n; ++i)
    CBLAS_SGEMM(101, 111, 111, {points}, {lanes}, {depth}, 1, s + i * {batch_s}, {step_s},
                v + i * {batch_v}, {step_v}, {add} || i, c, {step_c});
}}
""",
}
_SETUP = {
    "libxsmm": """\
if (!{name}_call) {{
  const int lda = {step_v}, ldb = {step_s}, ldc = {step_c};
  const int flags = LIBXSMM_GEMM_FLAG_NONE, prefetch = LIBXSMM_PREFETCH_NONE;
  const {c} alpha = 1, beta = {add};
  {name}_call = libxsmm_smmdispatch_reducebatch_strd({lanes}, {points}, {depth}, {batch_v} * {item},
      {batch_s} * {item}, &lda, &ldb, &ldc, &alpha, &beta, &flags, &prefetch);
  if (!{name}_call) __builtin_trap(); /* the library has no code for this shape here */
}}
""",
    "cblas": "",
}
_SETUP_ONCE = {
    "libxsmm": "",
    "cblas": """\
#ifdef CBLAS_SET_THREADS
const int threads_of_blas = CBLAS_GET_THREADS();
CBLAS_SET_THREADS(1);
#endif
""",
}


_ENDED = {
    "libxsmm": "",
    "cblas": """\
#ifdef CBLAS_SET_THREADS
CBLAS_SET_THREADS(threads_of_blas);
#endif
""",
}


def product_body(tile: BorderTile) -> tuple[list[str], tuple[Product, ...]]:
    """The body of a tile's function, and the products that it calls."""
    reduction = _ProductReduction(tile)
    lines = reduction.lines()
    return lines, tuple(reduction.products)


def product_functions(products: Sequence[Product]) -> str:
    """What calls of these products need before them in the C text."""
    declared = (_DECLARED[library].format(c=F32.c) for library in _libraries(products))
    return "".join([*declared, *(_FUNCTION[one.library].format(**_words(one)) for one in products)])


def product_setup(products: Sequence[Product]) -> list[str]:
    """C lines to run before the first call, by one thread."""
    texts = [_SETUP_ONCE[library] for library in _libraries(products)]
    texts += [_SETUP[one.library].format(**_words(one)) for one in products]
    return "".join(texts).splitlines()


def product_end(products: Sequence[Product]) -> list[str]:
    """C lines to run behind the last call: what the setup has changed for others is as it was."""
    return "".join(_ENDED[library] for library in _libraries(products)).splitlines()


def _libraries(products: Iterable[Product]) -> list[str]:
    return list(dict.fromkeys(one.library for one in products))


def _words(one: Product) -> dict[str, object]:
    step_v, step_s, step_c = one.steps
    batch_v, batch_s = one.batch
    return {
        "c": F32.c,  # both libraries compute others by other names
        "item": F32.bytes,
        "name": one.name,
        "lanes": one.lanes,
        "points": one.points,
        "depth": one.depth,
        "step_v": step_v,
        "step_s": step_s,
        "step_c": step_c,
        "batch_v": batch_v,
        "batch_s": batch_s,
        "add": int(one.add),
    }


def _where_any(low: str, high: str) -> str:
    """Condition that there are pieces from `low` to `high`, unless these are constants."""
    return "" if (low + high).isdecimal() else f"if ({low} < {high}) "


@dataclass(frozen=True)
class _ProductReduction(Reduction):
    """The loops inside a microkernel around products of a library.

    `products` are those called, once the lines are there.
    """

    products: dict[Product, None] = field(default_factory=dict)

    def lines(self) -> list[str]:
        tile, output = self.tile, self.tile.operands.output
        place = f"{pointer(output)} + {tile.base(output)}"
        lines = [*offsets(tile), f"{tile.dtype.c} *out = {place};", *tap_ranges(tile)]
        if self._begins and not self._once:
            lines += [f"if (!({self._later}))"] if self._later else []
            lines += [
                f"for (long p = 0; p < {len(tile.points({}))}; ++p)",
                f"  for (long v = 0; v < {self._lanes}; ++v)",
                f"    out[p * {self._step_of(output)} + v] = 0;",
            ]
        return [*lines, *self.loops(tile.leaf.levels, 0, {})]

    def _loop(
        self,
        level: Level,
        low: str,
        high: str,
        rest: tuple[Level, ...],
        depth: int,
        live: dict[str, tuple[int, ...]],
    ) -> list[str]:
        if len(rest) > 1:
            return super()._loop(level, low, high, rest, depth, live)
        if rest:
            return self._called(rest[0], level, (low, high), depth, live)
        return self._called(level, None, ("0", "1"), depth, live)

    def _called(
        self,
        inner: Level,
        batch: Level | None,
        ends: tuple[str, str],
        depth: int,
        live: dict[str, tuple[int, ...]],
    ) -> list[str]:
        """The calls that run the innermost level, and the one around it from end to end.

        A last piece that is shorter goes on with sums of earlier ones.
        """
        whole, *left = lengths_of(self.tile.path, inner)
        low, high = ends

        def call(terms: int, low: str, high: str, add: bool) -> str:
            return self._call(inner, batch, terms, (low, high), depth, live, add)

        if self._batch_ends_short:
            assert batch is not None
            end = self._bounds(batch).whole
            parts = (whole, low, end), (left[0], end, high)
            return [_where_any(a, b) + call(terms, a, b, add=True) for terms, a, b in parts]
        add = not (self._begins and self._once)
        calls = [call(whole, low, high, add)]
        if self._later and not add:
            calls.insert(0, f"if ({self._later}) {call(whole, low, high, add=True)}")
        if left:
            shorter = f"{self._bounds(inner).points} < {whole}"
            calls.insert(0, f"if ({shorter}) {call(left[0], low, high, add=True)}")
        lines = [calls[0], *(f"else {one}" for one in calls[1:])]
        if batch is not None and self._may_be_empty(batch):
            return [f"if ({low} < {high}) {{", *("  " + line for line in lines), "}"]
        return lines

    def _call(
        self,
        inner: Level,
        batch: Level | None,
        terms: int,
        ends: tuple[str, str],
        depth: int,
        live: dict[str, tuple[int, ...]],
        add: bool,
    ) -> str:
        """C statement with a product of so many `terms` of the innermost level."""
        tile, factors = self.tile, self.tile.operands.reduced
        assert isinstance(factors, Factors)
        points = tile.points(live)
        step_v, _ = self._steps(inner)
        between = self._steps(batch) if batch is not None else [0, 0]
        operands = []
        for address, prefix, step in zip(self.tile.reduced, ("v", "s"), between, strict=True):
            at = f"{pointer(address)} + {prefix}{depth} + {ends[0]} * {step}"
            first = tile.offset(factors.broadcast, points[0], 0) if prefix == "s" else 0
            operands.append(f"{at} + {first}")
        operands.append(f"out + {tile.offset(tile.operands.output, points[0], 0)}")
        product = Product(
            tile.leaf.form.library,
            self._lanes,
            len(points),
            terms,
            (step_v, self._step_of(factors.broadcast), self._step_of(tile.operands.output)),
            (between[0], between[1]),
            add,
        )
        self.products[product] = None
        return f"{product.name}({', '.join(operands)}, {ends[1]} - {ends[0]});"

    def _may_be_empty(self, level: Level) -> bool:
        """Whether a level runs over taps and some point has none; LIBXSMM runs at least one."""
        for border in (one for one in self.tile.ranged_borders if one.tap == level.loop):
            read = 0  # all points before this one have taps
            for low, high in sorted(map(border.live, range(border.taps))):
                read = max(read, high) if low <= read else read
            if read < self.tile.leaf.grain(border.point).extent:
                return True
        return False

    @property
    def _begins(self) -> bool:
        """Whether sums start here, in the first piece of a reduction that is cut."""
        reduced = self.tile.operands.reduced
        return reduced is not None and not reduced.accumulate

    @property
    def _later(self) -> str:
        reduced = self.tile.operands.reduced
        return goes_on(self.tile.path, reduced is not None and reduced.accumulate)

    @property
    def _once(self) -> bool:
        """Whether one call computes all of the tile."""
        several = self.tile.operands.borders or self._batch_ends_short
        return not several and len(self.tile.leaf.levels) <= 2

    @property
    def _batch_ends_short(self) -> bool:
        """Whether the innermost level's last piece is shorter, and the last one of a batch."""
        loops = [level.loop for level in self.tile.leaf.levels]
        cut = len(lengths_of(self.tile.path, self.tile.leaf.levels[-1])) > 1
        return cut and loops[-2:] == loops[-1:] * 2

    @property
    def _lanes(self) -> int:
        """Lanes of the tile inside the vector loop, or inside what its layouts are padded to."""
        whole = self.tile.vectors.size * self.tile.leaf.lanes
        part = self.tile.partial(self.tile.vectors.size - 1)
        return whole - self.tile.leaf.lanes + part if part else whole

    def _step_of(self, address: Address) -> int:
        """Elements from point to point; what any shape allows where there is one point."""
        loops = self.tile.point_loops
        if not loops:
            return max(self._lanes, lengths_of(self.tile.path, self.tile.leaf.levels[-1])[0])
        return address.coefficient(loops[0].loop, 1)
