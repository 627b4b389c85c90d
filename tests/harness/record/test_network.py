"""What configurations say of networks' nodes."""

from __future__ import annotations

import pytest

from harness.errors import RecordError
from harness.record.network import networks_in

HELD = {
    "file": "net.onnx",
    "nodes": 9,
    "nothing": 2,
    "left_out": [
        {"node": "a", "op": "LRN", "reason": "no primitive computes it"},
    ],
}


def test_each_network_is_found_once() -> None:
    document = {"workload": {"network": HELD}}
    (network,) = networks_in([document, {"workload": {"network": None}}, {}, document])
    assert (network.file, network.nodes, network.nothing) == ("net.onnx", 9, 2)
    assert [one.node for one in network.left_out] == ["a"]


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(RecordError, match=r"workload\.network: "):
        networks_in([{"workload": {"network": {"file": 3}}}])
