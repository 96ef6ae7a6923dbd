"""Words of strangers on their way to a model, and a model's on their way back: cut, cleaned, fenced in.

Cleaning is the second wall. The first is that an answer is data within bounds, whatever the words have done to the model.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from runbooks.sources.records import ListingFacts

MOST_TITLE = 300
MOST_DESCRIPTION = 8_000
MOST_ASPECTS = 30

#: Control, format, surrogate, private, unassigned.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACES = re.compile(r"[^\S\n]+")
_LINE_ENDS = re.compile(r" ?\n ?")
_EMPTY_LINES = re.compile(r"\n{3,}")
#: Of an answer: no question asks for an address, and one could only lead its reader astray.
_ADDRESS = re.compile(r"\b(?:https?|ftp|javascript|data)\s?:\S*|\bwww\.\S+", re.IGNORECASE)
_ORDER = re.compile(
    r"```+|</?\s*(?:system|assistant|user|human|instructions?|prompt|listing)\b[^>]{0,80}>|^\s*(?:system|assistant|human)\s*:"
    r"|\b(?:ignore|disregard|forget)\b[^.\n]{0,40}\b(?:previous|prior|above|earlier|preceding)\b[^.\n]{0,40}\b(?:instructions?|prompts?|rules?|messages?)\b",
    re.IGNORECASE | re.MULTILINE,
)


def tidy(text: str, most: int) -> str:
    """Return at most so many characters without control, direction, zero-width and half characters, and without needless space."""
    # Ten times over, so that a text padded with nothing does not cost more than one that is not.
    spaced = _SPACES.sub(" ", text[: most * 10])
    kept = "".join(one for one in spaced if one == "\n" or unicodedata.category(one) not in _UNSEEN)
    return _EMPTY_LINES.sub("\n\n", _LINE_ENDS.sub("\n", _SPACES.sub(" ", kept))).strip()[:most].rstrip()


def without_addresses(text: str) -> str:
    """Return a text with every web address in it named as removed."""
    return _ADDRESS.sub("[address removed]", text)


def disarmed(text: str, most: int) -> str:
    """Return a tidy text without what usually begins an order to a model: fences, role tags, "ignore previous instructions"."""
    return tidy(_ORDER.sub(" [removed] ", tidy(text, most)), most)


def fenced(listing: ListingFacts) -> str:
    """Return what a seller says, as JSON between tags that nothing in it can close; neither who they are nor what they ask."""
    said: dict[str, Any] = {
        "title": disarmed(listing.title, MOST_TITLE),
        "subtitle": disarmed(listing.subtitle, MOST_TITLE),
        "category": disarmed(listing.category_path, MOST_TITLE),
        "condition": disarmed(listing.condition, MOST_TITLE),
        "condition_description": disarmed(listing.condition_description, 2 * MOST_TITLE),
        "item_specifics": {disarmed(name, 80): disarmed(value, MOST_TITLE) for name, value in list(listing.aspects.items())[:MOST_ASPECTS]},
        "description": disarmed(listing.description, MOST_DESCRIPTION),
    }
    written = json.dumps({name: value for name, value in said.items() if value}, ensure_ascii=False).replace("<", "\\u003c")
    return f"<listing>\n{written}\n</listing>"
