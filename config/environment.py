"""Read variables of the environment as text, numbers, switches and lists; a bad value is refused by name.

Every variable may also come from a file, as container platforms hand out secrets: NAME_FILE=/run/secrets/name.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

ON = {"1", "true", "yes", "on"}
OFF = {"0", "false", "no", "off"}


def load(path: Path) -> None:
    """Add what a file of NAME=value lines says and the environment does not; no file is no error."""
    if path.is_file():
        environ.Env.read_env(path)


def text(name: str, default: str = "") -> str:
    """Return a variable, from its file where NAME_FILE names one; empty counts as unset."""
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE is {path!r}, which cannot be read: {error.strerror}.") from error
    return os.environ.get(name, "").strip() or default


def choice(name: str, default: str, allowed: Sequence[str]) -> str:
    """Return one of the allowed words."""
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is {value!r}: it must be {' or '.join(allowed)}.")
    return value


def switch(name: str, default: bool) -> bool:
    """Return True or False; anything but a plain yes or no is refused."""
    value = text(name, str(default)).lower()
    if value not in ON | OFF:
        raise ImproperlyConfigured(f"{name} is {value!r}: it must be true or false.")
    return value in ON


def number(name: str, default: float, *, least: float = 0) -> float:
    """Return a number that is not below `least`."""
    value = text(name, str(default))
    try:
        read = float(value)
    except ValueError:
        read = math.nan
    if not math.isfinite(read) or read < least:
        raise ImproperlyConfigured(f"{name} is {value!r}: it must be a number, at least {least:g}.")
    return read


def whole(name: str, default: int, *, least: int = 0) -> int:
    """Return a whole number that is not below `least`."""
    value = text(name, str(default))
    if not value.lstrip("-").isdecimal() or int(value) < least:
        raise ImproperlyConfigured(f"{name} is {value!r}: it must be a whole number, at least {least}.")
    return int(value)


def rate(name: str, default: str) -> str:
    """Return how often something may happen, such as 10/min."""
    value = text(name, default)
    if not re.fullmatch(r"[1-9]\d*/(s|sec|m|min|h|hour|d|day)", value):
        raise ImproperlyConfigured(f"{name} is {value!r}: it must be a number and a time, such as 10/min.")
    return value


def address(name: str, default: str = "") -> str:
    """Return an http or https address without a slash at its end."""
    value = text(name, default).rstrip("/")
    if value and not re.fullmatch(r"https?://[^\s/]+\S*", value):
        raise ImproperlyConfigured(f"{name} is {value!r}: it must be an address such as https://books.example.org.")
    return value


def names(name: str, default: Sequence[str] = ()) -> list[str]:
    """Return a comma-separated list."""
    value = text(name)
    return [word.strip() for word in value.split(",") if word.strip()] if value else list(default)


def database(name: str, *, sqlite: Path) -> dict[str, Any]:
    """Return Django's settings for the database a variable names, or for a file of SQLite when it is unset."""
    value = text(name)
    if not value:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(sqlite)}
    if urlsplit(value).scheme not in {"postgresql", "postgres", "sqlite"}:
        # The address itself stays out of the message: it holds a password.
        raise ImproperlyConfigured(
            f"{name} names no database known here: it must look like postgresql://user:password@host:5432/name or sqlite:////path/to/file."
        )
    read: dict[str, Any] = environ.Env.db_url_config(value)
    return read


def email(name: str) -> dict[str, Any]:
    """Return Django's EMAIL_ settings for an address such as smtp+tls://user:password@host:587; none when unset."""
    value = text(name)
    if not value:
        return {}
    try:
        read: dict[str, Any] = environ.Env.email_url_config(value)
    except (ValueError, KeyError, ImproperlyConfigured) as error:
        raise ImproperlyConfigured(f"{name} cannot be read: it must look like smtp+tls://user:password@host:587.") from error
    return read
