"""All that a score is computed from, the price aside: what is known of a copy, looked up once and kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbooks.completing import NO_VOLUME, Completion, completion
from runbooks.conditions import Grade
from runbooks.jsonable import jsonable, known_fields
from runbooks.naming import SAME_TITLE, title_likeness
from runbooks.reference import Goal, Named, Reference
from runbooks.subject import HeldCopy, Holdings, Subject
from runbooks.volumes import part_of, volume_numbers


@dataclass(frozen=True, slots=True)
class Evidence:
    """Hold what reference data and holdings said of a copy when it was looked up, so that it can be scored again without them."""

    subject: Subject
    #: None for one that is not listed; what the listing wrote is in the subject.
    publisher: Named | None = None
    binder: Named | None = None
    #: With the owner's tier.
    author: Named | None = None
    #: The era's name, "" for a year that is not known.
    era: str = ""
    grade: Grade | None = None
    #: None for a set of which nobody says whether it is complete.
    is_complete: bool | None = None
    #: The publishers that the owner wants this author by; none for an author without a requirement.
    required_publishers: tuple[str, ...] = ()
    meets_requirement: bool = False
    prefers_author: bool = False
    prefers_publisher: bool = False
    prefers_binder: bool = False
    #: How many owned copies are by this author; None when the author is not known.
    owned_by_author: int | None = None
    #: Titles of owned copies of the same work.
    duplicates: tuple[str, ...] = ()
    completion: Completion = NO_VOLUME
    #: Labels of the goals that it advances.
    goals: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict with every field."""
        return jsonable(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evidence:
        """Return what `to_json` wrote; keys of other versions are ignored."""
        known = known_fields(cls, data)
        for name in ("publisher", "binder", "author"):
            known[name] = Named(**known_fields(Named, data[name])) if data.get(name) else None
        known["grade"] = Grade(data["grade"]) if data.get("grade") else None
        if data.get("completion"):
            known["completion"] = Completion(**known_fields(Completion, data["completion"]))
        return cls(**known | {"subject": Subject.from_json(data["subject"])})


def look_up(subject: Subject, reference: Reference, holdings: Holdings) -> Evidence:
    """Return what is to be known of a subject for its score."""
    wishes = reference.wishes
    era = reference.era(subject.year)
    required = tuple(
        wish.publisher for wish in wishes.requirements if subject.author and reference.is_same_author(subject.author, wish.author)
    )
    others = holdings.besides(subject.key).copies
    by_author = [copy for copy in others if subject.author and reference.is_same_author(subject.author, copy.author)]
    return Evidence(
        subject=subject,
        publisher=reference.publisher(subject.publisher),
        binder=reference.binder(subject.binder),
        author=reference.author(subject.author),
        era=era.name if era else "",
        grade=reference.grade(subject.condition),
        is_complete=_is_complete(subject),
        required_publishers=required,
        meets_requirement=any(reference.is_same_publisher(subject.publisher, name) for name in required),
        prefers_author=any(reference.is_same_author(subject.author, name) for name in wishes.preferred_authors),
        prefers_publisher=any(reference.is_same_publisher(subject.publisher, name) for name in wishes.preferred_publishers),
        prefers_binder=any(reference.is_same_binder(subject.binder, name) for name in wishes.preferred_binders),
        owned_by_author=len(by_author) if subject.author else None,
        duplicates=tuple(copy.title for copy in by_author if _is_same_work(subject, copy)),
        completion=completion(subject, by_author),
        goals=tuple(goal.label for goal in wishes.goals if _advances(subject, goal, reference)),
    )


def _is_complete(subject: Subject) -> bool | None:
    if part_of(subject.title):
        # Though its seller calls it so: "Volume II, complete with all plates".
        return False
    if subject.is_complete is not None:
        return subject.is_complete
    # A work in one volume is whole.
    return True if subject.volumes <= 1 else None


def _is_same_work(subject: Subject, copy: HeldCopy) -> bool:
    ours, theirs = volume_numbers(subject.title), volume_numbers(copy.title)
    # Volumes 1 and 2 of a set have one title and are no duplicates.
    if ours and theirs and ours.isdisjoint(theirs):
        return False
    return title_likeness(subject.title, copy.title) >= SAME_TITLE


def _advances(subject: Subject, goal: Goal, reference: Reference) -> bool:
    said = []
    if goal.author:
        said.append(reference.is_same_author(subject.author, goal.author))
    if goal.publisher:
        said.append(reference.is_same_publisher(subject.publisher, goal.publisher))
    if goal.binder:
        said.append(reference.is_same_binder(subject.binder, goal.binder))
    if goal.first_year is not None or goal.last_year is not None:
        year = subject.year
        said.append(year is not None and (goal.first_year or year) <= year <= (goal.last_year or year))
    return bool(said) and all(said)
