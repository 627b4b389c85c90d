"""Lines about networks' nodes."""

from __future__ import annotations

from harness.record.network import NetworkNodes, NodeLeftOut
from harness.report.networks import network_lines

LRN = "no primitive computes it"
LEFT_OUT = (
    NodeLeftOut("a", "LRN", LRN),
    NodeLeftOut("long", "LRN", LRN),
    NodeLeftOut("b", "Sign", LRN),
)


def test_every_node_is_listed_in_full() -> None:
    network = NetworkNodes("net.onnx", 9, 2, LEFT_OUT)
    short = "net.onnx: 9 nodes: 4 in problems, 2 compute nothing, 3 left out: LRN 2, Sign 1"
    assert list(network_lines([network])) == [short]
    assert list(network_lines([network], full=True)) == [
        short,
        "  a     LRN: no primitive computes it",
        "  long  LRN: no primitive computes it",
        "  b     Sign: no primitive computes it",
    ]


def test_nothing_is_said_of_what_is_not_there() -> None:
    whole = NetworkNodes("net.onnx", 4, 0)
    assert list(network_lines([whole], full=True)) == ["net.onnx: 4 nodes: 4 in problems"]
