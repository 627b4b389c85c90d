"""Campaigns from the command line in processes of their own, that can be killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
import pytest

from harness.record.journal import CampaignFolder
from tests.harness.cluster.faults import GONE_SECONDS, PATIENT, TINY
from tests.processes import family, names

END_SECONDS = 300.0
LINGERING = ("ray::DashboardA", "ray::RuntimeEnv")  # as the kernel cuts names
MAIN = "import sys; from harness.cli import main; sys.exit(main())"


def swept(count: int) -> tuple[str, ...]:
    """Overrides of so many tiny problems."""
    return ("-m", *TINY, f"primitive.sizes.n={','.join(str(16 * (i + 1)) for i in range(count))}")


class Driver:
    """`polydl run`, with its output in a file; `before` enters namespaces."""

    def __init__(
        self,
        log: Path,
        cache: Path,
        *overrides: str,
        before: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._log = log
        command = [*before, sys.executable, "-c", MAIN, "run", *overrides]
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                env={**(environment or os.environ), "XDG_CACHE_HOME": str(cache)},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def told(self) -> str:
        return self._log.read_text(errors="replace")

    def status(self, seconds: float = END_SECONDS) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            pytest.fail(f"still running after {seconds:.0f} s: {self.told}")

    def kill(self) -> None:
        """SIGKILL to it alone; a cluster of its own has to end by itself.

        But for two agents of Ray's, which try for a minute to tell the dead cluster of its end.
        """
        named = names(family(self.process.pid))
        below = [one for one, name in named if not name.startswith(LINGERING)]
        self.process.kill()
        self.process.wait()
        _, alive = psutil.wait_procs(below, timeout=GONE_SECONDS)
        assert not alive

    def wait_for_lines(self, folder: Path, count: int) -> None:
        """Until the journal holds so many lines, or the campaign has ended."""
        file = CampaignFolder(folder).results_file
        deadline = time.monotonic() + END_SECONDS
        while self.process.poll() is None:
            if file.exists() and file.read_bytes().count(b"\n") >= count:
                return
            assert time.monotonic() < deadline, self.told
            time.sleep(0.02)


def joining(address: str) -> tuple[str, ...]:
    return ("cluster=ray", f"cluster.address={address}", *PATIENT)


def check_journal(folder: Path, trials: int) -> Counter[str]:
    """Every trial is recorded ok or failed, none is lost, none counted twice."""
    results = CampaignFolder(folder).results()
    assert len(results) == trials == len({(str(r.problem), r.contender) for r in results})
    assert all(r.status in ("ok", "failed") for r in results)
    return Counter(r.status for r in results)
