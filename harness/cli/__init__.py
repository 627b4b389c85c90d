"""The command line: takes the command word off and hands the rest to that command's own file.

Nothing heavy is imported here, so that `polydl --help` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version

from compiler.errors import CompilerError
from harness.cli import rooms
from harness.errors import HarnessError

HELP = """\
polydl: a polyhedral compiler for deep-learning primitives inside a benchmarking harness

  polydl run [-m] OVERRIDES     run a campaign from a Hydra configuration; -m sweeps
  polydl explain OVERRIDES      one problem: domain, dependences, ranked schedules, C text
  polydl doctor [OVERRIDES]     what this host offers, what is missing, how noisy it is
  polydl sync CAMPAIGN          bring MLflow up to date from the campaign's journal
  polydl train CAMPAIGN...      learn the tournament's network from measured candidates
  polydl dashboard [CAMPAIGN]   start the MLflow UI on that store, loopback only
  polydl baseline list          the baselines, their versions, what is missing
  polydl baseline install NAME  make the tool environment of one
  polydl clean [--yes] [PART]   what is cached, with sizes; --yes removes it

First steps:
  polydl run experiment=quickstart
  polydl run primitive=conv2d primitive.sizes.ic=17 strategy=[roofline,top_k]
  polydl explain workload=resnet50 workload.select=[resnet50_03]
  polydl explain primitive=matmul 'schedule.order=[m@1,n,k,m]' 'schedule.tiles={m@1:16}'
  polydl run --help             every group, option and value of the configuration
  eval "$(polydl -sc install=bash)"    completion of overrides in this shell

CAMPAIGN is a folder, or a name under ./runs.
Exit status: 0 no trial failed, 1 some failed, 2 the request was wrong, 130 interrupted.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status; a user's mistake is one line on stderr."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0].split("=")[0] in rooms.COMPLETION:
        return rooms.command("information")(words)
    if not words or words[0] in ("-h", "--help", "help"):
        sys.stdout.write(HELP)
        return 0 if words else 2
    if words[0] == "--version":
        sys.stdout.write(f"polydl {version('polydl')}\n")
        return 0
    name, *rest = words
    if rooms.asks_for_information(name, rest):
        name = "information"
    try:
        return rooms.command(name)(rest)
    except (HarnessError, CompilerError) as error:
        sys.stderr.write(f"polydl {name}: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"polydl {name}: interrupted\n")
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # nobody reads any more; nothing to flush at exit
        return 1
