"""What a book is bound in, as far as it moves its price."""

from __future__ import annotations

import re
from enum import StrEnum


class Binding(StrEnum):
    """Name the classes of bindings that are not worth the same."""

    FULL_LEATHER = "full leather"
    HALF_LEATHER = "half leather"
    CLOTH = "cloth"
    PAPER = "paper"


_IMITATION = re.compile(
    r"\b(?:faux|imitation|bonded|simulated|artificial|vegan|pu)[ -](?:leather|morocco|calf)\b"
    r"|\bleather(?:ette|oid|[ -](?:style|look|like|effect))\b"
)
_LEATHER = re.compile(
    r"\b(?:leather(?:[ -]?bound)?|morocco|calf(?:skin)?|vellum|levant|roan|sheep(?:skin)?|goat(?:skin)?|pigskin|russia)\b"
)
_HALF = re.compile(
    r"\b(?:half|quarter|three[ -]quarters?|3/4|1/2|1/4|¾|½|¼)[ -]?"
    r"(?:bound\b|(?:\w+[ -]){0,2}(?:leather|morocco|calf|vellum|roan|sheep|russia|levant)\b)"
)
_CLOTH = re.compile(r"\b(?:cloth|buckram|linen|canvas)\b")
_PAPER = re.compile(r"\b(?:paperback|softcover|soft cover|wraps|wrappers|paper boards|paper-covered|original parts)\b")

#: What a copy in half leather brings of what it would bring in full morocco: 50 to 60 %.
HALF_OF_FULL = 55


def binding_of(text: str) -> Binding | None:
    """Return the class of the binding that a text describes; None when it says nothing that decides ("Hardcover")."""
    text = _IMITATION.sub(" imitation ", text.lower())
    if _HALF.search(text):
        return Binding.HALF_LEATHER
    if _LEATHER.search(text):
        return Binding.FULL_LEATHER
    if _CLOTH.search(text):
        return Binding.CLOTH
    return Binding.PAPER if _PAPER.search(text) else None


def is_leather(text: str) -> bool:
    """Return whether a text describes real leather, whole or in part."""
    return binding_of(text) in (Binding.FULL_LEATHER, Binding.HALF_LEATHER)


def leather_word(text: str) -> str:
    """Return the leather that one searches for: "morocco", "calf" or "vellum"; "" where the text names none of them."""
    found = re.search(r"\b(morocco|calf|vellum)", _IMITATION.sub(" ", text.lower()))
    return found[1] if found else ""


def suggested_percent(ours: str, theirs: str) -> int | None:
    """Return what per cent of a comparable's price its binding suggests for ours; None where there is no rule.

    A person decides whether to apply it.
    """
    match binding_of(ours), binding_of(theirs):
        case Binding.HALF_LEATHER, Binding.FULL_LEATHER:
            return HALF_OF_FULL
        case Binding.FULL_LEATHER, Binding.HALF_LEATHER:
            return round(10_000 / HALF_OF_FULL)
    return None
