"""Structured logs: one line an event, with request, run and row ids, and no secret in it."""

from __future__ import annotations

from typing import Any


def logging_config(level: str, style: str) -> dict[str, Any]:
    """Return Django's LOGGING for a level and a style (json or console)."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
        "root": {"handlers": ["console"], "level": level},
    }
