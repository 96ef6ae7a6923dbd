"""What a person can do with a job: views, admin actions and commands each make one of these calls."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, QuerySet

from bookops.clock import database_now
from bookops.dispatch import ring
from bookops.language_models import LanguageModel, Tier, UnknownModel, model_on
from bookops.purposes import Purpose, UnknownVariable, purpose_named
from bookops.runs import BROKEN, ENDED, OPEN, State
from llmjobs.attempts import keep_given_up
from llmjobs.ending import end
from llmjobs.models import JobScope, LLMJob, LLMJobItem

ScopeKind = LLMJob.ScopeKind
Stage = LLMJob.Stage

#: Targets of one job; more are another job.
MOST_TARGETS = 100_000
#: Up to so many ids are named to the database; beyond, reading all that the owner has takes a sixth of the time.
FEW_IDS = 1_000
#: Each target asked of so many models at most.
MOST_ASKS = 4
PRIORITIES = {"low": -10, "normal": 0, "high": 10}


@dataclass(frozen=True, slots=True)
class Scope:
    """Hold which targets a job is about: named ones, those that match a filter, or all there are now."""

    kind: str = ScopeKind.ALL
    ids: tuple[int, ...] = ()
    filters: Mapping[str, Any] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return what the job keeps of it for people."""
        return (
            {"ids": len(self.ids)}
            if self.kind == ScopeKind.IDS
            else {"filters": {name: str(value) for name, value in self.filters.items()}}
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold how a job is to ask, and what it is to do with the answers; empty values are the purpose's own."""

    label: str = ""
    system: str = ""
    template: str = ""
    #: [{"provider", "way", "model", "effort", "tier", "most_output_tokens"}], each with any of these.
    asks: tuple[Mapping[str, Any], ...] = ()
    policy: str = ""
    above: float | None = None
    priority: int = 0
    #: Microdollars.
    cap: int | None = None
    uses_kept_answers: bool = True
    #: Render the prompts, but send nothing until somebody resumes the job.
    starts_paused: bool = False
    larger_output_tokens: int | None = None
    unanswered: str = LLMJob.Unanswered.HOLD
    expired_to: Mapping[str, str] = field(default_factory=dict)


#: A purpose's own way.
BY_DEFAULT = Plan()


def create_job(owner: Any, purpose_name: str, scope: Scope, plan: Plan = BY_DEFAULT, *, job_id: uuid.UUID | None = None) -> LLMJob:
    """Freeze the scope and begin; a worker renders the items. Four short queries and one read of ids, however many there are.

    Raises ValidationError by field for an unknown purpose, variable, filter or model, a retired model, and a scope without targets.
    """
    job = draft(owner, purpose_name, plan, job_id=job_id)
    job.scope_kind, job.scope = scope.kind, scope.told()
    ids = targets_of(owner.pk, purpose_named(purpose_name), scope)
    job.total_items = len(ids) * len(job.asks)
    job.ring_at = database_now() + timedelta(seconds=settings.RING_AGAIN_SECONDS)
    with transaction.atomic():
        job.save(force_insert=True)
        JobScope.objects.create(job=job, number=0, ids=ids)
        job.record("created", total=job.total_items, purpose=job.purpose, label=job.label)
        _ring(job)
    return job


def draft(owner: Any, purpose_name: str, plan: Plan, *, job_id: uuid.UUID | None = None) -> LLMJob:
    """Return a job that is not stored, with all that the plan leaves open filled in; raises ValidationError by field."""
    purpose = _purpose(purpose_name)
    template = plan.template or purpose.template
    try:
        purpose.check_template(template)
    except UnknownVariable as error:
        raise ValidationError({"template": str(error)}) from None
    if plan.policy not in ("", "apply", "above", "review"):
        raise ValidationError({"policy": "A policy is apply, above or review."})
    if plan.cap is not None and plan.cap < 0:
        raise ValidationError({"cap": "A cap is not negative."})
    asks = asks_of(purpose, plan.asks)
    longest = max(ask["most_output_tokens"] for ask in asks)
    if plan.larger_output_tokens:
        longest = plan.larger_output_tokens
        _asks_again("larger_output_tokens", purpose, [{**ask, "most_output_tokens": longest} for ask in asks])
    expired_to: dict[str, Any] = {}
    if plan.expired_to:
        # An item takes its limit of output tokens along.
        [other] = _asks_again("expired_to", purpose, [{**plan.expired_to, "most_output_tokens": longest}])
        expired_to = {name: other[name] for name in ("provider", "way", "model")}
    job = LLMJob(
        pk=job_id or uuid.uuid4(),
        owner=owner,
        purpose=purpose.name,
        label=(plan.label or purpose.label)[:200],
        system=plan.system or purpose.system,
        template=template,
        asks=asks,
        policy=plan.policy or purpose.defaults.policy,
        above=purpose.defaults.above if plan.above is None else plan.above,
        priority=plan.priority,
        cap=plan.cap,
        uses_kept_answers=plan.uses_kept_answers,
        paused_at=database_now() if plan.starts_paused else None,
        larger_output_tokens=plan.larger_output_tokens,
        unanswered=plan.unanswered,
        expired_to=expired_to,
        sandbox=settings.SOURCES == "sandbox",
    )
    job.clean_fields(exclude=["owner", "scope_kind", "id"])
    if not 0 <= job.above <= 1:
        raise ValidationError({"above": "A confidence is between 0 and 1."})
    return job


def asks_of(purpose: Purpose, wanted: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return whom to ask, each with the purpose's defaults; raises ValidationError for a model that may not be asked."""
    defaults = purpose.defaults
    if len(wanted) > MOST_ASKS:
        raise ValidationError({"asks": f"A target is asked of {MOST_ASKS} models at most."})
    asks = []
    for one in wanted or ({},):
        ask = {
            "provider": one.get("provider") or defaults.provider,
            "way": one.get("way") or (defaults.way if one.get("provider") in (None, "", defaults.provider) else "batch"),
            "model": one.get("model") or defaults.model,
            "effort": one.get("effort") or defaults.effort,
            "tier": one.get("tier") or defaults.tier,
            "most_output_tokens": one.get("most_output_tokens") or defaults.most_output_tokens,
        }
        if ask["way"] == "batch":
            ask["tier"] = Tier.BATCH
        _check_ask(ask)
        asks.append(ask)
    if len({(ask["provider"], ask["model"]) for ask in asks}) < len(asks):
        raise ValidationError({"asks": "The same model is named twice."})
    return asks


def _asks_again(field_name: str, purpose: Purpose, wanted: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return how items that came to nothing are asked once more; raises ValidationError under the name of what the plan says of it."""
    try:
        return asks_of(purpose, wanted)
    except ValidationError as error:
        raise ValidationError({field_name: error.messages}) from None


def _check_ask(ask: Mapping[str, Any]) -> LanguageModel:
    from llmjobs.doors import ways

    if (ask["provider"], ask["way"]) not in ways():
        there_are = ", ".join(f"{provider} by {way}" for provider, way in sorted(ways()))
        raise ValidationError({"asks": f"Nobody answers as {ask['provider']} by {ask['way']}. There are: {there_are}."})
    try:
        model = model_on(database_now().date(), ask["provider"], ask["model"])
    except UnknownModel as error:
        raise ValidationError({"asks": str(error)}) from None
    if ask["effort"] and ask["effort"] not in model.efforts:
        raise ValidationError({"asks": f"{model} knows no effort {ask['effort']}. There are: {', '.join(model.efforts) or 'none'}."})
    if ask["tier"] not in Tier.values:
        raise ValidationError({"asks": f"No tier {ask['tier']}. There are: {', '.join(Tier.values)}."})
    if not 1 <= ask["most_output_tokens"] <= model.most_output_tokens:
        raise ValidationError({"asks": f"{model} answers with 1 to {model.most_output_tokens} tokens."})
    return model


def scoped(owner_id: Any, purpose: Purpose, scope: Scope) -> QuerySet[Any]:
    """Return the targets that a scope means now; raises ValidationError for a filter that cannot be read."""
    targets = purpose.targets(owner_id)
    try:
        if scope.kind == ScopeKind.IDS:
            return targets.filter(pk__in=scope.ids)
        if scope.kind == ScopeKind.FILTERS:
            return purpose.filtered(targets, scope.filters)
    except (ValueError, TypeError) as error:
        raise ValidationError({"scope": str(error)}) from None
    return targets


def targets_of(owner_id: Any, purpose: Purpose, scope: Scope) -> list[int]:
    """Return the ids that a scope freezes, in ascending order; raises ValidationError when there are none, or too many."""
    if scope.kind == ScopeKind.IDS and len(scope.ids) > FEW_IDS:
        wanted = set(scope.ids)
        ids = [pk for pk in purpose.targets(owner_id).order_by("pk").values_list("pk", flat=True) if pk in wanted]
    else:
        ids = list(scoped(owner_id, purpose, scope).order_by("pk").values_list("pk", flat=True)[: MOST_TARGETS + 1])
    if not ids:
        raise ValidationError({"scope": f"Nothing matches: there is no {purpose.target} to ask about."})
    if len(ids) > MOST_TARGETS:
        raise ValidationError({"scope": f"More than {MOST_TARGETS:,} {purpose.target}s match. Narrow the filter, or make several jobs."})
    return ids


def append(job: LLMJob, scope: Scope) -> int:
    """Add targets to a job that has sent nothing yet and return how many items that makes; raises ValidationError for any other job."""
    ids = targets_of(job.owner_id, purpose_named(job.purpose), scope)
    with transaction.atomic():
        job = LLMJob.objects.select_for_update().get(pk=job.pk)
        if job.state not in OPEN or job.submitted_at or job.deleted_at:
            raise ValidationError("Only a job that has sent nothing yet can be added to. Clone it for the rest.")
        scopes = list(job.scopes.all())
        known = {one for there in scopes for one in there.ids}
        new = [one for one in ids if one not in known]
        if not new:
            return 0
        if len(known) + len(new) > MOST_TARGETS:
            raise ValidationError({"scope": f"A job has {MOST_TARGETS:,} targets at most. Make another for the rest."})
        items = len(new) * len(job.asks)
        JobScope.objects.create(job=job, number=len(scopes), ids=new)
        LLMJob.objects.filter(pk=job.pk).update(total_items=F("total_items") + items)
        # One that had been rendered is rendered on.
        rendered = LLMJob.objects.filter(pk=job.pk, state=State.RUNNING, stage=Stage.WORKING)
        rendered.update(state=State.PENDING, stage=Stage.RENDERING, next_at=database_now())
        job.record("appended", items=items)
        _ring(job)
    return items


def clone(job: LLMJob, *, label: str = "", job_id: uuid.UUID | None = None) -> LLMJob:
    """Begin a new job that asks the same about the same targets, those that are gone left out."""
    ids = tuple(one for scope in job.scopes.all() for one in scope.ids)
    plan = Plan(
        label=label or f"{job.label} (again)"[:200],
        system=job.system,
        template=job.template,
        asks=tuple(job.asks),
        policy=job.policy,
        above=job.above,
        priority=job.priority,
        cap=job.cap,
        uses_kept_answers=False,
        larger_output_tokens=job.larger_output_tokens,
        unanswered=job.unanswered,
        expired_to=job.expired_to,
    )
    return create_job(job.owner, job.purpose, Scope(ScopeKind.IDS, ids), plan, job_id=job_id)


def pause(job: LLMJob) -> bool:
    """Submit no more of a job; what is at a provider is still polled. False when it is paused already or has ended."""
    if not LLMJob.objects.filter(pk=job.pk, state__in=OPEN, paused_at=None).update(paused_at=database_now()):
        return False
    job.refresh_from_db()
    job.record("paused")
    return True


def resume(job: LLMJob) -> bool:
    """Go on with a paused job, whoever paused it; False when it is not."""
    with transaction.atomic():
        paused = LLMJob.objects.select_for_update().filter(pk=job.pk, state__in=OPEN, deleted_at=None).exclude(paused_at=None).first()
        if paused is None:
            return False
        if paused.submitted_at:
            # Of the job's own time none has passed. What is at a provider goes on being worked on and asked for, so that its time has.
            paused.paused_for += database_now() - max(paused.paused_at, paused.submitted_at)
        LLMJob.objects.filter(pk=job.pk).update(paused_at=None, paused_for=paused.paused_for, reason="", detail="")
        job.refresh_from_db()
        job.record("resumed")
        _ring(job)
    return True


def change_cap(job: LLMJob, cap: int | None) -> None:
    """Set what a job may spend (microdollars, None for no cap but its owner's); what was parked for it is tried again."""
    with transaction.atomic():
        LLMJob.objects.filter(pk=job.pk).update(cap=cap)
        job.refresh_from_db()
        job.record("cap_changed", cap=cap)
        _ring(job)


def change_priority(job: LLMJob, priority: int) -> None:
    """Have a job sent and polled before those of a smaller number."""
    LLMJob.objects.filter(pk=job.pk).update(priority=priority)
    job.refresh_from_db()
    job.record("priority_changed", priority=priority)


def retry_failed(job: LLMJob) -> int:
    """Send every failed and dead item round again and return how many."""
    return _send_round(job, LLMJobItem.objects.filter(job=job))


def retry_items(job: LLMJob, ids: Sequence[int]) -> int:
    """Send chosen failed or dead items round again; a job that had ended is open again."""
    return _send_round(job, LLMJobItem.objects.filter(job=job, pk__in=ids))


def _send_round(job: LLMJob, chosen: Any) -> int:
    with transaction.atomic():
        job = LLMJob.objects.select_for_update().get(pk=job.pk)
        if job.state == State.CANCELLED or job.deleted_at:
            return 0
        # What was never rendered has no prompt to send; what still holds money is let go of by the sweeper first.
        broken = chosen.filter(state__in=BROKEN, held=0).exclude(prompt="")
        keep_given_up(broken, database_now())
        sent = broken.retry(**UNSENT)
        if not sent:
            return 0
        LLMJob.objects.filter(pk=job.pk, state__in=ENDED).update(
            state=State.RUNNING, stage=Stage.WORKING, ended_at=None, totals={}, reason="", detail="",
            reopenings=F("reopenings") + 1, submitted_at=None, paused_for=timedelta(),
        )  # fmt: skip
        job.refresh_from_db()
        job.record("retried", items=sent)
        _ring(job)
    return sent


#: What an item is that is to be sent anew.
UNSENT: Mapping[str, Any] = {
    "stage": LLMJobItem.Stage.QUEUED,
    "batch": None,
    "intent": None,
    "provider_task_id": "",
    "provider_status": "",
    "sending_at": None,
    "submitted_at": None,
    "last_polled_at": None,
    "polls": 0,
}


def cancel(job: LLMJob) -> bool:
    """Stop a job: nothing more is sent, and what is at a provider ends here at once; its provider work is cancelled by the poller.

    What is answered all the same is kept and counted as paid, never applied. False when it has ended already.
    """
    with transaction.atomic():
        job = LLMJob.objects.select_for_update().get(pk=job.pk)
        if job.state in ENDED:
            return False
        items = LLMJobItem.objects.filter(job=job)
        never_sent = items.filter(sending_at=None).cancel(reason="cancelled", detail="Job cancelled before submission")
        items.exclude(sending_at=None).cancel(reason="cancelled", detail="Cancelled while at the provider")
        job.record("cancelled", skipped=never_sent)
        end(job, State.CANCELLED, items.aggregates(), "", "")
        _ring(job)
    return True


def delete_job(job: LLMJob) -> None:
    """Hide a job and stop its provider work; retention takes the rest."""
    cancel(job)
    LLMJob.objects.filter(pk=job.pk, deleted_at=None).update(deleted_at=database_now(), unseen_change=False)


def mark_seen(job: LLMJob) -> None:
    """Note that its owner has seen how it stands."""
    LLMJob.objects.filter(pk=job.pk).update(unseen_change=False)


def unseen_count(owner: Any) -> int:
    """Count an owner's jobs with changes nobody has looked at."""
    return LLMJob.objects.owned_by(owner).filter(unseen_change=True).count()


def _purpose(name: str) -> Purpose:
    try:
        return purpose_named(name)
    except KeyError as error:
        raise ValidationError({"purpose": str(error.args[0])}) from None


def _ring(job: LLMJob) -> None:
    from llmjobs.tasks import work_on_job

    ring(work_on_job, str(job.pk))
