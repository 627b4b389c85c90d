"""What the compiler makes of one problem: domain, accesses, dependences, ranking, C text."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console

from compiler.codegen.kernel import Kernel
from compiler.model.dependences import Dependence, dependences
from compiler.model.isl_names import access_map, domain
from compiler.pipeline import Ranked, compile_schedule, loop_nest, ranked_schedules
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.schedule.schedule import Schedule

SHOWN = 10  # ranked schedules in the text form
KEPT = 100  # ranked schedules in JSON
WIDTH = 150  # columns of the text form


@dataclass(frozen=True)
class Part:
    """One statement: its iterations and the maps from them to elements, in isl notation."""

    statement: str
    domain: str
    accesses: tuple[tuple[str, str], ...]  # index notation, isl map; the target first


@dataclass(frozen=True)
class Explanation:
    """Everything that `polydl explain` shows of one problem on one architecture."""

    name: str
    primitive: Primitive
    architecture: Architecture
    threads: int
    parts: tuple[Part, ...]
    dependences: tuple[str, ...]
    ranked: tuple[Ranked, ...]
    candidates: int
    schedule: Schedule
    kernel: Kernel


def explained(
    name: str,
    primitive: Primitive,
    architecture: Architecture,
    threads: int,
    chosen: Schedule | None = None,
) -> Explanation:
    """`chosen` instead of the ranking's first. Raises ScheduleError when it does not fit."""
    nest = loop_nest(primitive).nest
    ranked = ranked_schedules(primitive, architecture, threads)
    schedule = chosen if chosen is not None else ranked[0].schedule
    return Explanation(
        name=name,
        primitive=primitive,
        architecture=architecture,
        threads=threads,
        parts=tuple(_part(nest, number) for number in range(len(nest.statements))),
        dependences=tuple(_told(nest, found) for found in dependences(nest)),
        ranked=ranked[:KEPT],
        candidates=len(ranked),
        schedule=schedule,
        kernel=compile_schedule(primitive, schedule),
    )


def as_json(one: Explanation) -> str:
    """The same facts as data; seconds are seconds, sizes are elements."""
    document = {
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
        "schedule": str(one.schedule),
        "kernel": {
            "hash": one.kernel.hash,
            "openmp": one.kernel.openmp,
            "buffers": [_buffer(one.kernel, index) for index in range(len(one.kernel.buffers))],
            "text": one.kernel.text,
        },
    }
    return json.dumps(document, indent=2)


def as_text(one: Explanation) -> str:
    """For a terminal or a file, without colours."""
    stream = io.StringIO()
    console = Console(file=stream, width=WIDTH, color_system=None, highlight=False, markup=False)
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
    shown = one.ranked[:SHOWN]
    _section(console, f"schedules  best {len(shown)} of {one.candidates}, predicted microseconds")
    console.print(_ranking(shown), soft_wrap=True)
    _section(console, f"kernel  {one.kernel.hash}\n  schedule {one.schedule}")
    for index in range(len(one.kernel.buffers)):
        held = _buffer(one.kernel, index)
        console.print("  " + "  ".join(f"{key} {value}" for key, value in held.items()))
    stream.write("\n" + one.kernel.text)
    return stream.getvalue()


def _part(nest: Primitive, number: int) -> Part:
    statement = nest.statements[number]
    accesses = (statement.target, *dict.fromkeys(statement.reads))
    return Part(
        f"S{number}: {statement.text}",
        _named(str(domain(nest, number)), statement.loops),
        tuple(
            (str(a), _named(str(access_map(nest, number, a)), statement.loops)) for a in accesses
        ),
    )


def _named(isl_text: str, loops: Sequence[str]) -> str:
    """isl addresses dimensions by position (x0, x1); people by name."""
    return re.sub(r"\bx(\d+)\b", lambda found: loops[int(found[1])], isl_text)


def _told(nest: Primitive, dependence: Dependence) -> str:
    """Kind, tensor and statements, then the distance in every loop, `*` where it is unbounded."""

    def distance(bounds: tuple[int | None, int | None]) -> str:
        low, high = ("*" if bound is None else str(bound) for bound in bounds)
        return low if low == high else f"{low}..{high}"

    steps = " ".join(f"{loop}:{distance(bounds)}" for loop, bounds in dependence.distances)
    return f"{dependence}  {steps}".rstrip()


def _buffer(kernel: Kernel, index: int) -> dict[str, object]:
    held = kernel.buffers[index]
    layout = held.layout.tag() if held.layout is not None else "-"
    return {"name": held.name, "role": held.role, "elements": held.elements, "layout": layout}


def _ranking(ranked: Sequence[Ranked]) -> str:
    """One line a schedule, unbroken, so that it can be pasted as strategy.fixed.schedule=..."""
    names = list(dict.fromkeys(name for r in ranked for name in r.parts))
    headings = ["total", *names]
    widths = [max(9, len(heading)) for heading in headings]
    lines = ["  ".join(f"{h:>{w}}" for h, w in zip(headings, widths, strict=True)) + "  schedule"]
    for r in ranked:
        values = [r.seconds or 0.0, *(r.parts.get(name, 0.0) for name in names)]
        cells = [f"{1e6 * v:>{w}.1f}" for v, w in zip(values, widths, strict=True)]
        lines.append("  ".join([*cells, str(r.schedule)]))
    return "\n".join(lines)


def _section(console: Console, title: str) -> None:
    console.print(f"\n{title}", soft_wrap=True)


def _wrapped(console: Console, name: str, text: str) -> None:
    console.print(f"  {name}\n    {text}", soft_wrap=True)
