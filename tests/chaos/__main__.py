"""Run the chaos proof: `python -m tests.chaos --kills 100 --seed 1`; exit code 1 when a promise does not hold."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos import mutants, storm
from tests.chaos.report import Section, markdown, plain
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.stack import Ground, ground
from tests.chaos.trial import Trial
from tests.chaos.uploads import Library, catalogue
from tests.servers.product import ROOT

STORM = "storm"
LONG_FROM = 500


def main(arguments: list[str] | None = None) -> int:
    """Return 0 only if every line of every section holds."""
    asked = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the servers are stopped and removed
    folder = Path(tempfile.mkdtemp(prefix="bookops-chaos-"))
    sections: list[Section] = []
    try:
        with ground(asked.database, folder, [catalogue(folder, 0 if asked.honesty or asked.mutant else asked.kills)]) as made:
            library = Library(folder)
            for name, mutant in _plan(asked):
                section = _run(name, made, library, asked, mutant)
                sections.append(section)
                print("\n".join(plain(section)), flush=True)
            _keep_log(made, folder)
        if not asked.mutant and not asked.honesty:
            _write(sections, asked.seed)
        if asked.json:
            asked.json.write_text(json.dumps({one.name: [line.name for line in one.lines if not line.holds] for one in sections}))
    finally:
        if not asked.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if asked.keep:
        print(f"logs: {folder}")
    return 0 if all(section.holds for section in sections) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help=f"from {LONG_FROM} on the scenarios take their long form too")
    parser.add_argument("--seconds", type=float, default=0.0, help="end the storm after so long, whatever the kills")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pace", type=float, default=storm.PACE, help="seconds between two kills, on the average")
    parser.add_argument("--database", choices=["postgres", "sqlite"], default="postgres")
    parser.add_argument("--only", action="append", choices=[STORM, *SCENARIOS], help="run this alone; may be repeated")
    parser.add_argument("--mutant", choices=sorted(mutants.MUTANTS), default="", help="run the scenario that shows this planted fault")
    parser.add_argument("--honesty", action="store_true", help="run each mutant's scenario, first as shipped, then with it planted")
    parser.add_argument("--json", type=Path, help="write the red lines of each section to this file")
    parser.add_argument("--keep", action="store_true", help="keep the logs")
    return parser


def _plan(asked: argparse.Namespace) -> list[tuple[str, str]]:
    """Return what to run: names of sections, each with the mutant that is planted meanwhile."""
    if asked.honesty:
        shown = [(mutant.scenario, name) for name, mutant in mutants.MUTANTS.items()]
        return [(scenario, planted) for scenario, name in shown for planted in ("", name)]
    if asked.mutant:
        return [(name, asked.mutant) for name in asked.only or [mutants.MUTANTS[asked.mutant].scenario]]
    return [(name, "") for name in asked.only or [STORM, *SCENARIOS]]


def _run(name: str, made: Ground, library: Library, asked: argparse.Namespace, mutant: str) -> Section:
    began = time.monotonic()
    title = f"{name} [{mutant}]" if mutant else name
    made.wipe()
    if name == STORM:
        facts, lines = storm.run(made, library, kills=asked.kills, seconds=asked.seconds, seed=asked.seed, mutant=mutant, pace=asked.pace)
        return Section(title, "R1: parts killed at random in the middle of imports", time.monotonic() - began, facts, lines)
    trial = Trial(made, library, mutant, long=asked.kills >= LONG_FROM, kills=asked.kills, seed=asked.seed)
    lines = SCENARIOS[name].run(trial)
    return Section(title, SCENARIOS[name].shows, time.monotonic() - began, trial.facts, lines)


def _keep_log(made: Ground, folder: Path) -> None:
    if made.postgres:
        shutil.copy(made.postgres.folder / "postgres.log", folder)


def _write(sections: list[Section], seed: int) -> None:
    """Leave the table where the documents take it from."""
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    path = ROOT / "var" / "chaos.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(markdown(sections, f"Chaos, seed {seed}, {machine}, {datetime.now(UTC):%Y-%m-%d}")) + "\n")


if __name__ == "__main__":
    sys.exit(main())
