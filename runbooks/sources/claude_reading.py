"""What a reader made of a listing's photos and words, with what each claim rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bookops.outbound.sdk_usage import Usage
from runbooks.conditions import Grade
from runbooks.jsonable import jsonable, known_fields


@dataclass(frozen=True, slots=True)
class Claim:
    """Hold one statement and its evidence."""

    text: str
    #: Stored photos that show it.
    image_ids: tuple[str, ...] = ()
    #: Whether the seller says it.
    in_text: bool = False

    @property
    def is_grounded(self) -> bool:
        """Whether it rests on anything."""
        return bool(self.image_ids) or self.in_text


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Hold what the seller says and photos show otherwise."""

    said: str
    seen: str
    image_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MissingPhoto:
    """Hold what cannot be seen, and what to ask the seller."""

    what: str
    question: str


@dataclass(frozen=True, slots=True)
class UnrelatedImage:
    """Hold a photo that does not show the book; to be put aside, not deleted."""

    image_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class PhotoReading:
    """Hold a reading. Its claims are a model's: within bounds, but no more than claims."""

    condition_grade: Grade | None = None
    condition_positives: tuple[Claim, ...] = ()
    condition_negatives: tuple[Claim, ...] = ()
    critical_issues: tuple[Claim, ...] = ()
    #: What it is, by the names of claude_answer.IDENTIFIED; what is not established is not there.
    item_identification: Mapping[str, Claim] = field(default_factory=dict)
    #: As printed; None when it is not established.
    year: int | None = None
    volumes: int | None = None
    #: Whether the work is complete in these volumes; None when it is not established.
    is_complete: bool | None = None
    binding_analysis: str = ""
    contradictions: tuple[Contradiction, ...] = ()
    missing_photos: tuple[MissingPhoto, ...] = ()
    unrelated_images: tuple[UnrelatedImage, ...] = ()
    narrative: str = ""
    #: What of the answer was left out, and why.
    warnings: tuple[str, ...] = ()
    #: Photos that were shown.
    image_ids: tuple[str, ...] = ()
    model: str = ""
    prompt_version: str = ""
    usage: Usage = Usage()  # noqa: RUF009 - frozen

    @property
    def is_binder_signed(self) -> bool:
        """Whether a photo shows the binder's signature; the seller's word is not enough."""
        signature = self.item_identification.get("binder_signature")
        return signature is not None and bool(signature.image_ids)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict with every field."""
        return jsonable(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PhotoReading:
        """Return the reading that `to_json` wrote; keys of later versions are ignored."""
        known = known_fields(cls, data)
        for name, kind in _LISTED.items():
            known[name] = tuple(kind(**known_fields(kind, one)) for one in data.get(name, ()))
        identified = data.get("item_identification", {})
        known["item_identification"] = {name: Claim(**known_fields(Claim, one)) for name, one in identified.items()}
        known["condition_grade"] = Grade(data["condition_grade"]) if data.get("condition_grade") else None
        known["usage"] = Usage(**known_fields(Usage, data.get("usage", {})))
        return cls(**known)


_LISTED: dict[str, Any] = {
    "condition_positives": Claim,
    "condition_negatives": Claim,
    "critical_issues": Claim,
    "contradictions": Contradiction,
    "missing_photos": MissingPhoto,
    "unrelated_images": UnrelatedImage,
}
