"""What the lines of several scores say of the same facts."""

from __future__ import annotations

from runbooks.reference import Named
from runbooks.scoring.evidence import Evidence
from runbooks.scoring.prices import Price


def publisher_said(evidence: Evidence) -> str:
    """Say who published it and in which tier."""
    return _firm_said(evidence.publisher, evidence.subject.publisher, "publisher")


def binder_said(evidence: Evidence) -> str:
    """Say who bound it and in which tier."""
    return _firm_said(evidence.binder, evidence.subject.binder, "binder")


def completeness_said(evidence: Evidence) -> str:
    """Say whether all volumes are there."""
    volumes = evidence.subject.volumes
    if evidence.is_complete is None:
        return f"nobody says whether all {volumes} volumes are there"
    if evidence.is_complete:
        return "complete in one volume" if volumes <= 1 else f"complete in {volumes} volumes"
    return "not a complete set"


def condition_said(evidence: Evidence) -> str:
    """Say which grade it has, or what could not be read as one."""
    if evidence.grade:
        return evidence.grade.label
    written = evidence.subject.condition
    return f"“{written}” is no grade that is known" if written else "no condition is given"


def distance_said(price: Price) -> str:
    """Say how far from the fair market value is asked, or why that is not known."""
    below = price.percent_below
    if below is None:
        return price.why_unknown
    percent = f"{abs(below).normalize():f} %"
    if not below:
        return "at the fair market value"
    return f"{percent} {'below' if below > 0 else 'above'} the fair market value"


def _firm_said(found: Named | None, written: str, kind: str) -> str:
    if found:
        return f"{found.name}, tier {found.tier}" if found.tier else f"{found.name}, without a tier"
    return f"{written} is not among the listed {kind}s" if written else f"no {kind} is named"
