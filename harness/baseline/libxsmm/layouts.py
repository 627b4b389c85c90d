"""How tensors lie for LIBXSMM: channels in blocks, as the PolyDL paper has them.

    data    [n][group][ic/b][spatial, padded][b]
    weight  [group][oc/B][ic/b][taps][b][B]
    out     [n][group][oc/B][spatial][B]

The padding of the data is part of its layout: zeros lie around each image, no loop has a border.
"""

from __future__ import annotations

from harness.baseline.adapter.arrays import Axis, Block, array, matrix
from harness.baseline.recognition.products import Convolution, MatrixProduct

IN_BLOCK = 64  # input channels at most, as in the paper
OUT_VECTORS = 4  # output channels, columns: with more than a tile holds the kernels lose 15 %


def in_block(channels: int) -> int:
    """Input channels of a block: the inner loop of a kernel, which has to be long."""
    return _block(channels, IN_BLOCK, 1, overhead=2.0)


def out_block(length: int, lanes: int) -> int:
    """Output channels or columns of a block: whole vectors of `lanes`, as many as a tile holds.

    Kernels of 1, 2, 3 and 4 vectors reach 38, 67, 87 and 97 % of the peak (AVX2).
    """
    return _block(length, OUT_VECTORS * lanes, lanes, overhead=1.5 * lanes)


def _block(length: int, widest: int, step: int, overhead: float) -> int:
    """A multiple of `step` with the least work: length in whole blocks * (1 + overhead / block)."""
    blocks = range(step, max(step, min(widest, length + step - 1)) + 1, step)
    return min(blocks, key=lambda b: (-(-length // b) * b * (1 + overhead / b), -b))


def configuration(
    operator: Convolution | MatrixProduct, threads: int, lanes: int
) -> dict[str, object]:
    """What libxsmm_adapter.cpp is created from; `lanes` floats are one vector."""
    if isinstance(operator, MatrixProduct):
        return {
            "kind": "matmul",
            "threads": threads,
            "columns": out_block(operator.c.dims[-1], lanes),
            **matrix("a", operator.a),
            **matrix("b", operator.b),
            **matrix("c", operator.c),
        }
    return _convolution(operator, threads, lanes)


def _convolution(conv: Convolution, threads: int, lanes: int) -> dict[str, object]:
    ic, oc = conv.data.dims[1] // conv.groups, conv.out.dims[1] // conv.groups
    inner, outer = in_block(ic), out_block(oc, lanes)
    weight = conv.weight.plain[-2 - len(conv.stride) :]
    group_step = conv.weight.plain[0] if conv.groups > 1 else 0
    flat = [0] * (3 - len(conv.stride))  # dimensions that a 1-D or 2-D convolution lacks
    padding = [*((0, 0) for _ in flat), *zip(conv.before, conv.after, strict=True)]
    sides = "".join(f" {before}+{max(0, after)}" for before, after in padding[len(flat) :])
    padded = any(before or after > 0 for before, after in padding)
    return {
        "kind": "convolution",
        "threads": threads,
        "strides": [*(1 for _ in flat), *conv.stride],
        "dilations": [*(1 for _ in flat), *conv.dilation],
        "weight_constant": int(conv.weight.constant),
        **array(
            "data",
            conv.data,
            f"{_tag(conv)}{inner}b" + (f" padded{sides}" if padded else ""),
            [
                Axis(conv.data.dims[0], conv.data.plain[0]),
                Axis(conv.groups, conv.data.plain[1] * ic),
                Axis(-(-ic // inner), conv.data.plain[1] * inner),
                *(
                    Axis(length, step, before, max(0, after))
                    for length, step, (before, after) in zip(
                        (*(1 for _ in flat), *conv.data.dims[2:]),
                        (*flat, *conv.data.plain[2:]),
                        padding,
                        strict=True,
                    )
                ),
                Axis(inner, conv.data.plain[1]),
            ],
            [Block(2, 6, ic)],
        ),
        **array(
            "weight",
            conv.weight,
            _weight_tag(conv, inner, outer),
            [
                Axis(conv.groups, group_step),
                Axis(-(-oc // outer), weight[0] * outer),
                Axis(-(-ic // inner), weight[1] * inner),
                *(Axis(1, 0) for _ in flat),
                *map(Axis, conv.weight.dims[-len(conv.stride) :], weight[2:]),
                Axis(inner, weight[1]),
                Axis(outer, weight[0]),
            ],
            [Block(1, 7, oc), Block(2, 6, ic)],
        ),
        **array(
            "out",
            conv.out,
            f"{_tag(conv)}{outer}b",
            [
                Axis(conv.out.dims[0], conv.out.plain[0]),
                Axis(conv.groups, conv.out.plain[1] * oc),
                Axis(-(-oc // outer), conv.out.plain[1] * outer),
                *(Axis(1, 0) for _ in flat),
                *map(Axis, conv.out.dims[2:], conv.out.plain[2:]),
                Axis(outer, conv.out.plain[1]),
            ],
            [Block(2, 6, oc)],
        ),
    }


def _tag(conv: Convolution) -> str:
    """oneDNN's letters: aBcd64b is n, blocks of channels, two spatial dimensions, the block."""
    return "aB" + "cde"[: len(conv.stride)]


def _weight_tag(conv: Convolution, inner: int, outer: int) -> str:
    letters = "abcdef"[: len(conv.weight.dims)]
    oc, ic = letters[-2 - len(conv.stride)], letters[-1 - len(conv.stride)]
    return letters.replace(oc, oc.upper()).replace(ic, ic.upper()) + f"{inner}{ic}{outer}{oc}"
