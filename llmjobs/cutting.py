"""Cut a job's due items into batches of what their provider takes, halve one that was too much, and take items out of one again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from bookops.clock import database_now
from bookops.language_models import LanguageModel, ModelLimit, ModelPrice, limit_on, model_on
from bookops.runs import ENDED, State
from llmjobs.attempts import keep_refused
from llmjobs.doors import open_batches
from llmjobs.holding import give_back, hold_for, most_cost, price_of
from llmjobs.models import LLMJob, LLMJobItem, ProviderBatch
from llmjobs.providers import Batches
from llmjobs.questions import Asking
from llmjobs.reconciling import enqueued_tokens
from llmjobs.submitting import begin, park_rest

Stage = LLMJobItem.Stage
#: Rows that are read or written at a time.
PORTION = 1000
#: What of an item makes its line.
ASKED = ("job_id", "prompt", "model", "effort", "tier", "most_output_tokens", "estimated_tokens")
#: The reason of a half that waits until nothing else of its model is at the provider.
HALVED = "halved"


@dataclass
class Cut:
    """Hold the items of the next batch while they are chosen, in the order of the job."""

    most_requests: int
    most_bytes: int
    #: Prompt tokens that may wait in its provider's queue; None where there is no limit.
    most_tokens: int | None
    ids: list[int] = field(default_factory=list)
    #: Of each: microdollars at most, and tokens as estimated.
    amounts: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    bytes: int = 0
    #: Items that no batch could ever hold.
    too_large: list[int] = field(default_factory=list)

    def take(self, item: LLMJobItem, size: int, amount: int) -> bool:
        """Add an item; False when the batch is full."""
        if size > self.most_bytes or (self.most_tokens is not None and item.estimated_tokens > self.most_tokens):
            self.too_large.append(item.pk)
            return True
        if len(self.ids) == self.most_requests or self.bytes + size > self.most_bytes:
            return False
        self.ids.append(item.pk)
        self.amounts.append(amount)
        self.tokens.append(item.estimated_tokens)
        self.bytes += size
        return True

    def shrink(self, room: int) -> None:
        """Leave out, from the first that does not fit on, what so many tokens of room have no place for."""
        fitting = sum(total <= room for total in accumulate(self.tokens))
        del self.ids[fitting:], self.amounts[fitting:], self.tokens[fitting:]


def cut_batch(job: LLMJob, provider_name: str, model_name: str) -> ProviderBatch | None:
    """Make the next batch of a job's due items for one model, with their money held; None when there is nothing, or no room, for one.

    Two passes over the items: one to measure their lines, one to move them. What passes a cap parks with all the rest. Raises Refused
    and UnknownModel as `submit_some` does.
    """
    provider = open_batches(provider_name)
    now = database_now()
    model, price = model_on(now.date(), provider_name, model_name), price_of(provider_name, model_name, now.date())
    due = LLMJobItem.objects.filter(job=job, provider=provider_name, way="batch", model=model_name).due(now)
    if not due.exists() or _is_half_waiting(provider_name, model_name):
        return None
    batch = ProviderBatch(job=job, provider=provider_name, way="batch", model=model_name)
    cut = _measure(due, Asking.of(job), batch, provider, limit_on(now.date(), model), price)
    with transaction.atomic():
        if not begin(job, now):
            return None
        LLMJobItem.objects.filter(pk__in=cut.too_large, state=State.PENDING).update(
            state=State.FAILED, ended_at=now, ring_at=None, reason="prompt_too_long", detail="No batch of its provider can hold it."
        )
        if cut.most_tokens is not None:
            # Locked, so that two jobs do not fill the same room.
            LanguageModel.objects.select_for_update().get(pk=model.pk)
            cut.shrink(cut.most_tokens - enqueued_tokens(provider_name, model_name))
        fitting, short = hold_for(job, cut.amounts, now.date())
        if fitting:
            batch.requests = fitting
            batch.save(force_insert=True)
            _move_into(batch, cut.ids[:fitting], cut.amounts, price, now)
        if short is not None:
            park_rest(job, short)
    return batch if fitting else None


def _measure(due: Any, asking: Asking, batch: ProviderBatch, provider: Batches, limit: ModelLimit, price: ModelPrice) -> Cut:
    cut = Cut(
        most_requests=min(provider.most_requests, limit.batch_requests or provider.most_requests),
        most_bytes=min(provider.most_bytes, limit.batch_bytes or provider.most_bytes),
        most_tokens=limit.enqueued_tokens,
    )
    for item in due.only(*ASKED).iterator(chunk_size=PORTION):
        amount = most_cost(price, tokens=item.estimated_tokens, most_output_tokens=item.most_output_tokens, tier=item.tier)
        if not cut.take(item, len(provider.line(asking.in_batch(item, batch))), amount):
            break
    return cut


def _move_into(batch: ProviderBatch, ids: Sequence[int], amounts: Sequence[int], price: ModelPrice, now: datetime) -> None:
    """Claim a batch's items; those that may cost the same go in one statement, which many do."""
    by_amount: dict[int, list[int]] = defaultdict(list)
    for item_id, amount in zip(ids, amounts, strict=False):
        by_amount[amount].append(item_id)
    moved = 0
    for amount, alike in by_amount.items():
        for start in range(0, len(alike), PORTION):
            waiting = LLMJobItem.objects.filter(pk__in=alike[start : start + PORTION], state=State.PENDING)
            moved += waiting.update(
                state=State.RUNNING, stage=Stage.SUBMITTING, batch=batch, price=price, held=amount, held_on=now.date(),
                attempts=F("attempts") + 1, started_at=Coalesce("started_at", now), ring_at=None, reason="", detail="",
            )  # fmt: skip
    if moved != len(ids):
        # Only who holds the job's row moves its pending items.
        raise RuntimeError(f"{len(ids) - moved} items of batch {batch.intent} were moved by somebody else")


def _is_half_waiting(provider: str, model: str) -> bool:
    """Say whether a half waits for its provider's queue to be empty, which it never would be if new batches went on filling it."""
    sending = LLMJob.objects.active().filter(state=State.RUNNING)
    return ProviderBatch.objects.filter(provider=provider, model=model, state=State.PENDING, reason=HALVED, job__in=sending).exists()


def halve(batch: ProviderBatch) -> list[ProviderBatch]:
    """Make two batches of one that its provider refused for want of room in its queue, and end it; the items keep what they hold.

    A batch of a single item cannot be halved: the item fails. In the caller's transaction, if there is one.
    """
    with transaction.atomic():
        job = LLMJob.objects.select_for_update().get(pk=batch.job_id)
        now = database_now()
        open_batch = ProviderBatch.objects.filter(pk=batch.pk).exclude(state__in=ENDED)
        if not open_batch.update(state=State.FAILED, ended_at=now, reason="too_large", detail="Its provider's queue had no room for it.",
                                 lease_owner=None, lease_until=None, ring_at=None):  # fmt: skip
            return []
        items = LLMJobItem.objects.filter(batch=batch).filter(~Q(state__in=ENDED))
        ids = list(items.order_by("number").values_list("pk", flat=True))
        if len(ids) < 2:
            told = {"reason": "too_large", "detail": "Its provider has no room for it."}
            keep_refused(items, now=now, **told)
            take_out(batch, job, items, state=State.FAILED, ended_at=now, **told)
            return []
        middle = len(ids) // 2
        return [_half(batch, some, now) for some in (ids[:middle], ids[middle:])]


def _half(batch: ProviderBatch, ids: Sequence[int], now: datetime) -> ProviderBatch:
    half = ProviderBatch.objects.create(
        job_id=batch.job_id, provider=batch.provider, way=batch.way, model=batch.model, requests=len(ids),
        next_at=now, ring_at=now, reason=HALVED,
    )  # fmt: skip
    for start in range(0, len(ids), PORTION):
        LLMJobItem.objects.filter(pk__in=ids[start : start + PORTION]).update(
            batch=half, stage=Stage.SUBMITTING, state=State.RUNNING, submitted_at=None, sending_at=None, provider_status=""
        )
    return half


def take_out(batch: ProviderBatch, job: LLMJob, items: Any, **values: Any) -> int:
    """Take items out of a batch that is at no provider, with their money given back; in the caller's transaction."""
    taken = 0
    while portion := list(items.filter(batch=batch).only("pk", "job_id", "held", "held_on").order_by("pk")[:PORTION]):
        give_back(portion, {job.pk: job})
        ids = [item.pk for item in portion]
        LLMJobItem.objects.filter(pk__in=ids).update(held=0, held_on=None, batch=None, sending_at=None)
        LLMJobItem.objects.filter(pk__in=ids).exclude(state__in=ENDED).update(stage=Stage.QUEUED, **values)
        taken += len(portion)
    return taken
