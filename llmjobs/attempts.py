"""Keep each sending of an item that has come to something, many in one statement; in the transaction that moves the item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from llmjobs.copying import insert_instances
from llmjobs.models import ItemAttempt, LLMJobItem
from llmjobs.outcomes import Outcome
from llmjobs.providers import Result

#: Rows written at a time.
PORTION = 1_000


def attempt_of(item: LLMJobItem, result: Result, outcome: Outcome, cost: int, batch: Any, now: datetime) -> ItemAttempt:
    """Return what a provider's last word makes of a sending; the item is as it was while it was there. `batch` is None for a response."""
    attempt = _attempt(item, result.verdict, outcome.reason, outcome.detail, now)
    used = result.usage
    attempt.input_tokens, attempt.cached_tokens, attempt.output_tokens = used.input_tokens, used.cached_tokens, used.output_tokens
    attempt.cost = cost
    attempt.provider_id = item.provider_task_id if batch is None else batch.provider_id
    attempt.sent_at = item.submitted_at if batch is None else batch.sent_at
    return attempt


def attempt_without(item: LLMJobItem, outcome: ItemAttempt.Outcome, reason: str, detail: str, now: datetime) -> ItemAttempt:
    """Return what a sending came to that was never answered."""
    attempt = _attempt(item, outcome, reason, detail, now)
    attempt.provider_id = item.provider_task_id or (item.batch.provider_id if item.batch else "")
    attempt.sent_at = item.submitted_at or item.sending_at
    return attempt


def keep(attempts: Sequence[ItemAttempt]) -> None:
    """Store attempts; one statement."""
    insert_instances(attempts)


def keep_given_up(items: QuerySet[LLMJobItem], now: datetime) -> None:
    """Keep the sendings of items that ended here before their provider said a word, as these are about to be sent anew."""
    unanswered = items.exclude(sending_at=None).exclude(stage=LLMJobItem.Stage.ANSWERED)
    _keep_each(unanswered, lambda item: attempt_without(item, ItemAttempt.Outcome.GIVEN_UP, item.reason, item.detail, now))


def keep_refused(items: QuerySet[LLMJobItem], reason: str, detail: str, now: datetime) -> None:
    """Keep that a batch of these items was not taken."""
    _keep_each(items, lambda item: attempt_without(item, ItemAttempt.Outcome.NOT_SENT, reason, detail, now))


def _keep_each(items: QuerySet[LLMJobItem], attempt: Callable[[LLMJobItem], ItemAttempt]) -> None:
    """Keep an attempt of each item, a portion at a time, so that memory stays flat."""
    rows = items.select_related("batch").defer("prompt", "answer", "response").order_by("pk").iterator(chunk_size=PORTION)
    while some := list(islice(rows, PORTION)):
        keep([attempt(item) for item in some])


def _attempt(item: LLMJobItem, outcome: str, reason: str, detail: str, now: datetime) -> ItemAttempt:
    return ItemAttempt(
        item_id=item.pk, number=item.attempts, provider=item.provider, way=item.way, model=item.model, outcome=str(outcome),
        reason=reason[:40], detail=detail[:500], ended_at=now,
    )  # fmt: skip
