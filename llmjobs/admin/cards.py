"""What a person is shown of a proposal: each field before and after, why it waits, and what other models said of the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.urls import NoReverseMatch, reverse
from pydantic import ValidationError as WrongAnswer

from bookops.book_purpose import words_of
from bookops.purposes import Changes, Purpose, all_purposes
from llmjobs.deciding import answer_of
from llmjobs.models import LLMJobItem, Proposal

#: Letters from which a text gets several lines to be corrected in.
SEVERAL_LINES = 60


@dataclass(frozen=True, slots=True)
class FieldShown:
    """Hold one field of a proposal."""

    name: str
    before: str
    after: str
    #: What it is now, where that is not what it was when the proposal was made.
    now: str | None
    #: What was written instead by a person.
    corrected: str | None
    #: How it is typed: "switch", "lines", "text" or "word"; and what stands there to begin with.
    kind: str
    typed: str

    @property
    def label(self) -> str:
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class OtherSaid:
    """Hold what another model said of the same target."""

    item: LLMJobItem
    #: {field: value} that it would write; empty where it would change nothing or has no answer.
    fields: Mapping[str, str]
    confidence: float | None
    agrees: bool | None


@dataclass(frozen=True, slots=True)
class Card:
    """Hold what a person decides about."""

    proposal: Proposal
    item: LLMJobItem
    purpose_label: str
    #: Where the target is shown; "" where it is gone or has no page.
    target_address: str
    is_gone: bool
    fields: list[FieldShown]
    #: What the answer says beside its changes, such as notes.
    remarks: list[tuple[str, str]]
    others: list[OtherSaid] = field(default_factory=list)


def card_of(proposal: Proposal) -> Card:
    """Return one proposal's card."""
    return cards_of([proposal])[0]


def cards_of(proposals: Iterable[Proposal]) -> list[Card]:
    """Return cards in the order of the proposals, which have their item and job selected. Two queries a job."""
    proposals = list(proposals)
    by_job: dict[Any, list[Proposal]] = defaultdict(list)
    for proposal in proposals:
        by_job[proposal.job_id].append(proposal)
    cards: dict[int, Card] = {}
    for mine in by_job.values():
        cards |= _cards_of_job(mine)
    return [cards[proposal.pk] for proposal in proposals]


def corrections(proposal: Proposal, posted: Mapping[str, str]) -> dict[str, Any]:
    """Return what a person typed into the fields of a card that differs from the answer; raises ValidationError where nothing does."""
    values: dict[str, Any] = {}
    for name, change in proposal.changes.items():
        words = posted.get(f"field-{name}")
        if words is None or (words := words.replace("\r\n", "\n")) == _typed(change["after"]):
            continue
        kind = _kind(change["after"])
        lines = [line.strip() for line in words.splitlines() if line.strip()]
        values[name] = lines if kind == "lines" else words == "true" if kind == "switch" else words
    if not values:
        raise ValidationError("Nothing was typed that differs from the answer: accept it instead.")
    return values


def shown(value: Any) -> str:
    """Return a value as people read it; "" for nothing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return words_of(value)


def _cards_of_job(proposals: list[Proposal]) -> dict[int, Card]:
    job = proposals[0].job
    purpose = all_purposes().get(job.purpose)
    ids = {proposal.target_id for proposal in proposals}
    targets = purpose.targets(job.owner_id).in_bulk(ids) if purpose else {}
    siblings: dict[int, list[LLMJobItem]] = defaultdict(list)
    if len(job.asks) > 1:
        asked = LLMJobItem.objects.filter(job=job, target_id__in=ids).select_related("proposal").defer("prompt", "response")
        for item in asked.order_by("number"):
            siblings[item.target_id].append(item)
    return {proposal.pk: _card(proposal, purpose, targets.get(proposal.target_id), siblings[proposal.target_id]) for proposal in proposals}


def _card(proposal: Proposal, purpose: Purpose | None, target: Any, siblings: list[LLMJobItem]) -> Card:
    answer = _answer(purpose, proposal.item)
    fresh = purpose.changes(target, answer, proposal.job.label) if purpose and target is not None and answer is not None else {}
    kept = proposal.applied or proposal.changes
    return Card(
        proposal,
        proposal.item,
        purpose.label if purpose else proposal.job.purpose,
        _address_of(target),
        target is None,
        [_field(proposal, name, change, fresh) for name, change in kept.items()],
        [(name, shown(value)) for name, value in proposal.item.answer.items() if name not in kept and name != "confidence"],
        [_other(purpose, answer, item) for item in siblings if item.pk != proposal.item_id],
    )


def _field(proposal: Proposal, name: str, change: Mapping[str, Any], fresh: Changes) -> FieldShown:
    is_moved = proposal.state == Proposal.State.WAITING and name in fresh and fresh[name].before != change["before"]
    after = change["after"]
    return FieldShown(
        name,
        shown(change["before"]),
        shown(proposal.changes.get(name, change)["after"]),
        shown(fresh[name].before) if is_moved else None,
        shown(proposal.corrected[name]) if name in proposal.corrected else None,
        _kind(after),
        _typed(after),
    )


def _typed(value: Any) -> str:
    """Return what stands in a field before somebody types."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "\n".join(_names(value)) if isinstance(value, list) else words_of(value)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "switch"
    if isinstance(value, list):
        return "lines"
    return "text" if isinstance(value, str) and (len(value) > SEVERAL_LINES or "\n" in value) else "word"


def _names(values: Iterable[Any]) -> list[str]:
    return [str(one["name"]) if isinstance(one, Mapping) and "name" in one else str(one) for one in values]


def _other(purpose: Purpose | None, answer: Any, item: LLMJobItem) -> OtherSaid:
    proposal = getattr(item, "proposal", None)
    theirs = _answer(purpose, item)
    return OtherSaid(
        item,
        {name.replace("_", " "): shown(change["after"]) for name, change in (proposal.changes if proposal else {}).items()},
        proposal.confidence if proposal else None,
        purpose.gist(theirs) == purpose.gist(answer) if purpose and theirs is not None and answer is not None else None,
    )


def _answer(purpose: Purpose | None, item: LLMJobItem) -> Any:
    """Return an item's answer; None where there is none, or where it has been forgotten."""
    if purpose is None or not item.answer:
        return None
    try:
        return answer_of(purpose, item)
    except WrongAnswer:  # kept under an earlier schema
        return None


def _address_of(target: Any) -> str:
    if target is None:
        return ""
    try:
        return reverse(f"admin:{target._meta.app_label}_{target._meta.model_name}_change", args=[target.pk])
    except NoReverseMatch:
        return ""
