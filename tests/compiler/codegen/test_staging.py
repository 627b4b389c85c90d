"""Statements inside levels of others compute what the reference says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

from compiler.codegen.generate import generate
from compiler.errors import ScheduleError
from compiler.lower.coverage import uncovered
from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl
from compiler.model.loop_nest import loop_nest
from compiler.problem.specification import primitive_from
from compiler.schedule.text import parse_schedule
from tests.compiler.codegen.batch import Case, check_cases
from tests.compiler.problem.chains import SOFTMAX
from tests.compiler.problem.lines import primitive_of
from tests.compiler.problem.operators import shipped
from tests.compiler.random_attachments import (
    random_attachments,
    random_statements,
    random_windows,
)

KERNELS, SEED = 30, 20261126


def test_random_attachments_compute_what_their_statements_say(tmp_path: Path) -> None:
    check_random_attachments(tmp_path, SEED, KERNELS)


def check_random_attachments(folder: Path, seed: int, count: int) -> None:
    """So many trees that are accepted, against the reference and the untransformed nest."""
    random, forms = Random(seed), Counter[str]()
    for first in range(0, count, 100):
        cases = [_accepted(random, forms) for _ in range(min(100, count - first))]
        check_cases(cases, folder, f"attached{first}-")
    assert all(forms[form] >= count // 10 for form in ("stages", "lanes", "threads")), forms
    assert forms["rows kept"] >= count // 20, forms


def _accepted(random: Random, forms: Counter[str]) -> Case:
    """The next random schedule with an attachment that is legal and fits; counts what it has."""
    while True:
        windows = random.random() < 0.3
        nest = (
            random_windows(random)
            if windows
            else random_statements(random, m=random.randint(2, 9), n=random.randint(2, 9))
        )
        if nest is None:
            continue
        schedule = random_attachments(nest, random, keep=0.7 * windows)
        try:
            tree = fitted(nest, schedule)
        except ScheduleError:
            continue
        if any(path.around for path in tree.paths()) and by_isl(tree) is None:
            assert uncovered(tree) is None, str(schedule)
            forms["stages"] += bool(tree.stages)
            forms["rows kept"] += any(stage.rolling for stage in tree.stages)
            forms["lanes"] += any(band.scheme == "lanes" for band in schedule.bands)
            forms["threads"] += tree.parallel
            return nest, schedule


def test_rows_are_kept_where_two_levels_move_the_window(tmp_path: Path) -> None:
    line = "scalar/order:c+h/scalar/order:p@1+c+k+p/block:p@1.3/fusion:S0.k/keep:S0.c"  # 3*p@1 + k
    cases = []
    for first in (0, 1, 2):
        spec = {
            "name": "window",
            "sizes": {"c": 3, "h": 9, "k": 4},
            "extents": {"p": "5"},
            "tensors": {"x": ["c", "h"], "t": ["c", "h"], "y": ["c", "p"]},
            "outside": {"t": 0},
            "temporary": ["t"],
            "statements": ["t[c,h] = x[c,h] * 2", f"y[c,p] += t[c, p + k + {first}]"],
        }
        primitive = primitive_from(spec)
        tree = fitted(loop_nest(primitive).nest, parse_schedule(line))
        assert by_isl(tree) is None and tree.stages[0].rolling is not None
        cases.append((primitive, parse_schedule(line)))
    check_cases(cases, tmp_path, "rolling")


def test_a_row_goes_through_all_statements(tmp_path: Path) -> None:
    primitive = primitive_from({**SOFTMAX, "sizes": {"m": 21, "n": 40}})
    bands = "scalar/order:m+n/lanes/vector:n.8/order:m+n/scalar/order:m+n"
    ends = (
        "lanes/vector:n.8/order:m+n/fusion:S0.m+S1.m+S2.m",
        "lanes/vector:n.8/tile:n.2/order:m@1+m+n/block:m@1.8/parallel:m@1"
        "/fusion:S0.m@1+S1.m@1+S2.m",
        "scalar/order:m@1+n+m/block:m@1.8/fusion:S0.m@1+S1.m@1+S2.m@1",
    )
    cases = [(primitive, parse_schedule(f"{bands}/{end}")) for end in ends]
    for _, schedule in cases:
        tree = fitted(primitive, schedule)
        assert by_isl(tree) is None and uncovered(tree) is None
    check_cases(cases, tmp_path, "rows")


def test_a_deconvolution_runs_in_pieces_of_what_follows(tmp_path: Path) -> None:
    primitive = primitive_of(
        {"c": 8, "d": 3, "h": 5, "w": 6, "a": 3, "b": 4},
        {
            "x": ["d", "h", "w"],
            "v": ["d", "h", "w"],
            "y": ["d", "c", "a", "b"],
            "t": ["c", "p", "q"],
            "z": ["c", "p", "q"],
        },
        "v[d,h,w] = x[d,h,w] * 2",
        "t[c, 2*h + a - 1, 2*w + b - 2] += v[d,h,w] * y[d,c,a,b]",
        "z[c,p,q] = max(t[c,p,q], 0)",
        extents={"p": "2*h", "q": "2*w + 1"},
        temporary=["t", "v"],
    )
    rows = "lanes/vector:w.4/order:d+h+w"
    sums = "lanes/vector:c.4/tile:w.3/order:{}c+a+b+h+w+d"
    relu = (
        "lanes/vector:c.4/tile:q.2/order:c+p+q/parallel:c/fusion:{}/layout:t.Abc4a+y.aBcd4b+z.Abc4a"
    )
    lines = (
        f"{rows}/{sums.format('')}/{relu.format('S1.c')}",
        f"{rows}/{sums.format('')}/{relu.format('S0.c+S1.c')}",
        f"{rows}/{sums.format('h@1+')}/block:h@1.2/fusion:S0.h@1/{relu.format('S1.c')}",
    )
    cases = [(primitive, parse_schedule(line)) for line in lines]
    for _, schedule in cases:
        tree = fitted(primitive, schedule)
        assert by_isl(tree) is None and uncovered(tree) is None
        assert any(stage.tensor == "t" for stage in tree.stages)
    check_cases(cases, tmp_path, "deconvolution")


def test_single_pieces_of_two_groups_are_blocks_of_their_own() -> None:
    """Eight heads are one vector, and so one piece: no loop is around what has its number."""
    schedule = (
        "dot/vector:k.8/tile:k.3+n.2/order:heads+n+k/lanes/vector:heads.8/tile:heads.1+n.4/"
        "order:heads+n/lanes/vector:heads.8/tile:heads.1/order:heads+n/lanes/vector:heads.8/"
        "tile:heads.1+n.4/order:heads+n/fusion:S0.heads+S1.heads+S2.heads/lanes/vector:heads.8/"
        "tile:heads.1/order:heads+n/lanes/vector:heads.8/tile:heads.1/order:heads/lanes/"
        "vector:heads.8/tile:heads.1+v.7/order:heads+v+n/fusion:S4.heads+S5.heads+S7.tile/"
        "layout:out.Abc8a+scores.Abc8a+values.Abc8a/unroll:4"
    )
    spec = shipped("attention", heads=8, m=1, n=16, k=24, v=33)
    nest = loop_nest(primitive_from(spec)).nest
    lines = generate(fitted(nest, parse_schedule(schedule))).text.splitlines()
    assert lines.count("    const long p0 = 0;") == 2 and "  const long p0 = 0;" not in lines
