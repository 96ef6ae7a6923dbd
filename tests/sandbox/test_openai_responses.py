from __future__ import annotations

import json

import openai
import pytest
import requests

from sandbox.hijacked_model import MODES
from tests.sandbox.asking_openai import FLAG, MODEL, body, client_of, ended, passed, with_options


def test_it_goes_from_queued_through_in_progress_to_completed(sandbox) -> None:
    client = with_options(sandbox, queued_seconds=10, working_seconds=20, spread=0)
    asked = client.responses.create(**body(), background=True, metadata={"job_item_id": "7"})
    assert (asked.status, asked.output, asked.usage, asked.background) == ("queued", [], None, True)
    passed(sandbox, 11)
    assert client.responses.retrieve(asked.id).status == "in_progress"
    passed(sandbox, 20)
    answer = client.responses.retrieve(asked.id)
    assert (answer.status, answer.metadata, answer.model) == ("completed", {"job_item_id": "7"}, "gpt-5-nano-2025-08-07")
    assert json.loads(answer.output_text).keys() == FLAG["properties"].keys()
    assert answer.completed_at == pytest.approx(asked.created_at + 30, abs=1)


def test_it_spreads_how_long_responses_take(sandbox) -> None:
    client = with_options(sandbox, queued_seconds=0, working_seconds=100, spread=0.5)
    asked = [client.responses.create(**body(f"Book {number}"), background=True) for number in range(30)]
    passed(sandbox, 100)
    finished = sum(client.responses.retrieve(one.id).status == "completed" for one in asked)
    assert 5 < finished < 25
    passed(sandbox, 60)
    assert {client.responses.retrieve(one.id).status for one in asked} == {"completed"}


def test_it_says_the_same_each_time_it_is_asked(sandbox) -> None:
    client = client_of(sandbox)
    first, second = (ended(sandbox, client, client.responses.create(**body(), background=True)) for _ in range(2))
    assert first.output_text == second.output_text
    assert client.responses.retrieve(first.id).to_dict() == first.to_dict()


def test_it_answers_at_once_in_the_foreground(sandbox) -> None:
    client = client_of(sandbox)
    answer = client.responses.create(**body(), reasoning={"effort": "low"})
    assert (answer.status, answer.background, answer.store) == ("completed", False, True)
    assert client.responses.retrieve(answer.id).output_text == answer.output_text


def test_it_is_parsed_by_the_sdk(sandbox) -> None:
    from pydantic import BaseModel

    class Flag(BaseModel):
        flagged: bool
        reason: str

    parsed = client_of(sandbox).responses.parse(model=MODEL, input="Title: Dune", text_format=Flag).output_parsed
    assert isinstance(parsed, Flag)


def test_its_usage_adds_up(sandbox) -> None:
    answer = client_of(sandbox).responses.create(**body("x" * 400), reasoning={"effort": "high"})
    usage = answer.usage
    assert usage
    assert usage.input_tokens == 100
    assert usage.output_tokens > usage.output_tokens_details.reasoning_tokens > 0
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert usage.input_tokens_details.cache_write_tokens == 0


def test_it_thinks_no_tokens_at_minimal_effort(sandbox) -> None:
    answer = client_of(sandbox).responses.create(**body(), reasoning={"effort": "minimal"})
    assert answer.usage
    assert answer.usage.output_tokens_details.reasoning_tokens == 0
    assert [part.type for part in answer.output] == ["message"]


def test_it_caches_a_long_opening_that_it_has_seen(sandbox) -> None:
    client = client_of(sandbox)
    instructions = "You know every edition of every book. " * 200
    cached = [
        client.responses.create(**body(f"Book {number}"), instructions=instructions).usage.input_tokens_details.cached_tokens  # type: ignore[union-attr]
        for number in range(2)
    ]
    assert cached == [0, 1024]


@pytest.mark.parametrize(
    ("asked", "queued", "told"), [(None, "auto", "default"), ("flex", "flex", "flex"), ("priority", "priority", "priority")]
)
def test_it_says_at_which_tier_it_worked(sandbox, asked: str | None, queued: str, told: str) -> None:
    client = client_of(sandbox)
    response = client.responses.create(**body(), background=True, service_tier=asked)  # type: ignore[call-overload]
    assert response.service_tier == queued
    assert ended(sandbox, client, response).service_tier == told


def test_it_forgets_an_unstored_response_ten_minutes_after_its_end(sandbox) -> None:
    client = with_options(sandbox, queued_seconds=0, working_seconds=10, spread=0)
    response = client.responses.create(**body(), background=True, store=False)
    passed(sandbox, 600)
    assert client.responses.retrieve(response.id).status == "completed"
    passed(sandbox, 15)
    with pytest.raises(openai.NotFoundError, match="not found"):
        client.responses.retrieve(response.id)


def test_it_forgets_a_stored_response_after_thirty_days(sandbox) -> None:
    client = client_of(sandbox)
    response = client.responses.create(**body(), background=True)
    passed(sandbox, 29 * 86400)
    assert client.responses.retrieve(response.id).status == "completed"
    passed(sandbox, 86400)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)


def test_it_keeps_no_unstored_response_of_the_foreground(sandbox) -> None:
    client = client_of(sandbox)
    answer = client.responses.create(**body(), store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(answer.id)


def test_it_cancels_what_is_open_as_often_as_it_is_told(sandbox) -> None:
    client = client_of(sandbox)
    response = client.responses.create(**body(), background=True)
    assert [client.responses.cancel(response.id).status for _ in range(2)] == ["cancelled", "cancelled"]
    assert ended(sandbox, client, response).status == "cancelled"


def test_it_leaves_what_is_completed_when_it_is_cancelled(sandbox) -> None:
    client = client_of(sandbox)
    response = ended(sandbox, client, client.responses.create(**body(), background=True))
    assert client.responses.cancel(response.id).status == "completed"


def test_it_cancels_no_response_of_the_foreground(sandbox) -> None:
    client = client_of(sandbox)
    with pytest.raises(openai.BadRequestError, match="Cannot cancel a synchronous response"):
        client.responses.cancel(client.responses.create(**body()).id)


def test_it_deletes(sandbox) -> None:
    client = client_of(sandbox)
    response = client.responses.create(**body(), background=True)
    client.responses.delete(response.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)


def test_it_fails_with_a_code(sandbox) -> None:
    client = with_options(sandbox, failure_rate=1.0, failure_code="rate_limit_exceeded")
    answer = ended(sandbox, client, client.responses.create(**body(), background=True))
    assert (answer.status, answer.usage, answer.output) == ("failed", None, [])
    assert answer.error
    assert answer.error.code == "rate_limit_exceeded"


def test_it_fails_at_once_in_the_foreground_as_told(sandbox) -> None:
    with pytest.raises(openai.InternalServerError):
        with_options(sandbox, failure_rate=1.0).responses.create(**body())
    with pytest.raises(openai.RateLimitError):
        with_options(sandbox, failure_trouble="rate_limit").responses.create(**body())


def test_it_refuses_in_words(sandbox) -> None:
    client = with_options(sandbox, refusal_rate=1.0)
    answer = ended(sandbox, client, client.responses.create(**body(), background=True))
    assert (answer.status, answer.output_text) == ("completed", "")
    assert [part.type for part in answer.output[-1].content] == ["refusal"]  # type: ignore[union-attr]


def test_it_is_incomplete_where_its_tokens_end(sandbox) -> None:
    client = client_of(sandbox)
    answer = ended(
        sandbox, client, client.responses.create(**body(), background=True, max_output_tokens=16, reasoning={"effort": "minimal"})
    )
    assert (answer.status, answer.completed_at) == ("incomplete", None)
    assert answer.incomplete_details
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert answer.usage
    assert answer.usage.output_tokens == 16
    assert answer.output_text.startswith("{")
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.output_text)


def test_it_may_spend_all_its_tokens_on_thought(sandbox) -> None:
    answer = client_of(sandbox).responses.create(**body(), max_output_tokens=16)
    assert (answer.status, answer.output_text, [part.type for part in answer.output]) == ("incomplete", "", ["reasoning"])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"incomplete_rate": 1.0}, "max_output_tokens"),
        ({"content_filter_rate": 1.0}, "content_filter"),
        ({"incomplete_rate": 1.0, "incomplete_reason": "steered"}, "steered"),
    ],
)
def test_it_is_incomplete_when_told(sandbox, options: dict, reason: str) -> None:
    client = with_options(sandbox, **options)
    answer = ended(sandbox, client, client.responses.create(**body(), background=True))
    assert answer.status == "incomplete"
    assert answer.incomplete_details
    assert answer.incomplete_details.reason == reason


def test_it_completes_with_text_that_is_no_json(sandbox) -> None:
    answer = with_options(sandbox, bad_json_rate=1.0).responses.create(**body())
    assert answer.status == "completed"
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.output_text)


def test_it_completes_with_nothing(sandbox) -> None:
    answer = with_options(sandbox, empty_rate=1.0).responses.create(**body())
    assert (answer.status, answer.output_text) == ("completed", "")


def test_it_hangs(sandbox) -> None:
    client = with_options(sandbox, hang_rate=1.0)
    response = client.responses.create(**body(), background=True)
    passed(sandbox, 7 * 86400)
    assert client.responses.retrieve(response.id).status == "in_progress"
    assert client.responses.cancel(response.id).status == "cancelled"


def test_one_that_is_worked_on_says_a_word_of_next_year_when_told(sandbox) -> None:
    client = with_options(sandbox, open_status="paused_for_review", queued_seconds=1, working_seconds=30, spread=0)
    response = client.responses.create(**body(), background=True)
    statuses = [response.status]
    for seconds in (10, 60):
        passed(sandbox, seconds)
        statuses.append(client.responses.retrieve(response.id).status)
    assert statuses == ["queued", "paused_for_review", "completed"]


def test_it_cannot_fetch_some_images(sandbox) -> None:
    client = with_options(sandbox, lost_image_rate=1.0)
    address = "https://i.ebayimg.com/images/g/TEST/s-l1600.jpg"
    picture = [{"role": "user", "content": [{"type": "input_image", "image_url": address, "detail": "auto"}]}]
    answer = ended(sandbox, client, client.responses.create(**body(input=picture), background=True))
    assert answer.error
    assert (answer.status, answer.error.code) == ("failed", "invalid_image_url")
    assert address in answer.error.message


def test_each_rate_befalls_its_share_and_no_more(sandbox) -> None:
    rates = {"failure_rate": 0.2, "refusal_rate": 0.2, "incomplete_rate": 0.2, "bad_json_rate": 0.2}
    client = with_options(sandbox, **rates)
    asked = [client.responses.create(**body(f"Book {number}"), background=True) for number in range(100)]
    passed(sandbox, 60)
    statuses = [client.responses.retrieve(one.id).status for one in asked]
    assert 8 <= statuses.count("failed") <= 34
    assert 8 <= statuses.count("incomplete") <= 34
    assert 44 <= statuses.count("completed") <= 76


def test_the_same_request_meets_the_same_fate(sandbox) -> None:
    client = with_options(sandbox, failure_rate=0.5)

    def fates() -> list[str | None]:
        asked = [client.responses.create(**body(f"Book {number}"), background=True) for number in range(20)]
        passed(sandbox, 60)
        return [client.responses.retrieve(one.id).status for one in asked]

    first = fates()
    assert {"failed", "completed"} == set(first)
    assert fates() == first


def test_it_forgets_everything_when_it_is_reset(sandbox) -> None:
    client = client_of(sandbox)
    response = client.responses.create(**body(), background=True)
    sandbox.reset()
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)


@pytest.mark.parametrize("mode", MODES)
def test_it_says_what_an_attacker_wants(sandbox, mode: str) -> None:
    client = client_of(sandbox)
    honest = client.responses.create(**body())
    client = with_options(sandbox, hijack=mode)
    hijacked = client.responses.create(**body())
    assert hijacked.status == "completed"
    assert json.loads(hijacked.output_text) != json.loads(honest.output_text)


def test_it_knows_no_other_way_to_be_hijacked(sandbox) -> None:
    asked = {"sources": {"openai": {"hijack": "politely"}}}
    assert requests.post(f"{sandbox.url}/_sandbox/settings", json=asked, timeout=10).status_code == 400
