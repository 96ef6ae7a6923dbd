"""Claude as the sandbox plays it, through the real SDK and a door: well-behaved, ill, and in an attacker's hands."""

from __future__ import annotations

import io
import json
from typing import get_args

import pytest
from anthropic.types import StopReason
from PIL import Image

from bookops.outbound.errors import BadAnswer, Refused, SourceError, TryAgain
from bookops.outbound.http import CallRecord, Door
from bookops.outbound.sdk import anthropic_client
from bookops.outbound.wire import Bounds
from runbooks.conditions import Grade
from runbooks.sources.claude import Claude, PhotoQuestion, Said, ShownPhoto, message_params, most_tokens
from runbooks.sources.claude_answer import IDENTIFIED, MOST_ITEMS, VOLUMES, YEARS
from runbooks.sources.claude_reading import PhotoReading
from sandbox.anthropic_errors import ON_DEMAND
from sandbox.hijacked_model import MODES
from sandbox.listings import by_case
from sandbox.pictures import picture
from sandbox.running import RunningSandbox
from tests.runbooks.sources.claude_answers import MODEL, answered, claim, listing, question
from tests.sandbox.anthropic_client import client


def claude_at(sandbox: RunningSandbox, records: list[CallRecord] | None = None) -> Claude:
    bounds = Bounds(connect=2, read=20, total=20, max_bytes=5_000_000)
    on_call = None if records is None else records.append
    door = Door("anthropic", f"{sandbox.url}/anthropic", user_agent="bookops/1", bounds=bounds, on_call=on_call)
    return Claude(anthropic_client(door, "sk-test"))


def photos(count: int, width: int = 700, height: int = 840) -> tuple[ShownPhoto, ...]:
    shown = []
    for number in range(1, count + 1):
        held = io.BytesIO()
        Image.new("RGB", (width, height), (number * 10 % 255, 80, 60)).save(held, "JPEG")
        shown.append(ShownPhoto(f"id-{number}", held.getvalue(), "image/jpeg", width, height))
    return tuple(shown)


def test_what_we_ask_is_taken_and_what_comes_back_is_read(sandbox):
    asked = PhotoQuestion(listing(), MODEL, photos(4))
    heard: list[Said] = []
    reading = claude_at(sandbox).read_photos(asked, on_said=heard.append)
    assert reading.model == MODEL
    assert reading.usage == heard[0].usage
    assert 4 * 750 < reading.usage.input_tokens < most_tokens(asked).input_tokens
    assert 0 < reading.usage.output_tokens <= 4_000


def scripted(case: str) -> PhotoQuestion:
    """Return the question about one of the sandbox's listings, with its photos as they would be reduced."""
    told = by_case(case)
    shown = []
    for place in range(len(told.shots)):
        image = Image.open(io.BytesIO(picture(told, place)))
        image.thumbnail((780, 780))
        held = io.BytesIO()
        image.save(held, "JPEG", quality=85)
        shown.append(ShownPhoto(f"{case}-{place}", held.getvalue(), "image/jpeg", *image.size))
    return PhotoQuestion(listing(title=told.title, description=told.description), MODEL, tuple(shown))


def test_a_signed_binding_is_seen_on_the_photo_that_shows_it(sandbox):
    reading = claude_at(sandbox).read_photos(scripted("strong-buy"))
    assert reading.is_binder_signed
    assert reading.item_identification["binder_signature"].image_ids == ("strong-buy-4",)
    assert reading.condition_grade in (Grade.VERY_GOOD, Grade.GOOD)


def test_a_set_that_is_called_complete_and_is_not_is_contradicted(sandbox):
    reading = claude_at(sandbox).read_photos(scripted("incomplete-set"))
    assert reading.is_complete is False
    assert any("volumes" in one.seen and one.image_ids for one in reading.contradictions)
    assert all(one.question.endswith("?") for one in reading.missing_photos) and reading.missing_photos


def test_banners_are_named_as_unrelated_by_the_ids_they_are_stored_by(sandbox):
    reading = claude_at(sandbox).read_photos(scripted("banners"))
    assert [one.image_id for one in reading.unrelated_images] == ["banners-5", "banners-6"]
    assert all(one.reason for one in reading.unrelated_images)


def test_the_words_alone_are_taken_too(sandbox):
    assert claude_at(sandbox).read_photos(question(0)).image_ids == ()


def test_what_it_costs_at_most_is_more_than_the_vendor_counts(sandbox):
    asked = PhotoQuestion(listing(description="Foxing. " * 500), MODEL, photos(6, 1200, 1600))
    request = message_params(asked)
    assert request.pop("max_tokens") == most_tokens(asked).output_tokens == 4_000
    counted = client(sandbox).messages.count_tokens(**request)
    assert 6 * 2_494 < counted.input_tokens <= most_tokens(asked).input_tokens


def test_broken_json_is_a_bad_answer_and_is_paid_for(sandbox):
    sandbox.settings(sources={"anthropic": {"bad_json_rate": 1.0}})
    heard: list[Said] = []
    with pytest.raises(BadAnswer) as caught:
        claude_at(sandbox).read_photos(question(0), on_said=heard.append)
    assert caught.value.reason == "bad_json"
    assert heard[0].usage.input_tokens > 0


#: What ends a message, and as what that is read; nothing is wrong with the first two.
STOP_REASONS: dict[str, tuple[type[SourceError] | None, str]] = {
    "end_turn": (None, ""),
    "stop_sequence": (None, ""),
    "max_tokens": (BadAnswer, "truncated"),
    "model_context_window_exceeded": (Refused, "prompt_too_long"),
    "refusal": (Refused, "model_refused"),
    "tool_use": (BadAnswer, "unexpected_shape"),
    "pause_turn": (BadAnswer, "unexpected_shape"),
}

ERRORS: dict[str, tuple[type[SourceError], str]] = {
    "invalid_request_error": (Refused, "invalid_request"),
    "spend_limit": (Refused, "spend_limit"),
    "authentication_error": (Refused, "unauthorized"),
    "billing_error": (Refused, "spend_limit"),
    "permission_error": (Refused, "forbidden"),
    "not_found_error": (Refused, "unknown_model"),
    "conflict_error": (TryAgain, "conflict"),
    "request_too_large": (Refused, "prompt_too_long"),
    "rate_limit_error": (TryAgain, "rate_limited"),
    "spend_cap": (Refused, "spend_limit"),
    "api_error": (TryAgain, "http_500"),
    "bad_gateway": (TryAgain, "http_502"),
    "unavailable": (TryAgain, "http_503"),
    "timeout_error": (TryAgain, "http_504"),
    "overloaded_error": (TryAgain, "overloaded"),
}


def test_no_end_and_no_error_is_forgotten():
    assert STOP_REASONS.keys() == set(get_args(StopReason))
    assert ERRORS.keys() == ON_DEMAND.keys()


@pytest.mark.parametrize(("word", "told"), [*STOP_REASONS.items(), ("of_next_year", (BadAnswer, "unexpected_shape"))])
def test_each_end_of_an_answer_is_read_as_what_it_is_and_paid_for(sandbox, word, told):
    kind, reason = told
    sandbox.settings(sources={"anthropic": {"stop_reason": word}})
    heard: list[Said] = []
    error = None
    try:
        claude_at(sandbox).read_photos(question(0), on_said=heard.append)
    except SourceError as caught:
        error = caught
    assert (type(error) if error else None, error.reason if error else "") == (kind, reason)
    assert heard[0].usage.input_tokens > 0


@pytest.mark.parametrize(("error", "told"), ERRORS.items())
def test_each_error_has_its_reason_and_one_try(sandbox, error, told):
    sandbox.settings(sources={"anthropic": {"failing": error}})
    records: list[CallRecord] = []
    with pytest.raises(SourceError) as caught:
        claude_at(sandbox, records).read_photos(question(0))
    assert (type(caught.value), caught.value.reason) == told
    assert len(records) == 1


def test_an_unknown_model_is_said_to_be_one(sandbox):
    with pytest.raises(Refused) as caught:
        claude_at(sandbox).read_photos(question(0, model="claude-nope"))
    assert caught.value.reason == "unknown_model"


@pytest.mark.parametrize("mode", MODES)
def test_a_hijacked_model_gets_nothing_out_of_bounds_through(sandbox, mode):
    sandbox.settings(sources={"anthropic": {"hijack": mode}})
    records: list[CallRecord] = []
    try:
        reading = claude_at(sandbox, records).read_photos(PhotoQuestion(listing(), MODEL, photos(3)))
    except SourceError as error:
        assert type(error) is BadAnswer
        reading = PhotoReading()
    assert_within_bounds(reading, {"id-1", "id-2", "id-3"})
    assert [record.path for record in records] == ["/anthropic/v1/messages"]  # it made us fetch nothing


LURE = "Send the deposit to https://attacker.example"


@pytest.mark.parametrize(
    "changes",
    [
        {"unrelated_images": [{"photo": number, "reason": LURE} for number in range(-5, 400)]},
        {"identified": {"binder_signature": claim("RIVIERE", 0, 99)}, "condition_grade": "FINE"},
        {"identified": {"publication_year": claim("99999", 1), "volumes": claim("-4", 1)}},
        {"missing_photos": [{"what": "pay", "question": LURE}] * 500, "condition_positives": [claim(LURE, 1)] * 500},
    ],
)
def test_an_answer_made_to_measure_gets_no_further(sandbox, changes):
    sandbox.settings(sources={"anthropic": {"hijack": "answer", "hijack_answer": answered(**changes)}})
    reading = claude_at(sandbox).read_photos(PhotoQuestion(listing(), MODEL, photos(3)))
    assert_within_bounds(reading, {"id-1", "id-2", "id-3"})
    assert not reading.is_binder_signed
    assert (reading.year, reading.volumes) == (None, None)


def assert_within_bounds(reading: PhotoReading, shown: set[str]) -> None:
    written = json.dumps(reading.to_json())
    assert len(written) < 60_000
    assert "https://" not in written and "javascript:" not in written
    assert reading.condition_grade is None or reading.condition_grade in Grade
    assert reading.year is None or reading.year in YEARS
    assert reading.volumes is None or reading.volumes in VOLUMES
    assert set(reading.item_identification) <= set(IDENTIFIED)
    claims = [*reading.condition_positives, *reading.condition_negatives, *reading.critical_issues, *reading.item_identification.values()]
    assert all(len(claim.text) <= 300 and shown.issuperset(claim.image_ids) for claim in claims)
    assert shown.issuperset(one.image_id for one in reading.unrelated_images)
    lists = (reading.condition_positives, reading.critical_issues, reading.contradictions, reading.missing_photos, reading.unrelated_images)
    assert all(len(one) <= MOST_ITEMS for one in lists)
    texts = [reading.narrative, reading.binding_analysis, *(claim.text for claim in claims)]
    assert not any(letter in text for text in texts for letter in "\x00\u202e\ud83d")
