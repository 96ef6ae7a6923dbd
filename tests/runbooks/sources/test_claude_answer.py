from __future__ import annotations

import json

import pytest

from bookops.outbound.errors import BadAnswer
from bookops.outbound.sdk_usage import Usage
from runbooks.conditions import Grade
from runbooks.sources.claude_answer import IDENTIFIED, MOST_ITEMS, reading_of
from runbooks.sources.claude_reading import PhotoReading
from tests.runbooks.sources.claude_answers import answered, claim

IDS = ("11", "22", "33")


def read(has_text: bool = True, image_ids=IDS, **changes) -> PhotoReading:
    return reading_of(json.dumps(answered(**changes)), image_ids, has_text=has_text)


def test_numbers_of_photos_become_the_ids_they_are_stored_by():
    reading = read(condition_negatives=[claim("foxing", 3, 1, 3)])
    assert reading.condition_negatives[0].image_ids == ("33", "11")
    assert reading.image_ids == IDS


def test_photos_that_were_not_shown_are_left_out_and_said():
    reading = read(condition_negatives=[claim("foxing", 4, -1, 2, 10**30)])
    assert reading.condition_negatives[0].image_ids == ("22",)
    assert reading.warnings == ("a photo was named that was not shown",)


def test_numbers_count_the_photos_shown_not_those_of_the_listing():
    # The trap: of a listing's 20 photos the model saw three, and its "2" means the second of those.
    reading = read(image_ids=("7", "19", "20"), unrelated_images=[{"photo": 2, "reason": "a shop's banner"}])
    assert [(one.image_id, one.reason) for one in reading.unrelated_images] == [("19", "a shop's banner")]


def test_what_rests_on_nothing_is_not_identified():
    reading = read(identified={"author": claim("Dickens"), "title": claim("Our Mutual Friend", 9), "publisher": claim("Chapman", 0)})
    assert list(reading.item_identification) == ["publisher"]
    assert {"author rests on nothing", "title rests on nothing"} <= set(reading.warnings)


def test_a_binder_is_signed_only_where_a_photo_shows_it():
    assert read(identified={"binder_signature": claim("BOUND BY RIVIERE", 2)}).is_binder_signed
    assert not read(identified={"binder_signature": claim("BOUND BY RIVIERE", 0)}).is_binder_signed
    assert not read(identified={"binder": claim("Riviere", 2)}).is_binder_signed
    assert not read(identified={"binder_signature": claim("", 2)}).is_binder_signed


@pytest.mark.parametrize(
    ("said", "grade"),
    [
        ("VERY_GOOD", Grade.VERY_GOOD),
        ("Very Good", Grade.VERY_GOOD),
        ("near-fine", Grade.NEAR_FINE),
        ("UNKNOWN", None),
        ("superb", None),
        ("", None),
    ],
)
def test_a_grade_is_one_of_the_list_however_it_is_spelled(said, grade):
    assert read(condition_grade=said).condition_grade is grade


@pytest.mark.parametrize(
    ("said", "year"),
    [("1865", 1865), ("c. 1865", 1865), ("1830-33", 1830), ("", None), ("1449", None), ("2101", None), ("1e300", None), ("9" * 300, None)],
)
def test_a_year_is_one_in_which_books_were_printed(said, year):
    reading = read(identified={"publication_year": claim(said, 1)})
    assert reading.year == year
    assert ("publication_year" in reading.item_identification) is (year is not None)


@pytest.mark.parametrize(
    ("said", "volumes"),
    [("2", 2), ("300", 300), ("3 (I-III)", 3), ("301", None), ("-2", None), ("0", None), ("1.5", None), ("1,000", None), ("two", None)],
)
def test_volumes_are_within_bounds(said, volumes):
    reading = read(identified={"volumes": claim(said, 0)})
    assert reading.volumes == volumes
    assert ("volumes is out of bounds" in reading.warnings) is (volumes is None)


@pytest.mark.parametrize(
    ("verdict", "evidence", "is_complete"),
    [("COMPLETE", [1], True), ("INCOMPLETE", [0], False), ("UNKNOWN", [1], None), ("COMPLETE", [], None), ("COMPLETE", [9], None)],
)
def test_completeness_needs_evidence(verdict, evidence, is_complete):
    assert read(identified={"completeness": {"verdict": verdict, "evidence": evidence}}).is_complete is is_complete


def test_a_photo_that_claims_rest_on_is_not_unrelated():
    reading = read(
        condition_negatives=[claim("foxing", 1)],
        unrelated_images=[{"photo": 1, "reason": "another book"}, {"photo": 2, "reason": "banner"}, {"photo": 2, "reason": "again"}],
    )
    assert [(one.image_id, one.reason) for one in reading.unrelated_images] == [("22", "banner")]
    assert "a photo was called unrelated that claims rest on" in reading.warnings


def test_contradictions_name_what_is_said_and_seen():
    reading = read(
        contradictions=[
            {"said": "no foxing", "seen": "foxing on the title page", "evidence": [0, 3]},
            {"said": "", "seen": "x", "evidence": []},
        ]
    )
    assert [(one.said, one.seen, one.image_ids) for one in reading.contradictions] == [("no foxing", "foxing on the title page", ("33",))]


def test_missing_photos_come_with_a_question_for_the_seller():
    reading = read(missing_photos=[{"what": "the title page", "question": "Could you photograph the title page?"}])
    assert [(one.what, one.question) for one in reading.missing_photos] == [("the title page", "Could you photograph the title page?")]


def test_long_texts_and_lists_are_cut_because_the_answer_is_paid_for():
    reading = read(analysis_narrative="word " * 100_000, condition_positives=[claim("x" * 5_000, 1)] * 2_000, binding_analysis="y" * 9_999)
    assert len(reading.narrative) <= 2_500 and len(reading.binding_analysis) == 1_500
    assert len(reading.condition_positives) == MOST_ITEMS and len(reading.condition_positives[0].text) == 300


def test_no_address_comes_through():
    lure = "Pay at https://attacker.example/pay or www.attacker.example, javascript:alert(1), ht\u200btps://attacker.example"
    reading = read(analysis_narrative=lure, missing_photos=[{"what": lure, "question": lure}], critical_issues=[claim(lure, 1)])
    assert "attacker" not in json.dumps(reading.to_json()) and "javascript" not in json.dumps(reading.to_json())


def test_letters_that_hide_or_break_things_are_left_out():
    assert read(analysis_narrative="a\x00b\u202ec\u200bd\ud800e\r\nf").narrative == "abcde\nf"


@pytest.mark.parametrize(
    "broken",
    [
        {"condition_positives": [{"text": "x"}]},
        {"condition_positives": "many"},
        {"condition_positives": [{"not": "what was asked for"}, None, 3.5]},
        {"analysis_narrative": 7},
        {"analysis_narrative": None},
        {"condition_grade": 7},
        {"item_identification": {}},
        {"unrelated_images": [{"photo": 1.5, "reason": "x"}]},
        {"unrelated_images": [{"photo": "the first", "reason": "x"}]},
    ],
)
def test_another_form_is_a_bad_answer_that_names_the_place_and_not_the_words(broken):
    with pytest.raises(BadAnswer) as caught:
        read(**broken)
    assert caught.value.reason == "unexpected_shape"
    assert next(iter(broken)) in caught.value.detail and "what was asked for" not in caught.value.detail


def test_what_an_answer_has_beside_the_form_is_not_looked_at():
    told = answered() | {"recommended_price": 1_000_000, "recommendation": "STRONG_BUY", "__class__": "x"}
    reading = reading_of(json.dumps(told), IDS)
    assert "1000000" not in json.dumps(reading.to_json()) and "STRONG_BUY" not in json.dumps(reading.to_json())


def test_a_reading_comes_back_from_json_as_it_went():
    reading = read(
        condition_positives=[claim("bright", 1)],
        contradictions=[{"said": "a", "seen": "b", "evidence": [2]}],
        missing_photos=[{"what": "spine", "question": "?"}],
        unrelated_images=[{"photo": 3, "reason": "banner"}],
        identified={
            "title": claim("T", 0, 1),
            "publication_year": claim("1865", 1),
            "completeness": {"verdict": "COMPLETE", "evidence": [1]},
        },
    )
    written = json.loads(json.dumps(reading.to_json()))
    assert PhotoReading.from_json(written) == reading
    assert PhotoReading.from_json(written | {"of_next_year": 1}) == reading
    assert PhotoReading.from_json({}) == PhotoReading()
    assert PhotoReading.from_json({"usage": {"input_tokens": 3}}).usage == Usage(3)


def test_it_identifies_what_the_design_names():
    assert {"binding_type", "binding_color", "decorative_elements", "estimated_age", "binder_signature", "illustrations"} <= set(IDENTIFIED)
