"""`python -m tests.fuzz SEED COUNT [FIRST]`: that many inputs, from number FIRST on.

Prints counts by kind, and every fault with the numbers that make it again; status 1 if there are
any.
"""

from __future__ import annotations

import gc
import sys
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from harness.cli import main
from harness.cli.rooms import room
from tests.fuzz.inputs import DRY, MACHINE, Corpus, made
from tests.fuzz.runner import run, summary
from tests.harness.learn.campaigns import surveyed


def fuzzed(seed: int, count: int, first: int) -> int:
    ended = []
    with tempfile.TemporaryDirectory(prefix="polydl-fuzz-") as name:
        scratch = Path(name)
        corpus = Corpus.gathered(surveyed(scratch / "campaign", {8: "a", 16: "b"}, count=6).path)
        room("harness.learn.report")
        with redirect_stdout(StringIO()):  # imports everything once, before the forks
            main(["explain", MACHINE, "primitive=matmul"])
            main(["run", MACHINE, "primitive=matmul", DRY])
        gc.freeze()  # what the forks share stays shared
        for number in range(first, first + count):
            one = made(seed, number, corpus)
            end = run(one, scratch)
            ended.append((one.kind, end))
            if end.fault:
                print(
                    f"seed {seed} number {number}, {one.kind}: {end.fault}\n{one.shown[:3000]!r}\n",
                    flush=True,
                )
    print(f"seed {seed}\n{summary(ended)}")
    return int(any(end.fault for _, end in ended))


if __name__ == "__main__":
    sys.exit(fuzzed(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if sys.argv[3:] else 0))
