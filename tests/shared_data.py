"""Where the data is that nobody on this project wrote; it lies beside the checkout and is never part of it."""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[1].parent / "shared"


def shared_path(*parts: str) -> Path:
    """Return the path of shared data; skip the test where it is absent."""
    root = Path(os.environ.get("BOOKOPS_SHARED") or _BESIDE)
    path = root.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"shared data absent: no {'/'.join(parts)} in {root} (set BOOKOPS_SHARED)")
    return path
