"""The memory of stages: a slot of each for every thread, and where a piece's box begins in it.

    for (long c0 = 0; c0 <= 7; c0 += 1) {
      float *const t_mid = t_stage_mid + THREAD * 3584 - (max(0, 4*p0 - 1) * 512);

Elements keep their indices: the name of the tensor points so far before the slot that the first
element of the box is where the slot begins.
"""

from __future__ import annotations

from compiler.codegen.kernel import Buffer, whole_lines
from compiler.codegen.scalar_expression import number_text
from compiler.lower.tree import Path, StageBuffer

THREAD = """\
#ifdef _OPENMP
int omp_get_thread_num(void);
#define THREAD omp_get_thread_num()
#else
#define THREAD 0
#endif
"""


def stage_buffer(stage: StageBuffer, each_thread: bool) -> Buffer:
    """The workspace of a stage, in whole cache lines."""
    name, dtype = f"stage_{stage.tensor}", stage.layout.dtype
    elements = whole_lines(stage.layout.elements, dtype)
    return Buffer(name, "workspace", elements, dtype, None, each_thread=each_thread)


def stage_lines(stage: StageBuffer, path: Path) -> list[str]:
    """C lines inside the levels around a stage that say where its tensor is; `path` has these."""
    terms = []
    for place, box in enumerate(stage.boxes):
        stride, block = stage.layout.outer_strides[place], stage.layout.block(place)
        if box.first != "0":
            first = box.first if box.low < 0 else f"({box.first})"
            terms.append(f"{first} / {block} * {stride}" if block > 1 else f"{first} * {stride}")
    before = f" - ({' + '.join(terms)})" if terms else ""
    c = stage.layout.dtype.c
    return [f"{c} *const t_{stage.tensor} = {_slot(stage, path)}{before};"]


def started(stage: StageBuffer, path: Path, value: float) -> list[str]:
    """C lines that set all of the box."""
    dtype, slot = stage.layout.dtype, _slot(stage, path)
    text = number_text(value, dtype)
    return [
        "#pragma omp simd",
        f"for (long i = 0; i < {stage.layout.elements}; ++i) ({slot})[i] = {text};",
    ]


def _slot(stage: StageBuffer, path: Path) -> str:
    buffer = stage_buffer(stage, shared(stage, path))
    own = f" + THREAD * {buffer.elements}" if buffer.each_thread else ""
    return f"t_{buffer.name}{own}"


def shared(stage: StageBuffer, path: Path) -> bool:
    """Whether threads share levels around the stage, so that each has its own."""
    return any(level.parallel for level in path.every[: stage.depth])
