"""Review: a person accepts, corrects or rejects what answers propose; some hundred a transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from bookops.bulk import write_fields
from bookops.clock import database_now
from bookops.progress import wake_sometimes
from bookops.purposes import Change, Changes, Purpose, purpose_named
from llmjobs.deciding import answer_of, note_applied, to_json
from llmjobs.models import LLMJob, Proposal

Why = Proposal.Why
#: Proposals decided in one transaction.
CHUNK = 500
_DECIDED = ("state", "why", "changes", "corrected", "applied", "decided_by", "decided_at")


@dataclass
class Reviewed:
    """Count what became of proposals that a person decided about."""

    applied: int = 0
    rejected: int = 0
    #: Changed since they were shown: they wait again, as they are now.
    stale: int = 0
    #: Nothing was left to change: it is so already, or the target or the answer is gone.
    nothing: int = 0
    #: Decided before, by somebody else or by a second click.
    decided: int = 0


def accept(ids: Sequence[int], *, by: Any) -> Reviewed:
    """Write what these proposals say, also into fields that a person settled before; what other models said of the same targets is
    decided with them.
    """
    reviewed = Reviewed()

    def accept_some(job: LLMJob, purpose: Purpose, proposals: Sequence[Proposal]) -> None:
        _apply(job, purpose, _unchanged(job, purpose, proposals, reviewed), reviewed, by)

    _each_chunk(ids, accept_some, reviewed)
    return reviewed


def correct(proposal_id: int, values: Mapping[str, Any], *, by: Any) -> Reviewed:
    """Write what a person says instead of the answer, by field; kept as a measure of the model.

    Raises ValidationError for a field that the answer does not change, and for a value that it cannot have.
    """
    reviewed = Reviewed()

    def correct_it(job: LLMJob, purpose: Purpose, proposals: Sequence[Proposal]) -> None:
        rows = [
            (proposal, target, _righted(purpose, proposal, target, changes, values))
            for proposal, target, changes in _unchanged(job, purpose, proposals, reviewed)
        ]
        _apply(job, purpose, rows, reviewed, by)

    _each_chunk([proposal_id], correct_it, reviewed)
    return reviewed


def reject(ids: Sequence[int], *, by: Any) -> Reviewed:
    """Leave everything as it is."""
    reviewed = Reviewed()

    def reject_some(job: LLMJob, purpose: Purpose, proposals: Sequence[Proposal]) -> None:
        _reject(proposals, by, database_now())
        reviewed.rejected += len(proposals)

    _each_chunk(ids, reject_some, reviewed)
    return reviewed


Row = tuple[Proposal, Any, Changes]


def _each_chunk(
    ids: Sequence[int], decide: Callable[[LLMJob, Purpose, Sequence[Proposal]], None], reviewed: Reviewed
) -> None:  # fmt: skip
    """Hand waiting proposals over, locked, a job's chunk at a time, each in a transaction of its own."""
    by_job: dict[Any, list[int]] = defaultdict(list)
    for job_id, pk in Proposal.objects.filter(pk__in=ids).order_by("target_id", "pk").values_list("job_id", "pk"):
        by_job[job_id].append(pk)
    for job_id, mine in by_job.items():
        for start in range(0, len(mine), CHUNK):
            some = mine[start : start + CHUNK]
            with transaction.atomic():
                job = LLMJob.objects.select_for_update().get(pk=job_id)
                waiting = Proposal.objects.filter(pk__in=some, state=Proposal.State.WAITING)
                proposals = list(waiting.select_for_update(of=("self",)).select_related("item").order_by("pk"))
                reviewed.decided += len(some) - len(proposals)
                decide(job, purpose_named(job.purpose), proposals)
            wake_sometimes(job_id)


def _unchanged(job: LLMJob, purpose: Purpose, proposals: Sequence[Proposal], reviewed: Reviewed) -> list[Row]:
    """Return the proposals that would still do what was shown, with their locked targets; the others are shown again as they are now."""
    targets = _targets(job, purpose, proposals)
    rows: dict[int, Row] = {}
    others = []
    for proposal in proposals:
        if proposal.target_id in rows:
            continue  # what another model said of the same target is decided with the first
        target = targets.get(proposal.target_id)
        is_known = target is not None and proposal.item.answer
        changes = purpose.changes(target, answer_of(purpose, proposal.item), job.label) if is_known else {}
        if changes and to_json(changes) == proposal.changes:
            rows[proposal.target_id] = (proposal, target, changes)
            continue
        others.append(proposal)
        if changes:
            proposal.changes, proposal.why = to_json(changes), Why.STALE
            reviewed.stale += 1
        else:
            proposal.state, proposal.decided_at = Proposal.State.NOTHING, database_now()
            reviewed.nothing += 1
    write_fields(others, _DECIDED)
    return list(rows.values())


def _righted(purpose: Purpose, proposal: Proposal, target: Any, changes: Changes, values: Mapping[str, Any]) -> Changes:
    """Return the changes with a person's values in them, and note those at the proposal."""
    unknown = sorted(set(values) - set(changes))
    if unknown:
        raise ValidationError({unknown[0]: f"The answer changes {', '.join(changes)}."})
    by_hand = {name: purpose.by_hand(target, name, value) for name, value in values.items()}
    proposal.corrected = {name: value for name, value in by_hand.items() if value != changes[name].after}
    return {name: Change(change.before, by_hand.get(name, change.after)) for name, change in changes.items()}


def _apply(job: LLMJob, purpose: Purpose, rows: Sequence[Row], reviewed: Reviewed, by: Any) -> None:
    now = database_now()
    came = purpose.apply([(target, changes) for _, target, changes in rows], job.source, now, by_person=True)
    for (proposal, _, _), applied in zip(rows, came, strict=True):
        note_applied([proposal], applied, now, by=by)
        reviewed.applied += proposal.state == Proposal.State.APPLIED
        reviewed.nothing += proposal.state == Proposal.State.NOTHING
    write_fields([proposal for proposal, _, _ in rows], _DECIDED)
    _decide_others(job, purpose, [proposal for proposal, _, _ in rows], by, now)


def _decide_others(job: LLMJob, purpose: Purpose, accepted: Sequence[Proposal], by: Any, now: datetime) -> None:
    """Decide about what other models said of the same targets: right where it agrees with what was accepted, wrong otherwise."""
    if len(job.asks) < 2:
        return
    by_target = {proposal.target_id: proposal for proposal in accepted}
    others = Proposal.objects.filter(job=job, target_id__in=by_target, state=Proposal.State.WAITING)
    agreeing: list[Proposal] = []
    differing: list[Proposal] = []
    for other in others.select_for_update(of=("self",)).select_related("item").order_by("pk"):
        first = by_target[other.target_id]
        agree = not first.corrected and purpose.gist(answer_of(purpose, other.item)) == purpose.gist(answer_of(purpose, first.item))
        (agreeing if agree else differing).append(other)
    for other in agreeing:
        other.state, other.decided_by, other.decided_at = Proposal.State.APPLIED, by, now
    write_fields(agreeing, _DECIDED)
    _reject(differing, by, now)


def _reject(proposals: Sequence[Proposal], by: Any, now: datetime) -> None:
    for proposal in proposals:
        proposal.state, proposal.decided_by, proposal.decided_at = Proposal.State.REJECTED, by, now
    write_fields(proposals, _DECIDED)


def _targets(job: LLMJob, purpose: Purpose, proposals: Sequence[Proposal]) -> dict[int, Any]:
    ids = {proposal.target_id for proposal in proposals}
    return purpose.targets(job.owner_id).filter(pk__in=ids).select_for_update(of=("self",)).order_by("pk").in_bulk()
