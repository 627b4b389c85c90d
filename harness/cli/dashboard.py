"""polydl dashboard: the MLflow UI on a campaign's store, on loopback only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence

from harness.cli.arguments import campaign_argument, tracking_of
from harness.cli.rooms import room
from harness.errors import SettingsError
from harness.record.journal import RUNS, CampaignFolder, find_campaign
from harness.report.terminal import terminal

HOST = "127.0.0.1"
PORT = 5000
USAGE = "polydl dashboard [CAMPAIGN] [tracking.uri=ADDRESS] [port=5000]"


def main(arguments: Sequence[str]) -> int:
    name, options = campaign_argument(arguments, USAGE, ("uri", "port"), optional=True)
    port = free_port(options.get("port"))
    # Without a campaign the store beside all of them; its folder need not be one.
    folder = CampaignFolder(RUNS / "none") if name is None else find_campaign(name)
    uri, _ = tracking_of(folder, options)
    store = uri or room("harness.record.mlflow_sink").default_store(folder)
    console = terminal()
    if store.startswith(("http://", "https://")):
        console.print(f"the campaign is recorded on a server: open {store}")
        return 0
    console.print(f"MLflow on {store}\nopen http://{HOST}:{port}  (Ctrl-C ends it)")
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store]
    command += ["--host", HOST, "--port", str(port), "--workers", "1"]
    # without its job runners the server takes 0.5 GB instead of 3
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with subprocess.Popen(command, env=environment, start_new_session=True) as server:
        try:
            return server.wait()
        finally:
            server.terminate()


def free_port(chosen: str | None) -> int:
    """The port asked for, or 5000, or any free one where that is taken. Raises SettingsError."""
    if chosen is not None and not (chosen.isdigit() and 0 < int(chosen) < 65536):
        raise SettingsError(f"port must be between 1 and 65535, got {chosen}")
    for port in (int(chosen),) if chosen is not None else (PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SettingsError(f"port {chosen} on {HOST} is in use; choose another with port=...")
