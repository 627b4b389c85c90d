"""Starting Ray on this machine, or joining a running cluster: quiet, on loopback, with a token."""

from __future__ import annotations

import logging
import os
import secrets
from functools import cache
from typing import Any

import ray
from ray._private import ray_constants

from harness.cluster.node import Share
from harness.errors import EnvironmentProblem

OBJECT_STORE_BYTES = 256 * 2**20  # units and outcomes are small
LOOPBACK = "127.0.0.1"

# Read by Ray's own processes, which inherit the driver's environment. A killed task is tried once
# more, not for ever; nobody reads the metrics; a token keeps other users of the host out, and
# given here it is not written to the home folder.
_ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",
    "RAY_task_oom_retries": "1",
    "RAY_worker_niceness": "0",  # 15 otherwise, and measured children would inherit it
    "RAY_enable_metrics_collection": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
}


@cache
def _token() -> str:
    """One for the life of this process, since Ray keeps the first that it reads."""
    return secrets.token_hex(32)


def start_local(share: Share) -> None:
    """A cluster of this machine alone, whose processes stay off the measured cores."""
    os.environ.update(_ENVIRONMENT, RAY_AUTH_TOKEN=_token())
    ray._raylet.Config.initialize("")  # Ray read its environment when it was imported
    # Without this Ray replaces 127.0.0.1 by the host's own address and listens on every one.
    ray_constants.ENABLE_RAY_CLUSTER = False
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, share.housekeeping)  # Ray's daemons and workers inherit it
    try:
        _init(
            address="local",  # never the cluster that happens to run on this machine
            num_cpus=len(share.housekeeping),
            num_gpus=0,
            object_store_memory=OBJECT_STORE_BYTES,
            include_dashboard=False,
            _node_ip_address=LOOPBACK,
        )
    finally:
        os.sched_setaffinity(0, allowed)
        ray_constants.ENABLE_RAY_CLUSTER = True


def join(address: str) -> None:
    """Join a running cluster. Its authentication mode and token are the environment's."""
    _init(address=address)


def _init(**options: Any) -> None:
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    except Exception as error:  # also bare ones, such as a start that took too long
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise EnvironmentProblem(f"Ray does not start: {reason}") from error
