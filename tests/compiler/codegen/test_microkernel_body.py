"""What a microkernel prints: its accumulators, its taps, its remainders."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from compiler.lower.border_classes import borders, tile_classes
from compiler.lower.tiling import register_tiles
from compiler.model.loop_nest import loop_nest
from compiler.pipeline import compile_schedule, parse_schedule
from compiler.problem.specification import primitive_from
from tests.compiler.codegen.batch import check_cases
from tests.compiler.problem.operators import conv2d, matmul

BLOCKED = "layout:data.aBcd4b+out.aBcd8b+weight.ABcd4b8a"


def functions(spec: dict[str, Any], schedule: str) -> dict[str, str]:
    """The text of each microkernel."""
    text = compile_schedule(primitive_from(spec), parse_schedule(schedule)).text
    parts = re.split(r"^static void (tile\d+)", text.partition("void polydl_kernel")[0], flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def multiply_adds(body: str) -> int:
    return len(re.findall(r"^\s*a\w+ \+= ", body, re.M))


def test_every_class_multiplies_its_live_points_only() -> None:
    spec = conv2d(ic=4, oc=16, ih=9, iw=9, kh=5, kw=5, pad_h=2, pad_w=2)
    text = f"broadcast/vector:oc.8/tile:oc.2+ow.3/order:oc+oh+ow+kh+kw+ic/{BLOCKED}"
    nest = loop_nest(primitive_from(spec)).nest
    padded = {b.point: b for b in borders(nest, nest.statements[0], nest.statements[0].reads[0])}
    classes = tile_classes(register_tiles("ow", nest.extent("ow"), 3), padded["ow"], False)
    wanted = [2 * sum(len(group.live) for group in c.taps or ()) for c in classes]
    found = [multiply_adds(body) for body in functions(spec, text).values()]
    assert found == wanted
    assert len(set(found)) > 1


def test_rows_of_one_point_share_a_kernel_for_all_borders() -> None:
    spec = conv2d(ic=4, oc=8, ih=9, iw=9, kw=1, pad_w=0)
    (body,) = functions(
        spec, f"broadcast/vector:oc.8/tile:ow.3/order:oc+oh+ow+kh+ic/{BLOCKED}"
    ).values()
    assert "const long kh_low = max(0, ceild(-(at_oh * 1 + -1), 1));" in body
    assert "for (long r_kh = kh_low; r_kh < kh_high; ++r_kh)" in body


def test_accumulators_start_once_per_tile_when_the_reduction_is_split() -> None:
    order = "order:k@1+m+n+k/block:k@1.4/layout:b.Ba8b"
    for body in functions(
        matmul(m=4, n=16, k=10), f"broadcast/vector:n.8/tile:m.2/{order}"
    ).values():
        assert "vec a0v0 = (vec){0};" in body
        assert "if (at_k != 0) {" in body
        assert "min(4, 10 - at_k)" in body
    (whole,) = functions(
        matmul(m=4, n=16, k=10), "broadcast/vector:n.8/tile:m.2/order:m+n+k/layout:b.Ba8b"
    ).values()
    assert "if (" not in whole
    assert "r_k < 10" in whole


def test_pieces_of_pieces_end_where_either_ends(tmp_path: Path) -> None:
    """Cut short by the extent, by the piece around, by both or by none; outside and inside."""
    orders = ("k@2+k@1+m+n+k", "k@2+m+n+k@1+k", "m+n+k@2+k@1+k")
    blocks = {10: ("8.4", "4.2", "5.5", "10.5"), 16: ("8.4", "6.3"), 13: ("4.4", "6.2")}
    cases = []
    for k, sizes in blocks.items():
        primitive = primitive_from(matmul(m=6, n=16, k=k))
        for order, (outer, _, inner) in product(orders, (size.partition(".") for size in sizes)):
            text = f"order:{order}/block:k@2.{outer}+k@1.{inner}"
            schedule = parse_schedule(f"broadcast/vector:n.8/tile:m.2/{text}")
            cases.append((primitive, schedule))
    check_cases(cases, tmp_path, "pieces", parts=1)


@pytest.mark.parametrize(("n", "partial"), [(16, False), (13, True)])
def test_only_the_last_vector_of_a_plain_row_is_partial(n: int, partial: bool) -> None:
    found = functions(
        matmul(m=4, n=n, k=3), "broadcast/vector:n.8/tile:m.2/order:m+n+k/layout:b.Ba8b"
    )
    whole, *rest = (body for body in found.values())
    assert "_PART" not in whole
    assert [body.count("STORE_PART(") for body in rest] == ([2] if partial else [])
    blocked = functions(
        conv2d(ic=4, oc=13), f"broadcast/vector:oc.8/order:oc+oh+ow+kh+kw+ic/{BLOCKED}"
    )
    assert not [body for body in blocked.values() if "_PART" in body]  # lanes are the buffer's


def test_tuning_fields_show() -> None:
    base = f"broadcast/vector:oc.8/order:oc+oh+ow+kh+kw+ic/{BLOCKED}"
    spec = conv2d(ic=4, oc=8)
    (plain,) = functions(spec, base).values()
    assert "unroll" not in plain
    assert "prefetch" not in plain
    (tuned,) = functions(spec, f"{base}/unroll:4/prefetch:1024/nontemporal:1").values()
    assert "#pragma GCC unroll 4" in tuned
    assert "__builtin_prefetch(vp + 256);" in tuned
    assert "STREAM(out + 0, " in tuned
