"""The memory of stages: a slot of each for every thread, and where a piece's box begins in it.

    for (long c0 = 0; c0 <= 7; c0 += 1) {
      float *const t_mid = t_stage_mid + THREAD * 3584 - (max(0, 4*p0 - 1) * 512);

Elements keep their indices: the name of the tensor points so far before the slot that the first
element of the box is where the slot begins. Rows that are kept move to there first:

      if (p0 > 0)
        __builtin_memmove(t_stage_mid, t_stage_mid + 4 * 512, kept_mid * 512 * sizeof(float));
"""

from __future__ import annotations

from compiler.codegen.kernel import Buffer, whole_lines
from compiler.codegen.scalar_expression import number_text
from compiler.lower.tree import Path, StageBuffer
from compiler.problem.primitive import Affine

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


def rolled(stage: StageBuffer, path: Path) -> list[str]:
    """C lines that move the rows which are kept of the piece before to where they are now."""
    if stage.rolling is None:
        return []
    kept, box = stage.rolling.kept, stage.boxes[stage.rolling.dimension]
    row, size = stage.layout.outer_strides[stage.rolling.dimension], stage.layout.dtype.bytes
    before = Affine(box.start.terms, box.start.constant - kept.step)
    was = f"({before})" if box.low >= kept.step else f"max(0, {before})"
    past = f"min({before} + {kept.points + kept.step}, {stage.rolling.rows})"
    slot = f"{_slot(stage, path)}{{at}}"
    move = (
        f"__builtin_memmove({slot}, {slot} + ({box.first} - {was}) * {row}, "
        f"kept_{stage.tensor} * {row * size});"
    )
    return [
        f"const long kept_{stage.tensor} = {kept.number} > 0 ? max(0, {past} - ({box.first})) : 0;",
        f"if (kept_{stage.tensor} > 0)",
        *(f"  {line}" for line in _in_window(stage, move)),
    ]


def _in_window(stage: StageBuffer, line: str) -> list[str]:
    """A line for each run of rows that a piece touches, which begins `at` so far from the slot."""
    assert stage.rolling is not None
    layout = stage.layout
    heads: list[str] = []
    terms: list[str] = []
    for place in layout.order[: layout.order.index(stage.rolling.dimension)]:
        if layout.outer[place] == 1:
            continue
        window, box, block = stage.rolling.windows[place], stage.boxes[place], layout.block(place)
        first = _blocks(window.first, block)
        if box.first != "0":
            first += f" - {_blocks(box.first, block)}"
        count, name = -(-window.size // block), f"b{len(heads)}"
        past = f"min({first} + {count}, {layout.outer[place]})"
        heads.append(f"for (long {name} = {first}; {name} < {past}; ++{name})")
        terms.append(f" + {name} * {layout.outer_strides[place]}")
    lines = [*heads, line.format(at="".join(terms))]
    return [f"{'  ' * depth}{one}" for depth, one in enumerate(lines)]


def _blocks(first: str, block: int) -> str:
    return f"({first}) / {block}" if block > 1 else f"({first})"


def started(stage: StageBuffer, path: Path, value: float) -> list[str]:
    """C lines that set all of the box, but for what is kept."""
    dtype, slot = stage.layout.dtype, _slot(stage, path)
    text = number_text(value, dtype)
    if stage.rolling is not None:
        row = stage.layout.outer_strides[stage.rolling.dimension]
        end = stage.boxes[stage.rolling.dimension].size * row
        first = f"kept_{stage.tensor} * {row}"
        fill = f"for (long i = {first}; i < {end}; ++i) ({slot}{{at}})[i] = {text};"
        return _in_window(stage, fill)
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
