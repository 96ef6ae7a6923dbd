from __future__ import annotations

import json
from collections import Counter
from typing import Any

import anthropic
import pytest
import requests

from sandbox.anthropic import AnthropicOptions
from sandbox.anthropic_batches import Batches
from sandbox.running import RunningSandbox
from tests.sandbox.anthropic_client import DUNE, FLAG, asked, client

HEADERS = {"x-api-key": "a-key", "anthropic-version": "2026-10-21"}
DAY = 86_400


@pytest.fixture
def batches(sandbox: RunningSandbox) -> anthropic.resources.messages.Batches:
    return client(sandbox).messages.batches


def request(name: str, text: str = DUNE, **changes: Any) -> dict[str, Any]:
    return {"custom_id": name, "params": asked(text, **changes)}


def requests_for(count: int) -> list[dict[str, Any]]:
    return [request(f"book-{number}", f"Title: Volume {number}\nAuthor: A. Writer", schema=FLAG) for number in range(count)]


def counts(batch: Any) -> dict[str, int]:
    return {name: count for name, count in batch.request_counts.to_dict().items() if count}


def test_it_says_nothing_of_its_progress_until_it_has_ended(sandbox: RunningSandbox, batches: Any) -> None:
    batch = batches.create(requests=requests_for(3))
    assert (batch.processing_status, counts(batch), batch.results_url) == ("in_progress", {"processing": 3}, None)
    assert (batch.expires_at - batch.created_at).total_seconds() == DAY
    sandbox.settings(clock={"advance": 18})
    running = batches.with_raw_response.retrieve(batch.id)
    assert running.headers["retry-after"] == "10"
    assert counts(running.parse()) == {"processing": 3}
    with pytest.raises(anthropic.AnthropicError, match="Has it finished processing"):
        batches.results(batch.id)
    sandbox.settings(clock={"advance": 3})
    ended = batches.with_raw_response.retrieve(batch.id)
    assert "retry-after" not in ended.headers
    assert (ended.parse().processing_status, counts(ended.parse())) == ("ended", {"succeeded": 3})
    assert (ended.parse().ended_at - batch.created_at).total_seconds() == 20


def test_its_results_are_messages_paid_as_a_batch(sandbox: RunningSandbox, batches: Any) -> None:
    alone = client(sandbox).messages.create(**request("x", schema=FLAG)["params"])
    batch = batches.create(requests=[request("x", schema=FLAG)])
    sandbox.settings(clock={"advance": 21})
    (result,) = batches.results(batch.id)
    assert (result.custom_id, result.result.type) == ("x", "succeeded")
    assert result.result.message.content == alone.content
    assert result.result.message.usage.service_tier == "batch"
    assert result.result.message.usage.input_tokens == alone.usage.input_tokens


def test_it_looks_at_params_only_when_their_turn_comes(sandbox: RunningSandbox, batches: Any) -> None:
    wrong = {
        "sampling": {"temperature": 0.5},
        "stream": {"stream": True},
        "speed": {"speed": "fast"},
        "nothing": {"max_tokens": 0},
        "model": {"model": "claude-nope"},
        "schema": {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
    }
    batch = batches.create(requests=[request(name, **changes) for name, changes in wrong.items()] + [request("right")])
    sandbox.settings(clock={"advance": 21})
    assert counts(batches.retrieve(batch.id)) == {"succeeded": 1, "errored": 6}
    errors = {line.custom_id: line.result.error for line in batches.results(batch.id) if line.result.type == "errored"}
    assert errors["sampling"].type == "error"
    assert errors["sampling"].error.message == "temperature: Extra inputs are not permitted"
    assert errors["sampling"].request_id.startswith("req_")
    assert {name: error.error.type for name, error in errors.items()} == dict.fromkeys(wrong, "invalid_request_error") | {
        "model": "not_found_error"
    }


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "requests: Field required"),
        ({"requests": []}, "at least 1 item"),
        ({"requests": [{"custom_id": "a b", "params": {}}]}, "requests.0.custom_id: String should match pattern"),
        ({"requests": [{"custom_id": "a" * 65, "params": {}}]}, "requests.0.custom_id: String should match pattern"),
        ({"requests": [request("a"), request("a")]}, "requests.1.custom_id: 'a' is not unique"),
        ({"requests": [{"custom_id": "a"}]}, "requests.0: custom_id and params are required"),
        ({"requests": [{"custom_id": "a", "params": []}]}, "requests.0.params: Input should be a valid dictionary"),
        ({"requests": [request("a")], "metadata": {}}, "metadata: Extra inputs are not permitted"),
        ({"requests": [{"custom_id": "a", "params": {}}] * 100_001}, "at most 100000 items after validation, not 100001"),
    ],
)
def test_it_refuses_a_batch_that_is_not_as_it_must_be(sandbox: RunningSandbox, body: dict[str, Any], said: str) -> None:
    answer = requests.post(f"{sandbox.url}/anthropic/v1/messages/batches", json=body, headers=HEADERS, timeout=30)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert said in answer.json()["error"]["message"]


def test_it_ends_some_requests_by_chance_as_told(sandbox: RunningSandbox, batches: Any) -> None:
    sandbox.settings(sources={"anthropic": {"item_error_rate": 0.3, "item_error": "overloaded_error", "expired_rate": 0.3}})
    named = [request("failing", f"{DUNE}\nsandbox:api_error"), request("expiring", f"{DUNE}\nsandbox:expired")]
    batch = batches.create(requests=[*requests_for(60), *named])
    sandbox.settings(clock={"advance": 21})
    ended = counts(batches.retrieve(batch.id))
    results = {line.custom_id: line.result for line in batches.results(batch.id)}
    assert Counter(result.type for result in results.values()) == ended
    assert min(ended["errored"], ended["expired"], ended["succeeded"]) > 5
    kinds = {result.error.error.type for name, result in results.items() if result.type == "errored" and name.startswith("book")}
    assert kinds == {"overloaded_error"}
    assert [results[name].type for name in ("failing", "expiring")] in (["errored", "expired"], ["expired", "expired"])


def test_it_mixes_doubles_and_loses_results_as_told(sandbox: RunningSandbox, batches: Any) -> None:
    batch = batches.create(requests=requests_for(50))
    sandbox.settings(clock={"advance": 21})
    sent = [f"book-{number}" for number in range(50)]

    def told(**options: Any) -> list[str]:
        sandbox.settings(sources={"anthropic": options})
        return [line.custom_id for line in batches.results(batch.id)]

    shuffled = told()
    assert (shuffled != sent, sorted(shuffled) == sorted(sent), told() == shuffled) == (True, True, True)
    assert told(result_order="sent") == sent
    doubled = told(duplicate_results=0.2)
    assert 50 < len(doubled) < 80 and set(doubled) == set(sent)
    gaps = told(duplicate_results=0.0, missing_results=0.2)
    assert 30 < len(gaps) < 50
    assert counts(batches.retrieve(batch.id)) == {"succeeded": 50}


def test_it_cancels_what_is_not_done_yet(sandbox: RunningSandbox, batches: Any) -> None:
    batch = batches.create(requests=requests_for(20))
    sandbox.settings(clock={"advance": 10})
    canceled = batches.cancel(batch.id)
    assert (canceled.processing_status, counts(canceled)) == ("canceling", {"processing": 20})
    assert batches.cancel(batch.id).cancel_initiated_at == canceled.cancel_initiated_at
    sandbox.settings(clock={"advance": 3})
    ended = counts(batches.retrieve(batch.id))
    assert ended == {"succeeded": 10, "canceled": 10}
    assert Counter(line.result.type for line in batches.results(batch.id)) == ended


def test_it_expires_after_a_day_with_what_was_done_by_then(sandbox: RunningSandbox, batches: Any) -> None:
    sandbox.settings(sources={"anthropic": {"batch_seconds": 2.0 * DAY}})
    batch = batches.create(requests=requests_for(20))
    sandbox.settings(clock={"advance": DAY - 10})
    assert batches.retrieve(batch.id).processing_status == "in_progress"
    sandbox.settings(clock={"advance": 11})
    assert counts(batches.retrieve(batch.id)) == {"succeeded": 10, "expired": 10}


def test_an_open_batch_says_a_word_of_next_year_when_told(sandbox: RunningSandbox, batches: Any) -> None:
    sandbox.settings(sources={"anthropic": {"open_status": "defrosting", "cancel_seconds": 100.0}})
    canceled, other = (batches.create(requests=requests_for(1)).id for _ in range(2))
    batches.cancel(canceled)
    assert [batch.processing_status for batch in batches.list()] == ["defrosting", "canceling"]
    assert batches.retrieve(other).processing_status == "defrosting"
    sandbox.settings(clock={"advance": 21})
    assert batches.retrieve(other).processing_status == "ended"


def test_it_takes_longer_for_more_requests_if_told(sandbox: RunningSandbox, batches: Any) -> None:
    sandbox.settings(sources={"anthropic": {"batch_seconds": 0.0, "batch_seconds_per_request": 10.0}})
    short, long = batches.create(requests=requests_for(1)), batches.create(requests=requests_for(5))
    sandbox.settings(clock={"advance": 12})
    assert [batches.retrieve(batch.id).processing_status for batch in (short, long)] == ["ended", "in_progress"]


def test_it_archives_results_after_29_days(sandbox: RunningSandbox, batches: Any) -> None:
    batch = batches.create(requests=requests_for(2))
    sandbox.settings(clock={"advance": 29 * DAY + 1})
    archived = batches.retrieve(batch.id)
    assert (archived.results_url, (archived.archived_at - archived.created_at).days) == (None, 29)
    assert counts(archived) == {"succeeded": 2}
    with pytest.raises(anthropic.AnthropicError):
        batches.results(batch.id)
    answer = requests.get(f"{sandbox.url}/anthropic/v1/messages/batches/{batch.id}/results", headers=HEADERS, timeout=10)
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")


def test_it_deletes_only_what_has_ended(sandbox: RunningSandbox, batches: Any) -> None:
    batch = batches.create(requests=requests_for(1))
    with pytest.raises(anthropic.ConflictError):
        batches.delete(batch.id)
    sandbox.settings(clock={"advance": 21})
    with pytest.raises(anthropic.ConflictError):
        batches.cancel(batch.id)
    assert batches.delete(batch.id).to_dict() == {"id": batch.id, "type": "message_batch_deleted"}
    with pytest.raises(anthropic.NotFoundError):
        batches.retrieve(batch.id)


def test_it_lists_batches_newest_first_page_by_page(batches: Any) -> None:
    made = [batches.create(requests=requests_for(1)).id for _ in range(5)]
    page = batches.list(limit=2)
    assert ([batch.id for batch in page.data], page.has_more) == ([made[4], made[3]], True)
    assert [batch.id for batch in batches.list(limit=2)] == made[::-1]
    before = batches.list(before_id=made[0], limit=3)
    assert ([batch.id for batch in before.data], before.has_more) == ([made[3], made[2], made[1]], True)
    for wrong in ({"limit": 0}, {"limit": 1001}, {"after_id": "msgbatch_nope"}):
        with pytest.raises(anthropic.BadRequestError):
            batches.list(**wrong)


def test_it_takes_only_so_many_requests_at_once(sandbox: RunningSandbox, batches: Any) -> None:
    sandbox.settings(sources={"anthropic": {"batch_queue": 5}})
    batches.create(requests=requests_for(4))
    with pytest.raises(anthropic.RateLimitError):
        batches.create(requests=requests_for(2))
    sandbox.settings(clock={"advance": 21})
    batches.create(requests=requests_for(2))


def test_it_logs_the_custom_ids_of_a_batch(sandbox: RunningSandbox, batches: Any) -> None:
    sandbox.settings(keep_calls=True)
    batch = batches.create(requests=requests_for(2))
    (call,) = sandbox.log(calls=True)["each_call"]
    assert (call["endpoint"], call["keys"]) == ("/v1/messages/batches", [batch.id, "book-0", "book-1"])


def test_it_forgets_batches_when_it_is_put_back(sandbox: RunningSandbox, batches: Any) -> None:
    batch = batches.create(requests=requests_for(1))
    sandbox.reset()
    with pytest.raises(anthropic.NotFoundError):
        batches.retrieve(batch.id)


def test_it_keeps_results_packed() -> None:
    def work(custom_id: str, params: Any, number: int) -> dict[str, Any]:
        return {"type": "succeeded", "message": {"text": params["text"] * 10}}

    batches = Batches()
    sent = [
        {"custom_id": f"r{number}", "params": {"text": f"A long instruction that every request repeats. {number}"}}
        for number in range(5_000)
    ]
    batch, _ = batches.create({"requests": sent}, work, AnthropicOptions(), 0.0)
    assert batch.work is not None
    batch.work.result(30)
    results = b"".join(batches.results(batch.id, AnthropicOptions(), 21.0))
    assert {json.loads(line)["custom_id"] for line in results.splitlines()} == {request["custom_id"] for request in sent}
    assert sum(map(len, batch.packs)) < len(results) / 10
    batches.close()


def test_it_archives_the_oldest_results_when_it_keeps_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.anthropic_batches.MOST_KEPT", 1)
    batches = Batches()
    made = []
    for now in (0.0, 100.0, 200.0):
        batch, _ = batches.create({"requests": [{"custom_id": "a", "params": {}}]}, lambda *_: {"type": "expired"}, AnthropicOptions(), now)
        assert batch.work is not None
        batch.work.result(10)
        made.append(batch)
    assert [batch.as_dict(300.0, "")["results_url"] is None for batch in made] == [True, True, False]
    batches.close()
