"""Structured logs: one line an event, with request, run and row ids, and no secret in it."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "[hidden]"
#: Names whose values are never written, wherever they stand in an event.
SECRET_NAMES = re.compile(r"(?i)^(authorization|cookie|set-cookie|.*password|.*secret|.*token|api[_-]?key|x-goog-api-key|ticket)$")
#: The same inside of text: query strings, headers, JSON.
SECRET_TEXTS = (
    re.compile(r"(?i)\b((?:api[_-]?)?key|token|ticket|secret|password|signature)(=|%3D)[^&\s\"',;]+"),
    re.compile(r"(?i)\b(authorization|cookie)(\W{1,4})(?:(?:token|bearer|basic)\s+)?[^\s\"',;]+"),
    re.compile(r"(?i)\b(token|bearer|basic)(\s+)(?=[\w.~+/-]*\d)[\w.~+/-]{20,}=*"),
    re.compile(r"(?i)(\w+://[^\s/:@]*)(:)[^\s/@]+(?=@)"),
)
DEEPEST = 6


class Redactor:
    """Take secrets out of events: known values, telling names, and what looks like a credential in text."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        # The longest first, so that one secret that contains another goes as a whole.
        self._values = sorted({secret for secret in secrets if len(secret) >= 6}, key=len, reverse=True)

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
        return {key: self.clean(value, key) for key, value in event.items()}

    def clean(self, value: Any, name: str = "", depth: int = 0) -> Any:
        """Return the value without secrets; `name` is what it is called where it stands."""
        if name and SECRET_NAMES.match(name) and value:
            return HIDDEN
        if isinstance(value, str):
            return self.clean_text(value)
        if isinstance(value, bool | int | float | None) or name.startswith("_"):
            return value
        if depth >= DEEPEST:
            return self.clean_text(repr(value))
        if isinstance(value, dict):
            return {key: self.clean(item, str(key), depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.clean(item, "", depth + 1) for item in value]
        return self.clean_text(str(value))

    def clean_text(self, text: str) -> str:
        """Return the text without secrets."""
        for secret in self._values:
            text = text.replace(secret, HIDDEN)
        for pattern in SECRET_TEXTS:
            text = pattern.sub(rf"\1\2{HIDDEN}", text)
        return text


def logging_config(level: str, style: str, secrets: Sequence[str] = ()) -> dict[str, Any]:
    """Return Django's LOGGING for a level and a style (json or console), and set up structlog to go the same way."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    for_people = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())  # a file of colour codes is hard to read and to search
    render: Processor = structlog.processors.JSONRenderer(ensure_ascii=False) if style == "json" else for_people
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [*shared, structlog.stdlib.ExtraAdder()],
        # Tracebacks become text before the redactor sees them: an exception's message is where keys hide.
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            Redactor(secrets),
            render,
        ],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # These have handlers of their own, which would write each line a second time.
            "django.server": {"handlers": ["console"], "level": level, "propagate": False},
            # A task received and succeeded is two lines a book; rows and events tell it better.
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "uvicorn.access": {"level": "WARNING"},
            # The vendors' SDKs log whole request bodies, and their client each address.
            "anthropic": {"level": "WARNING"},
            "openai": {"level": "WARNING"},
            "httpx2": {"level": "WARNING"},
        },
    }
