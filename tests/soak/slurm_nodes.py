"""Slurm with two nodes on this machine, on loopback, with a munge of its own; no root is needed."""

from __future__ import annotations

import os
import pwd
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from tests.processes import kill

NAMES = ("polydl-a", "polydl-b")
SOON = 60.0  # seconds in which daemons answer
FIRST_JOBS = 60_000  # a job's number names its folder and its port, also beside other clusters
CONFIGURATION = """\
ClusterName=polydl
FirstJobId={first_job}
SlurmctldHost=localhost(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPort={ports[0]}
SlurmctldPidFile={folder}/slurmctld.pid
StateSaveLocation={folder}/state
SlurmdPidFile={folder}/%n.pid
SlurmdSpoolDir={folder}/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
SlurmdTimeout=10
KillWait=5
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
NodeName={names[0]} NodeAddr=127.0.0.1 NodeHostname=localhost Port={ports[1]} CPUs={cpus}
NodeName={names[1]} NodeAddr=127.0.0.1 NodeHostname=localhost Port={ports[2]} CPUs={cpus}
PartitionName=main Nodes=ALL Default=YES State=UP MaxTime=INFINITE
"""


class SlurmNodes:
    """Started by `open`; `close` leaves no process. Logs and spools lie in the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    def open(self) -> None:
        self.folder.chmod(0o755)
        for name in ("state", "munge", *NAMES):
            (self.folder / name).mkdir(mode=0o700)
        key = self.folder / "munge" / "key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        user = pwd.getpwuid(os.geteuid()).pw_name
        text = CONFIGURATION.format(
            first_job=1 + secrets.randbelow(FIRST_JOBS),
            user=user,
            folder=self.folder,
            names=NAMES,
            ports=_free_ports(3),
            cpus=os.cpu_count(),
        )
        (self.folder / "slurm.conf").write_text(text)
        munge = self.folder / "munge"
        files = [f"--{name}-file={munge / name}" for name in ("key", "pid", "log", "seed")]
        socket_file = self.folder / "munge.socket"
        self._start("munge", "munged", "--foreground", "--force", f"--socket={socket_file}", *files)
        until(socket_file.exists)
        self._start("slurmctld", "slurmctld", "-D", "-c")
        for name in NAMES:
            self._start(name, "slurmd", "-D", "-N", name)
        until(lambda: self.states() == dict.fromkeys(NAMES, "idle"))

    def _start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def told(self, *command: str) -> str:
        """What a command of Slurm's says; empty while the controller does not answer."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        return done.stdout

    def states(self) -> dict[str, str]:
        lines = self.told("sinfo", "-h", "-N", "-o", "%N %T").split("\n")
        return {name: state for name, _, state in (line.partition(" ") for line in lines) if name}

    def job(self, number: int) -> dict[str, str]:
        """The fields of a job."""
        words = self.told("scontrol", "show", "job", str(number), "--oneliner").split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def kill(self, name: str) -> None:
        """SIGKILL to a node's daemon and all that runs there, as when it loses its power."""
        self._daemons[name].kill()
        kill(self.processes(name))

    def processes(self, name: str) -> list[psutil.Process]:
        """What jobs run on a node, by the variable that Slurm sets there."""
        return [p for p in psutil.process_iter() if _environment(p).get("SLURMD_NODENAME") == name]

    def close(self) -> None:
        for name in NAMES:
            kill(self.processes(name))
        for daemon in reversed(self._daemons.values()):
            daemon.send_signal(signal.SIGTERM)
        for daemon in self._daemons.values():
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return dict(process.environ())
    except (psutil.Error, OSError):
        return {}


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def until(holds: Callable[[], bool], seconds: float = SOON) -> None:
    """Wait for something; an AssertionError where it does not come."""
    for _ in _ticks(seconds):
        if holds():
            return
    raise AssertionError(f"not within {seconds:g} s")


def _ticks(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.2)
