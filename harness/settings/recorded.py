"""What a campaign's recorded configurations say of its problems."""

from __future__ import annotations

import json
from collections.abc import Mapping

from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from harness.record.configuration import documents_in
from harness.record.journal import CampaignFolder
from harness.settings import recorded_problems


def recorded_primitives(folder: CampaignFolder) -> dict[str, Primitive]:
    """By `problem_key`: every problem of every configuration that the campaign ran with.

    Raises RecordError, SettingsError or CompilerError.
    """
    return {key: forms[-1] for key, forms in recorded_forms(folder).items()}


def recorded_forms(folder: CampaignFolder) -> dict[str, list[Primitive]]:
    """The same where one name and its sizes may be several problems', the latest last.

    A network's `conv2d_residual_relu` may have no bias, conf/primitive/'s has one.
    """
    found: dict[str, list[Primitive]] = {}
    for file in sorted(folder.path.glob("campaign*.yaml")):
        for document in documents_in(file):
            for choice in recorded_problems(document):
                primitive = primitive_from(choice.spec)
                facts = {"primitive": primitive.name, "sizes": dict(primitive.sizes)}
                forms = found.setdefault(problem_key(facts), [])
                if primitive not in forms:
                    forms.append(primitive)
    return found


def problem_key(problem: Mapping[str, object]) -> str:
    """Equal for equal problems, whatever they are called in their network."""
    return json.dumps([problem.get("primitive"), problem.get("sizes")], sort_keys=True)
