from __future__ import annotations

import json
import time
from typing import Any

import openai
import pytest

from tests.sandbox.asking_openai import (
    FLAG,
    as_jsonl,
    body,
    client_of,
    completed,
    lines,
    passed,
    results,
    submitted,
    with_options,
)

BOOKS = [f"Title: Book {number}" for number in range(20)]
DAY = 86400


def problems(sandbox, client: openai.OpenAI, content: Any) -> list[tuple[str | None, int | None]]:
    batch = completed(sandbox, client, submitted(client, content))
    assert (batch.status, batch.output_file_id, batch.error_file_id) == ("failed", None, None)
    assert batch.errors
    return [(problem.code, problem.line) for problem in batch.errors.data or []]


def test_it_goes_from_validating_to_completed(sandbox) -> None:
    client = with_options(sandbox, validating_seconds=10, batch_seconds=100, finalizing_seconds=5)
    batch = submitted(client, lines(BOOKS), metadata={"job": "12"})
    assert (batch.status, batch.model, batch.metadata, batch.request_counts.total) == ("validating", None, {"job": "12"}, 0)  # type: ignore[union-attr]
    passed(sandbox, 60)
    batch = client.batches.retrieve(batch.id)
    assert (batch.status, batch.model) == ("in_progress", "gpt-5-nano-2025-08-07")
    assert batch.request_counts
    assert batch.request_counts.total == 20
    assert 8 <= batch.request_counts.completed <= 12
    passed(sandbox, 51)
    assert client.batches.retrieve(batch.id).status == "finalizing"
    passed(sandbox, 5)
    batch = client.batches.retrieve(batch.id)
    assert (batch.status, batch.error_file_id, batch.request_counts.completed) == ("completed", None, 20)  # type: ignore[union-attr]
    assert [batch.in_progress_at, batch.finalizing_at, batch.completed_at] == pytest.approx(
        [batch.created_at + seconds for seconds in (10, 110, 115)], abs=1
    )


def test_its_output_answers_every_line_in_another_order(sandbox) -> None:
    client = client_of(sandbox)
    batch = completed(sandbox, client, submitted(client, lines(BOOKS)))
    told = results(client, batch.output_file_id)
    assert [line["custom_id"] for line in told] != [f"book-{number}" for number in range(20)]
    assert {line["custom_id"] for line in told} == {f"book-{number}" for number in range(20)}
    for line in told:
        response = line["response"]
        assert (response["status_code"], line["error"], response["body"]["status"]) == (200, None, "completed")
        assert json.loads(response["body"]["output"][-1]["content"][0]["text"]).keys() == FLAG["properties"].keys()


def test_its_usage_is_that_of_its_lines(sandbox) -> None:
    client = client_of(sandbox)
    batch = completed(sandbox, client, submitted(client, lines(BOOKS)))
    used = [line["response"]["body"]["usage"] for line in results(client, batch.output_file_id)]
    assert batch.usage
    assert batch.usage.input_tokens == sum(usage["input_tokens"] for usage in used)
    assert batch.usage.total_tokens == sum(usage["total_tokens"] for usage in used)


def test_it_answers_a_line_as_it_answers_the_same_request_alone(sandbox) -> None:
    client = client_of(sandbox)
    batch = completed(sandbox, client, submitted(client, lines(BOOKS[:1])))
    text = results(client, batch.output_file_id)[0]["response"]["body"]["output"][-1]["content"][0]["text"]
    assert text == client.responses.create(**body(BOOKS[0])).output_text


def test_failed_lines_are_in_the_error_file_only(sandbox) -> None:
    client = with_options(sandbox, failure_rate=0.5)
    batch = completed(sandbox, client, submitted(client, lines(BOOKS)))
    failed, succeeded = results(client, batch.error_file_id), results(client, batch.output_file_id)
    assert batch.request_counts
    assert (batch.request_counts.failed, batch.request_counts.completed) == (len(failed), len(succeeded))
    assert {line["custom_id"] for line in failed}.isdisjoint(line["custom_id"] for line in succeeded)
    assert {line["response"]["status_code"] for line in failed} == {500}
    assert failed[0]["response"]["body"]["error"]["type"] == "server_error"


def test_failed_lines_have_the_error_that_is_told(sandbox) -> None:
    client = with_options(sandbox, failure_rate=1.0, failure_trouble="quota")
    batch = completed(sandbox, client, submitted(client, lines(["x"])))
    [line] = results(client, batch.error_file_id)
    assert (line["response"]["status_code"], line["response"]["body"]["error"]["code"]) == (429, "insufficient_quota")


def test_one_that_is_worked_on_says_a_word_of_next_year_when_told(sandbox) -> None:
    client = with_options(sandbox, open_status="defrosting", validating_seconds=5)
    batch = submitted(client, lines(["x"]))
    assert batch.status == "validating"
    passed(sandbox, 10)
    assert [client.batches.retrieve(batch.id).status, client.batches.list().data[0].status] == ["defrosting"] * 2
    assert completed(sandbox, client, batch).status == "completed"


def test_it_has_no_output_file_when_all_failed(sandbox) -> None:
    client = with_options(sandbox, failure_rate=1.0)
    batch = completed(sandbox, client, submitted(client, lines(BOOKS)))
    assert (batch.status, batch.output_file_id) == ("completed", None)
    assert len(results(client, batch.error_file_id)) == 20


def test_a_refused_body_fails_its_line_alone(sandbox) -> None:
    client = client_of(sandbox)
    content = [*lines(BOOKS[:2]), lines(["x"], temperature=1)[0] | {"custom_id": "wrong"}]
    batch = completed(sandbox, client, submitted(client, content))
    [line] = results(client, batch.error_file_id)
    assert (line["custom_id"], line["response"]["status_code"], line["error"]) == ("wrong", 400, None)
    assert line["response"]["body"]["error"]["param"] == "temperature"
    assert len(results(client, batch.output_file_id)) == 2


def test_refusals_and_cut_off_answers_are_in_the_output_file(sandbox) -> None:
    client = with_options(sandbox, refusal_rate=0.5, incomplete_rate=0.5)
    batch = completed(sandbox, client, submitted(client, lines(BOOKS)))
    told = results(client, batch.output_file_id)
    assert {line["response"]["status_code"] for line in told} == {200}
    assert {line["response"]["body"]["status"] for line in told} == {"completed", "incomplete"}


def test_it_expires_with_what_was_done(sandbox) -> None:
    client = with_options(sandbox, expire_rate=0.5)
    batch = submitted(client, lines(BOOKS))
    passed(sandbox, DAY - 60)
    assert client.batches.retrieve(batch.id).status == "in_progress"
    passed(sandbox, 120)
    batch = client.batches.retrieve(batch.id)
    done, lost = results(client, batch.output_file_id), results(client, batch.error_file_id)
    assert (batch.status, batch.expired_at) == ("expired", pytest.approx(batch.created_at + DAY, abs=1))
    assert batch.request_counts
    assert (batch.request_counts.completed, batch.request_counts.failed) == (len(done), len(lost))
    assert len(done) + len(lost) == 20
    assert {(line["response"], line["error"]["code"]) for line in lost} == {(None, "batch_expired")}


def test_it_expires_when_it_is_too_slow(sandbox) -> None:
    client = with_options(sandbox, validating_seconds=0, batch_seconds=2 * DAY)
    batch = submitted(client, lines(BOOKS))
    passed(sandbox, DAY + 1)
    batch = client.batches.retrieve(batch.id)
    assert (batch.status, len(results(client, batch.output_file_id))) == ("expired", 10)


def test_it_cancels_and_keeps_what_was_done(sandbox) -> None:
    client = with_options(sandbox, validating_seconds=0, batch_seconds=100, cancelling_seconds=300)
    batch = submitted(client, lines(BOOKS))
    passed(sandbox, 50)
    cancelling = client.batches.cancel(batch.id)
    assert (cancelling.status, cancelling.output_file_id) == ("cancelling", None)
    assert client.batches.cancel(batch.id).cancelling_at == cancelling.cancelling_at
    passed(sandbox, 301)
    batch = client.batches.retrieve(batch.id)
    assert (batch.status, batch.error_file_id) == ("cancelled", None)
    assert len(results(client, batch.output_file_id)) == 10
    assert batch.usage
    assert batch.usage.total_tokens > 0


def test_it_names_what_it_cancelled_when_told_to(sandbox) -> None:
    client = with_options(sandbox, validating_seconds=0, batch_seconds=100, cancelled_lines=True)
    batch = submitted(client, lines(BOOKS))
    passed(sandbox, 50)
    client.batches.cancel(batch.id)
    batch = completed(sandbox, client, batch)
    assert [line["error"]["code"] for line in results(client, batch.error_file_id)] == ["batch_cancelled"] * 10


def test_a_batch_cancelled_before_it_began_has_no_files(sandbox) -> None:
    client = client_of(sandbox)
    batch = completed(sandbox, client, client.batches.cancel(submitted(client, lines(BOOKS)).id))
    assert (batch.status, batch.output_file_id, batch.error_file_id) == ("cancelled", None, None)


def test_it_cancels_no_batch_that_has_ended(sandbox) -> None:
    client = client_of(sandbox)
    batch = completed(sandbox, client, submitted(client, lines(BOOKS)))
    with pytest.raises(openai.ConflictError, match="completed"):
        client.batches.cancel(batch.id)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"custom_id": \n' + as_jsonl(lines(["x"])), [("invalid_json_line", 1)]),
        (as_jsonl([*lines(["x", "y"]), lines(["z"])[0]]), [("duplicate_custom_id", 3)]),
        (as_jsonl([{**lines(["x"])[0], "custom_id": None}]), [("missing_required_parameter", 1)]),
        (as_jsonl([{**lines(["x"])[0], "url": "/v1/chat/completions"}]), [("invalid_url", 1)]),
        (as_jsonl([{**lines(["x"])[0], "method": "GET"}]), [("invalid_method", 1)]),
        (as_jsonl([*lines(["x"]), {**lines(["y"], model="gpt-5-mini")[0], "custom_id": "other"}]), [("mismatched_model", 2)]),
        (as_jsonl(lines(["x"], model="gpt-7-stellar")), [("model_not_found", 1)]),
        (as_jsonl(lines(["x"], model="o4-mini")), [("model_not_found", 1)]),
        (b"\n", [("empty_file", None)]),
    ],
    ids=["json", "duplicate", "no id", "url", "method", "two models", "unknown model", "retired model", "empty"],
)
def test_it_fails_for_lines_it_cannot_take(sandbox, content: bytes, expected: list) -> None:
    assert problems(sandbox, client_of(sandbox), content) == expected


def test_it_fails_for_too_many_lines(sandbox) -> None:
    assert problems(sandbox, with_options(sandbox, batch_requests=19), lines(BOOKS)) == [("too_many_tasks", None)]


def test_it_fails_late_when_too_much_is_enqueued(sandbox) -> None:
    client = with_options(sandbox, enqueued_tokens=150, batch_seconds=600)
    first = submitted(client, lines(BOOKS))
    passed(sandbox, 11)
    second = submitted(client, lines(BOOKS))
    assert second.status == "validating"
    passed(sandbox, 11)
    assert client.batches.retrieve(first.id).status == "in_progress"
    second = client.batches.retrieve(second.id)
    assert second.errors and second.errors.data
    assert (second.status, second.errors.data[0].code) == ("failed", "token_limit_exceeded")
    assert "Limit: 150 enqueued tokens" in (second.errors.data[0].message or "")
    passed(sandbox, 700)
    assert completed(sandbox, client, submitted(client, lines(BOOKS))).status == "in_progress"


def test_it_creates_so_many_an_hour(sandbox) -> None:
    client = with_options(sandbox, batches_per_hour=1)
    submitted(client, lines(BOOKS))
    with pytest.raises(openai.RateLimitError):
        submitted(client, lines(BOOKS))
    passed(sandbox, 3601)
    assert submitted(client, lines(BOOKS)).status == "validating"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"completion_window": "48h"}, "completion_window"),
        ({"endpoint": "/v1/poems"}, "endpoint"),
        ({"metadata": {"job": "x" * 513}}, "metadata.job"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 60}}, "output_expires_after.seconds"),
        ({"extra_body": {"priority": 1}}, "priority"),
    ],
)
def test_it_refuses_a_batch_that_it_cannot_take(sandbox, changes: dict, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        submitted(client_of(sandbox), lines(BOOKS), **changes)
    assert refusal.value.param == param


def test_it_cannot_find_a_file_that_was_just_uploaded(sandbox) -> None:
    client = with_options(sandbox, file_hidden_seconds=5)
    file = client.files.create(file=("a.jsonl", as_jsonl(lines(BOOKS)), "application/jsonl"), purpose="batch")
    with pytest.raises(openai.BadRequestError, match=f"Cannot find file {file.id}, or project"):
        client.batches.create(input_file_id=file.id, endpoint="/v1/responses", completion_window="24h")
    passed(sandbox, 6)
    assert client.batches.create(input_file_id=file.id, endpoint="/v1/responses", completion_window="24h").status == "validating"


def test_its_results_expire_when_asked_to(sandbox) -> None:
    client = client_of(sandbox)
    batch = completed(sandbox, client, submitted(client, lines(BOOKS), output_expires_after={"anchor": "created_at", "seconds": 3600}))
    assert batch.output_file_id
    passed(sandbox, 3600)
    with pytest.raises(openai.NotFoundError):
        client.files.content(batch.output_file_id)


def test_it_doubles_and_loses_lines_when_told_to(sandbox) -> None:
    client = with_options(sandbox, doubled_rate=1.0)
    batch = completed(sandbox, client, submitted(client, lines(BOOKS)))
    assert len(results(client, batch.output_file_id)) == 40
    sandbox.settings(sources={"openai": {"doubled_rate": 0.0, "missing_rate": 0.5}})
    batch = completed(sandbox, client, submitted(client, lines(BOOKS)))
    assert batch.request_counts
    assert batch.request_counts.completed == 20
    assert 0 < len(results(client, batch.output_file_id)) < 20


def test_it_lists_the_newest_first_in_pages(sandbox) -> None:
    client = client_of(sandbox)
    ids = [submitted(client, lines(BOOKS[:1]), metadata={"job": str(number)}).id for number in range(5)]
    page = client.batches.list(limit=2)
    assert ([batch.id for batch in page.data], page.has_more) == ([ids[4], ids[3]], True)
    assert [batch.id for batch in client.batches.list(limit=2)] == ids[::-1]
    assert [batch.metadata for batch in client.batches.list(after=ids[1])] == [{"job": "0"}]


def test_a_batch_whose_answer_was_lost_is_found_by_its_metadata(sandbox) -> None:
    client = client_of(sandbox)
    sandbox.settings(faults=[{"kind": "cut", "source": "openai", "path": "/v1/batches", "times": 1}])
    with pytest.raises(openai.APIConnectionError):
        submitted(client, lines(BOOKS), metadata={"job": "lost"})
    assert [batch.metadata for batch in client.batches.list()] == [{"job": "lost"}]


def test_a_retried_creation_is_a_second_batch(sandbox) -> None:
    sandbox.settings(faults=[{"kind": "cut", "source": "openai", "path": "/v1/batches", "times": 1}])
    client = client_of(sandbox, retries=1)
    submitted(client, lines(BOOKS), metadata={"job": "doubled"})
    assert [batch.metadata for batch in client.batches.list()] == [{"job": "doubled"}] * 2


def test_it_knows_no_other_batch(sandbox) -> None:
    with pytest.raises(openai.NotFoundError):
        client_of(sandbox).batches.retrieve("batch_none")


def test_a_large_batch_is_worked_on_between_calls(sandbox) -> None:
    client = client_of(sandbox)
    batch = submitted(client, lines([f"Title: Book {number}" for number in range(3000)]))
    slowest = 0.0
    for _ in range(400):
        passed(sandbox, 20)
        begun = time.monotonic()
        batch = client.batches.retrieve(batch.id)
        slowest = max(slowest, time.monotonic() - begun)
        if batch.status == "completed":
            break
    assert (batch.status, len(results(client, batch.output_file_id))) == ("completed", 3000)
    assert slowest < 1


@pytest.mark.parametrize(("kind", "created"), [("500", 1), ("503", 1), ("cut", 1), ("429", 0)])
def test_a_spoiled_answer_is_of_a_batch_that_was_created_but_for_a_429(sandbox, kind: str, created: int) -> None:
    client = client_of(sandbox)
    sandbox.settings(faults=[{"kind": kind, "source": "openai", "path": "/v1/batches", "times": 1}])
    with pytest.raises(openai.APIError):
        submitted(client, lines(["Dune"]))
    assert len(list(client.batches.list())) == created
