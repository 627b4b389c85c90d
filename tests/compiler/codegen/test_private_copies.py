"""Reductions that threads share, each piece summing in a copy of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from compiler.codegen.generate import generate
from compiler.lower.coverage import uncovered
from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl, structural
from compiler.model.loop_nest import loop_nest
from compiler.problem.specification import primitive_from
from compiler.schedule.text import parse_schedule
from tests.compiler.codegen.batch import call, expected_of, start_build
from tests.compiler.problem.operators import (
    ACCUMULATED,
    BACKWARD_DATA,
    BACKWARD_WEIGHTS,
    MAX_POOL,
    PARTIAL,
    conv2d,
    matmul,
)

SUM: dict[str, Any] = {
    "name": "sum", "sizes": {"i": 1000}, "tensors": {"x": ["i"], "s": [1]},
    "statements": ["s[0] += x[i]"],
}  # fmt: skip
NARROW = matmul(m=5, n=19, k=30)
COLUMN = matmul(m=5, n=1, k=61)
EXTREMA: dict[str, Any] = {
    "name": "extrema", "sizes": {"m": 21, "k": 12}, "tensors": {"x": ["k", "m"], "y": ["m"]},
    "statements": ["y[m] = min(y[m], x[k,m])"],
}  # fmt: skip
TWICE: dict[str, Any] = {  # the second sum goes on where the first one ended
    "name": "twice", "sizes": {"m": 5, "n": 16, "k": 24},
    "tensors": {"a": ["m", "k"], "b": ["k", "n"], "c": ["m", "n"]}, "constant": ["b"],
    "statements": ["c[m,n] += a[m,k] * b[k,n]", "c[m,n] += a[m,k] * b[k,n]"],
}  # fmt: skip
TILE = "broadcast/vector:n.8/tile:n.2+m.3"
CASES = (
    (NARROW, f"{TILE}/order:k@1+m+n+k/block:k@1.10/parallel:k@1/private:c.k@1/layout:b.Ba8b"),
    # uneven pieces, one more cut inside, rows and pieces shared at once
    (NARROW, f"{TILE}/order:k@2+k@1+m+n+k/block:k@2.16+k@1.4/parallel:k@2/private:c.k@2"),
    (NARROW, f"{TILE}/order:m+k@1+n+k/block:k@1.8/parallel:m+k@1/private:c.k@1/unroll:2"),
    (NARROW, "scalar/order:k@1+m+n+k/block:k@1.16/parallel:k@1/private:c.k@1"),
    (NARROW, "scalar/order:k+m+n/parallel:k/private:c.k"),
    (TWICE, f"{TILE}/order:k@1+m+n+k/block:k@1.8/parallel:k@1/private:c.k@1/{TILE}/of:S1"
            "/order:k@2+k@1+m+n+k/block:k@2.8+k@1.4/parallel:k@2/private:c.k@2"),
    (TWICE, "scalar/order:k@1+m+n+k/block:k@1.8/parallel:k@1/private:c.k@1"),
    (ACCUMULATED, "scalar/order:k@1+m+n+k/block:k@1.2/parallel:k@1/private:c.k@1"),
    (SUM, "scalar/order:i@1+i/block:i@1.250/parallel:i@1/private:s.i@1"),
    (SUM, "scalar/order:i/parallel:i/private:s.i"),
    (MAX_POOL, "scalar/order:kh+c+oh+ow+kw/parallel:kh/private:out.kh"),
    (EXTREMA, "lanes/vector:m.8/tile:m.2/order:k@1+m+k/block:k@1.4/parallel:k@1/private:y.k@1"),
    (EXTREMA, "lanes/vector:m.8/order:k+m/parallel:k/private:y.k"),
    # lanes across the reduction: pieces are of register tiles; a sum of all has no other loop
    (COLUMN, "dot/vector:k.4/tile:k.2+m.2/order:k@1+m+k/block:k@1.2/parallel:k@1/private:c.k@1"),
    (COLUMN, "dot/vector:k.4/tile:k.2/order:m+k@1+k/block:k@1.3/parallel:m+k@1/private:c.k@1"),
    (SUM, "dot/vector:i.8/tile:i.4/order:i@1+i/block:i@1.11/parallel:i@1/private:s.i@1"),
    # two loops of copies, around taps that read past a border
    (BACKWARD_WEIGHTS, "scalar/order:n+oh+oc+ic+kh+ow+kw/parallel:n+oh/private:out.n+out.oh"),
    (BACKWARD_WEIGHTS, "broadcast/vector:oc.4/tile:oc.1+ic.2/order:n+kh+kw+ic+oc+oh+ow"
                       "/parallel:n/private:out.n/layout:grad.aBcd4b+out.Abcd4a"),
    (conv2d(ic=8, oc=8, ih=5, iw=5),
     "broadcast/vector:oc.8/tile:ow.5/order:ic@1+kh+oc+oh+ow+kw+ic/block:ic@1.4"
     "/parallel:ic@1+kh/private:out.ic@1+out.kh/layout:data.aBcd4b+out.aBcd8b+weight.ABcd4b8a"),
    # a compound target: elements that several pieces write
    (BACKWARD_DATA, "scalar/order:oc+ic+oh+ow+kh+kw/parallel:oc/private:out.oc"),
    (BACKWARD_DATA, "scalar/order:oh+ic+oc+ow+kh+kw/parallel:oh/private:out.oh"),
    (PARTIAL, "scalar/order:j+i/parallel:j/private:y.j+z.j"),
)  # fmt: skip


def test_copies_are_combined_whatever_the_threads(tmp_path: Path) -> None:
    jobs = []
    for spec, line in CASES:
        primitive, schedule = primitive_from(spec), parse_schedule(line)
        tree = fitted(loop_nest(primitive).nest, schedule)
        assert structural(tree) is None, line
        assert by_isl(tree) is None, line
        assert uncovered(tree) is None, line
        jobs.append((primitive, generate(tree), line))
    library = start_build([kernel for _, kernel, _ in jobs], tmp_path, "private").library()
    for number, (primitive, kernel, line) in enumerate(jobs):
        expected = expected_of(primitive)
        found = {}
        for threads in (1, 2, 3):
            library["omp_set_num_threads"](threads)
            found[threads] = call(library, number, kernel, expected.inputs)
            expected.compare(found[threads], f"{threads} threads: {line}")
            for name, values in found[1].items():
                np.testing.assert_array_equal(found[threads][name], values, err_msg=line)
