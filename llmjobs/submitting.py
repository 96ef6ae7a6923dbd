"""Send items one by one to a provider that answers in the background: claim, hold, write the intent, call, note what came back.

Whatever a crash leaves behind is told apart by what is in the row: without an intent nothing was sent; with an intent and no task id
perhaps something was, and `reconciling` decides.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeGuard

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce

from bookops.bulk import write_fields
from bookops.clock import database_now
from bookops.connections import let_go
from bookops.language_models import limit_on, model_on
from bookops.leases import heartbeat
from bookops.outbound.errors import Refused, SourceError, TryAgain
from bookops.outbound.quota import Quota
from bookops.runs import State
from bookops.source_health import health
from bookops.spend import OverBudget
from llmjobs.asking import RATE_LIMITED
from llmjobs.attempts import attempt_without, keep
from llmjobs.doors import open_background, quota_for
from llmjobs.holding import give_back, hold_for, most_cost, price_of
from llmjobs.models import ItemAttempt, LLMJob, LLMJobItem
from llmjobs.pace import Pace, pace_of
from llmjobs.providers import Background, Result, may_have_arrived
from llmjobs.questions import Asking
from llmjobs.reconciling import adopt_response

log = structlog.get_logger(__name__)

Stage = LLMJobItem.Stage
#: Calls of one job in flight at once in one worker. Its items are claimed by so many, so that each call begins with its claim.
AT_ONCE = 32
#: An item that is over the cap of its job waits for room or for a person.
LONG_AFTER = timedelta(days=3650)

Came = tuple[LLMJobItem, "Result | Exception"]


@dataclass
class Sent:
    """Hold what one round of sending did."""

    #: Rows that were moved, whichever way; 0 when nothing was due.
    moved: int = 0
    #: Of these, the rows that were told to wait.
    turned_away: int = 0
    #: Seconds until sending more is of use.
    wait: float = 0.0


def submit_some(job: LLMJob, provider_name: str) -> Sent:
    """Send the next items of a job that are due, AT_ONCE at most, and store what each call came to as it returns.

    Raises Refused for a provider without a key and UnknownModel for a model that nobody knows; nothing is claimed then.
    """
    provider, pace = open_background(provider_name), pace_of(provider_name)
    sent = Sent(wait=pace.wait())
    items = [] if sent.wait else claim(job, provider_name)
    if not items:
        return sent
    asking = Asking.of(job)
    quotas = _quotas(items)
    let_go()
    with ExitStack() as leases:
        for item in items:
            leases.enter_context(heartbeat.holding(item))
        for came in _calls(provider, asking, items, quotas):
            told = [result for _, result in came if was_told_to_wait(result)]
            _learn(pace, [result for _, result in came])
            sent.moved += store(job, came)
            sent.turned_away += len(told)
            sent.wait = max([sent.wait, pace.wait(), *(result.retry_after or 0.0 for result in told)])
    health.flush()
    return sent


def begin(job: LLMJob, now: datetime) -> bool:
    """Lock a job for moving its items and note that sending has begun; False when it may not send now.

    To be called first in the transaction that claims: pausing, cancelling and appending wait for its end, or it for theirs.
    """
    return bool(
        LLMJob.objects.active()
        .filter(pk=job.pk, state=State.RUNNING, stage=LLMJob.Stage.WORKING)
        .update(submitted_at=Coalesce("submitted_at", now), ring_at=now + timedelta(seconds=settings.RING_AGAIN_SECONDS))
    )


@transaction.atomic
def claim(job: LLMJob, provider: str) -> list[LLMJobItem]:
    """Claim the next due items with their money held and their intents written; what passes a cap parks with all the rest."""
    now = database_now()
    if not begin(job, now):
        return []
    due = LLMJobItem.objects.filter(job=job, provider=provider, way="responses").due(now)
    items = LLMJobItem.objects.all().claim(list(due.values_list("pk", flat=True)[:AT_ONCE]))
    items.sort(key=lambda item: item.number)
    prices = {model: price_of(provider, model, now.date()) for model in {item.model for item in items}}
    amounts = [
        most_cost(
            prices[item.model], tokens=item.estimated_tokens, most_output_tokens=item.most_output_tokens, tier=item.tier
        )
        for item in items
    ]  # fmt: skip
    fitting, short = hold_for(job, amounts, now.date())
    for item, amount in zip(items[:fitting], amounts, strict=False):
        item.held, item.held_on, item.price = amount, now.date(), prices[item.model]
        item.intent, item.stage, item.sending_at = uuid.uuid4(), Stage.SUBMITTING, now
    write_fields(items[:fitting], ["held", "held_on", "price", "intent", "stage", "sending_at"])
    if short is not None:
        LLMJobItem.objects.filter(pk__in=[item.pk for item in items[fitting:]]).update(
            state=State.PENDING, attempts=F("attempts") - 1, lease_owner=None, lease_until=None
        )
        park_rest(job, short)
    return items[:fitting]


def park_rest(job: LLMJob, short: OverBudget) -> int:
    """Park all that a job has not sent, because of a cap, and say so at the job; in the caller's transaction."""
    until = short.until or database_now() + LONG_AFTER
    parked = LLMJobItem.objects.filter(job=job, state=State.PENDING).update(
        state=State.PARKED, next_at=until, ring_at=None, reason="over_budget", detail=str(short)[:500]
    )
    LLMJob.objects.filter(pk=job.pk).update(reason="over_budget", detail=str(short)[:500])
    job.record("over_budget", items=parked, detail=str(short))
    return parked


def _quotas(items: Sequence[LLMJobItem]) -> dict[str, Quota | None]:
    """Return what paces the calls of each model that is to be asked, by its row of limits as it is now."""
    day = database_now().date()
    models = {item.model: item.provider for item in items}
    limits = {name: limit_on(day, model_on(day, provider, name)) for name, provider in models.items()}
    return {name: quota_for(models[name], name, limit.requests_per_minute) for name, limit in limits.items()}


def _calls(provider: Background, asking: Asking, items: Sequence[LLMJobItem], quotas: Mapping[str, Quota | None]) -> Iterator[list[Came]]:
    """Call for each item in a thread of its own, at its model's pace, and yield what came back, as soon as anything has."""
    flow = str(asking.job.pk)

    def call(item: LLMJobItem) -> Result:
        if quota := quotas[item.model]:
            quota.take(flow)
        return provider.submit(asking.alone(item), flow=flow)

    with ThreadPoolExecutor(len(items), thread_name_prefix="submit") as pool:
        by_future: dict[Future[Result], LLMJobItem] = {
            pool.submit(call, item): item for item in items
        }  # fmt: skip
        open_calls = set(by_future)
        while open_calls:
            ended, open_calls = wait(open_calls, return_when=FIRST_COMPLETED)
            yield [(by_future[one], _result_of(one)) for one in ended]


def _result_of(call: Future[Result]) -> Result | Exception:
    error = call.exception()
    if error is None:
        return call.result()
    if not isinstance(error, Exception):
        raise error
    if not isinstance(error, SourceError):
        log.error("submit_crashed", exc_info=error)
    return error


def store(job: LLMJob, came: Sequence[Came]) -> int:
    """Note what calls came to, behind their leases, and return how many that moved; what was lost meanwhile keeps its task id too."""
    with transaction.atomic():
        ours = LLMJobItem.objects.all().fence([item for item, _ in came])
        now = database_now()
        moved = [(item, result) for item, result in came if item.pk in ours]
        refused = [
            attempt_without(item, ItemAttempt.Outcome.NOT_SENT, result.reason, result.detail, now)
            for item, result in moved
            if isinstance(result, SourceError) and not may_have_arrived(result) and not was_told_to_wait(result)
        ]
        for item, result in moved:
            _move(item, result, now)
        give_back([item for item, result in moved if item.intent is None], {job.pk: job})
        write_fields([item for item, _ in moved], _MOVED)
        keep(refused)
    for item, result in came:
        if item.pk not in ours and isinstance(result, Result):
            adopt_response(item.pk, str(item.intent), result.custom_id)
    refusal = next((result for _, result in came if isinstance(result, Refused) and result.account_wide), None)
    if refusal is not None:
        pause_for(job, refusal)
    return len(moved)


_MOVED = (
    "state", "stage", "attempts", "lease_owner", "lease_until", "next_at", "ring_at", "reason", "detail", "ended_at", "intent",
    "sending_at", "submitted_at", "provider_task_id", "provider_status", "held", "held_on",
)  # fmt: skip


def _move(item: LLMJobItem, result: Result | Exception, now: datetime) -> None:
    """Set the fields of an item by what its call came to; one that was certainly not sent loses its intent."""
    item.lease_owner = item.lease_until = item.ring_at = None
    if isinstance(result, Result):
        item.stage, item.provider_task_id, item.provider_status = Stage.PROCESSING, result.custom_id, result.status
        item.submitted_at, item.reason, item.detail = now, "", ""
        return
    if may_have_arrived(result):
        item.stage = Stage.UNKNOWN
        item.reason = "perhaps_sent"
        item.detail = f"{getattr(result, 'detail', '') or type(result).__name__}: perhaps it was taken, perhaps not."[:500]
        return
    item.stage, item.intent, item.sending_at = Stage.QUEUED, None, None
    reason, detail = getattr(result, "reason", ""), getattr(result, "detail", "")
    if not isinstance(result, TryAgain):
        item.after_refusal(now, reason=reason, detail=detail)
    elif was_told_to_wait(result):
        item.after_waiting(now, max(result.retry_after or 0.0, pace_of(item.provider).wait()), reason=reason, detail=detail)
    else:
        item.after_failure(now, retry_after=result.retry_after, reason=reason, detail=detail)


def was_told_to_wait(result: Result | Exception) -> TypeGuard[TryAgain]:
    """Say whether a call was turned away for now, or never left: no attempt of its item."""
    return isinstance(result, TryAgain) and (not result.asked or result.reason == RATE_LIMITED)


def pause_for(job: LLMJob, error: SourceError) -> bool:
    """Pause a job whose every further question would be refused too, and say why; a person resumes it."""
    paused = LLMJob.objects.active().filter(pk=job.pk).update(
        paused_at=database_now(), reason=error.reason, detail=error.detail[:500], unseen_change=True
    )  # fmt: skip
    if paused:
        job.record("paused", reason=error.reason, detail=error.detail)
        log.warning("job_paused", run_id=str(job.pk), reason=error.reason)
    return bool(paused)


def _learn(pace: Pace, results: Sequence[Result | Exception]) -> None:
    """Have a provider let alone that wants to be."""
    for result in results:
        if isinstance(result, Result):
            pace.answered()
        elif was_told_to_wait(result) and result.asked:
            pace.throttled(result.retry_after)
        elif was_told_to_wait(result) and result.reason != "quota_pace":  # which is of one model
            pace.not_asked(result.retry_after)
