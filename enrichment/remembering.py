"""What sources have answered before, shared by all owners, negative answers too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings
from django.db.models import QuerySet

from bookops.clock import database_now
from bookops.doors import asks_sandbox
from enrichment.deciding import Question
from enrichment.models import EditionRecord
from enrichment.sources.facts import EditionFacts

#: Keys asked for in one query.
AT_ONCE = 800


def remembered() -> QuerySet[EditionRecord]:
    """Return the answers that count here: in the sandbox those it made up, everywhere else those of the real sources."""
    return EditionRecord.objects.filter(sandbox=asks_sandbox())


def recall(questions: Iterable[Question], now: datetime) -> dict[tuple[str, str], tuple[EditionFacts, ...]]:
    """Return the answers that are still fresh, by (source, key). One query per 800 different keys."""
    if not settings.SOURCE_MEMORY:
        return {}
    answers: dict[tuple[str, str], tuple[EditionFacts, ...]] = {}
    keys = iter({question.key for question in questions})
    while batch := list(islice(keys, AT_ONCE)):
        records = remembered().filter(question__in=batch, expires_at__gt=now)
        for source, question, answer in records.values_list("source", "question", "answer"):
            answers[source, question] = tuple(EditionFacts.from_json(facts) for facts in answer)
    return answers


def remember(answers: Mapping[Question, tuple[EditionFacts, ...]], now: datetime) -> None:
    """Keep answers for their time to live; a newer answer replaces an older one. One statement."""
    if not settings.SOURCE_MEMORY or not answers:
        return
    records = {
        (question.source, question.key): EditionRecord(
            source=question.source,
            question=question.key,
            answer=[facts.to_json() for facts in found],
            sandbox=asks_sandbox(),
            fetched_at=now,
            expires_at=now + timedelta(days=settings.REMEMBER_DAYS if found else settings.REMEMBER_MISSING_DAYS),
        )
        for question, found in answers.items()
    }
    EditionRecord.objects.bulk_create(
        # One order for all writers, or two batches could lock each other out.
        [records[key] for key in sorted(records)],
        update_conflicts=True,
        unique_fields=["question", "source", "sandbox"],
        update_fields=["answer", "fetched_at", "expires_at"],
        batch_size=500,
    )


def forget_expired(*, most: int = 50_000) -> int:
    """Delete answers whose time to live is over, `most` of them at once; return how many."""
    expired = EditionRecord.objects.filter(expires_at__lt=database_now()).order_by("expires_at").values_list("pk", flat=True)[:most]
    return EditionRecord.objects.filter(pk__in=list(expired)).delete()[0]
