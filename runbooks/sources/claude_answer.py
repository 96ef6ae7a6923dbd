"""The form that a model must answer in, and how an answer becomes a reading: within bounds, its photo numbers turned into stored ids."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from bookops.outbound.errors import BadAnswer
from runbooks.conditions import Grade
from runbooks.sources.claude_reading import Claim, Contradiction, MissingPhoto, PhotoReading, UnrelatedImage
from runbooks.sources.claude_text import tidy, without_addresses

MOST_ITEMS = 20
#: What an answer calls the seller's text where it names evidence.
SELLERS_WORDS = 0
#: The first are Gutenberg's.
YEARS = range(1450, 2101)
VOLUMES = range(1, 301)
_BOUNDS = {"publication_year": YEARS, "volumes": VOLUMES}
#: A whole number that stands by itself: in "c. 1865", not in "1e300", "-4" or "1.5".
_NUMBER = re.compile(r"(?<![\w.,+-])\d{1,9}(?![\w]|[.,]\d)")


def _cut(most: int) -> BeforeValidator:
    """Cut a text or a list instead of refusing an answer that is paid for."""

    def cut(value: Any) -> Any:
        if isinstance(value, str):
            return tidy(without_addresses(tidy(value, most)), most)
        return value[:most] if isinstance(value, list) else value

    return BeforeValidator(cut)


def _grade(value: Any) -> Any:
    """Return a grade as the list has it: "Very Good" is VERY_GOOD."""
    if not isinstance(value, str):
        return value
    spelled = value.strip().upper().replace(" ", "_").replace("-", "_")
    return spelled if spelled in Grade.__members__ else "UNKNOWN"


_Words = Annotated[str, _cut(300), Field(max_length=300)]
_Question = Annotated[str, _cut(400), Field(max_length=400)]
_Paragraph = Annotated[str, _cut(1_500), Field(max_length=1_500)]
_Page = Annotated[str, _cut(2_500), Field(max_length=2_500)]
#: Numbers of photos, from 1; SELLERS_WORDS for the text.
_Evidence = Annotated[list[int], _cut(MOST_ITEMS), Field(max_length=MOST_ITEMS)]


class _Claim(BaseModel):
    text: _Words
    evidence: _Evidence


class _Completeness(BaseModel):
    verdict: Literal["COMPLETE", "INCOMPLETE", "UNKNOWN"]
    evidence: _Evidence


class _Identification(BaseModel):
    title: _Claim
    author: _Claim
    publisher: _Claim
    edition: _Claim
    publication_year: _Claim
    volumes: _Claim
    completeness: _Completeness
    binder: _Claim
    binder_signature: _Claim
    binding_type: _Claim
    binding_color: _Claim
    decorative_elements: _Claim
    illustrations: _Claim
    estimated_age: _Claim


class _Contradiction(BaseModel):
    said: _Words
    seen: _Words
    evidence: _Evidence


class _MissingPhoto(BaseModel):
    what: _Words
    question: _Question


class _UnrelatedImage(BaseModel):
    photo: int
    reason: _Words


_Claims = Annotated[list[_Claim], _cut(MOST_ITEMS), Field(max_length=MOST_ITEMS)]


class Answer(BaseModel):
    """Report on one copy of a book."""  # the model reads this, too

    condition_grade: Annotated[Literal["FINE", "NEAR_FINE", "VERY_GOOD", "GOOD", "FAIR", "POOR", "UNKNOWN"], BeforeValidator(_grade)]
    condition_positives: _Claims
    condition_negatives: _Claims
    critical_issues: _Claims
    item_identification: _Identification
    contradictions: Annotated[list[_Contradiction], _cut(MOST_ITEMS), Field(max_length=MOST_ITEMS)]
    missing_photos: Annotated[list[_MissingPhoto], _cut(MOST_ITEMS), Field(max_length=MOST_ITEMS)]
    unrelated_images: Annotated[list[_UnrelatedImage], _cut(MOST_ITEMS), Field(max_length=MOST_ITEMS)]
    binding_analysis: _Paragraph
    analysis_narrative: _Page


#: What is identified.
IDENTIFIED = tuple(_Identification.model_fields)


def reading_of(text: str, image_ids: Sequence[str], *, has_text: bool = True) -> PhotoReading:
    """Return the reading in an answer's text; `image_ids` are the stored ids of the photos in the order they were shown.

    Raises BadAnswer for what is not JSON of the form asked for; within the form, what goes beyond a bound is left out or cut.
    """
    try:
        answer = Answer.model_validate(json.loads(text))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))[:100]
        raise BadAnswer(f"{error.error_count()} faults, the first at {place}: {first['type']}", reason="unexpected_shape") from None
    except (ValueError, RecursionError):
        raise BadAnswer(f"broken JSON ({len(text)} characters)", reason="bad_json") from None
    return _Reader(image_ids, has_text).reading(answer)


class _Reader:
    """Turn the numbers of one answer's photos into ids, and note what had to be left out."""

    def __init__(self, image_ids: Sequence[str], has_text: bool) -> None:
        self._image_ids = image_ids
        self._has_text = has_text
        #: In the order they came up, each once.
        self._warnings: dict[str, None] = {}

    def reading(self, answer: Answer) -> PhotoReading:
        identified = self._identified(answer.item_identification)
        verdict = identified.get("completeness")
        return PhotoReading(
            condition_grade=Grade.__members__.get(answer.condition_grade),
            condition_positives=self._claims(answer.condition_positives),
            condition_negatives=self._claims(answer.condition_negatives),
            critical_issues=self._claims(answer.critical_issues),
            item_identification=identified,
            year=_number_in(identified.get("publication_year")),
            volumes=_number_in(identified.get("volumes")),
            is_complete=None if verdict is None else verdict.text == "COMPLETE",
            binding_analysis=answer.binding_analysis,
            contradictions=tuple(
                Contradiction(one.said, one.seen, self._ids(one.evidence)) for one in answer.contradictions if one.said and one.seen
            ),
            missing_photos=tuple(MissingPhoto(one.what, one.question) for one in answer.missing_photos if one.what),
            unrelated_images=self._unrelated(answer),
            narrative=answer.analysis_narrative,
            image_ids=tuple(self._image_ids),
            warnings=tuple(self._warnings),  # last: the lines above warn
        )

    def _identified(self, named: _Identification) -> dict[str, Claim]:
        """Return what is established: said, resting on something, and a number within its bounds where it is one."""
        verdict = named.completeness
        claims = {name: self._claim(getattr(named, name)) for name in IDENTIFIED if name != "completeness"}
        claims["completeness"] = self._resting("" if verdict.verdict == "UNKNOWN" else verdict.verdict, verdict.evidence)
        established = {}
        for name, claim in claims.items():
            if not claim.text:
                continue
            if not claim.is_grounded:
                self._warn(f"{name} rests on nothing")
            elif name in _BOUNDS and _number_in(claim) not in _BOUNDS[name]:
                self._warn(f"{name} is out of bounds")
            else:
                established[name] = claim
        return established

    def _claims(self, claims: Iterable[_Claim]) -> tuple[Claim, ...]:
        return tuple(self._claim(claim) for claim in claims if claim.text)

    def _claim(self, claim: _Claim) -> Claim:
        return self._resting(claim.text, claim.evidence)

    def _resting(self, text: str, evidence: Sequence[int]) -> Claim:
        return Claim(text, self._ids(evidence), in_text=self._has_text and SELLERS_WORDS in evidence)

    def _ids(self, numbers: Iterable[int]) -> tuple[str, ...]:
        """Return the ids of photos by their numbers, each once.

        A model counts what it sees: counted in any other list, one that was not shown makes every later number mean another photo.
        """
        found: dict[str, None] = {}
        for number in numbers:
            if 1 <= number <= len(self._image_ids):
                found[self._image_ids[number - 1]] = None
            elif number != SELLERS_WORDS:
                self._warn("a photo was named that was not shown")
        return tuple(found)

    def _unrelated(self, answer: Answer) -> tuple[UnrelatedImage, ...]:
        """Return the photos to put aside, without those that a claim rests on: who relies on a photo cannot call it unrelated."""
        relied_on = set(self._ids(_evidence_in(answer)))
        unrelated: dict[str, str] = {}
        for one in answer.unrelated_images:
            for image_id in self._ids([one.photo]):
                if image_id in relied_on:
                    self._warn("a photo was called unrelated that claims rest on")
                else:
                    unrelated.setdefault(image_id, one.reason)
        return tuple(UnrelatedImage(image_id, reason) for image_id, reason in unrelated.items())

    def _warn(self, words: str) -> None:
        self._warnings[words] = None


def _evidence_in(answer: Answer) -> Iterator[int]:
    """Yield every number that a claim about the copy rests on."""
    named = answer.item_identification
    for name in type(named).model_fields:
        yield from getattr(named, name).evidence
    claims: list[_Claim | _Contradiction] = [*answer.condition_positives, *answer.condition_negatives, *answer.contradictions]
    for claim in claims:
        yield from claim.evidence


def _number_in(claim: Claim | None) -> int | None:
    found = _NUMBER.search(claim.text) if claim else None
    return int(found[0]) if found else None
