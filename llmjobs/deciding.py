"""Decide what becomes of answers: written at once, waiting for a person, or nothing to change.

A job that asks one model follows its policy. One that asks several follows their agreement instead: what all of them say is written, and
what they differ about waits.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from bookops.clock import database_now
from bookops.purposes import Applied, Change, Changes, Purpose, purpose_named
from bookops.runs import ENDED, State
from llmjobs.copying import insert_instances
from llmjobs.models import LLMJob, LLMJobItem, Proposal

Why = Proposal.Why
#: Targets decided about in one transaction.
CHUNK = 500


@dataclass
class Answered:
    """Hold an item with its checked answer and the proposal that comes of it."""

    item: LLMJobItem
    answer: Any
    changes: Changes
    proposal: Proposal


def decide(job: LLMJob, purpose: Purpose, outcomes: Mapping[LLMJobItem, Any], now: datetime) -> None:
    """Make the proposals of items that have just ended, with their answers or None, and write what may be written.

    To be called in a transaction that has locked the job. Items of a target whose other models have not ended yet wait for those.
    """
    groups = [[(item, answer)] for item, answer in outcomes.items() if answer is not None]
    if len(job.asks) > 1:
        groups = list(_whole_groups(job, purpose, outcomes))
    _decide(job, purpose, groups, now)


def decide_rest(job_id: Any) -> int:
    """Decide about targets whose last model ended without an answer, in a job that asks several; return how many.

    One query for a job that asks one, two when there is nothing to decide.
    """
    asks = LLMJob.objects.filter(pk=job_id).values_list("asks", flat=True).first()
    if not asks or len(asks) < 2:
        return 0
    open_siblings = LLMJobItem.objects.filter(job=OuterRef("job"), target_id=OuterRef("target_id")).exclude(state__in=ENDED)
    due = LLMJobItem.objects.filter(~Exists(open_siblings), job=job_id, state=State.SUCCEEDED, proposal=None)
    targets = list(due.values_list("target_id", flat=True).distinct().order_by("target_id")[:CHUNK])
    if not targets:
        return 0
    with transaction.atomic():
        job = LLMJob.objects.select_for_update().get(pk=job_id)
        purpose = purpose_named(job.purpose)
        groups: dict[int, list[tuple[LLMJobItem, Any]]] = defaultdict(list)
        for item in due.filter(target_id__in=targets).defer("prompt", "response").order_by("number"):
            groups[item.target_id].append((item, answer_of(purpose, item)))
        _decide(job, purpose, list(groups.values()), database_now())
    return len(groups)


def answer_of(purpose: Purpose, item: LLMJobItem) -> Any:
    """Return an item's kept answer as the purpose's own type."""
    return purpose.Answer.model_validate_json(json.dumps(item.answer))


def changes_of(kept: Mapping[str, Any]) -> dict[str, Change]:
    """Return changes as a proposal keeps them."""
    return {name: Change.from_json(change) for name, change in kept.items()}


def to_json(changes: Changes) -> dict[str, Any]:
    """Return changes for a proposal to keep."""
    return {name: change.to_json() for name, change in changes.items()}


def agrees(purpose: Purpose, answers: Sequence[Any]) -> bool:
    """Say whether answers have in common what matters."""
    gists = [purpose.gist(answer) for answer in answers]
    return all(gist == gists[0] for gist in gists)


def _whole_groups(
    job: LLMJob, purpose: Purpose, outcomes: Mapping[LLMJobItem, Any]
) -> Iterable[list[tuple[LLMJobItem, Any]]]:  # fmt: skip
    """Yield the answered items of each target of which no item is open any more, but for those that a person has decided about."""
    by_target: dict[int, list[tuple[LLMJobItem, Any]]] = defaultdict(list)
    for item, answer in outcomes.items():
        by_target[item.target_id].append((item, answer if item.has_ended else None))
    is_open = {item.target_id for item in outcomes if not item.has_ended}
    ours = [item.pk for item in outcomes]
    others = LLMJobItem.objects.filter(job=job, target_id__in=by_target).exclude(pk__in=ours).defer("prompt", "response")
    # What waits for a person because another model had no answer then is decided about anew, now that it has.
    for item in others.filter(Q(proposal=None) | Q(proposal__state=Proposal.State.WAITING)):
        if not item.has_ended:
            is_open.add(item.target_id)
        elif item.state == State.SUCCEEDED:
            by_target[item.target_id].append((item, answer_of(purpose, item)))
    for target_id, group in by_target.items():
        answered = sorted(((item, answer) for item, answer in group if answer is not None), key=lambda pair: pair[0].number)
        if answered and target_id not in is_open:
            yield answered


def _decide(job: LLMJob, purpose: Purpose, groups: Sequence[Sequence[tuple[LLMJobItem, Any]]], now: datetime) -> None:
    if not groups:
        return
    ids = {group[0][0].target_id for group in groups}
    targets = purpose.targets(job.owner_id).filter(pk__in=ids).select_for_update(of=("self",)).order_by("pk").in_bulk()
    decided: list[Answered] = []
    to_write: list[tuple[list[Answered], Any, Changes]] = []
    for group in groups:
        target = targets.get(group[0][0].target_id)
        answered = [_propose(job, purpose, target, item, answer, now) for item, answer in group]
        decided += answered
        telling = [one for one in answered if one.changes]
        if not telling:
            continue
        why = _why(job, purpose, target, answered)
        best = max(telling, key=lambda one: one.proposal.confidence or 0)
        if why:
            _let_wait(telling, why)
        else:
            to_write.append((telling, target, best.changes))
            telling.remove(best)
            telling.insert(0, best)
    for (telling, _, _), applied in zip(to_write, _written(job, purpose, to_write, now), strict=True):
        note_applied([one.proposal for one in telling], applied, now)
    if len(job.asks) > 1:
        Proposal.objects.filter(item__in=[one.item.pk for one in decided], state=Proposal.State.WAITING).delete()
    insert_instances([one.proposal for one in decided])


def _propose(job: LLMJob, purpose: Purpose, target: Any, item: LLMJobItem, answer: Any, now: datetime) -> Answered:
    changes = purpose.changes(target, answer, job.label) if target is not None else {}
    # By their ids: Django looks closer at what is given as an instance.
    return Answered(item, answer, changes, Proposal(
        item_id=item.pk, job_id=job.pk, owner_id=job.owner_id, target_id=item.target_id, state=Proposal.State.NOTHING,
        confidence=purpose.confidence(answer), changes=to_json(changes), decided_at=now,
    ))  # fmt: skip


def _why(job: LLMJob, purpose: Purpose, target: Any, answered: Sequence[Answered]) -> str:
    """Return why a person is to look first, "" where nobody need."""
    if any(purpose.version_of(target) != one.item.target_version for one in answered):
        return Why.STALE
    if len(job.asks) > 1:
        if len(answered) < len(job.asks) or not agrees(purpose, [one.answer for one in answered]):
            return Why.DISAGREE
    elif job.policy == "review":
        return Why.POLICY
    elif job.policy == "above" and (answered[0].proposal.confidence or 0) < job.above:
        return Why.UNSURE
    return Why.UNSURE if any(purpose.doubt(target, one.answer) for one in answered) else ""


def _let_wait(answered: Iterable[Answered], why: str) -> None:
    for one in answered:
        one.proposal.state, one.proposal.why, one.proposal.decided_at = Proposal.State.WAITING, why, None


def _written(
    job: LLMJob, purpose: Purpose, to_write: Sequence[tuple[list[Answered], Any, Changes]], now: datetime
) -> list[Applied]:  # fmt: skip
    return purpose.apply([(target, changes) for _, target, changes in to_write], job.source, now) if to_write else []


def note_applied(proposals: Sequence[Proposal], applied: Applied, now: datetime, *, by: Any = None) -> None:
    """Set what came of writing a change that these proposals agree on; what was written is kept with the first."""
    for place, proposal in enumerate(proposals):
        if applied.written == "locked":
            proposal.state, proposal.why, proposal.decided_at = Proposal.State.WAITING, Why.LOCKED, None
            continue
        proposal.state = Proposal.State.APPLIED if applied.changes else Proposal.State.NOTHING
        proposal.applied = to_json(applied.changes) if place == 0 else {}
        proposal.decided_at, proposal.decided_by = now, by
