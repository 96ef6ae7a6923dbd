"""Say beforehand what a job would take: tokens, calls, money by model and tier, and when it would be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Max

from bookops.clock import database_now
from bookops.language_models import LanguageModel, Usage, limit_on, model_on
from bookops.purposes import purpose_named
from bookops.runs import State
from llmjobs.holding import most_cost, price_of
from llmjobs.keeping import kept_answers
from llmjobs.models import LLMJob, LLMJobItem
from llmjobs.plans import BY_DEFAULT, Plan, Scope, draft, scoped
from llmjobs.previewing import MOST, preview_of
from llmjobs.questions import Asking

#: An average is believed from so many answers on.
ENOUGH = 20
#: Newest answers that an average is taken of.
NEWEST = 1000
#: How long an answer takes while nobody has measured it: a background one (a guess), a batch (what providers promise).
UNMEASURED = {"responses": timedelta(minutes=1), "batch": timedelta(hours=24)}
#: Calls of one worker in a second, at a fifth of a second each and 32 at once, half of it lost to the database.
CALLS_A_SECOND = 80


@dataclass(frozen=True, slots=True)
class AskEstimate:
    """Hold what asking one model would take."""

    provider: str
    way: str
    model: str
    tier: str
    requests: int
    #: Calls that send them: one each, or one a batch and one for its file.
    calls: int
    input_tokens: int
    output_tokens: int
    #: Whether the output was measured on this purpose's earlier answers, or is the most that may come.
    output_is_measured: bool
    #: The limit of one answer, and the longest of the earlier ones where those were measured.
    most_output_tokens: int
    longest_output_tokens: int | None
    #: Microdollars: as expected, and the most that is held before anything is sent.
    cost: int
    most_cost: int
    seconds: float

    @property
    def may_be_cut_short(self) -> bool:
        """Say whether an answer as long as one that was measured would pass the limit, and so fail."""
        return self.longest_output_tokens is not None and self.longest_output_tokens > self.most_output_tokens


@dataclass(frozen=True, slots=True)
class Estimate:
    """Hold what a job would take, by model and in all."""

    targets: int
    #: Questions of the samples, to all models, and how many of them are answered from kept answers, without a call.
    looked_at: int
    kept: int
    asks: list[AskEstimate]
    cost: int
    most_cost: int
    #: What it could come to where an unknown background item is sent again, as the job chose.
    most_cost_if_resent: int
    forecast_end: datetime


def estimate(owner: Any, purpose_name: str, scope: Scope, plan: Plan = BY_DEFAULT) -> Estimate:
    """Estimate from 20 rendered samples and the price rows of today; stores nothing.

    Raises ValidationError by field as `create_job` does, and UnknownModel for a model without a price.
    """
    job = draft(owner, purpose_name, plan)
    seen = preview_of(job, scoped(owner.pk, purpose_named(purpose_name), scope), most=MOST)
    tokens = sum(one.tokens for one in seen.samples) / len(seen.samples)
    asks = [_estimate_ask(job, ask, seen.targets, tokens) for ask in job.asks]
    most = sum(ask.most_cost for ask in asks)
    resent = sum(ask.most_cost for ask in asks if ask.way == "responses") if job.unanswered == LLMJob.Unanswered.RESEND else 0
    return Estimate(
        targets=seen.targets,
        looked_at=len(seen.samples) * len(job.asks),
        kept=_kept(job, [one.prompt for one in seen.samples]),
        asks=asks,
        cost=sum(ask.cost for ask in asks),
        most_cost=most,
        most_cost_if_resent=most + resent,
        forecast_end=database_now() + timedelta(seconds=max(ask.seconds for ask in asks)),
    )


def _estimate_ask(job: LLMJob, ask: Mapping[str, Any], targets: int, tokens: float) -> AskEstimate:
    day = database_now().date()
    model, price = model_on(day, ask["provider"], ask["model"]), price_of(ask["provider"], ask["model"], day)
    measured = measured_output(job.purpose, ask)
    output = min(measured.average, ask["most_output_tokens"]) if measured else ask["most_output_tokens"]
    each = price.cost(Usage(round(tokens), round(output)), ask["tier"])
    most_each = most_cost(price, tokens=round(tokens), most_output_tokens=ask["most_output_tokens"], tier=ask["tier"])
    batches = _batches(model, targets, tokens) if ask["way"] == "batch" else 0
    return AskEstimate(
        provider=ask["provider"],
        way=ask["way"],
        model=ask["model"],
        tier=ask["tier"],
        requests=targets,
        calls=2 * batches or targets,
        input_tokens=round(tokens * targets),
        output_tokens=round(output * targets),
        output_is_measured=measured is not None,
        most_output_tokens=ask["most_output_tokens"],
        longest_output_tokens=measured.longest if measured else None,
        cost=each * targets,
        most_cost=most_each * targets,
        seconds=_seconds(job, ask, model, targets, batches),
    )


def _kept(job: LLMJob, prompts: Sequence[str]) -> int:
    """Return how many of the questions with these prompts an answer is kept for. One query."""
    if not job.uses_kept_answers:
        return 0
    asking = Asking.of(job)
    asked = [asking.digest(ask["provider"], ask["model"], ask["effort"], prompt) for ask in job.asks for prompt in prompts]
    kept = set(kept_answers(job).filter(digest__in=asked).values_list("digest", flat=True))
    return sum(digest in kept for digest in asked)


@dataclass(frozen=True, slots=True)
class MeasuredOutput:
    """Hold the output tokens of earlier answers."""

    average: float
    longest: int


def measured_output(purpose: str, ask: Mapping[str, Any]) -> MeasuredOutput | None:
    """Return what a purpose's newest answers by a model took; None while there are too few."""
    answered = LLMJobItem.objects.filter(
        job__purpose=purpose, provider=ask["provider"], model=ask["model"], effort=ask["effort"], state=State.SUCCEEDED, was_kept=False
    )
    newest = answered.order_by("-pk").values("output_tokens")[:NEWEST]
    seen = newest.aggregate(n=Count("*"), average=Avg("output_tokens"), longest=Max("output_tokens"))
    return MeasuredOutput(seen["average"], seen["longest"]) if seen["n"] >= ENOUGH else None


def _batches(model: LanguageModel, targets: int, tokens: float) -> int:
    """Return into how many batches the targets are cut, by requests and by tokens that may wait."""
    limit = limit_on(database_now().date(), model)
    by_requests = -(-targets // (limit.batch_requests or targets))
    by_tokens = -(-round(tokens * targets) // limit.enqueued_tokens) if limit.enqueued_tokens else 1
    return max(by_requests, by_tokens, 1)


def _seconds(job: LLMJob, ask: Mapping[str, Any], model: LanguageModel, targets: int, batches: int) -> float:
    """Return how long asking takes: sending at the pace of the slower of us and the model's limit, then one answer's time."""
    answer = measured_answer_time(ask) or UNMEASURED[ask["way"]]
    limit = limit_on(database_now().date(), model)
    if batches:
        # What the queue has no room for waits for those before it.
        in_turn = batches if limit.enqueued_tokens else 1
        return answer.total_seconds() * in_turn + settings.POLL_SECONDS
    pace = min(CALLS_A_SECOND, (limit.requests_per_minute or CALLS_A_SECOND * 60) / 60)
    return targets / pace + answer.total_seconds() + settings.POLL_SECONDS


def measured_answer_time(ask: Mapping[str, Any]) -> timedelta | None:
    """Return the average time from sending to the answer of a model's newest items; None while there are too few."""
    took = ExpressionWrapper(F("ended_at") - F("submitted_at"), output_field=DurationField())
    answered = LLMJobItem.objects.filter(
        provider=ask["provider"], way=ask["way"], model=ask["model"], state=State.SUCCEEDED, submitted_at__isnull=False, was_kept=False
    )
    newest = answered.annotate(took=took).order_by("-pk").values("took")[:NEWEST]
    seen = newest.aggregate(n=Count("*"), average=Avg("took"))
    return seen["average"] if seen["n"] >= ENOUGH else None


def forecast_end(job: LLMJob) -> datetime | None:
    """Return when a job that has begun would end, at the pace at which its items have ended so far; None while none has."""
    ended = LLMJobItem.objects.filter(job=job, state__in=[State.SUCCEEDED, State.FAILED, State.DEAD], submitted_at__isnull=False)
    seen = ended.aggregate(n=Count("*"), last=Max("ended_at"))
    left = LLMJobItem.objects.filter(job=job).unfinished().count()
    if not seen["n"] or job.submitted_at is None or not left:
        return None
    each = (seen["last"] - job.submitted_at) / seen["n"]
    return database_now() + each * left
