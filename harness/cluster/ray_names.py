"""The names inside Ray that this package uses, and the versions that have them.

Ray promises nothing about them, so that another version is refused before any is used.
"""

from __future__ import annotations

from typing import Any

import ray

from harness.errors import EnvironmentProblem
from harness.extras import installing

OLDEST, NEWER = (2, 53), (2, 61)  # from .. to below; pyproject.toml says the same


def check_version(version: str) -> None:
    """Raises EnvironmentProblem for a Ray that may lack the names, or mean other things by them."""
    parts = version.split(".")[:2]
    if all(part.isdigit() for part in parts) and OLDEST <= tuple(map(int, parts)) < NEWER:
        return
    least, below = (".".join(map(str, bound)) for bound in (OLDEST, NEWER))
    raise EnvironmentProblem(
        f"Ray {version} is installed; names inside Ray that are used here are known from {least} "
        f"to below {below}: {installing('ray')}"
    )


check_version(ray.__version__)


def read_environment() -> None:
    """Make Ray look again: it read its environment, and any token, when it was imported."""
    ray._raylet.Config.initialize("")
    _tokens().reset_cache()


def has_token() -> bool:
    """Whether one is set here, whatever RAY_AUTH_MODE says."""
    return bool(_tokens().has_token(ignore_auth_mode=True))


def own_cluster() -> str:
    """HOST:PORT of the one cluster that this machine is part of. Raises ConnectionError."""
    return str(ray._private.services.canonicalize_bootstrap_address_or_die("auto"))


def metadata(address: str, seconds: float) -> bytes | None:
    """What the head has written of its cluster, as JSON. Raises what Ray raises."""
    client = ray._raylet.GcsClient(address=address)
    told: bytes | None = client.internal_kv_get(b"CLUSTER_METADATA", b"cluster", timeout=seconds)
    return told


def set_loopback_replaced(replaced: bool) -> bool:
    """Whether Ray takes the host's own address where 127.0.0.1 is given; what it was before."""
    constants = ray._private.ray_constants
    before = bool(constants.ENABLE_RAY_CLUSTER)
    constants.ENABLE_RAY_CLUSTER = replaced
    return before


def _tokens() -> Any:
    return ray._raylet.AuthenticationTokenLoader.instance()
