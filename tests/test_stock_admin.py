"""The desk's pages are drawn by Django's own admin as well as by unfold."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings


@pytest.mark.timeout(300)
@pytest.mark.once
def test_the_pages_hold_in_the_stock_admin():
    """Run the tests that are marked as depending on the theme again, in a process of their own: the theme is a matter of installed apps."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "themed", *map(str, settings.BASE_DIR.glob("tests/*/test_admin*.py"))],
        env=os.environ | {"ADMIN_THEME": "stock"},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
