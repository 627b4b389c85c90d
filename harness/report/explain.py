"""What the compiler makes of one problem, as data and as text for a terminal."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from compiler.codegen.kernel import Kernel
from compiler.cost.intermediates import Intermediate
from compiler.pipeline import Fusion, Ranked
from compiler.problem.architecture import Architecture
from compiler.schedule.schedule import TILE
from harness.analysis.explained import Explanation, Reuse
from harness.report.terminal import Terminal

SHOWN = 10  # ranked schedules in the text form
WIDTH = 150  # columns of the text form


def as_json(one: Explanation) -> str:
    """All facts as data."""
    return json.dumps(document(one), indent=2)


def as_c(one: Explanation) -> str:
    """The kernel's C text alone."""
    return one.shown.kernel.text


def document(one: Explanation) -> dict[str, Any]:
    """All facts as plain data; seconds are seconds, sizes are elements, levels are bytes."""
    shown = one.shown
    return {
        "problem": {
            "name": one.name,
            "primitive": one.primitive.name,
            "sizes": dict(one.primitive.sizes),
            "extents": dict(one.primitive.extents),
            "flops": one.primitive.flops,
        },
        "architecture": asdict(one.architecture),
        "threads": one.threads,
        "statements": [
            {
                "statement": part.statement,
                "domain": part.domain,
                "accesses": [{"access": text, "map": isl} for text, isl in part.accesses],
            }
            for part in one.parts
        ],
        "dependences": list(one.dependences),
        "ranking": one.source.ranking,
        "space": one.source.space,
        "candidates": one.candidates,
        "ranked": [
            {
                "schedule": str(r.schedule),
                "place": r.place,
                "seconds": r.seconds,
                "parts": dict(r.parts),
            }
            for r in one.ranked
        ],
        "schedule": str(shown.schedule),
        "loop_nest": shown.loop_nest.splitlines(),
        "working_sets": None
        if shown.reuse is None
        else [list(x) for x in shown.reuse.working_sets],
        "levels": None if shown.reuse is None else dict(shown.reuse.levels),
        "polyrank_cost": None if shown.reuse is None else shown.reuse.cost,
        "fusions": [asdict(fusion) for fusion in shown.fusions],
        "intermediates": [asdict(between) for between in shown.intermediates],
        "estimate": None
        if shown.estimate is None
        else {"seconds": shown.estimate.seconds, "parts": dict(shown.estimate.parts)},
        "kernel": {
            "hash": shown.kernel.hash,
            "openmp": shown.kernel.openmp,
            "buffers": [_buffer(shown.kernel, index) for index in range(len(shown.kernel.buffers))],
            "text": shown.kernel.text,
        },
    }


def as_text(one: Explanation) -> str:
    """For a terminal or a file, without colours."""
    stream = io.StringIO()
    console = Terminal(file=stream, width=WIDTH, color_system=None)
    sizes = " ".join(f"{name}={value}" for name, value in one.primitive.sizes)
    console.print(
        f"{one.name}: {one.primitive.name} {sizes}, {one.primitive.flops / 1e6:.1f} MFLOP"
    )
    console.print(f"on {one.architecture.name}, {one.threads} thread(s)")
    for part in one.parts:
        _section(console, f"statement  {part.statement}")
        _wrapped(console, "domain", part.domain)
        for text, isl in part.accesses:
            _wrapped(console, text, isl)
    _section(console, "dependences")
    for dependence in one.dependences:
        console.print(f"  {dependence}", soft_wrap=True)
    shown = one.shown
    best = one.ranked[:SHOWN]
    of = f"best {len(best)} of {one.candidates} by {one.source.ranking}"
    _section(console, f"schedules  {of}, {ranking_unit(best)}")
    console.print(_columns(ranking_rows(best)), soft_wrap=True)
    _section(console, f"schedule  {shown.schedule}")
    _section(console, "loop nest")
    console.print("\n".join(f"  {x}" for x in shown.loop_nest.splitlines()), soft_wrap=True)
    if shown.reuse is None:
        _section(
            console,
            "working sets\n  none: they are analysed for one statement whose indices spread less",
        )
    else:
        _print_reuse(console, shown.reuse)
    if shown.fusions:
        _section(console, "fusion  of the statements behind the contraction")
        console.print("\n".join(map(fusion_line, shown.fusions)), soft_wrap=True)
    if shown.intermediates:
        _section(console, "intermediates  where each lives, and what that saves")
        console.print("\n".join(map(intermediate_line, shown.intermediates)), soft_wrap=True)
    if shown.estimate is not None:
        _section(console, "estimate  by roofline; parts overlap, so shares may add to more than 1")
        console.print(_estimate(shown.estimate, one.architecture), soft_wrap=True)
    _section(console, f"kernel  {shown.kernel.hash}")
    for index in range(len(shown.kernel.buffers)):
        held = _buffer(shown.kernel, index)
        console.print("  " + "  ".join(f"{key} {value}" for key, value in held.items()))
    stream.write("\n" + shown.kernel.text)
    return stream.getvalue()


def _buffer(kernel: Kernel, index: int) -> dict[str, object]:
    held = kernel.buffers[index]
    layout = held.layout.tag() if held.layout is not None else "-"
    return {"name": held.name, "role": held.role, "elements": held.elements, "layout": layout}


def ranking_rows(ranked: Sequence[Ranked]) -> list[list[str]]:
    """The headings, and a row a schedule; its text can be pasted as strategy.fixed.schedule=..."""
    timed = _timed(ranked)
    names = list(dict.fromkeys(name for r in ranked for name in r.parts))
    headings = ["place", *(["total"] if timed else []), *names, "schedule"]
    rows = []
    for r in ranked:
        values = [] if r.seconds is None else [r.seconds]
        values += [r.parts.get(name, 0.0) for name in names]
        cells = [f"{1e6 * v:.1f}" if timed else f"{v:.0f}" for v in values]
        rows.append([str(r.place), *cells, str(r.schedule)])
    return [headings, *rows]


def ranking_unit(ranked: Sequence[Ranked]) -> str:
    """What the numbers of `ranking_rows` are."""
    return "predicted microseconds" if _timed(ranked) else "bytes in each level"


def _timed(ranked: Sequence[Ranked]) -> bool:
    """Whether the ranking predicts time; its parts are seconds then."""
    return all(r.seconds is not None for r in ranked)


def _print_reuse(console: Terminal, reuse: Reuse) -> None:
    _section(console, "working sets  elements between a use and the nearest and farthest reuse")
    rows = [["least", "most"], *([str(least), str(most)] for least, most in reuse.working_sets)]
    console.print(_columns(rows, last="right"), soft_wrap=True)
    _section(console, "levels  bytes of working sets that each holds, smallest first")
    console.print(_columns([list(reuse.levels), [str(n) for n in reuse.levels.values()]], "right"))
    console.print(f"  PolyRank cost {reuse.cost:.0f}: latency of each level times its bytes")


def fusion_line(one: Fusion) -> str:
    """What becomes of a statement, in words."""
    name = f"S{one.statement}"
    if one.why is not None and one.at is None:
        return f"{name} has a pass of its own: {one.why}"
    where = "has a pass of its own"
    if one.at is not None:
        where = "on the register tile" if one.at == TILE else f"inside level {one.at}"
    if one.seconds is None:
        return f"{name} {where}"
    fused, apart = (1e6 * seconds for seconds in one.seconds)
    less = [f"{size / 1e6:.2f} MB less from {level}" for level, size in one.saved.items()]
    told = less[-2:] if one.at not in (None, TILE) else ()  # what is farthest costs most
    return "; ".join(
        [f"{name} {where}: predicted {fused:.1f} us fused, {apart:.1f} us apart", *told]
    )


def intermediate_line(one: Intermediate) -> str:
    """Where a temporary lives, its bytes, how often it is computed, and the traffic that saves."""
    if not one.inside:
        why = "" if one.why is None else f"; {one.why}"
        return f"{one.tensor} in full, {one.whole} bytes{why}"
    where = f"in a piece of {' and '.join(one.inside)}"
    size = f"{one.bytes} of {one.whole} bytes" if one.bytes else "on the register tile"
    told = [f"{one.tensor} {where}, {size}", f"computed {one.times:.3g} times"]
    if one.kept:
        told.append(f"{one.kept} rows kept for the next piece")
    less = [f"{size / 1e6:.2f} MB less from {level}" for level, size in one.saved.items() if size]
    return "; ".join([*told, *less[-2:]])


@dataclass(frozen=True)
class EstimatePart:
    """A part of the predicted time; `share` of the total, which parts overlap in."""

    name: str
    seconds: float
    share: float
    meaning: str


def estimate_parts(estimate: Ranked, machine: Architecture) -> list[EstimatePart]:
    """Longest first."""
    total = estimate.seconds or sum(estimate.parts.values())
    return [
        EstimatePart(
            name, seconds, seconds / total if total else 0.0, _meaning(name, seconds, machine)
        )
        for name, seconds in sorted(estimate.parts.items(), key=lambda part: -part[1])
    ]


def _estimate(estimate: Ranked, machine: Architecture) -> str:
    """One line a part of the predicted time: microseconds, share, what it is."""
    total = estimate.seconds or sum(estimate.parts.values())
    rows = [["part", "us", "share", "what it is"]]
    for part in estimate_parts(estimate, machine):
        rows.append([part.name, f"{1e6 * part.seconds:.2f}", f"{part.share:.2f}", part.meaning])
    rows.append(["total", f"{1e6 * total:.2f}", "1.00", ""])
    return _columns(rows)


WORK = {
    "compute": "multiply-adds in the microkernel's registers",
    "overhead": "calls, loop entries and exits, loads and stores of the register tile",
    "packing": "operands copied into the workspace",
}


def _meaning(name: str, seconds: float, machine: Architecture) -> str:
    """What a part counts; transfers with their bytes where the rate was measured."""
    if name in WORK:
        return WORK[name]
    level = machine.cache(name)
    rate = machine.memory_bandwidth if level is None else level.bandwidth
    if rate is None:
        return f"transfers from {name} at an assumed rate, none was measured"
    return f"transfers from {name}: {seconds * rate * 1e9:,.0f} bytes at {rate:.1f} GB/s of a core"


def _columns(rows: Sequence[Sequence[str]], last: str = "left") -> str:
    """Lines of aligned cells: numbers to the right, the last column to the left unless told."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)]
        if last == "left":
            cells[-1] = row[-1]
        lines.append("  " + "  ".join(cells))
    return "\n".join(lines)


def _section(console: Terminal, title: str) -> None:
    console.print(f"\n{title}", soft_wrap=True)


def _wrapped(console: Terminal, name: str, text: str) -> None:
    console.print(f"  {name}\n    {text}", soft_wrap=True)
