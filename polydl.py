"""polydl from Python: verified kernels as functions, campaigns and what they recorded.

Several threads may use it; kernels are made, explanations and campaigns told one after the other.
`python -m polydl` is the command line.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from os import PathLike, fspath
from typing import Any

from compiler.errors import CompilerError, shown
from compiler.schedule.schedule import Schedule
from harness import campaign as campaigns
from harness.analysis.comparison import compared
from harness.analysis.recorded import recorded
from harness.analysis.trial_rows import Value, trial_rows
from harness.calling.callable_kernel import CallableKernel
from harness.calling.verified import callable_kernel
from harness.cli import explain as explaining
from harness.cli import main
from harness.cli.rooms import room
from harness.cli.run import open_pool, open_sink, settings_of, write_review
from harness.errors import HarnessError, SettingsError
from harness.record.journal import find_campaign
from harness.report.comparison_data import comparison_data
from harness.settings import one_of_settings, quoted

__all__ = ["REFUSALS", "Schedule", "campaign", "compare", "explain", "kernel", "load"]
__version__ = version("polydl")

REFUSALS = (HarnessError, CompilerError)  # what the functions below raise: one line each

_ALONE = threading.Lock()  # neither isl nor Hydra is for several threads

Rows = list[dict[str, Value]]
Name = str | PathLike[str]  # of a campaign


def kernel(
    primitive: str,
    *overrides: str,
    strategy: str = "roofline",
    threads: int = 1,
    schedule: Schedule | str | None = None,
    **sizes: int,
) -> CallableKernel:
    """A verified kernel of a primitive of conf/, as a function of NumPy arrays.

    `sizes` are the primitive's, the others as its file has them. A `schedule` takes the place of a
    strategy's choice. `overrides` are further ones of `polydl run`, such as `strategy.top_k.k=4` or
    `--config-dir=DIR`. What cannot be had is one of REFUSALS.

    >>> conv = kernel("conv2d", ic=8, oc=16, ih=10, iw=10)
    >>> conv.inputs, conv.outputs
    (('data', 'weight'), ('out',))
    """
    words = [f"threads={threads}", f"strategy={strategy}"]
    if schedule is not None:
        words = [words[0], "strategy=fixed", f"strategy.fixed.schedule={quoted(str(schedule))}"]
    with _ALONE:
        return callable_kernel([*_problem(primitive, sizes), *words, *map(str, overrides)])


def explain(
    primitive: str, *overrides: str, threads: int = 1, format: str = "text", **sizes: int
) -> str:
    """What `polydl explain` prints of a primitive: as text, json, html, or its C alone."""
    words = [*_problem(primitive, sizes), f"threads={threads}", f"format={format}"]
    with _ALONE:
        settings = one_of_settings([*words, *map(str, overrides)], "explain")
        if settings.out is not None:
            told = f"out={shown(settings.out)} is for `polydl explain`; this returns the text"
            raise SettingsError(told)
        return explaining.told(settings)


def campaign(*overrides: str) -> Rows:
    """Run a campaign, as `polydl run` does, without a word; the rows of `load`.

    Raises one of REFUSALS; also for `campaign.dry_run=true`, which asks for words alone.
    """
    with _ALONE:
        settings = settings_of([str(override) for override in overrides])
        if settings[0].campaign.dry_run:
            raise SettingsError("campaign.dry_run=true prints a plan, which only `polydl run` does")
        if settings[0].claims:
            room("harness.cli.claims").known_claims()  # a missing file is told before hours
        plan = campaigns.plan_of(settings, datetime.now())
        warn = campaigns.log.warning
        summary = campaigns.run(
            plan,
            settings,
            ["run", *map(str, overrides)],
            open_pool=lambda named: open_pool(settings, named, lambda event: None),
            open_sink=lambda folder: open_sink(settings[0], folder, warn),
            watcher=campaigns.Unwatched(),
            review=lambda folder: write_review(folder, warn),
        )
        if settings[0].claims:
            room("harness.cli.claims").write_view_of(summary.folder)
    return trial_rows(summary.results)[1]


def load(campaign: Name) -> Rows:
    """A recorded campaign, a folder or a name under ./runs: a row a trial, each with every column.

    `pandas.DataFrame(load("runs/x"))` is a table of them; docs/how-to/comparing.md says what
    columns mean.
    """
    return trial_rows(find_campaign(fspath(campaign)).results())[1]


def compare(one: Name, other: Name, threshold: float = 0.03) -> Mapping[str, Any]:
    """The second campaign against the first, as `polydl compare format=json` tells it."""
    if not 0 <= threshold <= 1:
        raise SettingsError(f"threshold must be a number from 0 to 1, got {shown(threshold)}")
    before, after = (recorded(find_campaign(fspath(name))) for name in (one, other))
    return comparison_data(compared(before, after, threshold))


def _problem(primitive: str, sizes: Mapping[str, int]) -> list[str]:
    words = [f"primitive={quoted(str(primitive))}"]
    for name, size in sizes.items():  # what is no number is refused as what it is
        value = quoted(size) if isinstance(size, str) else str(size)
        words.append(f"primitive.sizes.{name}={value}")
    return words


if __name__ == "__main__":
    sys.exit(main())
