"""Results of providers become answers, costs and changes: some hundred at a time, in one transaction, each exactly once.

Locks are taken in one order: job, items, targets, accounts. A result is taken by an item that waits for it and by no other, so that doubled,
late and overtaken ones do nothing or only cost.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import structlog
from django.db import OperationalError, transaction

from bookops.bulk import write_fields
from bookops.clock import database_now
from bookops.dispatch import ring
from bookops.language_models import LanguageModel, ModelPrice, Tier, UnknownModel
from bookops.progress import wake_sometimes
from bookops.purposes import Purpose, purpose_named
from bookops.runs import State
from bookops.spend import settle
from llmjobs.attempts import attempt_of, keep
from llmjobs.deciding import decide
from llmjobs.ending import freeze_again
from llmjobs.holding import price_of, purses_of
from llmjobs.models import LLMJob, LLMJobItem
from llmjobs.outcomes import Outcome, outcome_of
from llmjobs.providers import Result, Verdict

log = structlog.get_logger(__name__)

Stage = LLMJobItem.Stage
#: Results that one transaction takes.
CHUNK = 500
#: The columns that an item's end changes, and those that are emptied besides when it is sent again.
END_FIELDS = (
    *("state", "stage", "reason", "detail", "ring_at", "ended_at", "provider_status", "last_polled_at"),
    *("input_tokens", "cached_tokens", "output_tokens", "cost", "held", "held_on", "price"),
    *("answer", "response", "flagged", "was_kept", "came_late"),
)
AGAIN_FIELDS = (
    *END_FIELDS,
    *("attempts", "next_at", "provider", "way", "model", "tier", "effort", "digest", "most_output_tokens"),
    *("batch", "intent", "provider_task_id", "sending_at", "submitted_at", "polls"),
)
#: What applying a result does not look at; of a batch, which knows when it was sent, nor when its items were.
UNREAD = ("prompt", "response", "answer", "target_label", "estimated_tokens", "created_at", "started_at", "sending_at")
#: Results that nobody has paid for say so.
KEPT = "kept"


class Overtaken(Exception):
    """Somebody else applies the same results, and is further on."""


@dataclass
class Taken:
    """Hold one result with the item that takes it."""

    item: LLMJobItem
    result: Result
    outcome: Outcome
    #: The item had been given up: the answer is kept and paid, and changes nothing.
    is_late: bool
    #: Microdollars, of this sending.
    cost: int = 0


@dataclass
class Stored:
    """Hold what a chunk of results did."""

    #: Items that were moved.
    moved: int = 0
    late: int = 0
    #: Results that no item waits for: doubled, or of an item that was sent again since.
    ignored: int = 0
    #: Items to be sent again.
    again: int = 0

    def __iadd__(self, other: Stored) -> Stored:
        for name in ("moved", "late", "ignored", "again"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self


def apply_results(job_id: Any, results: Mapping[int, Result], *, batch: Any = None, first: Callable[[], None] | None = None) -> Stored:
    """Apply final results, by item, and return what that did; a background item takes only what its present task id says.

    `batch` (a ProviderBatch) is where they come from; `first` is called first in the transaction, and may raise to undo it. Should the
    chunk fail, each result is tried alone, and one that cannot be stored fails its item.
    """
    stored = Stored()
    ids = list(results)
    for start in range(0, len(ids) or 1, CHUNK):
        some = {pk: results[pk] for pk in ids[start : start + CHUNK]}
        try:
            stored += _apply(job_id, some, batch, first)
        except (OperationalError, Overtaken):
            raise
        except Exception:
            # Whatever one answer holds must not keep five hundred others from being stored.
            log.exception("chunk_not_stored", run_id=str(job_id), results=len(some))
            for pk, result in some.items():
                stored += _apply_alone(job_id, pk, result, batch)
            if first is not None:
                with transaction.atomic():
                    first()
        first = None
    return stored


def apply_kept(job_id: Any, answers: Mapping[int, Mapping[str, Any]]) -> Stored:
    """Answer items that wait to be sent by answers that were given before, by item; nothing is asked and nothing is paid."""
    results = {pk: Result("", Verdict.ANSWERED, KEPT, json.dumps(answer)) for pk, answer in answers.items()}
    return apply_results(job_id, results)


def _apply_alone(job_id: Any, pk: int, result: Result, batch: Any) -> Stored:
    try:
        return _apply(job_id, {pk: result}, batch, None)
    except OperationalError:
        raise
    except Exception as error:
        # This is the one: its item tells, and is paid for.
        log.exception("result_not_stored", run_id=str(job_id), item=pk)
        broken = Result(
            result.custom_id, Verdict.FAILED, result.status, usage=result.usage, reason="not_stored", detail=type(error).__name__
        )
        return _apply(job_id, {pk: broken}, batch, None)


def _apply(job_id: Any, results: Mapping[int, Result], batch: Any, first: Callable[[], None] | None) -> Stored:
    from llmjobs.tasks import work_on_job

    with transaction.atomic():
        job = LLMJob.objects.select_for_update().get(pk=job_id)
        if first is not None:
            first()
        purpose = purpose_named(job.purpose)
        now = database_now()
        taken = _taken(job, purpose, results, batch)
        stored = Stored(ignored=len(results) - len(taken))
        _charge(job, taken, now)
        keep([attempt_of(one.item, one.result, one.outcome, one.cost, batch, now) for one in taken if one.result.status != KEPT])
        for one in taken:
            _move(job, purpose, one, now)
            stored.late += one.is_late
            stored.again += one.item.state == State.PENDING
        stored.moved = len(taken)
        decide(job, purpose, {one.item: one.outcome.answer for one in taken if not one.is_late}, now)
        write_fields([one.item for one in taken if one.item.has_ended], END_FIELDS)
        write_fields([one.item for one in taken if not one.item.has_ended], AGAIN_FIELDS)
        if stored.late:
            freeze_again(job.pk)
        if stored.again:
            ring(work_on_job, str(job.pk))
        if taken:
            transaction.on_commit(lambda: wake_sometimes(job.pk), robust=True)
    return stored


def _taken(job: LLMJob, purpose: Purpose, results: Mapping[int, Result], batch: Any) -> list[Taken]:
    """Lock the items and pair each with its result, if it still waits for it."""
    unread = UNREAD if batch is None else (*UNREAD, "submitted_at")
    items = LLMJobItem.objects.select_for_update().filter(job=job, pk__in=results).defer(*unread).order_by("pk")
    pairs = [(item, results[item.pk]) for item in items if _waits_for(item, results[item.pk], batch)]
    return [Taken(item, result, outcome_of(purpose, result), item.has_ended) for item, result in pairs]


def _waits_for(item: LLMJobItem, result: Result, batch: Any) -> bool:
    if result.status == KEPT:
        return item.state == State.PENDING
    if batch is not None:
        is_its_own = item.batch_id == batch.pk
    else:
        is_its_own = item.batch_id is None and bool(item.provider_task_id) and item.provider_task_id == result.custom_id
    was_given_up = item.state in (State.CANCELLED, State.FAILED) and item.stage != Stage.ANSWERED
    return is_its_own and (was_given_up or (item.state == State.RUNNING and item.stage == Stage.PROCESSING))


def _charge(job: LLMJob, taken: Sequence[Taken], now: datetime) -> None:
    """Add what was used to the items, and settle what they held by what they cost, in sums a day."""
    prices = _Prices(now.date())
    sums: dict[date, list[int]] = defaultdict(lambda: [0, 0])
    for one in taken:
        item, usage = one.item, one.result.usage
        item.input_tokens += usage.input_tokens
        item.cached_tokens += usage.cached_tokens
        item.output_tokens += usage.output_tokens
        cost = 0
        if usage.input_tokens or usage.output_tokens:
            price = prices.of(item)
            # Nobody knows its price any more: no less than what was held is sure to be enough.
            cost = price.cost(usage, item.tier or Tier.STANDARD) if price else item.held
        item.cost += cost
        one.cost = cost
        day = sums[item.held_on or now.date()]
        day[0] += item.held
        day[1] += cost
        item.held, item.held_on = 0, None
    for day_of, (held, spent) in sorted(sums.items()):
        if held or spent:
            settle(purses_of(job, day_of), held, spent)


class _Prices:
    """Look prices up once: an item's own, else what its model costs today."""

    def __init__(self, today: date) -> None:
        self._today = today
        self._by_id: dict[Any, ModelPrice] = {}
        self._by_model: dict[tuple[str, str], ModelPrice | None] = {}

    def of(self, item: LLMJobItem) -> ModelPrice | None:
        if item.price_id is not None:
            if item.price_id not in self._by_id:
                self._by_id[item.price_id] = ModelPrice.objects.get(pk=item.price_id)
            return self._by_id[item.price_id]
        key = (item.provider, item.model)
        if key not in self._by_model:
            try:
                self._by_model[key] = price_of(*key, self._today)
            except (UnknownModel, LanguageModel.DoesNotExist):
                self._by_model[key] = None
        item.price = self._by_model[key]
        return item.price


def _move(job: LLMJob, purpose: Purpose, one: Taken, now: datetime) -> None:
    """Set the fields of an item by its result."""
    item, result, outcome = one.item, one.result, one.outcome
    item.response, item.provider_status = result.raw, result.status[:40]
    if result.status == KEPT:
        item.was_kept, item.provider_status = True, ""
    else:
        item.last_polled_at = now
    item.answer = {}
    if outcome.answer is not None:
        item.answer, item.flagged = outcome.answer.model_dump(mode="json"), purpose.is_flagged(outcome.answer)
    if one.is_late:
        item.stage = Stage.ANSWERED
        item.came_late = result.verdict == Verdict.ANSWERED
    elif outcome.answer is not None:
        item.stage = Stage.ANSWERED
        item.after_success(now)
    elif _may_be_sent_again(job, item, result):
        _send_again(job, item, result, outcome, now)
    else:
        item.stage = Stage.ANSWERED
        item.after_refusal(now, reason=outcome.reason, detail=outcome.detail)


def _may_be_sent_again(job: LLMJob, item: LLMJobItem, result: Result) -> bool:
    if result.verdict == Verdict.CUT_SHORT:
        return job.larger_output_tokens is not None and item.most_output_tokens < job.larger_output_tokens
    return result.verdict == Verdict.EXPIRED or (result.verdict == Verdict.FAILED and result.may_resend)


def _send_again(job: LLMJob, item: LLMJobItem, result: Result, outcome: Outcome, now: datetime) -> None:
    """Put an item back into its job's queue; dead when its attempts are used up."""
    if result.verdict == Verdict.CUT_SHORT:
        # Once only: the next time the limit is no larger.
        item.most_output_tokens = job.larger_output_tokens or item.most_output_tokens
        item.after_waiting(now, 0, reason=outcome.reason, detail=f"Asked again with up to {item.most_output_tokens} tokens of answer.")
    else:
        item.after_failure(now, retry_after=None, reason=outcome.reason, detail=outcome.detail)
    if item.has_ended:
        item.stage = Stage.ANSWERED
        return
    if result.verdict == Verdict.EXPIRED:
        _move_to_other(job, item)
    item.stage, item.batch, item.intent = Stage.QUEUED, None, None
    item.provider_task_id = item.provider_status = ""
    item.sending_at = item.submitted_at = item.last_polled_at = item.price = None
    item.polls = 0


def _move_to_other(job: LLMJob, item: LLMJobItem) -> None:
    """Let another provider answer what expired, if the job wants that and does not ask that model anyway."""
    other = job.expired_to
    if not other or (other["provider"], other["model"]) in {(ask["provider"], ask["model"]) for ask in job.asks}:
        return
    item.provider, item.way, item.model = other["provider"], other["way"], other["model"]
    item.tier = Tier.BATCH if item.way == "batch" else Tier.STANDARD
    # What was counted and decided for the other model does not hold for this one.
    item.effort = item.digest = ""
