from __future__ import annotations

import pytest

from compiler.problem.primitive import Primitive
from harness.baseline.repetition import benchdnn_arguments
from tests.compiler.problem.operators import CHAIN, MAX_POOL
from tests.harness.baseline.specs import conv1d, conv2d, depthwise, grouped, matmul, primitive

PLAIN = "--stag=abx --wtag=any --dtag=abx"


@pytest.mark.parametrize(
    ("problem", "arguments"),
    [
        (primitive(conv2d()), '--conv --dir=FWD_I mb1ic4ih7iw6oc5oh7ow6kh3kw3ph1pw1n"p"'),
        (
            primitive(conv2d(iw=7, stride=2, dilation=2)),
            '--conv --dir=FWD_I mb1ic4ih7oc5oh3kh3sh2ph1dh1n"p"',
        ),
        (primitive(grouped(iw=6)), '--conv --dir=FWD_I g3mb2ic6ih6oc15oh4kh3ph0n"p"'),
        (primitive(depthwise(iw=6)), '--conv --dir=FWD_I g9mb1ic9ih6oc9oh6kh3ph1n"p"'),
        (primitive(conv1d()), None),  # rows at the end are left out
        (primitive(conv1d("4*ow + kw - 2")), '--conv --dir=FWD_I mb1ic3iw20oc4ow6kw3sw4pw2n"p"'),
        (primitive(matmul()), f'--matmul {PLAIN} 5x6:6x7n"p"'),
        (
            primitive(matmul(), constant=[], stored={"a": [1, 0]}),
            '--matmul --stag=ba --wtag=abx --dtag=abx 5x6:6x7n"p"',
        ),
        (primitive(matmul(m=1), stored={"a": [1, 0]}), f'--matmul {PLAIN} 1x6:6x7n"p"'),
        (primitive(MAX_POOL), None),
        (primitive(CHAIN), None),
    ],
)
def test_arguments_of_a_problem(problem: Primitive, arguments: str | None) -> None:
    assert benchdnn_arguments(problem, "p") == arguments
