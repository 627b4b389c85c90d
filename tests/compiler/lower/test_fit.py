"""Every refusal of a schedule that does not speak of its nest, with its message."""

from __future__ import annotations

import re

import pytest

from compiler.errors import CompilerError, ScheduleError
from compiler.lower.fit import fitted
from compiler.model.loop_nest import loop_nest
from compiler.problem.specification import primitive_from
from compiler.schedule.layout import free
from compiler.schedule.schedule import parse_schedule
from tests.compiler.problem.operators import conv2d, matmul

CONV = loop_nest(primitive_from(conv2d(ic=8, oc=16))).nest
PRODUCT = loop_nest(primitive_from(matmul(m=8, n=8, k=8))).nest
LOOPS = "order:oc+oh+ow+kh+kw+ic"
REFUSED = {
    "scalar/order:oc+oh+ow+kh+kw": "the order must hold 'ic', after its tile loops",
    "scalar/order:oc+oh+ow+kh+kw+ic+x": "unknown loop 'x'; known: oc, oh, ow, ic, kh, kw",
    f"scalar/{LOOPS}/tile:x.2": "unknown loop 'x'",
    f"scalar/{LOOPS}/block:x@1.2": "unknown loop 'x@1'",
    f"broadcast/vector:x.8/{LOOPS}": "unknown loop 'x'",
    "scalar/order:oc+oh+ow+kh+kw+ic+ic@1/block:ic@1.2": "the order must hold 'ic', after its",
    f"scalar/{LOOPS}/tile:ic.2": "'ic' is a reduction loop, it cannot be tiled",
    f"scalar/{LOOPS}/tile:oh.7": "tile oh.7 is larger than its extent 6",
    "scalar/order:ic@1+oc+oh+ow+kh+kw+ic": "level 'ic@1' has no size; give block:ic@1.SIZE",
    "scalar/order:ic@2+ic@1+oc+oh+ow+kh+kw+ic/block:ic@2.4+ic@1.3": "ic@1.3 does not divide 4",
    f"scalar/{LOOPS}/block:ic@1.2": "block 'ic@1' is no tile level of the order",
    f"scalar/{LOOPS}/block:ic.2": "block 'ic' is no tile level of the order",
    f"broadcast/vector:oc.8/{LOOPS}/parallel:kh": "parallel level 'kh' is inside the microkernel",
    f"scalar/{LOOPS}/layout:x.ab": "unknown tensor 'x'; known: data, weight, out",
    f"scalar/{LOOPS}/layout:data.ab": "layout 'ab' does not name 4 dimensions",
    f"scalar/{LOOPS}/pack:data.abcd8": "layout 'abcd8' is not of the form aBcd8b",
    f"scalar/{LOOPS}/fusion:relu": "this version generates neither fusion nor library calls",
    f"scalar/{LOOPS}/microkernel:blas": "this version generates neither fusion nor library calls",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_each_refusal_names_its_field(text: str) -> None:
    with pytest.raises(CompilerError, match=re.escape(REFUSED[text])) as caught:
        fitted(CONV, parse_schedule(text))
    assert len(str(caught.value).splitlines()) == 1


def test_plain_tensors_keep_the_callers_layout() -> None:
    fits = "broadcast/vector:n.8/order:n+m+k/layout:b.Ba8b"  # constant: packed ahead of time
    fitted(PRODUCT, parse_schedule(fits))
    with pytest.raises(ScheduleError, match="the layout of 'c' is fixed by the caller"):
        fitted(PRODUCT, parse_schedule("broadcast/vector:n.8/order:n+m+k/layout:c.ba"))
    assert [free(PRODUCT.tensor(name)) for name in "abc"] == [False, True, False]
    assert all(free(CONV.tensor(name)) for name in ("data", "weight", "out"))


def test_what_fits() -> None:
    for text in (
        f"scalar/{LOOPS}",
        "scalar/order:ic@2+ic@1+oc+oh+ow+kh+kw+ic/block:ic@2.4+ic@1.2/parallel:oc+oh",
        f"broadcast/vector:oc.8/tile:oc.2+ow.7/{LOOPS}/layout:out.aBcd8b+weight.Abcd8a/pack:data.abcd",
        f"scalar/{LOOPS}/parallel:oc",
    ):
        fitted(CONV, parse_schedule(text))
