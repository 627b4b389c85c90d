from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

from harness.tracking import address

CAMPAIGN = "0123456789abcdef0123456789abcdef"
ROOT = "http://127.0.0.1:5000/"


def query(link: str) -> dict[str, list[str]]:
    """What stands behind the question mark of an address in the UI's own part."""
    place, _, asked = urlsplit(link).fragment.partition("?")
    assert place == "/experiments/7/runs"
    return parse_qs(asked, strict_parsing=True)


def test_a_list_without_a_view_names_its_filter_and_order() -> None:
    link = address.campaign_address(ROOT, "7", CAMPAIGN, ("onednn", "naive"), None)
    assert link.startswith("http://127.0.0.1:5000/#/")
    assert query(link) == {
        "workflowType": ["machine_learning"],
        "searchFilter": [f'tags.campaign_id = "{CAMPAIGN}" and tags.kind = "strategy"'],
        "orderByKey": ["metrics.`speedup.onednn`"],
        "orderByAsc": ["true"],
    }
    alone = query(address.campaign_address(ROOT, "7", CAMPAIGN, (), None))
    assert alone["orderByKey"] == ["metrics.`share_of_peak`"]
    assert query(address.campaigns_address(ROOT, "7"))["searchFilter"] == ['tags.kind = "campaign"']


def test_a_view_holds_all_and_its_address_the_key_alone() -> None:
    """Where an address holds a filter or an order, MLflow does not look at its view."""
    view = json.loads(address.shared_view(CAMPAIGN, ("onednn",)))
    assert view["orderByKey"] == "metrics.`speedup.onednn`" and view["orderByAsc"] is True
    assert CAMPAIGN in view["searchFilter"]
    assert view["columnOrder"][:3] == [
        "attributes.`Run Name`",
        "metrics.`speedup.onednn`",
        "metrics.`speedup.onednn.ci95_low`",
    ]
    assert set(view["columnOrder"][1:]) == set(view["selectedColumns"])
    asked = query(address.campaign_address(ROOT, "7", CAMPAIGN, (), address.view_key(CAMPAIGN)))
    assert asked == {
        "workflowType": ["machine_learning"],
        "viewStateShareKey": ["polydl-0123456789abcdef"],
    }


def test_many_baselines_fit_a_tag() -> None:
    view = address.shared_view(CAMPAIGN, [f"baseline_{n}" + "x" * 20 for n in range(50)])
    assert len(view) <= 5000
