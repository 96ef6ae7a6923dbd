"""The product's own processes beside servers of a test's: the environment they start in, its commands, and Django in this process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
#: Environment without which no process starts; everything else of the caller's shell stays out.
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE")


def environment(folder: Path, *, database_url: str, redis_url: str, sandbox_url: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment of the product's processes: its data in `folder`, no throttles in the way, and the given settings."""
    return {name: os.environ[name] for name in KEPT if name in os.environ} | {
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "VAR_DIR": str(folder),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SANDBOX_URL": sandbox_url,
        "LOG_LEVEL": "WARNING",
        "THROTTLE_UPLOAD": "1000000/min",
        "THROTTLE_STATUS": "1000000/min",
        "THROTTLE_USER": "1000000/min",
        **{name: str(value) for name, value in settings.items()},
    }


def manage(env: Mapping[str, str], arguments: Sequence[str]) -> str:
    """Run one of the product's commands and return what it printed. Raises RuntimeError with its last words."""
    done = subprocess.run([PYTHON, str(ROOT / "manage.py"), *arguments], cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr[-2000:]}")
    return done.stdout


def set_django_up(env: Mapping[str, str]) -> None:
    """Point this process's Django at the servers that the environment names; once a process."""
    import django

    os.environ.update(env)
    django.setup()
