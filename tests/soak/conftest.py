"""What the tests of this folder draw from."""

from __future__ import annotations

import secrets

import pytest


@pytest.fixture
def seed(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> int:
    """A new seed every run, printed so that a failure can be repeated: `--seed`."""
    given = request.config.getoption("--seed")
    number = secrets.randbelow(2**32) if given is None else int(given)
    with capsys.disabled():
        print(f"\nseed {number}")
    return number
