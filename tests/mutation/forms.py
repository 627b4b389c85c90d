"""Kernels to be mutated: one of every form that the code generator has, most of them small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.compiler.codegen.fused_problems import chain
from tests.compiler.problem.chains import SOFTMAX
from tests.compiler.problem.operators import (
    ACCUMULATED,
    AVERAGE_POOL,
    BACKWARD_DATA,
    BACKWARD_WEIGHTS,
    BATCHED,
    CHAIN,
    DEPTHWISE,
    GROUPED,
    MAX_POOL,
    PARTIAL,
    RECURRENCE,
    SCATTER,
    conv2d,
    matmul,
    shipped,
)

BIAS_RELU: dict[str, Any] = {
    **conv2d(ic=4, oc=6, ih=7, iw=6),
    "name": "bias_relu",
    "tensors": {**conv2d()["tensors"], "bias": ["oc"]},
    "statements": [
        *conv2d()["statements"],
        "out[n,oc,oh,ow] = max(out[n,oc,oh,ow] + bias[oc], 0)",
    ],
}
BLOCKED = "layout:data.aBcd4b+out.aBcd8b+weight.ABcd4b8a"


@dataclass(frozen=True)
class Form:
    """A problem and a schedule for it."""

    name: str
    spec: dict[str, Any]
    schedule: str


SMALL = (
    Form("rows of matrices", matmul(m=17, n=40, k=23),
         "broadcast/vector:n.16/tile:n.2+m.3/order:m+n+k/layout:b.Ba16b/unroll:4"),
    Form("remainders in both directions", matmul(m=7, n=45, k=37),
         "broadcast/vector:n.8/tile:n.3+m.2/order:n+m+k/layout:b.Ba8b/unroll:2"),
    Form("parts of vectors in every step", {**matmul(m=5, n=21, k=7), "constant": []},
         "broadcast/vector:n.8/tile:n.3+m.2/order:m+n+k"),
    Form("split reduction on two threads", matmul(m=5, n=11, k=6),
         "broadcast/vector:n.4/tile:n.2+m.2/order:k@1+m+n+k/block:k@1.4/parallel:m"
         "/layout:b.Ba4b/unroll:2"),
    Form("a copy for each piece of a reduction", matmul(m=5, n=19, k=30),
         "broadcast/vector:n.8/tile:n.2+m.3/order:k@2+k@1+m+n+k/block:k@2.12+k@1.4/parallel:k@2"
         "/private:c.k@2/layout:b.Ba8b"),
    Form("copies of minima", {**MAX_POOL, "statements": [
             text.replace("max(", "min(") for text in MAX_POOL["statements"]],
             "outside": {"data": ".inf"}},
         "scalar/order:kh+c+oh+ow+kw/parallel:kh/private:out.kh"),
    Form("reduction split twice", matmul(m=6, n=16, k=10),
         "broadcast/vector:n.8/tile:m.2/order:k@2+k@1+m+n+k/block:k@2.8+k@1.4"),
    Form("packed transposed", {**matmul(m=9, n=20, k=17), "constant": [], "stored": {"b": [1, 0]}},
         "pixels/vector:n.8/tile:n.2+m.3/order:m@1+n+m+k/block:m@1.2/pack:b.Ba8b/unroll:4"),
    Form("padded rows", conv2d(ic=8, oc=16, ih=6, iw=6),
         "broadcast/vector:oc.8/tile:oc.1+ow.3/order:oc+oh+ow+ic@1+kh+kw+ic/block:ic@1.4"
         f"/{BLOCKED}/unroll:4"),
    Form("wide borders, padded lanes",
         conv2d(ic=4, oc=13, ih=9, iw=9, kh=5, kw=5, pad_h=2, pad_w=2),
         f"broadcast/vector:oc.8/tile:oc.2+ow.3+oh.2/order:oc+oh+ow+kh+kw+ic/{BLOCKED}"),
    Form("stride and dilation", conv2d(ic=8, oc=8, ih=14, iw=13, stride=2, dilation=2, pad_h=2),
         "broadcast/vector:oc.8/tile:ow.2+oh.2/order:oh+ow+oc+ic@1+kh+kw+ic/block:ic@1.4"
         f"/{BLOCKED}/unroll:2"),
    Form("taps outside the tile", conv2d(ic=4, oc=8, ih=6, iw=7),
         f"broadcast/vector:oc.8/tile:ow.2/order:kh+kw+oc+oh+ow+ic/{BLOCKED}"),
    Form("threads over rows and channels", conv2d(n=2, ic=4, oc=24, ih=9, iw=11),
         "broadcast/vector:oc.8/tile:oc.1+ow.3/order:n+oh@1+oc+oh+ow+kh+kw+ic/block:oh@1.4"
         f"/parallel:n+oh@1+oc/{BLOCKED}"),
    Form("packed pixels", conv2d(ic=3, oc=5, ih=9, iw=21),
         "pixels/vector:ow.8/tile:ow.2+oc.3/order:oh+ow+oc+kh+kw+ic/layout:weight.bcda"
         "/pack:data.abcd"),
    Form("packed pixels on two threads", conv2d(n=2, ic=2, oc=3, ih=4, iw=8, kh=1, pad_h=0),
         "pixels/vector:ow.8/tile:ow.1+oc.3/order:n+oh+ow+oc+kw+ic/parallel:n+oh"
         "/layout:weight.bcda/pack:data.abcd"),
    Form("streamed", conv2d(ic=12, oc=32, ih=5, iw=6, kh=1, kw=1, pad_h=0, pad_w=0),
         "broadcast/vector:oc.16/tile:oc.1+oh_ow.4/order:oh_ow+oc+ic@1+ic/block:ic@1.4"
         "/layout:data.aBc4b+out.aBc16b+weight.ABcd4b16a/unroll:4/prefetch:256/nontemporal:1"),
    Form("groups", GROUPED,
         "pixels/vector:oc.4/tile:oc.1+ow.3+oh.2/order:g+oh+ow+oc+kh+kw+ic"
         "/layout:out.abCde4c+w.aBcde4b/unroll:2"),
    Form("depthwise", DEPTHWISE,
         "pixels/vector:n.4/tile:n.1/order:c+oh+ow+n+kh+kw/layout:out.Abcd4a+w.abc/pack:data.bcda"
         "/unroll:2"),
    Form("batch", BATCHED,
         "pixels/vector:m.4/tile:m.1+n.4/order:g+n+m+j+k/layout:a.aBCd5c4b+b.Abc5a/unroll:5"),
    Form("backward weights", BACKWARD_WEIGHTS,
         "pixels/vector:kw.4/tile:kw.1+oc.3/order:ic+kh+kw+oc+oh+ow+n/layout:grad.Abcd2a"
         "/pack:data.abcd/unroll:2"),
    Form("scalar, on top of what is there", ACCUMULATED, "scalar/order:m+n+k"),
    Form("scalar, scattered", BACKWARD_DATA, "scalar/order:ic+oh+kh+ow+kw+oc"),
    Form("scalar, tiled, two threads", conv2d(ic=3, oc=5),
         "scalar/order:oc@1+oh@1+kh@1+oh+ow+ic+kh+kw+oc/block:oc@1.5+oh@1.2+kh@1.1/parallel:oh@1"),
    Form("maximum over windows", MAX_POOL, "scalar/order:c+oh+ow+kh+kw"),
    Form("average over windows", AVERAGE_POOL, "scalar/order:c+oh+ow+kh+kw"),
    Form("bias and ReLU", BIAS_RELU, "scalar/order:oc+oh+ow+ic+kh+kw"),
    Form("GELU, tanh, exp", CHAIN, "scalar/order:m+n+k"),
    Form("softmax", {**SOFTMAX, "sizes": {"m": 5, "n": 7}}, "scalar/order:m+n"),
    Form("recurrence", RECURRENCE, "scalar/order:t+i"),
    Form("writes outside dropped", SCATTER, "scalar/order:i+j"),
    Form("minimum, elements without a writer", PARTIAL, "scalar/order:i+j"),
)  # fmt: skip
_CUT = "order:k@1+m+n+k/block:k@1.4"  # sums of four products wait for the next ones
IN_PLACE: dict[str, Any] = {  # what one fused statement reads another one overwrites
    **matmul(m=6, n=20, k=9),
    "name": "in_place",
    "tensors": {**matmul()["tensors"], "x": ["m", "n"], "y": ["m", "n"]},
    "accumulate": ["x"],
    "statements": [
        *matmul()["statements"],
        "y[m,n] = c[m,n] * 0.5 + x[m,n]",
        "x[m,n] = max(c[m,n], 0)",
    ],
}
ROW_VARIANCE: dict[str, Any] = {
    "name": "row_variance",
    "sizes": {"m": 5, "k": 45},
    "tensors": {"x": ["m", "k"], "mean": ["m"], "y": ["m"]},
    "statements": ["y[m] += (x[m,k] - mean[m]) * (x[m,k] - mean[m])", "y[m] = y[m] / k + 0.25"],
}
ROW_GREATEST: dict[str, Any] = {
    "name": "row_greatest",
    "sizes": {"m": 3, "n": 2, "k": 30},
    "tensors": {"x": ["n", "m", "k"], "y": ["m", "n"], "z": ["m", "n"]},
    "statements": ["y[m,n] = max(y[m,n], exp(0.25 * x[n,m,k]) - 8)", "z[m,n] = y[m,n] * 0.5"],
}
SHIFTED: dict[str, Any] = {
    "name": "shifted",
    "sizes": {"i": 7, "j": 29, "k": 3},
    "tensors": {"x": ["i", "j"], "w": ["3*j", "k"], "y": ["i", "j"], "z": ["i", "j"]},
    "outside": {"x": 2},
    "statements": [
        "y[i,j] += abs(x[i + k - 1, j - 2] - w[3*j, k])",
        "z[i,j] = y[i,j] - x[i - 1, j]",
    ],
}
INSIDE: dict[str, Any] = {  # borders in a loop of points, in one of taps, in one printed whole
    "name": "inside",
    "sizes": {"i": 9, "j": 40, "k": 13, "l": 3},
    "tensors": {"x": ["i + k - 5", "j + l - 2", "k - 1"], "y": ["i", "j"], "z": ["i"]},
    "outside": {"x": 2, "y": 1},
    "statements": [
        "y[i,j] += abs(x[i + k - 3, j + l - 1, k - 2] - 3)",
        "z[i] += y[i - 1, j - 5] * 0.5",
    ],
}
WINDOW: dict[str, Any] = {  # rows of which no vector is aligned
    "name": "window",
    "sizes": {"i": 9, "j": 38, "k": 3},
    "tensors": {"x": ["2*i + k - 2", "41"], "w": ["k", "j"], "y": ["i", "j"]},
    "statements": ["y[i,j] += abs(x[2*i + k, j + 3] - w[k,j])"],
}
DECONVOLUTION: dict[str, Any] = {
    "name": "deconvolution",
    "sizes": {"c": 5, "k": 19, "h": 5, "w": 8, "a": 3, "b": 4},
    "extents": {"p": "2*h", "q": "2*w"},
    "tensors": {
        "x": ["c", "h", "w"],
        "v": ["c", "k", "a", "b"],
        "y": ["k", "p", "q"],
    },
    "constant": ["v"],
    "statements": [
        "y[k, 2*h + a - 1, 2*w + b - 1] += x[c,h,w] * v[c,k,a,b]",
        "y[k,p,q] = max(y[k,p,q], 0)",
    ],
}
APART: dict[str, Any] = {
    "name": "apart",
    "sizes": {"i": 9, "j": 20},
    "tensors": {"x": ["j", "i"], "w": ["2*j"], "v": ["5*j"], "y": ["i", "j"]},
    "plain": ["x"],
    "statements": ["y[i,j] = max(x[j,i] * w[2*j], v[5*j] - 1)"],
}
FUSED = (
    Form("fused: bias and ReLU", shipped("conv2d_bias_relu", ic=4, oc=13, ih=7, iw=9),
         "broadcast/vector:oc.8/tile:oc.2+ow.3/order:oc+oh+ow+ic+kh+kw/fusion:S1.tile"
         f"/parallel:oc+oh/{BLOCKED}"),
    Form("fused: normalisation of packed pixels",
         shipped("conv2d_bn_relu", ic=3, oc=5, ih=5, iw=22),
         "pixels/vector:ow.8/tile:ow.2+oc.3/order:oh+ow+oc+kh+kw+ic/fusion:S1.tile"
         "/layout:weight.bcda/pack:data.abcd"),
    Form("fused: residual, cut reduction",
         shipped("conv2d_residual_relu", ic=10, oc=24, ih=6, iw=7),
         "broadcast/vector:oc.8/tile:oc.1+ow.3/order:ic@1+oh+oc+ow+kh+kw+ic/block:ic@1.4"
         "/parallel:oh+oc/fusion:S1.tile"
         "/layout:data.aBcd4b+out.aBcd8b+residual.aBcd8b+weight.ABcd4b8a"),
    Form("fused: GELU", shipped("matmul_bias_gelu", m=7, n=45, k=11),
         "broadcast/vector:n.16/tile:n.2+m.3/order:n+m+k/fusion:S1.tile+S2.tile/layout:b.Ba16b"),
    Form("fused: clip", chain("clip", 9, 20, 17),
         "broadcast/vector:n.8/tile:n.2+m.4/order:m+n+k/fusion:S1.tile/layout:b.Ba8b/unroll:2"),
    Form("fused: leaky ReLU, cut reduction", chain("leaky", 6, 13, 10),
         f"broadcast/vector:n.4/tile:n.2+m.2/{_CUT}/fusion:S1.tile/layout:b.Ba4b"),
    Form("fused: hard-swish, sums kept nowhere", chain("hard_swish", 9, 18, 7),
         "broadcast/vector:n.8/tile:n.1+m.4/order:n+m+k/fusion:S1.tile/layout:b.Ba8b"),
    Form("fused: sigmoid along rows", chain("sigmoid", 20, 6, 9),
         "pixels/vector:m.8/tile:m.2+n.3/order:m+n+k/fusion:S1.tile/layout:a.AB9b8a+c.Ab8a"),
    Form("fused: tanh and a product of it, cut", chain("tanh", 5, 21, 9),
         f"broadcast/vector:n.8/tile:n.2+m.2/{_CUT}/fusion:S1.tile+S2.tile/layout:b.Ba8b"),
    Form("fused: swish of sums in a workspace", chain("swish", 7, 16, 10),
         f"broadcast/vector:n.8/tile:n.2+m.3/{_CUT}/fusion:S1.tile+S2.tile/layout:b.Ba8b"),
    Form("fused: three outputs of one", chain("kept", 5, 12, 9),
         f"broadcast/vector:n.4/tile:n.2+m.2/{_CUT}/parallel:m/fusion:S1.tile+S2.tile+S3.tile"
         "/layout:b.Ba4b"),
    Form("fused: bias first", chain("root", 6, 19, 5, ("c[m,n] = x[m,n] - 2",)),
         "lanes/vector:n.8/tile:n.2/order:m+n"
         "/broadcast/vector:n.8/tile:n.2+m.3/order:m+n+k/fusion:S2.tile/layout:b.Ba8b"),
    Form("fused: in place", IN_PLACE,
         f"broadcast/vector:n.8/tile:n.2+m.2/{_CUT}/fusion:S1.tile+S2.tile/layout:b.Ba8b"),
    Form("bands apart", chain("gelu", 6, 21, 8),
         "broadcast/vector:n.8/tile:n.2+m.3/order:m+n+k/lanes/vector:n.8/tile:n.2/order:m+n"
         "/parallel:m/lanes/vector:n.8/tile:n.1+m.2/order:m+n/layout:b.Ba8b"),
    Form("lanes: depthwise with borders", shipped("depthwise_conv2d", c=20, ih=5, iw=11),
         "lanes/vector:c.8/tile:c.1+ow.4/order:c+oh+ow+kh+kw"
         "/layout:data.aBcd8b+out.aBcd8b+weight.Abc8a/unroll:3"),
    Form("lanes: maximum over windows", {**MAX_POOL, "sizes": {**MAX_POOL["sizes"], "c": 13}},
         "lanes/vector:c.8/tile:ow.2/order:oh+c+ow+kh+kw/layout:data.aBcd8b+out.aBcd8b/unroll:2"),
    Form("lanes: average over windows",
         {**AVERAGE_POOL, "sizes": {**AVERAGE_POOL["sizes"], "c": 9}},
         "lanes/vector:c.4/tile:c.1+ow.3/order:c+oh+ow+kh+kw/fusion:S1.tile"
         "/layout:data.aBcd4b+out.aBcd4b+total.aBcd4b"),
    Form("lanes: shifted, values outside that count", SHIFTED,
         "lanes/vector:j.8/tile:j.2+i.3/order:i+j+k/fusion:S1.tile/unroll:3"),
    Form("lanes and dot: straight where all is inside", INSIDE,
         "lanes/vector:j.8/tile:j.1+i.3/order:i+j+k+l/unroll:3"
         "/dot/vector:j.8/tile:j.2+i.3/order:i+j/layout:x.acb"),
    Form("lanes: a window in straight code", WINDOW,
         "lanes/vector:j.8/tile:j.2+i.3/order:i+j+k/unroll:3"),
    Form("lanes: a cropped deconvolution, two threads", DECONVOLUTION,
         "lanes/vector:k.8/tile:k.2+w.3/order:k+h@1+a+b+h+w+c/block:h@1.2/parallel:k"
         "/lanes/vector:k.8/tile:q.4/order:k+p+q/layout:x.acb+v.aBcd8b+y.Abc8a/unroll:2"),
    Form("lanes: elements apart, two threads", APART,
         "lanes/vector:j.8/tile:j.1+i.4/order:i+j/parallel:i"),
    Form("dot: matrix times vector", {**matmul(m=7, n=1, k=83), "constant": []},
         "dot/vector:k.8/tile:k.2+m.3/order:m+k/prefetch:64"),
    Form("dot: variance, cut reduction", ROW_VARIANCE,
         "dot/vector:k.8/tile:k.2+m.2/order:k@1+m+k/block:k@1.2/fusion:S1.tile"),
    Form("dot: greatest of exponentials, two threads", ROW_GREATEST,
         "dot/vector:k.4/tile:k.3/order:m+n+k/parallel:m/fusion:S1.tile"),
    Form("dot: one channel with borders", shipped("conv2d_bias_relu", ic=11, oc=1, ih=5, iw=6),
         "dot/vector:ic.8/tile:ow.3/order:oh+ow+kh+kw+ic/fusion:S1.tile"
         "/layout:data.acdb+weight.acdb"),
)  # fmt: skip
STAGED = (
    Form("stages: rows of a softmax, two threads", {**SOFTMAX, "sizes": {"m": 7, "n": 21}},
         "scalar/order:m+n/lanes/vector:n.8/tile:n.2/order:m+n/dot/vector:n.8/order:m+n"
         "/lanes/vector:n.8/tile:n.2/order:m@1+m+n/block:m@1.3/parallel:m@1"
         "/fusion:S0.m@1+S1.m@1+S2.m"),
    Form("stages: an inverted residual", shipped("inverted_residual", ic=4, c=12, ih=7, iw=5),
         "broadcast/vector:c.4/tile:iw.5/order:c+ih+iw+ic/fusion:S1.tile"
         "/lanes/vector:c.4/tile:ow.3/order:c+oh+ow+kh+kw/fusion:S3.tile"
         "/broadcast/vector:oc.4/tile:ow.5/order:oh@1+c@2+oh+ow+oc+c@1+c/block:oh@1.3+c@2.8+c@1.4"
         "/fusion:S0.c@2+S2.c@2+S5.tile"
         "/layout:data.aBcd4b+expand.Ab4a+expanded.aBcd4b+filter.Abc4a+filtered.aBcd4b+out.aBcd4b"
         "+project.Ab4a"),
    Form("stages: rows kept for the next piece",
         shipped("pointwise_depthwise", ic=4, c=12, ih=7, iw=5),
         "broadcast/vector:c.4/tile:iw.5/order:c+ih+iw+ic/fusion:S1.tile"
         "/lanes/vector:c.4/tile:ow.3/order:oh@1+c+oh+ow+kh+kw/block:oh@1.3"
         "/fusion:S0.c+S3.tile/keep:S0.root"
         "/layout:combined.aBcd4b+data.aBcd4b+filter.Abc4a+out.aBcd4b+weight.Ab4a"),
    Form("stages: pooling behind a convolution",
         shipped("conv2d_relu_max_pool2d", ic=3, oc=8, ih=8, iw=6),
         "broadcast/vector:oc.8/tile:ow.3/order:oh+oc+ow+ic+kh+kw/fusion:S1.tile"
         "/lanes/vector:oc.8/tile:pw.3/order:ph+oc+pw+rh+rw/parallel:ph/fusion:S0.ph"
         "/layout:convolved.aBcd8b+out.aBcd8b+weight.Abcd8a"),
)  # fmt: skip
LARGE = (  # more than 2 GFLOP
    Form("large: padded rows", conv2d(ic=130, oc=136, ih=85, iw=83),
         "broadcast/vector:oc.8/tile:oc.2+ow.4/order:oc@1+oh+ow+oc+ic@1+kh+kw+ic"
         "/block:ic@1.16+oc@1.2/layout:data.aBcd16b+out.aBcd8b+weight.ABcd16b8a/unroll:4"),
    Form("large: threads and remainders", matmul(m=1037, n=1045, k=1000),
         "broadcast/vector:n.16/tile:n.3+m.7/order:n@1+k@1+m+n+k/block:k@1.256+n@1.4/parallel:n@1"
         "/layout:b.Ba16b/unroll:8"),
    Form("large: strides", conv2d(n=2, ic=96, oc=120, ih=151, iw=150, stride=2),
         "broadcast/vector:oc.8/tile:oc.3+ow.4/order:n+oc+oh+ow+ic@1+kh+kw+ic/block:ic@1.16"
         "/layout:data.aBcd16b+out.aBcd8b+weight.ABcd16b8a/unroll:4"),
)  # fmt: skip
