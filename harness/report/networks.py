"""The nodes of networks that are in no problem, as lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler.errors import printable
from harness.record.network import NetworkNodes

WIDEST = 40  # of the column of names


def network_lines(networks: Sequence[NetworkNodes], full: bool = False) -> Iterator[str]:
    """A line for each network; in `full` one for each node that is left out as well."""
    for network in networks:
        yield printable(network.summary)
        if full and network.left_out:
            width = min(max(len(one.node) for one in network.left_out), WIDEST)
            for one in network.left_out:
                yield printable(f"  {one.node.ljust(width)}  {one.op}: {one.reason}")
