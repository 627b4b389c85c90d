"""polydl dashboard: a campaign in MLflow's UI, worst trials first; a server on loopback only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from harness.cli.asked import Dashboard
from harness.cli.rooms import room
from harness.cli.store import tracking_of
from harness.errors import EnvironmentProblem, RecordError, SettingsError
from harness.record.journal import RUNS, CampaignFolder, find_campaign
from harness.report.terminal import terminal
from harness.tracking.refusal import without_password
from harness.tracking.sqlite_store import alone, artifact_folder, is_sqlite, sqlite_file

HOST = "127.0.0.1"
PORT = 5000
START_SECONDS = 180.0
END_SECONDS = 5.0  # for its workers to answer what they are asked
# Before MLflow itself: SIGTERM, which it hands on to its workers, when the thread that started it
# has ended, whatever ended it (PR_SET_PDEATHSIG).
_FIRST = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15);"
    "os.getppid() == int(sys.argv[1]) or sys.exit(1);"
    "os.execv(sys.executable, [sys.executable, '-m', 'mlflow', *sys.argv[2:]])"
)


def main(asked: Dashboard) -> int:
    port = free_port(asked.port)
    folder = None if asked.campaign is None else find_campaign(asked.campaign)
    # Without a campaign the store beside all of them; its folder need not be one.
    place = folder or CampaignFolder(RUNS / "none")
    uri, experiment = tracking_of(place, asked.uri)
    store = uri or room("harness.tracking.sink").default_store(place)
    if store.startswith(("http://", "https://")):
        _tell(room("harness.tracking.link").link_to(store, experiment, folder), asked.open)
        return 0
    if is_sqlite(store) and not sqlite_file(store).is_file():
        raise RecordError(
            f"there is no store at {sqlite_file(store)}: no campaign was tracked there; "
            "`polydl sync CAMPAIGN` makes one"
        )
    with _serving(store, port) as server:
        address = f"http://{HOST}:{port}"
        link = room("harness.tracking.link").link_to(address, experiment, folder)
        terminal().print(f"MLflow on {without_password(store)}; Ctrl-C ends it", soft_wrap=True)
        _tell(link, asked.open)
        return server.wait()


def _tell(link: str, opened: bool) -> None:
    terminal().print(f"open {link}", soft_wrap=True)
    if opened and not webbrowser.open(link):
        raise EnvironmentProblem("no browser was found to open it; set BROWSER to a command")


@contextmanager
def _serving(store: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The server once it answers, ended with its workers when this is left."""
    words = ["server", "--backend-store-uri", store, "--workers", "1"]
    # a line for each request would push the link off the terminal
    words += ["--host", HOST, "--port", str(port), "--uvicorn-opts", "--log-level=warning"]
    if is_sqlite(store):
        words += ["--artifacts-destination", str(artifact_folder(store).resolve())]
    # without its job runners the server takes 0.5 GB instead of 3
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    command = [sys.executable, "-c", _FIRST, str(os.getpid()), *words]
    with ExitStack() as opening:
        opening.enter_context(alone(store))  # it may migrate it
        server = subprocess.Popen(command, env=environment, start_new_session=True)
        try:
            room("harness.tracking.client").load_mlflow()  # seconds, while it starts
            _await(server, port)
            opening.close()
            yield server
        finally:
            _end(server)


def _await(server: subprocess.Popen[bytes], port: int) -> None:
    """Until it listens, or has ended by itself. Raises RecordError where it does neither."""
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None:
        with suppress(OSError), socket.create_connection((HOST, port), 1.0):
            return
        if time.monotonic() > deadline:
            raise RecordError(f"the MLflow server does not answer after {START_SECONDS:.0f} s")
        time.sleep(0.1)


def _end(server: subprocess.Popen[bytes]) -> None:
    """Its session with it: first asked, then killed."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, number)
        with suppress(subprocess.TimeoutExpired):
            server.wait(END_SECONDS)


def free_port(chosen: int | None) -> int:
    """The port asked for, or 5000, or any free one where that is taken. Raises SettingsError."""
    for port in (PORT, 0) if chosen is None else (chosen,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SettingsError(f"port {chosen} on {HOST} is in use; choose another with port=...")
