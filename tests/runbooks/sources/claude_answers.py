"""Answers in the form that Claude is asked for, and what is asked."""

from __future__ import annotations

import json
from typing import Any

from runbooks.sources.claude import PhotoQuestion, ShownPhoto
from runbooks.sources.claude_answer import IDENTIFIED
from runbooks.sources.records import ListingFacts

MODEL = "claude-sonnet-5-5"


def claim(text: str = "", *evidence: int) -> dict[str, Any]:
    return {"text": text, "evidence": list(evidence)}


def answered(**changes: Any) -> dict[str, Any]:
    """Return an answer that establishes nothing, with some parts changed; identification is changed part by part."""
    identification = {name: claim() for name in IDENTIFIED} | {"completeness": {"verdict": "UNKNOWN", "evidence": []}}
    lists = ("condition_positives", "condition_negatives", "critical_issues", "contradictions", "missing_photos", "unrelated_images")
    answer: dict[str, Any] = {name: [] for name in lists}
    answer |= {"condition_grade": "GOOD", "binding_analysis": "Full calf.", "analysis_narrative": "A sound copy."}
    answer["item_identification"] = identification | changes.pop("identified", {})
    return answer | changes


def message(answer: dict[str, Any] | str, stop_reason: str = "end_turn", **changes: Any) -> dict[str, Any]:
    """Return a message of the API around an answer."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": text}],
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 9_000, "output_tokens": 800, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20},
    } | changes


def listing(**changes: Any) -> ListingFacts:
    told = {"title": "Dickens OUR MUTUAL FRIEND 2 vols Riviere", "description": "Full morocco by Riviere.", "seller": "a_seller"}
    return ListingFacts(**{"item_id": "v1|1|0", "legacy_id": "1", "url": "https://www.ebay.com/itm/1", **told, **changes})


def question(photos: int = 3, **changes: Any) -> PhotoQuestion:
    shown = tuple(ShownPhoto(f"id-{number}", b"\xff\xd8photo", "image/jpeg", 700, 840) for number in range(1, photos + 1))
    return PhotoQuestion(**{"listing": listing(), "model": MODEL, "photos": shown} | changes)
