"""Seeded kills of every kind, resumable; see README.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.soak.kills import BENCHES, kills_in, run, table

FILE = Path(__file__).with_name("kills.jsonl")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=BENCHES, default=list(BENCHES))
    parser.add_argument("--kills", type=int, default=200, help="of each kind, in all")
    parser.add_argument("--table", action="store_true", help="print what was found, and no more")
    chosen = parser.parse_args()
    if not chosen.table:
        for kind in chosen.kinds:
            run(kind, chosen.kills, FILE)
    print(table(kills_in(FILE)))


if __name__ == "__main__":
    main()
