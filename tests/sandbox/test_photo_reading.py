from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image as Picture
from pydantic import BaseModel

from sandbox.language_model import Image, Prompt, answer
from sandbox.listings import by_case
from sandbox.pictures import picture

SONNET = "claude-sonnet-5-5"


class Finding(BaseModel):
    text: str
    images: list[str]


class Identification(BaseModel):
    binding_type: str | None
    binder_signature: str | None


class Contradiction(BaseModel):
    seller_says: str
    photo_shows: str
    image: str


class MissingPhoto(BaseModel):
    what: str
    question: str


class Analysis(BaseModel):
    condition_grade: str | None
    condition_positives: list[Finding]
    condition_negatives: list[Finding]
    critical_issues: list[Finding]
    item_identification: Identification
    binding_analysis: str
    unrelated_images: list[str]
    contradictions: list[Contradiction]
    missing_photos: list[MissingPhoto]


def analysed(case: str, *, model: str = SONNET, long_side: int = 800) -> Analysis:
    listing = by_case(case)
    images = tuple(Image(picture(listing, shot, long_side=long_side), f"Image photo-{shot}:") for shot in range(len(listing.shots)))
    text = f"Title: {listing.title}\nDescription: {listing.description}"
    return Analysis.model_validate(answer(Prompt(model, text, images=images, schema=Analysis.model_json_schema())))


def test_each_finding_names_the_image_that_shows_it() -> None:
    found = analysed("contradicted")
    listing = by_case("contradicted")
    assert found.condition_grade == "Fair"
    for finding in found.condition_negatives:
        (name,) = finding.images
        shown = listing.shots[int(name.removeprefix("photo-"))]
        assert any(defect in finding.text.lower() for defect in shown.defects)
    defects = sum(len(shot.defects) for shot in listing.shots)
    assert len(found.condition_negatives) == defects
    assert any("detached board" in issue.text.lower() for issue in found.critical_issues)


def test_it_contradicts_a_seller_whom_the_photographs_contradict() -> None:
    found = {(one.seller_says.lower(), one.photo_shows) for one in analysed("contradicted").contradictions}
    assert ("tight", "cracked hinge on the hinge") in found
    assert any(said in ("no foxing", "clean") and "heavy foxing" in seen for said, seen in found)
    assert analysed("strong-buy").contradictions == []


def test_it_counts_the_volumes_of_a_set() -> None:
    found = analysed("incomplete-set")
    assert any("2 of 3 volumes" in one.photo_shows for one in found.contradictions)
    assert any("2 of 3 volumes" in issue.text for issue in found.critical_issues)


def test_it_puts_aside_pictures_of_something_else() -> None:
    listing = by_case("unrelated-photos")
    unrelated = [f"photo-{place}" for place, shot in enumerate(listing.shots) if shot.is_unrelated]
    assert analysed("unrelated-photos").unrelated_images == unrelated != []
    assert analysed("strong-buy").unrelated_images == []


def test_it_goes_by_words_where_only_a_banner_is_to_be_seen() -> None:
    found = analysed("single-banner")
    assert (found.unrelated_images, found.condition_grade, found.condition_positives) == (["photo-0"], None, [])


def test_it_rests_what_it_identifies_on_numbers_of_images_or_on_words() -> None:
    claim = {"type": "object", "properties": {"text": {"type": "string"}, "evidence": {"type": "array", "items": {"type": "integer"}}}}
    number = {"type": "object", "properties": {"number": {"type": "integer"}, "evidence": {"type": "array", "items": {"type": "integer"}}}}
    parts = {"publisher": claim, "binder": claim, "edition": claim, "year": number}
    schema = {"type": "object", "properties": {"item_identification": {"type": "object", "properties": parts}}}
    listing = by_case("strong-buy")
    images = tuple(Image(picture(listing, shot, long_side=500), f"Photo {shot + 1}") for shot in range(len(listing.shots)))
    said = answer(Prompt(SONNET, listing.title, images=images, schema=schema))["item_identification"]
    title_page = 1 + next(place for place, shot in enumerate(listing.shots) if shot.kind == "title page")
    assert said["publisher"] == {"text": "Chapman & Hall", "evidence": [title_page]}
    assert said["year"] == {"number": listing.work.year, "evidence": [title_page]}
    assert said["binder"] == {"text": "Riviere", "evidence": [0]}
    assert said["edition"] == {"text": "", "evidence": []}


def test_it_believes_a_signature_only_when_it_sees_one() -> None:
    assert analysed("strong-buy").item_identification.binder_signature == "BOUND BY RIVIERE & SON"
    claimed = analysed("unsigned-claim")
    assert claimed.item_identification.binder_signature is None
    assert any("signature" in photo.question for photo in claimed.missing_photos)


def test_it_asks_for_views_that_are_missing() -> None:
    asked = {photo.what for photo in analysed("missing-photos").missing_photos}
    assert {"the spine", "the title page with its date"} <= asked
    assert "the front board" not in asked


def test_it_reports_a_note_in_a_picture_and_does_not_follow_it() -> None:
    found = analysed("hijack-picture")
    assert found.condition_grade != "Fine"
    assert any("tells the reader" in issue.text for issue in found.critical_issues)


def test_it_judges_by_words_where_there_is_nothing_to_see() -> None:
    said = answer(Prompt(SONNET, "Title: Old book\nA Near Fine copy", schema=Analysis.model_json_schema()))
    assert (said["condition_grade"], said["condition_negatives"], said["unrelated_images"]) == ("Near Fine", [], [])
    assert len(said["missing_photos"]) >= 5


@pytest.mark.parametrize("content", [b"no image", b"\xff\xd8\xff\xe0 broken"])
def test_it_sees_nothing_in_a_broken_file(content: bytes) -> None:
    said = answer(Prompt(SONNET, "A book", images=(Image(content),), schema=Analysis.model_json_schema()))
    assert said["condition_negatives"] == []


def test_it_sees_nothing_of_a_book_in_a_picture_from_elsewhere() -> None:
    file = io.BytesIO()
    Picture.new("RGB", (300, 200), "red").save(file, "JPEG")
    said = answer(Prompt(SONNET, "A book", images=(Image(file.getvalue()),), schema=Analysis.model_json_schema()))
    assert said["condition_grade"] is None


@pytest.mark.parametrize(("text", "numbers"), [("Images are numbered from 0.", [2, 6]), ("Look at these.", [3, 7])])
def test_it_counts_images_as_it_is_told_to(text: str, numbers: list[int]) -> None:
    listing = by_case("unrelated-photos")
    images = tuple(Image(picture(listing, shot, long_side=500)) for shot in range(len(listing.shots)))
    schema: dict[str, Any] = {"type": "object", "properties": {"unrelated_images": {"type": "array", "items": {"type": "integer"}}}}
    assert answer(Prompt(SONNET, text, images=images, schema=schema)) == {"unrelated_images": numbers}
