from __future__ import annotations

import json

import pytest

from bookops.outbound.errors import BadAnswer, Refused, TryAgain
from bookops.outbound.http import CallRecord
from llmjobs.providers import Verdict
from llmjobs.providers import openai_responses as module
from llmjobs.providers.openai_responses import OpenAIResponses
from tests.bookops.outbound.rude_server import FAULTS, answer, ok
from tests.llmjobs.providers.asking import FLAG, KEY, asks, question

LONG_AFTER = 60


def openai(sandbox, records: list[CallRecord] | None = None, *, key: str = KEY, **options) -> OpenAIResponses:
    if options:
        sandbox.settings(sources={"openai": options})
    return asks(OpenAIResponses, sandbox.openai_url, key=key, records=records)


def ended(sandbox, provider: OpenAIResponses, **changes):
    first = provider.submit(question("openai", **changes))
    sandbox.settings(clock={"advance": LONG_AFTER})
    return provider.look(first.custom_id)


def test_it_is_queued_then_worked_on_then_answered(sandbox):
    provider = openai(sandbox, queued_seconds=10, working_seconds=30, spread=0)
    first = provider.submit(question("openai"))
    assert (first.verdict, first.status, first.text) == (Verdict.OPEN, "queued", "")
    assert first.custom_id.startswith("resp_")
    sandbox.settings(clock={"advance": 15})
    assert (provider.look(first.custom_id).verdict, provider.look(first.custom_id).status) == (Verdict.OPEN, "in_progress")
    sandbox.settings(clock={"advance": 60})
    last = provider.look(first.custom_id)
    assert (last.verdict, last.status, last.reason) == (Verdict.ANSWERED, "completed", "")
    assert json.loads(last.text).keys() == FLAG["properties"].keys()
    assert last.usage.input_tokens > 10
    assert last.usage.output_tokens > 10


def test_it_asks_in_the_background_stored_strictly_and_with_its_ids(sandbox):
    asked = question("openai", effort="low", tier="flex", metadata={"job_id": "7", "job_item_id": "12"}, most_output_tokens=700)
    told = openai(sandbox).submit(asked).raw
    assert (told["background"], told["store"], told["service_tier"]) == (True, True, "flex")
    assert told["metadata"] == {"job_id": "7", "job_item_id": "12"}
    assert (told["reasoning"]["effort"], told["max_output_tokens"], told["instructions"]) == ("low", 700, asked.system)
    form = told["text"]["format"]
    assert (form["type"], form["name"], form["strict"], form["schema"]) == ("json_schema", "flag", True, FLAG)


@pytest.mark.parametrize(("tier", "sent"), [("standard", "default"), ("flex", "flex"), ("priority", "priority"), ("batch", "auto")])
def test_it_asks_in_the_tier_that_is_paid_for(sandbox, tier, sent):
    assert openai(sandbox).submit(question("openai", tier=tier)).raw["service_tier"] == sent


def test_it_never_asks_for_fewer_tokens_than_openai_takes(sandbox):
    assert openai(sandbox).submit(question("openai", most_output_tokens=3)).raw["max_output_tokens"] == 16


@pytest.mark.parametrize(
    ("rates", "verdict", "reason"),
    [
        ({"content_filter_rate": 1.0}, Verdict.REFUSED, "content_filter"),
        ({"empty_rate": 1.0}, Verdict.FAILED, "empty_answer"),
        ({"bad_json_rate": 1.0}, Verdict.ANSWERED, ""),
    ],
)
def test_an_end_without_a_good_answer_has_its_verdict_and_is_paid_for(sandbox, rates, verdict, reason):
    provider = openai(sandbox, **rates)
    result = ended(sandbox, provider)
    assert (result.verdict, result.reason) == (verdict, reason)
    assert result.usage.input_tokens > 0


def test_the_part_of_an_answer_that_was_cut_short_is_kept(sandbox):
    result = ended(sandbox, openai(sandbox, incomplete_rate=1.0))
    assert result.text.startswith("{")
    with pytest.raises(json.JSONDecodeError):
        json.loads(result.text)


def test_a_refusal_says_why(sandbox):
    result = ended(sandbox, openai(sandbox, refusal_rate=1.0))
    assert result.text == ""
    assert "can't help" in result.detail


def test_one_that_hangs_stays_open(sandbox):
    assert ended(sandbox, openai(sandbox, hang_rate=1.0)).verdict is Verdict.OPEN


def test_it_is_cancelled_once_and_for_all(sandbox):
    provider = openai(sandbox)
    task_id = provider.submit(question("openai")).custom_id
    assert [provider.cancel(task_id).verdict for _ in range(2)] == [Verdict.CANCELLED] * 2
    sandbox.settings(clock={"advance": LONG_AFTER})
    assert (provider.look(task_id).verdict, provider.look(task_id).status) == (Verdict.CANCELLED, "cancelled")


def test_cancelling_what_has_ended_leaves_its_answer(sandbox):
    provider = openai(sandbox)
    result = ended(sandbox, provider)
    assert provider.cancel(result.custom_id).verdict is Verdict.ANSWERED


def test_what_is_kept_no_more_is_lost(sandbox):
    provider = openai(sandbox)
    task_id = provider.submit(question("openai")).custom_id
    sandbox.settings(clock={"advance": 31 * 86400})
    assert provider.look(task_id).verdict is Verdict.LOST
    assert provider.cancel(task_id).verdict is Verdict.LOST
    assert provider.look(task_id).custom_id == task_id


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model": "gpt-nope"}, "unknown_model"),
        ({"effort": "sideways"}, "invalid_request"),
        ({"schema_name": "not a name"}, "invalid_request"),
        ({"schema": {"type": "object", "properties": {"a": {"type": "string"}}}}, "invalid_request"),
        ({"prompt": "word " * 1_100_000}, "prompt_too_long"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(sandbox, changes, reason):
    with pytest.raises(Refused) as caught:
        openai(sandbox).submit(question("openai", **changes))
    assert caught.value.reason == reason
    assert not caught.value.account_wide


@pytest.mark.parametrize("status", ["", None, 7])
def test_a_status_that_makes_no_sense_is_told(server, status):
    server.default = ok({"id": "resp_1", "status": status, "output": [], "usage": None})
    result = asks(OpenAIResponses, server.url).look("resp_1")
    assert (result.verdict, result.status) == (Verdict.UNMAPPED, str(status or ""))


@pytest.mark.parametrize(
    "said",
    [
        {"id": "resp_1", "status": "completed", "output": None, "usage": "many"},
        {
            "id": "resp_1",
            "status": "completed",
            "output": [None, {"type": "message", "content": [3, {"type": "output_text", "text": None}]}],
        },
        {"id": "resp_1", "status": "failed", "error": "broken", "output": {}},
        {"id": "resp_1", "status": "incomplete", "incomplete_details": ["?"]},
    ],
)
def test_a_shape_that_is_not_the_documented_one_is_an_end_without_an_answer(server, said):
    server.default = ok(said)
    assert asks(OpenAIResponses, server.url).look("resp_1").verdict is Verdict.FAILED


@pytest.mark.parametrize("said", [{}, [], {"id": ""}, {"id": 5}, "resp_1"])
def test_what_is_no_response_is_a_bad_answer(server, said):
    server.default = ok(said)
    with pytest.raises(BadAnswer):
        asks(OpenAIResponses, server.url).submit(question("openai"))


def test_what_the_model_thinks_aloud_is_not_its_answer(server):
    def message(phase, text):
        return {"type": "message", "phase": phase, "content": [{"type": "output_text", "text": text}]}

    output = [{"type": "reasoning", "content": []}, message("commentary", "Let me see."), message("final_answer", '{"flagged": true}')]
    server.default = ok({"id": "resp_1", "status": "completed", "output": output})
    assert asks(OpenAIResponses, server.url).look("resp_1").text == '{"flagged": true}'


def test_letters_that_no_database_stores_are_left_out(server):
    part = r'{"type": "output_text", "text": "a\u0000b\ud800c\ud83d\ude00"}'
    body = f'{{"id": "resp_1", "status": "completed", "output": [{{"type": "message", "content": [{part}]}}]}}'
    server.default = answer(200, body.encode())
    assert asks(OpenAIResponses, server.url).look("resp_1").text == "abc😀"


@pytest.mark.parametrize("fault", ["hang before the status", "hang up before the status"])
def test_a_call_without_an_answer_is_made_once(server, fault, monkeypatch):
    monkeypatch.setattr(module, "LONGEST_LOOK", 0.4)
    server.default = FAULTS[fault]
    provider = asks(OpenAIResponses, server.url, seconds=0.4)
    with pytest.raises(TryAgain):
        provider.submit(question("openai"))
    with pytest.raises(TryAgain):
        provider.look("resp_1")
    assert [asked.line.split()[0] for asked in server.asked] == ["POST", "GET"]


def test_a_look_that_hangs_ends_before_its_door_would_end_it(server, monkeypatch):
    monkeypatch.setattr(module, "LONGEST_LOOK", 0.3)
    server.default = FAULTS["hang before the status"]
    records: list[CallRecord] = []
    with pytest.raises(TryAgain):
        asks(OpenAIResponses, server.url, records=records).look("resp_1")
    assert records[0].seconds < 5
