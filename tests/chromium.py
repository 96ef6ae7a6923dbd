"""Which Chromium this machine has for browser tests."""

from __future__ import annotations

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Return the path of a Chromium on PATH, None when there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)
