"""Problems that every library's baseline has to get right, and how one is checked."""

from __future__ import annotations

from compiler.problem.primitive import Primitive
from harness.baseline.baseline import Baseline, Prepared
from harness.failure import Failure
from harness.kernel.expectation import computed
from harness.kernel.load import load
from harness.kernel.verify import verify
from tests.harness.baseline.specs import conv1d, conv2d, depthwise, grouped, matmul, primitive

CONVOLUTIONS = {
    "odd channels": primitive(conv2d(ic=17, oc=13, n=2)),
    "a last block that is not full": primitive(conv2d(ic=67, oc=75)),
    "stride": primitive(conv2d(ih=9, iw=11, stride=2)),
    "rows that no output reads": primitive(conv2d(ih=10, iw=11, stride=3, pad_h=0, pad_w=0)),
    "dilation": primitive(conv2d(ih=9, iw=8, dilation=2, pad_h=2)),
    "1x1": primitive(conv2d(ic=64, oc=72, kh=1, kw=1, pad_h=0, pad_w=0, ih=9, iw=9)),
    "1x1 stride 2": primitive(conv2d(kh=1, kw=1, stride=2, pad_h=0, pad_w=0, ih=8)),
    "7x7": primitive(conv2d(ic=3, oc=64, kh=7, kw=7, stride=2, pad_h=3, pad_w=3, ih=20, iw=20)),
    "rows longer than a tile": primitive(conv2d(iw=133, ih=3)),
    "wide padding": primitive(conv2d(ih=2, iw=2, pad_h=4, pad_w=4)),
    "fewer outputs than fit": primitive(conv2d(), extents={"oh": "3", "ow": "2"}),
    "more outputs than fit": primitive(conv2d(), extents={"oh": "ih+1", "ow": "iw+1"}),
    "weights not constant": primitive(conv2d(oc=16, ic=16), constant=[]),
    "grouped": primitive(grouped()),
    "1-D, cropped, other names": primitive(conv1d()),
    "1-D, starting inside": primitive(conv1d("2*ow + kw + 1")),
}
DEPTHWISE = {"depthwise": primitive(depthwise())}
PRODUCTS = {
    "matmul": primitive(matmul()),
    "matmul in several blocks": primitive(matmul(m=101, n=77, k=1030)),
    "matmul, wide": primitive(matmul(m=65, n=520, k=1024)),
    "matmul, no weight": primitive(matmul(m=70, n=45), constant=[]),
    "matmul, a transposed": primitive(matmul(m=33, k=20), stored={"a": [1, 0]}),
    "matmul, b transposed": primitive(matmul(m=33, k=20), stored={"b": [1, 0]}, constant=[]),
    "matmul, c transposed": primitive(matmul(), stored={"c": [1, 0]}),
    "matmul, factors exchanged": primitive(matmul(), statements=["c[m,n] += b[k,n] * a[m,k]"]),
    "batched": primitive(
        matmul(),
        sizes={"b": 3, "h": 2, "m": 4, "n": 5, "k": 6},
        tensors={"q": ["b", "h", "m", "k"], "t": ["b", "h", "n", "k"], "s": ["b", "h", "m", "n"]},
        constant=[],
        statements=["s[b,h,m,n] += q[b,h,m,k] * t[b,h,n,k]"],
    ),
    "batched, rows of all together": primitive(
        matmul(),
        sizes={"b": 3, "m": 4, "n": 5, "k": 6},
        tensors={"q": ["b", "m", "k"], "t": ["b", "k", "n"], "s": ["b", "m", "n"]},
        stored={"q": [1, 0, 2], "s": [1, 0, 2]},
        constant=["t"],
        statements=["s[b,m,n] += q[b,m,k] * t[b,k,n]"],
    ),
    "one row, a transposed": primitive(matmul(m=1), stored={"a": [1, 0]}, constant=[]),
    "one column, all transposed": primitive(
        matmul(n=1), stored={"a": [1, 0], "b": [1, 0], "c": [1, 0]}, constant=[]
    ),
    "matrix times vector": primitive(
        matmul(),
        sizes={"m": 9, "k": 6},
        tensors={"a": ["m", "k"], "b": ["k"], "c": ["m"]},
        statements=["c[m] += a[m,k] * b[k]"],
    ),
}


def check(baseline: Baseline, problem: Primitive, threads: int = 1) -> dict[str, object]:
    """Twice on new inputs between guard pages, against the reference; what the adapter says."""
    assert baseline.supports(problem) is None
    prepared = baseline.prepare(problem, threads)
    assert isinstance(prepared, Prepared), prepared
    executable = load(prepared.executable)
    try:
        found = verify(executable, computed(problem, seed=0))
        assert not isinstance(found, Failure), found
        return {**prepared.facts, **executable.describe()}
    finally:
        executable.close()
