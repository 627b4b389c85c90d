"""The unit of work: one problem with all its contenders and baselines, measured together.

Everything here is plain data, so that a unit travels to another process or node unchanged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, cast

from compiler.problem.primitive import Primitive
from harness.baseline.repetition import benchdnn_arguments
from harness.measure.budget import MeasureSettings

Kind = Literal["strategy", "baseline"]


@dataclass(frozen=True)
class Problem:
    """A primitive with its sizes. `spec` is the YAML mapping that `primitive` was read from.

    `workload` is the list that it came from (resnet50), if any; `count` how often it occurs there.
    """

    name: str  # the workload's entry (resnet50_17), or the primitive's name
    spec: Mapping[str, object]
    primitive: Primitive
    workload: str | None = None
    count: int = 1

    @property
    def facts(self) -> dict[str, object]:
        """What records say of the problem."""
        return {
            "primitive": self.primitive.name,
            "name": self.name,
            "sizes": dict(self.primitive.sizes),
            "flops": self.primitive.flops,
            "workload": self.workload,
            "count": self.count,
            "benchdnn": self.benchdnn,
        }

    @cached_property
    def benchdnn(self) -> str | None:
        """What benchdnn is called with to repeat the problem; None where it has no such thing."""
        return benchdnn_arguments(self.primitive, self.name)

    @property
    def stated_sizes(self) -> dict[str, int]:
        """The sizes that were given as numbers; the others follow from them."""
        given = cast(Mapping[str, object], self.spec.get("sizes") or {})
        return {k: v for k, v in self.primitive.sizes if not isinstance(given.get(k), str)}


@dataclass(frozen=True)
class Contender:
    """One column of the comparison.

    `name` is the label that records carry (top20), `method` what it is (top_k, onednn), `options`
    the method's own settings (k: 8; for `fixed`: schedule: <one-line text>).
    """

    name: str
    kind: Kind
    method: str
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Unit:
    """One problem on one node; `architecture_name` is `host` or the name of a described machine."""

    problem: Problem
    strategies: tuple[Contender, ...]
    baselines: tuple[Contender, ...]
    architecture_name: str
    threads: int
    measure: MeasureSettings
    seed: int
    campaign: str
    attempt: int = 1
    numerics: tuple[str, ...] = ()  # what schedules may change of rounding

    @property
    def contenders(self) -> tuple[Contender, ...]:
        return self.strategies + self.baselines

    @cached_property
    def key(self) -> str:
        """Names the unit inside its campaign; the same in every attempt and on every node."""
        return content_id(self._measured_thing())

    def trial(self, contender: Contender, fingerprint: str) -> str:
        """The trial id (docs/reference/records.md) of a contender on a node so identified."""
        what = {
            **self._measured_thing(),
            "contender": [contender.kind, contender.name, contender.method],
            "options": dict(contender.options),
            "fingerprint": fingerprint,
        }
        return content_id(what)

    def _measured_thing(self) -> dict[str, object]:
        return {
            "problem": self.problem.name,
            "spec": self.problem.spec,
            "architecture": self.architecture_name,
            "threads": self.threads,
            "measure": self.measure.deciding,
            "seed": self.seed,
            **({"numerics": self.numerics} if self.numerics else {}),
        }


def content_id(value: Mapping[str, object]) -> str:
    """16 hexadecimal digits that depend on the value alone, not on the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
