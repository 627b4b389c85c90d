from __future__ import annotations

import json

import pytest

from harness.measure import host


def test_facts_are_plain_and_unknown_is_said() -> None:
    facts = host.host_facts()
    assert json.loads(json.dumps(facts)) == facts
    for name in ("cpu", "cpu_flags", "governor", "turbo", "smt", "kernel", "git_commit"):
        assert facts[name], name
    assert facts["fingerprint"] == host.fingerprint()


def test_versions_of_what_takes_part() -> None:
    found = host.versions()
    assert {"python", "numpy"} <= set(found)


@pytest.mark.parametrize(
    ("cpuinfo", "model"),
    [
        (
            "model\t: 1\nmodel name\t: AMD EPYC\nstepping\t: 2\ncpu family\t: 25\n",
            "AMD EPYC (family 25 model 1 stepping 2)",
        ),
        ("CPU implementer\t: 0x41\nCPU part\t: 0xd40\n", "implementer 0x41 part 0xd40"),
        ("", "unknown"),
    ],
)
def test_models(cpuinfo: str, model: str) -> None:
    assert host.cpu_model(cpuinfo) == model
