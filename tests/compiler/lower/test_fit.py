"""Every refusal of a schedule that does not speak of its nest, with its message."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random

import pytest

from compiler.codegen.generate import generate
from compiler.errors import CompilerError, ScheduleError
from compiler.lower.fit import fitted
from compiler.lower.lowered import anchored
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Tensor
from compiler.problem.specification import primitive_from
from compiler.schedule.layout import Layout, free
from compiler.schedule.schedule import Band, Schedule
from compiler.schedule.text import parse_schedule
from tests.compiler.codegen.random_schedules import random_problem, random_schedule
from tests.compiler.problem.lines import primitive_of
from tests.compiler.problem.operators import OPERATORS, conv2d, matmul
from tests.compiler.random_chains import chain_spec

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
    f"scalar/{LOOPS}/layout:data.aBcd2b4b": "data: a dimension is blocked twice",
    f"scalar/{LOOPS}/layout:data.abCd2c": "data: dimension 2 is indexed by 'kh + oh - 1', only one",
    f"broadcast/vector:oc.8/tile:ow.7/{LOOPS}/layout:data.abCd2c+out.aBcd8b+weight.Abcd8a"
    "/pack:data.abcd": "pack:data: it is padded along dimension 2, which its layout 'abCd2c'",
    f"broadcast/vector:oc.8/tile:ow.7/{LOOPS}/layout:out.aBcd8b+weight.Abcd8a"
    "/pack:data.aBcd2b2b": "data: a dimension is blocked twice",
    f"scalar/{LOOPS}/layout:x.ab": "unknown tensor 'x'; known: data, weight, out",
    f"scalar/{LOOPS}/layout:data.ab": "layout 'ab' does not name 4 dimensions",
    f"scalar/{LOOPS}/pack:data.abcd8": "layout 'abcd8' is not of the form aBcd8b",
    f"scalar/{LOOPS}/unroll:2": "scheme scalar takes order, block, parallel, private, layout",
    f"scalar/{LOOPS}/parallel:ic/private:data.ic":
        "private:data.ic: no statement of its band writes 'data' under ic",
    f"scalar/{LOOPS}/parallel:ic/private:x.ic": "no statement of its band writes 'x' under ic",
    f"broadcast/vector:oc.8/{LOOPS}/parallel:oh/private:out.oh":
        "private:out.oh: 'oh' is a loop of the output, it needs no copies",
    f"broadcast/vector:oc.8/{LOOPS}/parallel:kh/layout:out.aBcd8b+weight.Abcd8a":
        "parallel level 'kh' is inside the microkernel",
    "scalar/order:ic@2+ic@1+oc+oh+ow+kh+kw+ic/block:ic@2.4+ic@1.2/parallel:ic@1/private:out.ic@1":
        "private:out.ic@1: only the outermost level of ic may have copies",
    f"scalar/of:S1/{LOOPS}": "of:S1 is no statement; there is S0 alone",
    f"scalar/{LOOPS}/scalar/{LOOPS}": "a scalar band is left over: every statement has a band",
    f"scalar/{LOOPS}/scalar/of:S0/{LOOPS}": "of:S0: it stands in two bands",
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


CHAIN = loop_nest(primitive_from(OPERATORS["chain"])).nest


def _bands(*numbers: int | None) -> str:
    """A scalar band for each statement, its own loops in the nest's order."""
    parts = []
    for place, number in enumerate(numbers):
        statement = CHAIN.statements[place if number is None else min(number, 3)]
        order = "+".join(loop for loop, _ in CHAIN.extents if loop in statement.loops)
        parts.append(f"scalar/{'' if number is None else f'of:S{number}/'}order:{order}")
    return "/".join(parts)


def test_a_band_for_each_statement_in_their_order() -> None:
    alone = fitted(CHAIN, Schedule((Band("scalar", tuple(loop for loop, _ in CHAIN.extents)),)))
    assert len(CHAIN.statements) == 4
    for numbers in ((None,) * 4, (0, 1, 2, 3), (None, 1, None, 3)):
        assert fitted(CHAIN, parse_schedule(_bands(*numbers))) == alone


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        ((0, 1, 2), "S3 stands in no band; give it of or fusion"),
        ((1, 0, 2, 3), "of: bands must stand in the order of their statements"),
        ((3, None, None, None), "of: bands must stand in the order of their statements"),
        ((0, 1, 1, 3), "of:S1: it stands in two bands"),
        ((0, 1, 2, 4), "of:S4 is no statement; there are S0 to S3"),
    ],
)
def test_statements_without_a_band_or_out_of_order(
    numbers: tuple[int | None, ...], why: str
) -> None:
    with pytest.raises(ScheduleError, match=re.escape(f"chain: schedule: {why}")):
        anchored(CHAIN, parse_schedule(_bands(*numbers)))


FUSED = {
    "broadcast/vector:n.4/order:m+n+k": "a broadcast band is of one statement",
    "broadcast/vector:n.4/order:m+n+k/fusion:S4.tile": "fusion:S4 is no statement; there are S0 to",
    "broadcast/vector:n.4/order:m+n+k/fusion:S1.tile": "S2 stands in no band; give it of or fusion",
    "broadcast/vector:n.4/order:m+n+k/fusion:S1.tile+S2.tile+S3.tile/scalar/of:S3/order:m+n":
        "of:S3: it stands in two bands",
    "scalar/order:m+n+k/scalar/order:m+n/lanes/of:S3/vector:n.4/order:m+n/fusion:S2.tile":
        "fusion:S2 runs before S3, not after it",
    "scalar/order:m+n+k/fusion:S1.tile+S2.tile+S3.tile": "scheme scalar takes order, block,",
    "lanes/vector:k.4/order:m+n+k/fusion:S1.tile+S2.tile+S3.tile": "vector loop 'k' is not a loop",
    "broadcast/vector:n.4/order:m+n+k/lanes/vector:n.8/order:m+n/fusion:S2.tile+S3.tile":
        "vector: bands of 4 and 8 lanes; give one",
    "broadcast/vector:n.4/order:m+n+k/lanes/vector:n.4/order:m+n/prefetch:64/fusion:S2.tile+S3.tile":
        "scheme lanes takes no prefetch and no microkernel",
}  # fmt: skip


@pytest.mark.parametrize("text", FUSED)
def test_each_refused_fusion_names_its_field(text: str) -> None:
    with pytest.raises(ScheduleError, match=re.escape(FUSED[text])) as caught:
        fitted(CHAIN, parse_schedule(text))
    assert str(caught.value).startswith("chain: schedule: ")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tile:h.2", "tile: points along a and h meet in elements of y[k, a + 2*h]"),
        ("parallel:c/private:y.c", "private: y[k, a + 2*h] is written part by part"),
        ("fusion:S1.tile", "fusion: y[k, a + 2*h] is written part by part"),
    ],
)
def test_scattered_sums(text: str, why: str) -> None:
    tensors = {"x": ["c", "h"], "w": ["c", "k", "a"], "y": ["k", "2*h + 3"]}
    statements = ("y[k,2*h + a] += x[c,h] * w[c,k,a]", "y[k,i] = max(y[k,i], 0)")
    sizes = {"k": 8, "h": 6, "a": 5, "c": 4}
    nest = primitive_of(sizes, tensors, *statements, extents={"i": "2*h + 3"})
    band = "lanes/vector:a.4/order:c+k+h+a/tile:a.1"
    rest = "" if "fusion" in text else "/scalar/order:k+i"
    with pytest.raises(ScheduleError, match=re.escape(why)):
        fitted(nest, parse_schedule(f"{band}/{text}{rest}".replace("tile:a.1/tile:", "tile:a.1+")))


def test_what_scatters_is_not_fused() -> None:
    tensors = {"x": ["k", "c"], "y": ["k"], "z": ["2*k + 3"]}
    lines = ("y[k] += x[k,c]", "z[2*k + 1] += y[k]")  # z would not be set before
    nest = primitive_of({"k": 8, "c": 4}, tensors, *lines)
    with pytest.raises(ScheduleError, match=re.escape("z[2*k + 1] is not what the tile holds")):
        fitted(nest, parse_schedule("lanes/vector:k.4/order:k+c/fusion:S1.tile"))


def test_what_starts_from_nothing_is_not_read_on_a_tile() -> None:
    spec = chain_spec(["z[m,n] = c[m,n] * z[m,n] + 1"])  # z is 0 before, which nobody writes
    nest = loop_nest(primitive_from(spec)).nest
    for text in (
        "broadcast/vector:n.2/order:m+n+k/fusion:S1.tile",
        "broadcast/vector:n.2/order:m+n+k/lanes/vector:n.2/order:m+n",
    ):
        with pytest.raises(ScheduleError, match=re.escape("S1: only scheme scalar fits: z[m, n]")):
            fitted(nest, parse_schedule(text))
    fitted(nest, parse_schedule("broadcast/vector:n.2/order:m+n+k/scalar/order:m+n"))
    kept = loop_nest(primitive_from({**spec, "accumulate": ["z"]})).nest
    fitted(kept, parse_schedule("broadcast/vector:n.2/order:m+n+k/fusion:S1.tile"))


def test_fused_and_apart_fit_alike() -> None:
    for text in (
        "broadcast/vector:n.4/order:m+n+k/fusion:S1.tile+S2.tile+S3.tile",
        "broadcast/vector:n.4/order:k@1+m+n+k/block:k@1.2/fusion:S1.tile+S2.tile+S3.tile",
        "broadcast/vector:n.4/order:m+n+k/fusion:S1.tile/lanes/vector:n.4/order:m+n/fusion:S3.tile",
        "scalar/order:m+n+k/lanes/vector:n.4/order:m+n/lanes/vector:n.4/order:n+m/scalar/order:m+n",
    ):
        fitted(CHAIN, parse_schedule(text))


def test_what_fits_can_be_printed() -> None:
    """Whatever a schedule is refused for, it is before code is generated."""
    printed = refused = 0
    for seed in range(200):
        rng = Random(seed)
        nest = loop_nest(random_problem(rng)).nest
        schedule = random_schedule(nest, rng)
        tags = {tensor.name: _tag(tensor, rng) for tensor in nest.tensors if rng.random() < 0.3}
        layout = {name: tag for name, tag in tags.items() if free(nest.tensor(name))}
        if rng.random() < 0.3:  # one instance of the statement at a time
            order = tuple(loop for loop, _ in nest.extents)
            schedule = Schedule((Band("scalar", order),), tuple(layout.items()))
        else:
            layout = dict(schedule.layout) | layout
            pack = tuple(tags.items())[:1] if rng.random() < 0.5 else schedule.pack
            schedule = replace(schedule, layout=tuple(layout.items()), pack=pack)
        try:
            tree = fitted(nest, schedule)
        except ScheduleError:
            refused += 1
            continue
        assert generate(tree).text
        printed += 1
    assert printed > 30 and refused > 30


def _tag(tensor: Tensor, rng: Random) -> str:
    """Dimensions in any order, some of them blocked, some of these twice."""
    order = rng.sample(range(len(tensor.shape)), len(tensor.shape))
    blocked = rng.choices(order, k=rng.choice([0, 1, 1, 2]))
    return Layout(tensor.shape, tuple(order), tuple((d, rng.choice([2, 4])) for d in blocked)).tag()


def test_vectors_that_start_amid_a_line_are_not_written_past_the_caches() -> None:
    """Such stores fault where they are not aligned, as at `k + 1`."""
    spec = {
        "name": "shifted",
        "sizes": {"k": 20, "l": 3},
        "tensors": {"y": ["k + 2"], "b": ["l", "k"]},
        "statements": ["y[k + 1] += b[l,k]"],
    }
    nest = loop_nest(primitive_from(spec)).nest
    with pytest.raises(ScheduleError, match="nontemporal: vectors of y are not all aligned"):
        fitted(nest, parse_schedule("lanes/vector:k.8/order:k+l/nontemporal:1"))
    assert fitted(nest, parse_schedule("lanes/vector:k.8/order:k+l"))
