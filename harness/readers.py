"""What each reader of the configuration reads of it: a setting that changes nothing is a mistake.

An experiment's file may set more than is read; what the user writes may not, and help and
completion offer only what is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

Reader = Literal["run", "explain", "doctor", "kernel"]  # the last is `polydl.kernel`
READERS: tuple[Reader, ...] = get_args(Reader)

_OF_A_CAMPAIGN = ("baseline", "campaign", "claims", "parts", "tracking")
_OF_AN_EXPLANATION = ("format", "out", "schedule")
_OF_A_PROBLEM = ("numerics", "primitive", "primitives", "strategy", "workload")
_UNREAD: Mapping[Reader, tuple[str, ...]] = {
    "run": _OF_AN_EXPLANATION,
    "explain": (*_OF_A_CAMPAIGN, "cluster", "measure", "seed"),
    "doctor": (*_OF_A_CAMPAIGN, *_OF_AN_EXPLANATION, *_OF_A_PROBLEM, "measure", "seed"),
    "kernel": (*_OF_A_CAMPAIGN, *_OF_AN_EXPLANATION, "cluster"),
}
_READ: Mapping[Reader, tuple[str, ...]] = {  # parts of what is not
    "explain": ("cluster.cores",),
    "kernel": ("cluster.cores",),
}
_INSTEAD: Mapping[tuple[Reader, str], str] = {
    ("run", "schedule"): "strategy=fixed strategy.fixed.schedule=LINE measures a schedule",
    ("run", "format"): "`polydl show`, `report` and `export-data` tell of a campaign",
    ("run", "out"): "campaign.dir=DIR says where a campaign is recorded",
    ("kernel", "schedule"): "the argument `schedule` is read",
}
_KINDS = {"cluster": ("serial", "local", "ray"), "tracking": ("mlflow", "journal")}
_OF_NODES = ("attempts", "silent_seconds", "without_nodes_seconds")
_OF_A_CLUSTER = ("address", "auth", "install")
_UNREAD_BY_KIND: Mapping[str, tuple[str, ...]] = {
    "serial": (*_OF_NODES, *_OF_A_CLUSTER),
    "local": _OF_A_CLUSTER,
    "journal": ("experiment", "uri"),
}


def reads(reader: Reader, key: str) -> bool:
    """Whether a key of the configuration changes anything: `seed`, `campaign.dir`."""
    return key.partition(".")[0] not in _UNREAD[reader] or key in _READ.get(reader, ())


def instead(reader: Reader, key: str) -> str | None:
    """What does what an unread key may have been meant for."""
    return _INSTEAD.get((reader, key.partition(".")[0]))


def kinds_that_read(key: str) -> tuple[str, ...]:
    """The options of its group with which `cluster.address` changes anything, `tracking.uri` ...

    Empty for keys of other groups.
    """
    root, _, own = key.partition(".")
    return tuple(kind for kind in _KINDS.get(root, ()) if own not in _UNREAD_BY_KIND.get(kind, ()))
