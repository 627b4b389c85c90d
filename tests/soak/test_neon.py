"""C for Armv8 cores with NEON: cross-compiled, run by qemu-user, verified by all rounds.

Every form of kernel in the vectors of graviton2, whose schedules are the first of each kind that
its ranking has, and in the wider vectors of tests.mutation.forms, which a compiler splits.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from compiler.codegen.kernel import Kernel
from compiler.pipeline import compile_schedule, parse_schedule, ranked_schedules
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import SCHEMES, Schedule
from harness.failure import Failure
from harness.kernel.expectation import computed
from harness.kernel.problem_data import Inputs
from harness.kernel.verify import verify
from harness.settings import load_settings
from tests.compiler.codegen.batch import expected_of
from tests.compiler.problem.another_dtype import in_f64
from tests.compiler.problem.operators import matmul
from tests.mutation.forms import FUSED, SMALL, STAGED
from tests.soak.emulated import CROSS, EMULATOR, FLAGS, Emulated, cross_compiled

pytestmark = [pytest.mark.soak, pytest.mark.needs(CROSS, EMULATOR)]
EACH = 3  # kernels of a problem, each of another kind
LEAST = 20  # problems
Case = tuple[Primitive, Schedule, Kernel]


@pytest.fixture(scope="module")
def machine() -> Architecture:
    (settings,) = load_settings(["architecture=graviton2"])
    return settings.architecture.described()


def _kind(schedule: Schedule) -> object:
    """What two schedules must differ in to print different code."""
    bands = tuple((b.scheme, b.vector[0], bool(b.fusion), bool(b.block)) for b in schedule.bands)
    return bands, bool(schedule.pack)


def _of_every_kind(primitive: Primitive, machine: Architecture) -> list[Case]:
    found: dict[object, Schedule] = {}
    for fuse in (True, False):
        for ranked in ranked_schedules(primitive, machine, fuse=fuse):
            found.setdefault(_kind(ranked.schedule), ranked.schedule)
    return [
        (primitive, schedule, compile_schedule(primitive, schedule))
        for schedule in list(found.values())[:EACH]
    ]


def test_every_form_under_qemu(
    machine: Architecture, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases: list[Case] = []
    for form in (*SMALL, *FUSED, *STAGED):
        primitive, schedule = primitive_from(form.spec), parse_schedule(form.schedule)
        cases += _of_every_kind(primitive, machine)
        cases.append((primitive, schedule, compile_schedule(primitive, schedule)))
    program = cross_compiled([kernel for _, _, kernel in cases], tmp_path)
    wrong, kinds = [], Counter[str]()
    for number, (primitive, schedule, kernel) in enumerate(cases):
        found = verify(Emulated(program, number, kernel), computed(primitive, seed=0))
        kinds.update({band.scheme for band in schedule.bands})
        kinds.update(["parts of vectors"] if "FILL_PART" in kernel.text else [])
        kinds.update(["packed"] if "pack_" in kernel.text else [])
        kinds.update(["stages"] if "stage_" in kernel.text else [])
        kinds.update(set(re.findall(r"vec (vec_\w+)\(", kernel.text)))
        if isinstance(found, Failure):
            wrong.append(f"{primitive.name} {dict(primitive.sizes)} {schedule}: {found.reason}")
    with capsys.disabled():
        print(f"\n{len(cases)} kernels of {len({p for p, _, _ in cases})} problems: {dict(kinds)}")
    assert wrong == []
    assert len({primitive for primitive, _, _ in cases}) >= LEAST
    everything = {*SCHEMES, "parts of vectors", "packed", "stages"}
    everything |= {f"vec_{name}" for name in ("max", "min", "exp", "tanh", "erf", "sqrt", "abs")}
    assert everything <= set(kinds)


def test_numbers_of_eight_bytes(machine: Architecture, tmp_path: Path) -> None:
    for number, sizes in enumerate(({"m": 7, "n": 9, "k": 5}, {"m": 4, "n": 33, "k": 12})):
        for constant in ([], ["b"]):
            primitive = in_f64(primitive_from({**matmul(**sizes), "constant": constant}))
            folder = tmp_path / f"{number}{len(constant)}"
            folder.mkdir()
            cases = _of_every_kind(primitive, machine)
            program = cross_compiled([kernel for _, _, kernel in cases], folder)
            expected = expected_of(primitive)
            for place, (_, schedule, kernel) in enumerate(cases):
                emulated = Emulated(program, place, kernel)
                emulated.bind(Inputs(expected.inputs), "end", np.array([np.nan]))
                emulated.run()
                assert emulated.damage() is None
                shape = expected.values["c"].shape
                expected.compare({"c": emulated.fetch("c", shape)}, str(schedule))


def test_multiply_adds_fill_the_registers(machine: Architecture, tmp_path: Path) -> None:
    """What the cross compiler makes of the first choice, in the disassembly."""
    primitive = primitive_from(matmul(m=32, n=64, k=64))
    best = ranked_schedules(primitive, machine, limit=1)[0].schedule
    source = tmp_path / "kernel.c"
    source.write_text(compile_schedule(primitive, best).text)
    command = [CROSS, *FLAGS, "-S", "-o", "-", str(source)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    whole = re.findall(r"\bfmla\tv\d+\.4s", text)
    assert len(whole) >= 8 and not re.search(r"\bfmadd\b|\bfmla\tv\d+\.2s", text)
