"""How well a copy fits what its owner collects, whatever it costs: 0 to 100."""

from __future__ import annotations

from runbooks.scoring.criteria import Criterion, Points
from runbooks.scoring.evidence import Evidence

_REQUIRED_PUBLISHER = 40
_NEW_AUTHOR, _SECOND_WORK = 30, 15
_COMPLETES_SET = 25
_GOAL = 20


def fit_score(evidence: Evidence) -> Points:
    """Return how well a copy fits a collection."""
    return Points.of((_requirement(evidence), _author(evidence), _set(evidence), _goal(evidence)), most=100)


def _requirement(evidence: Evidence) -> Criterion:
    key, label = "required_publisher", "The author's required publisher"
    subject, required = evidence.subject, " or ".join(evidence.required_publishers)
    if not subject.author:
        return Criterion(key, label, 0, _REQUIRED_PUBLISHER, "no author is named", is_known=False)
    if not required:
        # Nothing is asked, so nothing is met: otherwise nearly every book would have these points.
        return Criterion(key, label, 0, _REQUIRED_PUBLISHER, f"no publisher is required of {subject.author}")
    if not subject.publisher:
        return Criterion(key, label, 0, _REQUIRED_PUBLISHER, f"{required} is required, and no publisher is named", is_known=False)
    if evidence.meets_requirement:
        return Criterion(key, label, _REQUIRED_PUBLISHER, _REQUIRED_PUBLISHER, f"{subject.author} by {required}, as required")
    return Criterion(key, label, 0, _REQUIRED_PUBLISHER, f"{required} is required, this is by {subject.publisher}")


def _author(evidence: Evidence) -> Criterion:
    key, label, owned = "author_owned", "Author in the collection", evidence.owned_by_author
    if owned is None:
        return Criterion(key, label, 0, _NEW_AUTHOR, "no author is named", is_known=False)
    points = {0: _NEW_AUTHOR, 1: _SECOND_WORK}.get(owned, 0)
    counted = {0: "no book", 1: "one book"}.get(owned, f"{owned} books")
    return Criterion(key, label, points, _NEW_AUTHOR, f"{counted} by {evidence.subject.author} owned")


def _set(evidence: Evidence) -> Criterion:
    found = evidence.completion
    return Criterion(
        "completes_set", "Completes a set", _COMPLETES_SET if found.completes else 0, _COMPLETES_SET, found.why, is_known=found.is_known
    )


def _goal(evidence: Evidence) -> Criterion:
    why = f"advances {'; '.join(evidence.goals)}" if evidence.goals else "advances no goal that is set"
    return Criterion("goal", "Advances a goal", _GOAL if evidence.goals else 0, _GOAL, why)
