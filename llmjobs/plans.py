"""What a job is to ask, and of what: scope and plan, checked by field before anything is stored."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from bookops.clock import database_now
from bookops.doors import asks_sandbox
from bookops.language_models import LanguageModel, Tier, UnknownModel, model_on
from bookops.purposes import Purpose, WrongTemplate, purpose_named
from llmjobs.models import LLMJob

ScopeKind = LLMJob.ScopeKind

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


def draft(owner: Any, purpose_name: str, plan: Plan, *, job_id: uuid.UUID | None = None) -> LLMJob:
    """Return a job that is not stored, with all that the plan leaves open filled in; raises ValidationError by field."""
    purpose = _purpose(purpose_name)
    system, template = _one_line_end(plan.system or purpose.system), _one_line_end(plan.template or purpose.template)
    try:
        purpose.check_template(template)
    except WrongTemplate as error:
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
        system=system,
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
        sandbox=asks_sandbox(),
    )
    job.clean_fields(exclude=["owner", "scope_kind", "id"])
    if not 0 <= job.above <= 1:
        raise ValidationError({"above": "A confidence is between 0 and 1."})
    return job


def _one_line_end(text: str) -> str:
    """Return text as it is asked, whoever sent it: a browser ends lines in two characters, and so the same words would be paid again."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


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


def _purpose(name: str) -> Purpose:
    try:
        return purpose_named(name)
    except KeyError as error:
        raise ValidationError({"purpose": str(error.args[0])}) from None
