"""Small pieces of HTML that the desk's pages share; every value that comes from outside is escaped here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince, timeuntil

from bookops.spend import dollars

#: Characters of JSON shown; a longer one is cut and says so.
LONGEST_JSON = 20_000
#: What events tell of money, in millionths of a dollar.
MICRODOLLARS = frozenset({"cost", "held"})


def badge(word: str, label: str = "") -> str:
    """Return a word in the colour of its meaning: a state, an outcome, "open" or "closed"."""
    return format_html('<span class="desk-badge desk-{}">{}</span>', word or "none", label or word.replace("_", " ")) if word else "–"


def bar(done: int, total: int) -> str:
    """Return progress as a bar and in words: 17 / 20."""
    return format_html(
        '<span class="desk-progress"><progress max="{}" value="{}"></progress> {} / {}</span>', max(total, 1), min(done, total), done, total
    )


def text(value: Any, most: int = 80) -> str:
    """Return foreign text in its own direction, cut to `most` characters with the whole of it in the tooltip."""
    words = str(value)
    if len(words) <= most:
        return format_html("<bdi>{}</bdi>", words)
    return format_html('<bdi title="{}">{}…</bdi>', words[:1000], words[:most])


def pretty_json(value: Any) -> str:
    """Return JSON as people read it."""
    written = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    cut = f"{written[:LONGEST_JSON]}\n… {len(written) - LONGEST_JSON:,} characters more" if len(written) > LONGEST_JSON else written
    return format_html('<pre class="desk-json" dir="auto">{}</pre>', cut)


def link(address: str, words: Any) -> str:
    """Return a link to a page of our own."""
    return format_html('<a href="{}"><bdi>{}</bdi></a>', address, words)


def is_web_address(address: str) -> bool:
    """Say whether an address is http or https with a host; javascript:, data: and broken ones are not."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def outside_link(address: str, words: str = "") -> str:
    """Return a link to another site, or plain text where the address is none that a browser should follow."""
    if not is_web_address(address):
        return text(address)
    return format_html('<a href="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>', address, words or address)


def page_of(row: Any) -> str:
    """Return the address of a row's page in the admin."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def list_of(model: Any, **filters: Any) -> str:
    """Return the address of a model's list in the admin, filtered."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{address}?{urlencode(filters)}" if filters else address


def ago(moment: datetime | None) -> str:
    """Return a moment as "3 minutes ago" or "in 2 hours", with the exact time in the tooltip; "never" for None."""
    if moment is None:
        return "never"
    now = timezone.now()
    if abs(now - moment) < timedelta(minutes=1):
        words = "in under a minute" if moment > now else "just now"
    else:
        words = f"in {timeuntil(moment, now)}" if moment > now else f"{timesince(moment, now)} ago"
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), f"{moment:%Y-%m-%d %H:%M:%S} UTC", words)


def lasting(start: datetime | None, end: datetime | None) -> str:
    """Return how long something took or has been going on, as 4.2 s, 3 min 05 s or 2 h 10 min."""
    if start is None:
        return "–"
    seconds = max(((end or timezone.now()) - start).total_seconds(), 0.0)
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def in_words(payload: Mapping[str, Any]) -> str:
    """Return an event's payload as one line: "rows 120 · reopened no"; ids and nested values are left to the JSON."""
    words = []
    for name, value in payload.items():
        values = value if isinstance(value, list) else [value]
        plain = [
            dollars(one) if name in MICRODOLLARS and isinstance(one, int) else _in_a_word(one)
            for one in values
            if one not in ("", None) and not isinstance(one, Mapping | list)
        ]
        if plain and not name.endswith("_id"):
            words.append(f"{name.replace('_', ' ')} {', '.join(plain)[:120]}")
    return " · ".join(words)


def _in_a_word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment and moment.tzinfo else str(value)
