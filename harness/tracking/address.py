"""Where a browser finds a campaign in MLflow's UI: flat, worst first, with the columns that matter.

MLflow 3 opens an experiment on a page about language models, and the run table as one collapsed row
a campaign. The address names the table, the filter and the order. Columns cannot stand in an
address: they come from a shared view, a tag of the experiment that holds the view's whole state,
and an address with a view may say nothing else of filter and order.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote, urlencode

from harness.tracking.run_fields import safe_name

SHARED_VIEW = "mlflow.sharedViewState."  # the tag of a view, followed by its key
MOST_COMPARED = 4  # baselines with columns of their own; a tag holds 5,000 characters
WIDTH = 180  # pixels of a column, for its whole name


def view_key(campaign: str) -> str:
    """Of the view of the campaign with this id."""
    return f"polydl-{campaign[:16]}"


def shared_view(campaign: str, baselines: Sequence[str]) -> str:
    """The tag's text: strategies' trials of the campaign with this id, worst first."""
    metrics: list[str] = []
    for name in map(_metric, baselines[:MOST_COMPARED]):
        metrics += [name, f"{name}.ci95_low", f"{name}.ci95_high"]
    metrics += ["gflops", "share_of_peak", "predicted_ratio", "noise", "microseconds"]
    columns = [
        *(_column("metrics", name) for name in metrics),
        *(_column("tags", name) for name in ("bound", "status")),
        *(_column("params", name) for name in ("problem", "contender")),
    ]
    state = {
        **_facets(campaign, baselines),
        "selectedColumns": columns,
        "columnOrder": [_column("attributes", "Run Name"), *columns],
        "columnWidths": {name: WIDTH for name in columns if "speedup" in name},
    }
    return json.dumps(state)


def campaign_address(
    root: str, experiment: str, campaign: str, baselines: Sequence[str], key: str | None
) -> str:
    """The list of one campaign's trials, by the shared view of this key where there is one."""
    if key is not None:
        return _runs(root, experiment, {"viewStateShareKey": key})
    facets = _facets(campaign, baselines)
    return _runs(root, experiment, {**facets, "orderByAsc": "true"})


def campaigns_address(root: str, experiment: str) -> str:
    """The list of campaigns."""
    return _runs(root, experiment, {"searchFilter": 'tags.kind = "campaign"'})


def _facets(campaign: str, baselines: Sequence[str]) -> dict[str, object]:
    order = _metric(baselines[0]) if baselines else "share_of_peak"
    return {
        "searchFilter": f'tags.campaign_id = "{campaign}" and tags.kind = "strategy"',
        "orderByKey": _column("metrics", order),
        "orderByAsc": True,
    }


def _metric(baseline: str) -> str:
    return safe_name(f"speedup.{baseline}")


def _column(kind: str, name: str) -> str:
    return f"{kind}.`{name}`"


def _runs(root: str, experiment: str, query: dict[str, object]) -> str:
    told = urlencode({"workflowType": "machine_learning", **query}, quote_via=quote)
    return f"{root.rstrip('/')}/#/experiments/{quote(experiment)}/runs?{told}"
