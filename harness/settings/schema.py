"""Types and known keys of the configuration, as Hydra and OmegaConf want them: mutable, optional.

Nobody outside this package sees these; `conversion` turns them into the frozen values of `values`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache, lru_cache
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from harness.baseline.builders import known_builders
from harness.bounds import DAY, positive, within
from harness.methods import GROUPS, TWIN
from harness.options import NoOptions, schema_of
from harness.strategy.known import known_strategies


class ClusterKind(Enum):
    serial = "serial"
    local = "local"
    ray = "ray"


class Auth(Enum):
    token = "token"
    none = "none"


class Exclusive(Enum):
    core = "core"
    numa = "numa"
    node = "node"


class Install(Enum):
    uv = "uv"
    pip = "pip"


class TrackingKind(Enum):
    mlflow = "mlflow"
    journal = "journal"


class Format(Enum):
    text = "text"
    json = "json"
    html = "html"
    c = "c"


@dataclass
class CacheSchema:
    bytes: int | None = within(None, 1, 2**40)  # its capacity
    line: int | None = within(None, 1, 4096)  # bytes
    ways: int | None = within(None, 1, 2**16)
    shared_by: int | None = within(None, 1, 2**16)  # cores
    bandwidth: float | None = positive(None, 10**6)  # GB/s that one core reads from it


def _caches() -> dict[str, CacheSchema]:
    return {name: CacheSchema() for name in ("L1", "L2", "L3")}


@dataclass
class ArchitectureSchema:
    name: str = "host"
    model: str | None = None  # part of the processor's name, to recognise the machine
    isa: str | None = None  # x86_64, aarch64
    vector_bytes: int | None = within(None, 4, 64)  # of a register
    vector_registers: int | None = within(None, 2, 1024)
    fma_per_cycle: int | None = within(None, 1, 64)  # vector multiply-adds issued
    fma_latency: int | None = within(None, 1, 100)  # cycles of a multiply-add
    loads_per_cycle: float | None = positive(None, 64)  # vectors from L1
    drain_cycles: float | None = within(None, 0, 10_000)  # at the end of a microkernel
    embedded_broadcast: bool | None = None  # multiply-adds read a scalar from memory
    caches: dict[str, CacheSchema] = field(default_factory=_caches)
    cores: int | None = within(None, 1, 2**20)
    sockets: int | None = within(None, 1, 1024)
    peak: float | None = positive(None, 10**6)  # GFLOP/s of a core
    memory_bandwidth: float | None = positive(None, 10**6)  # GB/s that one core reads


@dataclass
class WorkloadSchema:
    entries: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # by workload
    batch: str | None = None  # a file in benchdnn's format, whose problems become entries
    seed: int | None = within(None, 0, 2**32 - 1)  # of the random problems ...
    count: int | None = within(None, 1, 10_000)  # ... so many of which become entries
    model: str | None = None  # an ONNX file, whose nodes become entries ...
    dimensions: dict[str, int] = field(default_factory=dict)  # ... for these sizes of its inputs
    network: dict[str, Any] | None = None  # recorded: which of its nodes are in no problem
    select: Any = None  # names of entries
    sizes: dict[str, int] = field(default_factory=dict)  # of every problem that has them


@dataclass
class ClusterSchema:
    kind: ClusterKind = ClusterKind.serial  # this process, Ray on this machine, a Ray cluster
    address: str | None = None  # HOST:PORT, or auto for the one this machine is part of
    auth: Auth = Auth.token  # of the cluster that is joined
    # Each node's share of its machine; null for what it is given.
    cores: list[int] | None = within(None, 0, 2**20)
    exclusive: Exclusive = Exclusive.core  # what a measurement keeps others from measuring on
    attempts: int = within(3, 1, 1000)  # of a unit whose node, agent or worker was lost
    silent_seconds: float = positive(10.0, DAY)  # without a heartbeat, until quarantine
    without_nodes_seconds: float = positive(120.0, 100 * DAY)  # until what is left has failed
    install: Install | None = None  # what brings Python packages to nodes that lack them


@dataclass
class TrackingSchema:
    kind: TrackingKind = TrackingKind.mlflow
    uri: str | None = None  # the store; runs/mlflow.db without
    experiment: str = "polydl"  # MLflow's, in which the runs are


@dataclass
class CampaignSchema:
    name: str | None = None
    dir: str | None = None
    resume: str | None = None
    accept_changes: bool = False
    dry_run: bool = False


@dataclass
class ConfigSchema:
    architecture: ArchitectureSchema = field(default_factory=ArchitectureSchema)
    primitive: dict[str, Any] | None = None
    primitives: dict[str, Any] = field(default_factory=dict)
    workload: WorkloadSchema = field(default_factory=WorkloadSchema)
    strategy: dict[str, Any] = field(default_factory=dict)
    baseline: dict[str, Any] = field(default_factory=dict)
    measure: dict[str, Any] = field(default_factory=dict)  # MeasureSettings, checked by plan
    cluster: ClusterSchema = field(default_factory=ClusterSchema)
    tracking: TrackingSchema = field(default_factory=TrackingSchema)
    threads: int = within(1, 1, 2**16)
    seed: int = within(0, 0, 2**32 - 1)
    numerics: list[str] = field(default_factory=list)  # what may change rounding: reassociate
    campaign: CampaignSchema = field(default_factory=CampaignSchema)
    claims: bool = False
    parts: list[list[str]] = field(default_factory=list)
    schedule: Any = None
    format: Format = Format.text
    out: str | None = None


def methods(group: str) -> Mapping[str, type]:
    """The options of every strategy or baseline by name, those of installed packages among them.

    Raises EnvironmentProblem where a package's cannot be used.
    """
    if group == "strategy":
        return {name: one.options for name, one in known_strategies().items()}
    return {TWIN: NoOptions} | {name: one.options for name, one in known_builders().items()}


@cache
def defaults() -> Mapping[str, Any]:
    """The schema's own values as plain data, which nobody changes."""
    plain = OmegaConf.to_container(OmegaConf.structured(ConfigSchema), enum_to_str=True)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def completed(document: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded configuration; keys that it lacks, of an earlier version, have the defaults."""
    held = dict(defaults())
    for key, value in document.items():
        own = held.get(key)
        if isinstance(own, Mapping) and isinstance(value, Mapping):
            value = {**own, **value}
        held[key] = value
    return held


def register() -> Hashable:
    """Put the schema where conf/config.yaml names it, methods among their groups' options; what
    comes back is another where they are others."""
    found = tuple((group, *own) for group in GROUPS for own in methods(group).items())
    _stored(found)
    return found


@lru_cache(maxsize=1)  # a package may come and go, between two calls of one process
def _stored(found: Iterable[tuple[str, str, type]]) -> None:
    store = ConfigStore.instance()
    store.store(name="schema", node=ConfigSchema)
    for group in GROUPS:
        store.repo.pop(group, None)
    for group, name, options in found:
        store.store(group=group, name=name, node=schema_of(options), package=f"{group}.{name}")
