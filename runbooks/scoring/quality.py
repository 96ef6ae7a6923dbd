"""How desirable a copy is by itself, whatever it costs: 0 to 100."""

from __future__ import annotations

from runbooks.conditions import Grade
from runbooks.scoring.criteria import Criterion, Points
from runbooks.scoring.evidence import Evidence
from runbooks.scoring.wording import binder_said, completeness_said, condition_said, publisher_said

FIRST_YEAR, LAST_YEAR = 1800, 1901

_PUBLISHER_POINTS = {1: 25, 2: 10}
_BINDER_POINTS = {1: 30, 2: 15}
_AUTHOR_POINTS = {1: 15, 2: 10, 3: 5}
_CONDITION_POINTS = {Grade.FINE: 15, Grade.NEAR_FINE: 15, Grade.VERY_GOOD: 10, Grade.GOOD: 10}
_PREFERRED = 10
_DUPLICATE = -30
_MANY_VOLUMES = 5


def quality_score(evidence: Evidence) -> Points:
    """Return how desirable a copy is by itself."""
    return Points.of(
        (
            _publisher(evidence),
            _binder(evidence),
            _both_first_tier(evidence),
            _era(evidence),
            _condition(evidence),
            _completeness(evidence),
            _author(evidence),
            *_preferences(evidence),
            _duplicate(evidence),
            _many_volumes(evidence),
        ),
        most=100,
    )


def _publisher(evidence: Evidence) -> Criterion:
    points = _PUBLISHER_POINTS.get(evidence.publisher.tier or 0, 0) if evidence.publisher else 0
    return Criterion("publisher_tier", "Publisher", points, 25, publisher_said(evidence), is_known=bool(evidence.subject.publisher))


def _binder(evidence: Evidence) -> Criterion:
    points = _BINDER_POINTS.get(evidence.binder.tier or 0, 0) if evidence.binder else 0
    return Criterion("binder_tier", "Binder", points, 30, binder_said(evidence), is_known=bool(evidence.subject.binder))


def _both_first_tier(evidence: Evidence) -> Criterion:
    tiers = [firm.tier if firm else None for firm in (evidence.publisher, evidence.binder)]
    both = tiers == [1, 1]
    why = "publisher and binder are both of tier 1" if both else "publisher and binder are not both of tier 1"
    return Criterion("both_tier_1", "Both of tier 1", 10 if both else 0, 10, why)


def _era(evidence: Evidence) -> Criterion:
    year = evidence.subject.year
    if year is None:
        return Criterion("era", "Romantic or Victorian", 0, 15, "the year is not known", is_known=False)
    why = f"printed in {year}" + (f", {evidence.era}" if evidence.era else "")
    return Criterion("era", "Romantic or Victorian", 15 if FIRST_YEAR <= year <= LAST_YEAR else 0, 15, why)


def _condition(evidence: Evidence) -> Criterion:
    points = _CONDITION_POINTS.get(evidence.grade, 0) if evidence.grade else 0
    return Criterion("condition", "Condition", points, 15, condition_said(evidence), is_known=evidence.grade is not None)


def _completeness(evidence: Evidence) -> Criterion:
    points = 10 if evidence.is_complete else 0
    return Criterion("complete", "Complete", points, 10, completeness_said(evidence), is_known=evidence.is_complete is not None)


def _author(evidence: Evidence) -> Criterion:
    key, label, author = "author_priority", "Author's priority", evidence.author
    if not evidence.subject.author:
        return Criterion(key, label, 0, 15, "no author is named", is_known=False)
    if author is None or author.tier is None:
        return Criterion(key, label, 0, 15, f"{evidence.subject.author} has no priority")
    return Criterion(key, label, _AUTHOR_POINTS.get(author.tier, 0), 15, f"{author.name}, tier {author.tier}")


def _preferences(evidence: Evidence) -> tuple[Criterion, ...]:
    subject = evidence.subject
    return tuple(
        Criterion(
            f"preferred_{kind}",
            f"Preferred {kind}",
            _PREFERRED if is_preferred else 0,
            _PREFERRED,
            f"{name} is {'' if is_preferred else 'not '}among the preferred" if name else f"no {kind} is named",
            is_known=bool(name),
        )
        for kind, name, is_preferred in (
            ("author", subject.author, evidence.prefers_author),
            ("publisher", subject.publisher, evidence.prefers_publisher),
            ("binder", subject.binder, evidence.prefers_binder),
        )
    )


def _duplicate(evidence: Evidence) -> Criterion:
    key, label = "duplicate", "Owned already"
    if evidence.duplicates:
        return Criterion(key, label, _DUPLICATE, 0, f"owned already: {'; '.join(evidence.duplicates[:3])}")
    if evidence.owned_by_author is None:
        return Criterion(key, label, 0, 0, "without an author it cannot be compared with what is owned", is_known=False)
    return Criterion(key, label, 0, 0, "no copy of this title is owned")


def _many_volumes(evidence: Evidence) -> Criterion:
    volumes = evidence.subject.volumes
    # A large set lost points once; readers of this line may still look for that.
    why = f"{volumes} volumes take nothing away" if volumes >= _MANY_VOLUMES else f"{volumes} volume{'s' if volumes != 1 else ''}"
    return Criterion("many_volumes", "Five volumes or more", 0, 0, why)
