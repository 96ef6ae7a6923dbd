"""Show what a job would ask before it asks: the rendered prompts of a sample of its targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from bookops.purposes import Purpose, purpose_named
from llmjobs.models import LLMJob
from llmjobs.plans import BY_DEFAULT, Plan, Scope, draft, scoped
from llmjobs.questions import Asking

#: Prompts shown at most.
MOST = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """Hold one rendered prompt."""

    target_id: int
    target_label: str
    prompt: str
    #: As estimated, with what it shares with all others.
    tokens: int


@dataclass(frozen=True, slots=True)
class Preview:
    """Hold what a plan comes to: how many targets match now, and some of the prompts."""

    targets: int
    system: str
    schema: dict[str, Any]
    samples: list[Sample]


def preview(owner: Any, purpose_name: str, scope: Scope, plan: Plan = BY_DEFAULT, *, most: int = 5) -> Preview:
    """Render up to `most` prompts, spread evenly over the targets that match now; stores nothing.

    Raises ValidationError by field, as `create_job` does.
    """
    job = draft(owner, purpose_name, plan)
    return preview_of(job, scoped(owner.pk, purpose_named(purpose_name), scope), most=most)


def preview_of(job: LLMJob, targets: models.QuerySet[Any], *, most: int) -> Preview:
    """Render for a job or a draft; a count and `most` reads."""
    asking = Asking.of(job)
    count = targets.count()
    if not count:
        raise ValidationError({"scope": f"Nothing matches: there is no {asking.purpose.target} to ask about."})
    chosen = list(sample(targets.order_by("pk"), count, min(most, MOST)))
    return Preview(count, job.system, dict(asking.schema), rendered(asking, asking.purpose, chosen))


def sample(targets: models.QuerySet[Any], count: int, most: int) -> list[Any]:
    """Return so many of the targets, from the first to the last at even distances."""
    places = sorted({place * count // most for place in range(most)}) if count > most else range(count)
    return [target for place in places for target in targets[place : place + 1]]


def rendered(asking: Asking, purpose: Purpose, targets: Sequence[Any]) -> list[Sample]:
    """Return the prompts of some targets."""
    prompts = [purpose.render(asking.job.template, values) for values in purpose.variables(targets)]
    return [
        Sample(target.pk, str(target)[:300], prompt, asking.tokens(prompt)) for target, prompt in zip(targets, prompts, strict=True)
    ]  # fmt: skip
