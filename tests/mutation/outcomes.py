"""Mutants of many kernels, made, built and judged in two processes; counts by form and operator."""

from __future__ import annotations

import multiprocessing
import os
import random
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from compiler.codegen.generate import generate
from compiler.codegen.kernel import Kernel
from compiler.lower.fit import fitted
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.text import parse_schedule
from harness.kernel.toolchain import Toolchain
from tests.mutation.forms import Form
from tests.mutation.judge import ESCAPED, NOT_CAUGHT, NOT_COMPILED, Judge, Verdict
from tests.mutation.mutants import Mutant, mutants

PROCESSES = 2
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}  # free to fork, no spin


@dataclass(frozen=True)
class Subject:
    """`count` mutants of one kernel; `seed` alone decides which."""

    name: str
    primitive: Primitive
    kernel: Kernel
    count: int
    seed: int


@dataclass(frozen=True)
class Outcome:
    name: str
    mutant: Mutant
    verdict: Verdict


def subject(form: Form, count: int, seed: int) -> Subject:
    primitive = primitive_from(form.spec)
    kernel = generate(fitted(loop_nest(primitive).nest, parse_schedule(form.schedule)))
    return Subject(form.name, primitive, kernel, count, seed)


@contextmanager
def clean_processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes in which nothing has started threads: only forks of such may do so again.

    OpenMP waits for ever in a fork of a process that has used it before.
    """
    spawn = multiprocessing.get_context("spawn")
    with patch.dict(os.environ, ENVIRONMENT), ProcessPoolExecutor(count, spawn) as pool:
        yield pool


def outcomes(subjects: Sequence[Subject], folder: Path) -> list[Outcome]:
    """Of all mutants; `folder` is for what is built."""
    with clean_processes(PROCESSES) as pool:
        done = pool.map(_outcomes, subjects, [folder] * len(subjects))
        return [outcome for some in done for outcome in some]


def verdict(subject: Subject, text: str, folder: Path) -> Verdict:
    """Of the subject's kernel with this text instead of its own; in a clean process."""
    return verdicts(subject, [text], folder)[0]


def verdicts(subject: Subject, texts: Sequence[str], folder: Path) -> list[Verdict]:
    toolchain = Toolchain.opened(folder / "cache")
    judge = Judge(subject.primitive, subject.kernel, toolchain, folder / "data")
    return [judge.verdict(text) for text in texts]


def _outcomes(subject: Subject, folder: Path) -> list[Outcome]:
    """In a process that keeps nothing: of one kernel's mutants."""
    text, toolchain = subject.kernel.text, Toolchain.opened(folder / "cache")
    rng = random.Random(f"{subject.seed} {subject.name}")
    with tempfile.TemporaryDirectory(dir=folder) as data:
        judge = Judge(subject.primitive, subject.kernel, toolchain, Path(data, "data"))
        drawn = mutants(text, rng, subject.count)
        return [Outcome(subject.name, m, judge.verdict(m.of(text))) for m in drawn]


def counted(found: Iterable[Outcome]) -> list[Outcome]:
    """Those that compile."""
    return [o for o in found if o.verdict.by != NOT_COMPILED]


def killed(found: Iterable[Outcome]) -> list[Outcome]:
    return [o for o in counted(found) if o.verdict.by not in NOT_CAUGHT]


def escaped(found: Iterable[Outcome]) -> list[str]:
    """Each that nothing has caught, as a difference from its kernel."""
    return [
        f"{o.name}: {o.mutant.operator} in {o.mutant.part}: {o.verdict.reason}\n{o.mutant}"
        for o in found
        if o.verdict.by == ESCAPED
    ]


def table(found: Sequence[Outcome]) -> str:
    """Counts by form, by operator and by part of the code: what ended the mutants."""
    ends = sorted({o.verdict.by for o in found})
    lines = []
    for title, key in (
        ("form", lambda o: o.name),
        ("operator", lambda o: o.mutant.operator),
        ("part", lambda o: o.mutant.part),
        ("all", lambda o: "all"),
    ):
        lines.append(f"{title:36}" + "".join(f"{end:>14}" for end in ends))
        counts = Counter((key(o), o.verdict.by) for o in found)
        for name in dict.fromkeys(map(key, found)):
            lines.append(f"{name:36}" + "".join(f"{counts[name, end]:14}" for end in ends))
        lines.append("")
    return "\n".join(lines)
