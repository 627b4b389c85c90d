from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from harness.baseline.baseline import Prepared
from harness.baseline.onednn.configuration import configuration_of
from harness.baseline.onednn.onednn import OneDnn
from harness.baseline.recognition.chains import recognise_chain
from harness.baseline.repetition import benchdnn_arguments
from tests.compiler.problem.operators import CHAIN, MAX_POOL, shipped
from tests.harness.baseline.specs import Spec, conv1d, conv2d, depthwise, grouped, matmul, primitive

PLAIN = "--stag=abx --wtag=any --dtag=abx"
# Tags of images whose channels fill blocks of 16, and of others.
BLOCKS, FEW = "abx,axb,aBx16b,aBx8b", "abx,axb"
ONE_OTHER = "--stag=abx:abx,axb:abx,aBx16b:abx,aBx8b:abx"
IMAGE, ROWS = {"c": 48, "h": 9, "w": 8}, {"m": 5, "n": 7}
POOL = {"c": 48, "ih": 9, "iw": 8}
CONV = {"ic": 3, "oc": 5, "ih": 9, "iw": 9}
# Primitives of conf/ with the call of each.
SHIPPED: list[tuple[str, dict[str, int], str]] = [
    (
        "max_pool2d",
        {**POOL, "kw": 5, "dilation": 2, "pad_h": 2, "pad_w": 4},
        f"--pool --dir=FWD_I --tag={BLOCKS} --alg=max mb1ic48ih9iw8oh5ow4kh3kw5sh2sw2ph2pw4dh1dw1",
    ),
    (
        "avg_pool2d",
        {**POOL, "c": 2, "iw": 9},
        f"--pool --dir=FWD_I --tag={FEW} --alg=avg_p mb1ic2ih9oh5kh3sh2ph1",
    ),
    (
        "avg_pool2d_exclude_padding",
        POOL,
        f"--pool --dir=FWD_I --tag={BLOCKS} --alg=avg_np mb1ic48ih9iw8oh5ow4kh3kw3sh2sw2ph1pw1",
    ),
    (
        "global_avg_pool2d",
        {"c": 1, "ih": 4, "iw": 5},
        "--pool --dir=FWD_I --tag=abx --alg=avg_p mb1ic1ih4iw5oh1ow1kh4kw5ph0pw0",
    ),
    ("softmax", ROWS, "--softmax --dir=FWD_I --stag=abx --dtag=abx --axis=1 5x7"),
    ("layernorm", ROWS, "--lnorm --dir=FWD_I --tag=abx:abx --flags=CH 5x7"),
    ("eltwise_exp", ROWS, "--eltwise --dir=FWD_I --tag=abx --alg=exp --alpha=0 --beta=0 5x7"),
    ("eltwise_swish", ROWS, "--eltwise --dir=FWD_I --tag=abx --alg=swish --alpha=1 --beta=0 5x7"),
    (
        "eltwise_hardswish",
        ROWS,
        "--eltwise --dir=FWD_I --tag=abx --alg=hardswish --alpha=0.166666667 --beta=0.5 5x7",
    ),
    (
        "binary_add",
        IMAGE,
        "--binary --stag=abx:abx,axb:axb,aBx16b:aBx16b,aBx8b:aBx8b --alg=add 1x48x9x8:1x48x9x8",
    ),
    ("binary_mul_channel", IMAGE, f"--binary {ONE_OTHER} --alg=mul 1x48x9x8:1x48x1x1"),
    (
        "batch_norm",
        IMAGE,
        f"--binary {ONE_OTHER} --alg=mul --attr-post-ops=add:f32:2 1x48x9x8:1x48x1x1",
    ),
    ("bias_gelu", ROWS, "--binary --stag=abx:abx --alg=add --attr-post-ops=gelu_erf 5x7:1x7"),
    (
        "conv2d_bias_relu",
        CONV,
        "--conv --dir=FWD_B --attr-post-ops=relu mb1ic3ih9oc5oh9kh3ph1",
    ),
    (
        "conv2d_bn_relu",
        CONV,
        "--conv --dir=FWD_I --attr-post-ops=mul:f32:2+add:f32:2+relu mb1ic3ih9oc5oh9kh3ph1",
    ),
    (
        "conv2d_residual_relu",
        CONV,
        "--conv --dir=FWD_B --attr-post-ops=add:f32:14+relu mb1ic3ih9oc5oh9kh3ph1",
    ),
    (
        "matmul_bias_gelu",
        {**ROWS, "k": 6},
        f"--matmul {PLAIN} --bia_dt=f32 --bia_mask=2 --attr-post-ops=gelu_erf 5x6:6x7",
    ),
    (
        "depthwise_conv2d",
        {**POOL, "stride": 2},
        "--conv --dir=FWD_I g48mb1ic48ih9iw8oc48oh5ow4kh3kw3sh2sw2ph1pw1",
    ),
]
_LOGGED = """
import ctypes, json, sys
library, error = ctypes.CDLL(sys.argv[1]), ctypes.create_string_buffer(512)
library.polydl_adapter_create.restype = ctypes.c_void_p
for line in sys.stdin:
    assert library.polydl_adapter_create(line.encode(), error, ctypes.c_size_t(512)), error.value
    print("made", flush=True)
"""


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
        (
            primitive(MAX_POOL),
            '--pool --dir=FWD_I --tag=abx,axb --alg=max mb1ic2ih7iw6oh4ow4kh3kw2sh2sw2ph1pw1n"p"',
        ),
        (primitive(CHAIN), None),
    ],
)
def test_arguments_of_a_problem(problem: Primitive, arguments: str | None) -> None:
    assert benchdnn_arguments(problem, "p") == arguments


@pytest.mark.parametrize(("name", "sizes", "arguments"), SHIPPED, ids=[s[0] for s in SHIPPED])
def test_arguments_of_every_operator(name: str, sizes: dict[str, int], arguments: str) -> None:
    assert benchdnn_arguments(primitive_from(shipped(name, **sizes)), "") == arguments


@pytest.mark.parametrize(
    ("spec", "arguments"),
    [
        (
            shipped("pointwise_depthwise", ic=4, c=8, ih=9, iw=9),
            "--conv --dir=FWD_B --attr-post-ops=relu+dw:k3s1p1+relu mb1ic4ih9oc8oh9kh1ph0",
        ),
        (shipped("depthwise_pointwise"), None),
        (
            shipped("softmax", m=5, n=7) | {"stored": {"x": [1, 0]}},
            "--softmax --dir=FWD_I --stag=ba --dtag=abx --axis=1 5x7",
        ),
        (
            shipped("layernorm", m=5, n=7) | {"stored": {"y": [1, 0]}},
            "--lnorm --dir=FWD_I --tag=abx:ba --flags=CH 5x7",
        ),
        (
            shipped("max_pool2d", c=2, ih=9, iw=9, stride=3, kw=2, kh=2, pad_h=0, pad_w=0),
            "--pool --dir=FWD_I --tag=abx,axb --alg=max mb1ic2ih9oh3kh2sh3ph0",
        ),
        (MAX_POOL | {"extents": {"oh": "2", "ow": "2"}}, None),  # rows at the end are left out
        (shipped("conv2d_relu_max_pool2d"), None),
        (
            {
                "name": "clipped",
                "sizes": {"m": 5, "n": 7},
                "tensors": {"x": ["m", "n"], "y": ["m", "n"]},
                "statements": ["y[m,n] = max(min(2*x[m,n] + 0.1, 1e30), -1)"],
            },
            "--eltwise --dir=FWD_I --tag=abx --alg=linear --alpha=2 --beta=0.1"
            " --attr-post-ops=clip:-1:1e30 5x7",
        ),
    ],
)
def test_chains_and_stored_orders(spec: Spec, arguments: str | None) -> None:
    assert benchdnn_arguments(primitive_from(spec), "") == arguments


def test_onednn_logs_the_same_problems(onednn: OneDnn) -> None:
    """Of what it makes oneDNN writes a line in benchdnn's words, but for names and shortcuts."""
    problems = [primitive_from(shipped(name, **sizes)) for name, sizes, _ in SHIPPED]
    told = [configuration_of(recognise_chain(problem), 1, "direct") for problem in problems]
    prepared = onednn.prepare(problems[0], 1)
    assert isinstance(prepared, Prepared), prepared
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LOGGED, str(prepared.executable["library"])],
        input="\n".join(json.dumps({**c, "probe": 1}) for c in told),
        capture_output=True,
        text=True,
        env={**os.environ, "ONEDNN_VERBOSE": "2"},
        check=True,
    )
    logs = done.stdout.split("made\n")[:-1]
    for (name, _, arguments), log in zip(SHIPPED, logs, strict=True):
        (line,) = (line for line in log.splitlines() if ",create:" in line)
        *_, attributes, options, problem, _ = line.split(",")
        *given, descriptor = arguments.split()
        option = dict(word.removeprefix("--").split("=", 1) for word in given if "=" in word)
        assert fields(descriptor) <= fields(problem), name
        logged = re.sub(
            "eltwise_|binary_|attr-post-ops:|:a[A-Za-z0-9]*(?=[+ ])", "", attributes
        ).strip()
        assert logged == option.get("attr-post-ops", ""), name
        words = {"avg_p": "avg_include_padding", "avg_np": "avg_exclude_padding"}
        algorithm = words.get(option.get("alg", ""), option.get("alg", ""))
        assert algorithm in options, name
        assert option.get("flags", "") in options, name


def fields(descriptor: str) -> set[str]:
    """Fields with their numbers, or the whole where it has none."""
    return set(re.findall("[a-z]+[0-9]+", descriptor)) if "mb" in descriptor else {descriptor}
