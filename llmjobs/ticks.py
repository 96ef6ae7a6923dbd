"""A tick's row as several add to it: the poller itself, and whoever applies a batch that it found ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from django.db import transaction

from llmjobs.models import PollTick


@transaction.atomic
def add_to_tick(tick_id: int, *, updated: int = 0, resolved: Sequence[str] = (), unmapped: Mapping[str, int] | None = None) -> None:
    """Add moved items, ended jobs and words that nobody has mapped to a tick; one that is forgotten by now is left so."""
    tick = PollTick.objects.select_for_update().filter(pk=tick_id).first()
    if tick is None:
        return
    tick.items_updated += updated
    tick.jobs_resolved = [*tick.jobs_resolved, *resolved]
    tick.unmapped = dict(Counter(tick.unmapped) + Counter(unmapped or {}))
    tick.save(update_fields=["items_updated", "jobs_resolved", "unmapped"])
