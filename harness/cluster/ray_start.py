"""Starting Ray on this machine, or joining a running cluster: quiet, with a token, in one line."""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import platform
import secrets
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import AuthenticationError, RayError

from compiler.errors import shown
from harness.account import temporary_folder
from harness.choices import ClusterChoice
from harness.cluster.node import Share
from harness.cluster.ray_names import (
    has_token,
    metadata,
    own_cluster,
    read_environment,
    set_loopback_replaced,
)
from harness.cluster.requirements import versions_here
from harness.cluster.shipment import shipped
from harness.errors import EnvironmentProblem, SettingsError
from harness.own_files import private_folder

OBJECT_STORE_BYTES = 256 * 2**20  # units and outcomes are small
LOOPBACK = "127.0.0.1"
CONNECT_SECONDS = 5.0
# Linux takes 107 bytes of a socket's path; 64 are `/session_DATE_TIME_MICROSECONDS_PID`,
# `/sockets` and `/plasma_store`.
LONGEST_SESSIONS = 107 - 64
CLIENT = "ray://"
TOKEN = "RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH, or ~/.ray/auth_token"
WITH_TOKEN = "start Ray on every node with RAY_AUTH_MODE=token and a token"

# Read by Ray's own processes, which inherit the driver's environment. A killed task is tried once
# more, not for ever; nobody reads the metrics.
ENVIRONMENT = {
    "RAY_task_oom_retries": "1",
    "RAY_worker_niceness": "0",  # 15 otherwise, and measured children would inherit it
    "RAY_enable_metrics_collection": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL": "minor",
}


def start_local(share: Share) -> None:
    """A cluster of this machine alone, whose processes stay off the measured cores."""
    os.environ.update(ENVIRONMENT, RAY_AUTH_MODE="token")
    # keeps other users of the host out; given here, Ray writes none to the home folder
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    read_environment()
    folder = session_folder()
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, share.housekeeping)  # Ray's daemons and workers inherit it
    try:
        with _on_loopback():
            _init(
                address="local",  # never the cluster that happens to run on this machine
                num_cpus=len(share.housekeeping),
                num_gpus=0,
                object_store_memory=OBJECT_STORE_BYTES,
                include_dashboard=False,
                _node_ip_address=LOOPBACK,
                _temp_dir=str(folder),
            )
    finally:
        os.sched_setaffinity(0, allowed)


def session_folder() -> Path:
    """Where a Ray of this user's puts sockets and logs: in a folder that is closed to others.

    Ray opens its own folder to all users, who could put sockets of theirs in the place of its.
    """
    folder = private_folder(temporary_folder(), "set TMPDIR to another folder") / "ray"
    if len(str(folder)) > LONGEST_SESSIONS:
        raise EnvironmentProblem(
            f"Ray's sockets need a shorter path than below {folder}: set TMPDIR to a folder of at "
            f"most {LONGEST_SESSIONS - len(str(folder)) + len(tempfile.gettempdir())} characters"
        )
    return folder


def join(choice: ClusterChoice) -> None:
    """Join the running cluster at `choice.address`, and ship it this project's code.

    Raises SettingsError for an address that is none, EnvironmentProblem where nothing answers,
    where the token is missing, wrong or not asked for, and for another Python or Ray; within
    seconds, since each is asked for before Ray's own start, which would wait for minutes.
    """
    os.environ.update(ENVIRONMENT)
    host, port = _found(choice.address or "auto")
    address = f"{host}:{port}"
    _reach(host, port, address)
    if choice.auth == "token":
        _check_token(address)
    else:
        os.environ["RAY_AUTH_MODE"] = "disabled"
        read_environment()
    _check_versions(address, _metadata(address))
    with _on_loopback(host), shipped() as folder:
        installed = installed_with(choice.install, versions_here())
        _init(address=address, runtime_env={"working_dir": str(folder), **installed})


def installed_with(installer: str | None, versions: Mapping[str, str]) -> dict[str, Any]:
    """The part of a runtime_env by which nodes get packages at the driver's versions.

    Ray makes a Python environment on top of the node's own, once for each set of packages.
    """
    if installer is None:
        return {}
    packages = [f"{name}=={version}" for name, version in sorted(versions.items())]
    return {installer: {"packages": packages, f"{installer}_check": False}}


def _found(address: str) -> tuple[str, int]:
    if address == "auto":
        try:
            address = own_cluster()
        except ConnectionError as error:
            raise EnvironmentProblem(
                "cluster.address=auto: there is not one Ray cluster that this machine is part of; "
                "name it: cluster.address=HOST:PORT"
            ) from error
    if address.startswith(CLIENT):
        raise SettingsError(
            f"cluster.address={shown(address)}: Ray's client is not used: the driver talks to "
            "nodes directly; name the head itself, cluster.address=HOST:6379, from inside its "
            "network, or run polydl there by ray job submit (docs/how-to/cluster.md)"
        )
    host, _, port = address.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()):
        raise SettingsError(f"cluster.address must be auto or HOST:PORT, got {shown(address)}")
    return host, int(port)


def _reach(host: str, port: int, address: str) -> None:
    try:
        with socket.create_connection((host, port), CONNECT_SECONDS):
            return
    except (OSError, OverflowError, ValueError) as error:  # the last of what is no name of a host
        raise EnvironmentProblem(
            f"cluster.address={shown(address)}: nothing answers there ({error}); "
            "`ray start --head` prints the address of a cluster"
        ) from error


def _check_token(address: str) -> None:
    """There is a token, it is the cluster's, and nobody gets in without one."""
    if lets_anybody_in(address):
        raise EnvironmentProblem(
            f"the cluster at {address} lets anybody in who can reach it, and run code there: "
            f"{WITH_TOKEN}, or say cluster.auth=none"
        )
    os.environ["RAY_AUTH_MODE"] = "token"
    read_environment()
    if not has_token():
        raise EnvironmentProblem(
            f"the cluster at {address} asks for its token and none is set here: put it into {TOKEN}"
        )


def lets_anybody_in(address: str) -> bool:
    """Whether a cluster asks for no token. Raises EnvironmentProblem where there is none."""
    before = os.environ.get("RAY_AUTH_MODE")
    os.environ["RAY_AUTH_MODE"] = "disabled"
    read_environment()
    try:
        _metadata(address)
    except _Refused:
        return False
    finally:
        os.environ.pop("RAY_AUTH_MODE")
        if before is not None:
            os.environ["RAY_AUTH_MODE"] = before
        read_environment()
    return True


def cluster_here() -> str | None:
    """HOST:PORT of the one Ray cluster that this machine is part of, where there is one."""
    try:
        host, port = _found("auto")
        _reach(host, port, f"{host}:{port}")
    except (EnvironmentProblem, SettingsError):
        return None
    return f"{host}:{port}"


class _Refused(EnvironmentProblem):
    """The cluster wants another token."""


def _metadata(address: str) -> Mapping[str, str]:
    """What the cluster's head says of itself, without joining it."""
    try:
        with _silenced():
            told = metadata(address, CONNECT_SECONDS)
    except AuthenticationError as error:
        raise _Refused(
            f"the cluster at {address} refuses the token of this machine: it has to be the "
            f"cluster's own, in {TOKEN}"
        ) from error
    except RayError as error:
        raise EnvironmentProblem(
            f"cluster.address={address}: what answers there is no Ray cluster ({_line(error)})"
        ) from error
    return dict(json.loads(told or "{}"))


def _check_versions(address: str, told: Mapping[str, str]) -> None:
    python, version = told.get("python_version", ""), told.get("ray_version", "")
    own = platform.python_version()
    if python.split(".")[:2] != own.split(".")[:2] or version != ray.__version__:
        raise EnvironmentProblem(
            f"the cluster at {address} runs Python {python or '?'} and Ray {version or '?'}, this "
            f"machine Python {own} and Ray {ray.__version__}: the minor version of Python and the "
            f"version of Ray must be equal; here: pip install ray=={version or '?'}"
        )


@contextmanager
def _silenced() -> Iterator[None]:
    """Ray's native part writes to stderr what is also raised."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _on_loopback(host: str = LOOPBACK) -> Iterator[None]:
    """Without this Ray replaces 127.0.0.1 by the host's own address and listens on every one."""
    before = set_loopback_replaced(False)
    set_loopback_replaced(before and not _is_loopback(host))
    try:
        yield
    finally:
        set_loopback_replaced(before)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _init(**options: Any) -> None:
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        with _sigterm_kept():
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    except Exception as error:  # also bare ones, such as a start that took too long
        raise EnvironmentProblem(f"Ray does not start: {_line(error)}") from error


@contextmanager
def _sigterm_kept() -> Iterator[None]:
    """SIGTERM goes to whoever handles it, as before.

    Ray takes it twice: by sys.exit(15), and in C by a printed stack and an alarm that aborts the
    process 3 s later, whatever it is putting away.
    """
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        handled = handler not in (None, signal.SIG_DFL)
        if handled and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def _line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), "") or repr(error)
