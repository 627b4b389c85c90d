"""A forked process is told that OpenMP's threads are gone, where it would wait for ever."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from harness.calling.callable_kernel import CallableKernel
from harness.errors import EnvironmentProblem
from harness.kernel.toolchain import Toolchain
from tests.harness.calling.kernels import called
from tests.harness.matmul_kernels import SPEC as MATMUL

SPEC = {**MATMUL, "sizes": {"m": 8, "n": 16, "k": 4}}
A, B = np.ones((8, 4), np.float32), np.ones((4, 16), np.float32)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_loses_threads(toolchain: Toolchain) -> None:
    alone, several = (called(SPEC, toolchain, threads) for threads in (1, 2))
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:  # other tests had threads here
        assert fresh.submit(told_without_a_team, toolchain.cache).result() == "4.0"
    several(A, B)
    assert told_by_a_child(alone) == "4.0"
    told = told_by_a_child(several)
    assert told.startswith(f"{SPEC['name']}: runs on several threads, which this process lost")
    assert "\n" not in told
    assert float(np.asarray(several(A, B))[0, 0]) == 4.0  # here they are


def told_without_a_team(cache: Path) -> str:
    """What a child says of a process that had no threads before it was forked."""
    return told_by_a_child(called(SPEC, Toolchain.opened(cache), 2))


def told_by_a_child(kernel: CallableKernel) -> str:
    """What it computes there, or what it raises."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # rather than never
        try:
            told = str(float(np.asarray(kernel(A, B))[0, 0]))
        except EnvironmentProblem as problem:
            told = str(problem)
        os.write(write, told.encode())
        os._exit(0)
    os.close(write)
    with open(read) as said:
        found = said.read()
    os.waitpid(child, 0)
    return found
