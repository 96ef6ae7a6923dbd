"""Run the chaos proof: `python -m tests.chaos --kills 100 --seed 1`; exit code 1 when a promise does not hold."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos import mutants, storm
from tests.chaos.stack import ground
from tests.chaos.uploads import catalogue


def main(arguments: list[str] | None = None) -> int:
    """Return 0 only if every line holds."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pace", type=float, default=storm.PACE, help="seconds between two kills, on the average")
    parser.add_argument("--database", choices=["postgres", "sqlite"], default="postgres")
    parser.add_argument("--mutant", choices=sorted(mutants.MUTANTS), default="")
    parser.add_argument("--keep", action="store_true", help="keep the logs")
    asked = parser.parse_args(arguments)
    mutants.plant(asked.mutant)
    folder = Path(tempfile.mkdtemp(prefix="bookops-chaos-"))
    with ground(asked.database, folder, [catalogue(folder)]) as made:
        facts, lines = storm.run(made, kills=asked.kills, seed=asked.seed, mutant=asked.mutant, pace=asked.pace)
        if asked.keep and made.postgres:
            (folder / "postgres.log").write_bytes((made.postgres.folder / "postgres.log").read_bytes())
    for name, fact in facts.items():
        print(f"{name}: {fact}")
    for line in lines:
        print(f"{'ok ' if line.holds else 'RED'} {line.name}: {line.found} ({line.bound}) {line.detail}")
    print(folder)
    return 0 if all(line.holds for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
