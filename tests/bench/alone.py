"""One measurement in a process of its own: `python -m tests.bench.alone NAME FILE [--short]` writes its report to the file."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench.measurements import measure


def main(name: str, path: str, *options: str) -> None:
    """Measure and write the report."""
    measure(name, short="--short" in options).save(Path(path))


if __name__ == "__main__":
    main(*sys.argv[1:])
