"""What is one instruction of a target that plain C on vectors does not compile to: one table.

Each builtin stands behind the macro that compilers define for targets which have it, so a kernel's
text is the same for every target, and what a C compiler is told of its target decides. Plain C
stands behind all of them, for every other target.

gcc copies a part of a vector through the stack, and compares and selects for a maximum. clang does
neither: it finds the instruction of a maximum in plain C, and names some builtins differently. It
takes those of parts of vectors too; their pointers are passed as `void`, for the two compilers
declare them differently.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from compiler.problem.dtypes import DType


@dataclass(frozen=True)
class Builtin:
    """C text for targets that define `macro`. {packed} in it is how x86 ends builtins on a type."""

    macro: str
    text: str
    clang: bool = False  # has it too

    @property
    def condition(self) -> str:
        """Of the C preprocessor."""
        mine = f"defined({self.macro})"
        return mine if self.clang else f"{mine} && defined(__GNUC__) && !defined(__clang__)"


def _masked(macro: str, bits: int) -> dict[str, Builtin]:
    """AVX-512: the first n lanes as n bits of a number."""
    first = "(1u << (n)) - 1"
    name = f"(vec)__builtin_ia32_loadu{{packed}}{bits}_mask((const void *)(p), "
    load = f"{name}(vec){{{{0}}}}, "
    upto = "((1ull << min(max({}, 0), {{lanes}})) - 1)"
    between = f"{upto.format('past')} & ~{upto.format('first')}"
    store = f"__builtin_ia32_storeu{{packed}}{bits}_mask((void *)(p), (x), "
    return {
        "load_part": Builtin(macro, f"{load}{first})", clang=True),
        "load_between": Builtin(macro, f"{name}SPLAT(other), {between})", clang=True),
        "store_part": Builtin(macro, f"{store}{first})", clang=True),
    }


def _signed(macro: str, ending: str) -> dict[str, Builtin]:
    """AVX: the first n lanes as signs of elements."""
    name = f"__builtin_ia32_maskload{{packed}}{ending}((const void *)(p), "
    load = f"(vec){name}FIRST(n))"
    keep = "FIRST((int)past) & ~FIRST((int)first)"
    between = f"(vec)((mask){name}{keep}) | ((mask)SPLAT(other) & ~({keep})))"
    store = f"__builtin_ia32_maskstore{{packed}}{ending}((void *)(p), FIRST(n), (x))"
    return {
        "load_part": Builtin(macro, load, clang=True),
        "load_between": Builtin(macro, between, clang=True),
        "store_part": Builtin(macro, store, clang=True),
    }


# NEON has loads and stores of single lanes; of a loop over few of them they are what is left.
_LANE_BY_LANE = {
    "load_part": Builtin(
        "__aarch64__",
        "({{ vec part = {{0}}; for (int i = 0; i < (n); ++i) part[i] = (p)[i]; part; }})",
        clang=True,
    ),
    "store_part": Builtin(
        "__aarch64__",
        "do {{ vec part = (x); for (int i = 0; i < (n); ++i) (p)[i] = part[i]; }} while (0)",
        clang=True,
    ),
}

# By bytes of a vector, the best of a target first. Arguments are a, b, s, x, a place p, n lanes;
# lanes first to past, and what the others are.
BUILTINS: dict[int, tuple[dict[str, Builtin], ...]] = {
    16: (
        _masked("__AVX512VL__", 128),
        _signed("__AVX__", ""),
        _LANE_BY_LANE,
        {
            "max": Builtin("__SSE__", "__builtin_ia32_max{packed}(a, b)"),
            "min": Builtin("__SSE__", "__builtin_ia32_min{packed}(a, b)"),
            "sqrt": Builtin("__SSE__", "__builtin_ia32_sqrt{packed}(x)"),
            "scale": Builtin(
                "__AVX512VL__", "__builtin_ia32_scalef{packed}128_mask(x, s - SHIFT, x, -1)"
            ),
        },
    ),
    32: (
        _masked("__AVX512VL__", 256),
        _signed("__AVX__", "256"),
        {
            "max": Builtin("__AVX__", "__builtin_ia32_max{packed}256(a, b)"),
            "min": Builtin("__AVX__", "__builtin_ia32_min{packed}256(a, b)"),
            "sqrt": Builtin("__AVX__", "__builtin_ia32_sqrt{packed}256(x)"),
            "scale": Builtin(
                "__AVX512VL__", "__builtin_ia32_scalef{packed}256_mask(x, s - SHIFT, x, -1)"
            ),
        },
    ),
    64: (
        _masked("__AVX512F__", 512),
        {
            "max": Builtin("__AVX512F__", "__builtin_ia32_max{packed}512_mask(a, b, a, -1, 4)"),
            "min": Builtin("__AVX512F__", "__builtin_ia32_min{packed}512_mask(a, b, a, -1, 4)"),
            "sqrt": Builtin("__AVX512F__", "__builtin_ia32_sqrt{packed}512_mask(x, x, -1, 4)"),
            "scale": Builtin(
                "__AVX512F__", "__builtin_ia32_scalef{packed}512_mask(x, s - SHIFT, x, -1, 4)"
            ),
        },
    ),
}


def chosen(name: str, dtype: DType, lanes: int, plain: str, printed: Callable[[str], str]) -> str:
    """C text of an operation: `printed` from each builtin that a target may have, else `plain`."""
    rows = [row[name] for row in BUILTINS.get(dtype.bytes * lanes, ()) if name in row]
    if not rows:
        return plain
    lines = []
    for number, row in enumerate(rows):
        lines.append(f"#{'elif' if number else 'if'} {row.condition}\n")
        lines.append(printed(row.text.format(packed=dtype.packed, lanes=lanes)))
    return "".join([*lines, "#else\n", plain, "#endif\n"])
