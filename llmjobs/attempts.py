"""Keep each sending of an item that has come to something, many in one statement; in the transaction that moves the item."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import DateTimeField, F, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf

from llmjobs.copying import insert_instances, insert_selected
from llmjobs.models import ItemAttempt, LLMJobItem
from llmjobs.outcomes import Outcome
from llmjobs.providers import Result


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
    _keep_unanswered(unanswered, ItemAttempt.Outcome.GIVEN_UP, F("reason"), F("detail"), now)


def keep_refused(items: QuerySet[LLMJobItem], reason: str, detail: str, now: datetime) -> None:
    """Keep that a batch of these items was not taken."""
    _keep_unanswered(items, ItemAttempt.Outcome.NOT_SENT, Value(reason[:40]), Value(detail[:500]), now)


def _keep_unanswered(items: QuerySet[LLMJobItem], outcome: str, reason: Any, detail: Any, now: datetime) -> None:
    """Keep what `attempt_without` says of each item, in the database alone: a person waits while a whole job is sent round again."""
    there = Coalesce(NullIf("provider_task_id", Value("")), "batch__provider_id", Value(""))
    insert_selected(
        ItemAttempt,
        items,
        {
            "item_id": F("pk"),
            "number": F("attempts"),
            "provider": F("provider"),
            "way": F("way"),
            "model": F("model"),
            "provider_id": there,
            "outcome": Value(str(outcome)),
            "reason": reason,
            "detail": detail,
            "sent_at": Coalesce("submitted_at", "sending_at"),
            "ended_at": Value(now, output_field=DateTimeField()),
        },
    )


def _attempt(item: LLMJobItem, outcome: str, reason: str, detail: str, now: datetime) -> ItemAttempt:
    return ItemAttempt(
        item_id=item.pk, number=item.attempts, provider=item.provider, way=item.way, model=item.model, outcome=str(outcome),
        reason=reason[:40], detail=detail[:500], ended_at=now,
    )  # fmt: skip
