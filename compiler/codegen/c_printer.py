"""One translation unit: prelude, tile functions, packing, the loops, the exported entry point."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.codegen.builtins import chosen
from compiler.codegen.kernel import SYMBOL, Buffer
from compiler.problem.dtypes import DType

VECTOR_PRELUDE = """\
typedef {c} vec __attribute__((vector_size({bytes}), may_alias));
typedef {c} loose __attribute__((vector_size({bytes}), may_alias, aligned({item})));
#define LOAD(p) ((vec)*(const loose *)(p))
#define STORE(p, x) (*(loose *)(p) = (loose)(x))
#define SPLAT(x) ((x) - (vec){{0}})
"""

SCALAR_PRELUDE = """\
typedef {c} vec;
#define LOAD(p) (*(p))
#define STORE(p, x) (*(p) = (x))
#define SPLAT(x) (x)
"""

# Stores past the caches need the target's own builtin; elsewhere they are ordinary stores.
STREAM_PRELUDE = """\
#if {bytes} == 64 && defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
#define STREAM(p, x) __builtin_ia32_movnt{packed}512(({c} *)(p), (x))
#elif {bytes} == 32 && defined(__AVX__) && defined(__GNUC__) && !defined(__clang__)
#define STREAM(p, x) __builtin_ia32_movnt{packed}256(({c} *)(p), (x))
#elif defined(__clang__)
#define STREAM(p, x) __builtin_nontemporal_store((x), (vec *)(p))
#else
#define STREAM(p, x) STORE(p, x)
#endif
"""

# A part of a vector passes through a temporary, so that accumulators never need an address. Lanes
# that are not loaded are 0.
PARTS = {
    "load_part": """\
#define LOAD_PART(p, n) ({{ vec part = {{0}}; __builtin_memcpy(&part, (p), {item} * (n)); part; }})
""",
    "store_part": """\
#define STORE_PART(p, x, n) \\
  do {{ vec part = (x); __builtin_memcpy((p), &part, {item} * (n)); }} while (0)
""",
}
HEADS = {"load_part": "LOAD_PART(p, n)", "store_part": "STORE_PART(p, x, n)"}

# The first n lanes as a mask; FILL_PART has them from x and the others from y, as a reduction over
# lanes wants them: 0, or what a maximum begins with.
MASK_PRELUDE = """\
typedef {whole} mask __attribute__((vector_size({bytes})));
#define FIRST(n) ((mask){{{numbers}}} < (mask){{0}} + (n))
#define FILL_PART(x, n, y) ((vec)(((mask)(x) & FIRST(n)) | ((mask)(y) & ~FIRST(n))))
"""

# STEP keeps the compiler from carrying loads over to the next reduction step: there are no
# registers left to hold them, and the spills cost more than half of the speed. KEEP makes it hold
# a loaded vector in its register: read again for every multiply-add, loads become the limit.
STEP_PRELUDE = """\
#define STEP __asm__ volatile("" ::: "memory")
"""

# A vector stays in one register only where the target has registers of its size.
NATIVE = {32: "__AVX__", 64: "__AVX512F__"}  # by bytes; smaller ones: any x86-64
KEEP_PRELUDE = """\
#if defined({native}) && {bytes} <= 64
#define KEEP(x) __asm__("" : "+v"(x))
#elif defined(__aarch64__) && {bytes} <= 16
#define KEEP(x) __asm__("" : "+w"(x))
#else
#define KEEP(x)
#endif
"""

ARITHMETIC = """\
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define floord(n, d) ((n) < 0 ? -((-(n) + (d) - 1) / (d)) : (n) / (d))
#define ceild(n, d) ((n) < 0 ? -((-(n)) / (d)) : ((n) + (d) - 1) / (d))
"""


def prelude(dtype: DType, lanes: int, nontemporal: bool, partial: bool = False) -> str:
    """Macros and vector types for vectors of `lanes` elements.

    With `partial` there are remainders: their loads and stores are builtins where targets have any.
    """
    size = dtype.bytes * lanes
    words = {"c": dtype.c, "packed": dtype.packed, "item": dtype.bytes, "bytes": size}
    words["native"] = NATIVE.get(size, "__x86_64__")
    words["whole"], words["numbers"] = dtype.whole, ", ".join(map(str, range(lanes)))

    def part(name: str) -> str:
        plain = PARTS[name].format(**words)
        if not partial:
            return plain
        return chosen(name, dtype, lanes, plain, lambda text: f"#define {HEADS[name]} {text}\n")

    texts = [
        (SCALAR_PRELUDE if lanes == 1 else VECTOR_PRELUDE).format(**words),
        MASK_PRELUDE.format(**words) if partial else "",
        *map(part, PARTS),
        STEP_PRELUDE,
        KEEP_PRELUDE.format(**words),
        STREAM_PRELUDE.format(**words) if nontemporal else "",
    ]
    return ARITHMETIC + "".join(texts)


def translation_unit(
    comment: Sequence[str],
    head: str,
    functions: Sequence[str],
    buffers: Sequence[Buffer],
    body: Sequence[str],
    attribute: str = "",
) -> str:
    """The whole C text. `body` is the entry point's, with each buffer bound to `t_NAME`."""
    lines = [f"/* {line.replace('*/', '* /')} */" for line in comment]
    lines += [head, *functions, f"{attribute}void {SYMBOL}(void *const *buffers)", "{"]
    for i, buffer in enumerate(buffers):
        kind = f"const {buffer.dtype.c}" if buffer.role == "input" else buffer.dtype.c
        lines.append(f"  {kind} *restrict t_{buffer.name} = buffers[{i}];")
    lines += ["  " + line for line in body]
    return "\n".join([*lines, "}"]) + "\n"
