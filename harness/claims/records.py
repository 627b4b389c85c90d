"""Recorded results as claims read them: those of some problems, contenders side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from compiler.errors import shown
from harness.analysis.groups import problem_groups
from harness.analysis.means import Layer, layer_of
from harness.record.journal import CampaignFolder
from harness.record.result import TrialResult
from harness.record.typed import content, decoded

NOT_YET = "not recorded yet"


class Unanswered(Exception):
    """The records do not tell; the message says what they lack."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Options that every quantity and table has: of which problems. All, where nothing is said.

    `workloads` and `primitives` are names, `problems` and `without` those of single problems,
    `sizes` what they have to have: n=1.
    """

    workloads: tuple[str, ...] = ()
    primitives: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Records:
    """A campaign's results, one for each trial; or `figures`, that a script has put into a file."""

    folder: CampaignFolder
    results: tuple[TrialResult, ...]
    figures: Mapping[str, Any] = field(default_factory=dict)
    _layers: dict[tuple[str, str], Layer | None] = field(default_factory=dict, compare=False)

    @staticmethod
    def of(path: Path) -> Records:
        """Those of a campaign's folder, or of a JSON file. Raises Unanswered, RecordError."""
        folder = CampaignFolder(path)
        if path.suffix == ".json":
            held = content(path)
            if held is None:
                raise Unanswered(NOT_YET)
            return Records(folder, (), decoded(held, dict[str, Any], shown(path, 120)))
        if not folder.results_file.is_file():
            raise Unanswered(NOT_YET)
        return Records(folder, folder.results())

    def figure(self, key: str) -> Any:
        """What stands under a dotted key. Raises Unanswered."""
        held: Any = self.figures
        for part in key.split("."):
            if not isinstance(held, Mapping) or part not in held:
                raise Unanswered(f"no figure {key} is recorded")
            held = held[part]
        return held

    @property
    def cpus(self) -> tuple[str, ...]:
        """The processors that measured."""
        told = self.figures.get("cpu"), *(result.host.get("cpu") for result in self.results)
        return tuple(dict.fromkeys(str(cpu) for cpu in told if cpu))

    def lacking(self, of: Selection) -> tuple[str, ...]:
        """Workloads and problems that are asked for by name, and of which nothing is recorded."""
        workloads = {result.problem.get("workload") for result in self.results}
        problems = {result.problem.get("name") for result in self.results}
        return (
            *(name for name in of.workloads if name not in workloads),
            *(name for name in of.problems if name not in problems),
        )

    def chosen(self, of: Selection) -> tuple[TrialResult, ...]:
        return tuple(result for result in self.results if _is_chosen(result, of))

    def problems(self, of: Selection) -> list[tuple[str, dict[str, TrialResult]]]:
        """(label, results by contender) of each problem. Raises Unanswered where there is none."""
        found = [
            (label, {result.contender: result for result in unit})
            for label, unit in problem_groups(self.chosen(of))
        ]
        if not found:
            raise Unanswered("none of its problems is recorded")
        return found

    def layers(self, contender: str, baseline: str, of: Selection) -> list[Layer]:
        """The ratio on each problem that both were timed on. Raises Unanswered without any."""
        found = [
            layer
            for label, unit in self.problems(of)
            if contender in unit and baseline in unit
            if (layer := self._layer(label, unit[contender], unit[baseline])) is not None
        ]
        if not found:
            raise Unanswered(self._why_untimed((contender, baseline), of))
        return found

    def _layer(self, label: str, one: TrialResult, other: TrialResult) -> Layer | None:
        """Drawn once, for many claims are about it."""
        key = one.trial, other.trial
        if key not in self._layers:
            self._layers[key] = layer_of(self.folder, label, one, other)
        found = self._layers[key]
        return None if found is None else replace(found, problem=label)

    def of_contender(self, contender: str, of: Selection) -> list[TrialResult]:
        """Those that were timed. Raises Unanswered without any."""
        found = [r for r in self.chosen(of) if r.contender == contender and r.seconds]
        if not found:
            raise Unanswered(self._why_untimed((contender,), of))
        return found

    def _why_untimed(self, contenders: Sequence[str], of: Selection) -> str:
        for name in contenders:
            own = [r for r in self.chosen(of) if r.contender == name]
            if not any(r.seconds for r in own):
                return next(_reasons(own), f"no trial of {name} is recorded")
        return f"{' and '.join(contenders)} were not timed on the same problem"


def _reasons(results: Sequence[TrialResult]) -> Iterator[str]:
    words = {"skipped": "library missing", "unsupported": "not supported", "failed": "failed"}
    for result in results:
        if result.status in words:
            yield f"{result.contender}: {words[result.status]}: {result.reason}"


def _is_chosen(result: TrialResult, of: Selection) -> bool:
    problem = result.problem
    name = str(problem.get("name"))
    return (
        (not of.workloads or problem.get("workload") in of.workloads)
        and (not of.primitives or problem.get("primitive") in of.primitives)
        and (not of.problems or name in of.problems)
        and name not in of.without
        and all(size in _sizes(problem.get("sizes")) for size in of.sizes)
    )


def _sizes(sizes: object) -> set[str]:
    return {f"{k}={v}" for k, v in sizes.items()} if isinstance(sizes, Mapping) else set()
