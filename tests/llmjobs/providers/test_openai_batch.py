from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from bookops.outbound.errors import NotFound, TryAgain
from bookops.outbound.http import CallRecord
from llmjobs.providers import Verdict
from llmjobs.providers import openai_batch as module
from llmjobs.providers.openai_batch import UNTIL_SEEN, OpenAIBatches
from tests.bookops.outbound.rude_server import answer, hang_up
from tests.llmjobs.providers.asking import FLAG, INTENT, KEY, asks, question, questions, sent, verdicts, written

DAY = 86400
OTHER = "0b3f54fd-53a4-46ab-b1d8-8a3f1f2c1f11"


def openai(sandbox, records: list[CallRecord] | None = None, *, sleep=None, key: str = KEY, **options) -> OpenAIBatches:
    if options:
        sandbox.settings(sources={"openai": options})
    return asks(OpenAIBatches, sandbox.openai_url, key=key, records=records, sleep=sleep or (lambda seconds: None))


def ended(sandbox, provider, folder, count: int = 20, seconds: float = 120, **changes):
    seen = sent(provider, questions("openai", count, **changes), folder)
    sandbox.settings(clock={"advance": seconds})
    return provider.look(seen.provider_id)


def test_it_goes_from_validating_to_completed(sandbox, tmp_path):
    provider = openai(sandbox, validating_seconds=10, batch_seconds=100, finalizing_seconds=5)
    seen = sent(provider, questions("openai", 20), tmp_path)
    assert (seen.verdict, seen.status, seen.reason) == (Verdict.OPEN, "validating", "")
    assert abs(datetime.now(UTC) - seen.created_at) < timedelta(minutes=1)
    sandbox.settings(clock={"advance": 60})
    seen = provider.look(seen.provider_id)
    assert (seen.verdict, seen.status, seen.counts["total"]) == (Verdict.OPEN, "in_progress", 20)
    assert 0 < seen.counts["completed"] < 20
    assert not seen.counts_at_end_only
    sandbox.settings(clock={"advance": 51})
    assert provider.look(seen.provider_id).status == "finalizing"
    sandbox.settings(clock={"advance": 10})
    seen = provider.look(seen.provider_id)
    assert (seen.verdict, seen.status) == (Verdict.ANSWERED, "completed")
    assert seen.output_file_id
    assert not seen.error_file_id


def test_its_results_answer_every_question_by_its_id(sandbox, tmp_path):
    provider = openai(sandbox)
    seen = ended(sandbox, provider, tmp_path)
    results = list(provider.results(seen))
    assert {result.custom_id for result in results} == {f"{INTENT}-{number}" for number in range(20)}
    assert [result.custom_id for result in results] != [f"{INTENT}-{number}" for number in range(20)]
    for result in results:
        assert (result.verdict, result.status, result.reason) == (Verdict.ANSWERED, "completed", "")
        assert json.loads(result.text).keys() == FLAG["properties"].keys()
        assert result.usage.input_tokens > 0


def test_its_results_come_in_the_same_order_again(sandbox, tmp_path):
    provider = openai(sandbox, failure_rate=0.5)
    seen = ended(sandbox, provider, tmp_path)
    assert list(provider.results(seen)) == list(provider.results(seen))


def test_a_line_says_what_a_call_says_and_keeps_nothing_there(sandbox):
    provider = openai(sandbox)
    asked = question("openai", effort="low", tier="batch")
    line = json.loads(provider.line(asked))
    assert (line["custom_id"], line["method"], line["url"]) == (asked.custom_id, "POST", "/v1/responses")
    assert line["body"]["store"] is False
    assert line["body"].keys() == {"model", "input", "text", "max_output_tokens", "instructions", "reasoning", "store"}
    assert provider.line(asked).count(b"\n") == 1


def test_both_files_are_read(sandbox, tmp_path):
    provider = openai(sandbox, failure_rate=0.5)
    seen = ended(sandbox, provider, tmp_path)
    results = list(provider.results(seen))
    failed = [result for result in results if result.verdict is Verdict.FAILED]
    assert len(results) == 20
    assert 0 < len(failed) < 20
    assert {(result.status, result.reason, result.may_resend) for result in failed} == {("500", "http_500", True)}


def test_one_without_an_output_file_has_its_errors_read(sandbox, tmp_path):
    provider = openai(sandbox, failure_rate=1.0)
    seen = ended(sandbox, provider, tmp_path)
    assert (seen.verdict, seen.output_file_id) == (Verdict.ANSWERED, "")
    assert verdicts(provider, seen) == [Verdict.FAILED] * 20


def test_a_refused_question_fails_alone_and_is_not_sent_again(sandbox, tmp_path):
    provider = openai(sandbox)
    wrong = question("openai", custom_id=f"{INTENT}-99", effort="sideways")
    seen = sent(provider, [*questions("openai", 2), wrong], tmp_path)
    sandbox.settings(clock={"advance": 120})
    results = {result.custom_id: result for result in provider.results(provider.look(seen.provider_id))}
    bad = results.pop(wrong.custom_id)
    assert (bad.verdict, bad.status, bad.reason, bad.may_resend) == (Verdict.FAILED, "400", "invalid_request", False)
    assert "sideways" in bad.detail
    assert [result.verdict for result in results.values()] == [Verdict.ANSWERED] * 2


@pytest.mark.parametrize(
    ("rates", "verdict", "reason"),
    [
        ({"content_filter_rate": 1.0}, Verdict.REFUSED, "content_filter"),
        ({"empty_rate": 1.0}, Verdict.FAILED, "empty_answer"),
        ({"bad_json_rate": 1.0}, Verdict.ANSWERED, ""),
    ],
)
def test_an_answer_within_a_batch_is_judged_as_one_alone(sandbox, tmp_path, rates, verdict, reason):
    provider = openai(sandbox, **rates)
    results = list(provider.results(ended(sandbox, provider, tmp_path, 3)))
    assert {(result.verdict, result.reason) for result in results} == {(verdict, reason)}


def test_one_that_expires_is_read_for_what_was_done(sandbox, tmp_path):
    provider = openai(sandbox, expire_rate=0.5)
    seen = ended(sandbox, provider, tmp_path, seconds=DAY + 60)
    assert (seen.verdict, seen.status, seen.rest) == (Verdict.ANSWERED, "expired", Verdict.EXPIRED)
    results = list(provider.results(seen))
    expired = [result for result in results if result.verdict is Verdict.EXPIRED]
    assert len(results) == 20
    assert 0 < len(expired) < 20
    assert {(result.reason, result.may_resend) for result in expired} == {("batch_expired", True)}
    assert "completion window" in expired[0].detail


def test_one_that_is_cancelled_is_read_for_what_was_done(sandbox, tmp_path):
    provider = openai(sandbox, validating_seconds=0, batch_seconds=100, cancelled_lines=True)
    seen = sent(provider, questions("openai", 20), tmp_path)
    sandbox.settings(clock={"advance": 50})
    assert (provider.cancel(seen.provider_id).verdict, provider.cancel(seen.provider_id).status) == (Verdict.OPEN, "cancelling")
    sandbox.settings(clock={"advance": 20})
    seen = provider.look(seen.provider_id)
    assert (seen.verdict, seen.status) == (Verdict.ANSWERED, "cancelled")
    counted = Counter(verdicts(provider, seen))
    assert counted.keys() == {Verdict.ANSWERED, Verdict.CANCELLED}
    assert counted.total() == 20


def test_what_a_cancelled_one_did_not_come_to_may_stand_nowhere(sandbox, tmp_path):
    provider = openai(sandbox, validating_seconds=0, batch_seconds=100)
    seen = sent(provider, questions("openai", 20), tmp_path)
    sandbox.settings(clock={"advance": 50})
    provider.cancel(seen.provider_id)
    sandbox.settings(clock={"advance": 20})
    seen = provider.look(seen.provider_id)
    assert 0 < len(verdicts(provider, seen)) < 20
    assert seen.rest is Verdict.CANCELLED


def test_one_that_is_cancelled_before_its_start_has_nothing_to_read(sandbox, tmp_path):
    provider = openai(sandbox, validating_seconds=100)
    seen = sent(provider, questions("openai", 3), tmp_path)
    provider.cancel(seen.provider_id)
    sandbox.settings(clock={"advance": 60})
    seen = provider.look(seen.provider_id)
    assert (seen.verdict, seen.output_file_id, seen.error_file_id) == (Verdict.CANCELLED, "", "")


def test_cancelling_what_has_ended_changes_nothing(sandbox, tmp_path):
    provider = openai(sandbox)
    seen = ended(sandbox, provider, tmp_path, 3)
    assert provider.cancel(seen.provider_id) == seen


def test_a_queue_without_room_fails_it_late_and_asks_for_less(sandbox, tmp_path):
    provider = openai(sandbox, enqueued_tokens=100)
    assert sent(provider, questions("openai", 20), tmp_path).verdict is Verdict.OPEN
    seen = ended(sandbox, provider, tmp_path)
    assert (seen.verdict, seen.reason, seen.is_too_large) == (Verdict.FAILED, "token_limit_exceeded", True)
    assert "enqueued tokens" in seen.detail


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda lines: [lines[0], lines[0]], "duplicate_custom_id"),
        (lambda lines: [lines[0], b"{nothing\n"], "invalid_json_line"),
        (lambda lines: [lines[0], lines[1].replace(b"gpt-6-luna", b"gpt-6-astra")], "mismatched_model"),
        (lambda lines: [lines[0], lines[1].replace(b"gpt-6-luna", b"gpt-nope")], "model_not_found"),
    ],
)
def test_a_file_that_is_wrong_fails_it_by_line(sandbox, tmp_path, spoil, reason):
    provider = openai(sandbox)
    path = written(provider, [], tmp_path)
    path.write_bytes(b"".join(spoil([*map(provider.line, questions("openai", 2))])))
    seen = provider.create(path, provider.upload(path), intent=INTENT, job_id="7")
    sandbox.settings(clock={"advance": 120})
    seen = provider.look(seen.provider_id)
    assert (seen.verdict, seen.reason, seen.is_too_large) == (Verdict.FAILED, reason, False)
    assert seen.detail.endswith("(line 2)")


def test_a_file_that_is_not_seen_at_once_is_asked_for_again(sandbox, tmp_path):
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        sandbox.settings(clock={"advance": seconds})

    provider = openai(sandbox, sleep=nap, file_hidden_seconds=3)
    assert sent(provider, questions("openai", 2), tmp_path).verdict is Verdict.OPEN
    assert naps == [0.5, 1.0, 2.0]


def test_a_file_that_is_never_seen_is_given_up(sandbox, tmp_path):
    naps: list[float] = []
    provider = openai(sandbox, sleep=naps.append, file_hidden_seconds=DAY)
    with pytest.raises(TryAgain) as caught:
        sent(provider, questions("openai", 2), tmp_path)
    assert caught.value.reason == "not_yet"
    assert naps == list(UNTIL_SEEN)


def test_a_batch_is_found_by_its_intent(sandbox, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PAGE", 2)
    provider = openai(sandbox)
    since = datetime.now(UTC)
    mine = sent(provider, questions("openai", 2), tmp_path)
    for _ in range(4):
        sent(provider, questions("openai", 2, OTHER), tmp_path, intent=OTHER)
    assert [seen.provider_id for seen in provider.find(INTENT, since=since, requests=2)] == [mine.provider_id]
    assert len(provider.find(OTHER, since=since, requests=2)) == 4
    assert provider.find("nobody's", since=since, requests=2) == []


def test_looking_for_a_batch_ends_where_older_ones_begin(sandbox, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PAGE", 2)
    records: list[CallRecord] = []
    provider = openai(sandbox, records)
    for _ in range(6):
        sent(provider, questions("openai", 1), tmp_path)
    records.clear()
    assert provider.find(OTHER, since=datetime.now(UTC) + timedelta(hours=1), requests=1) == []
    assert len(records) == 1


def test_doubled_lines_come_twice_and_missing_ones_not_at_all(sandbox, tmp_path):
    provider = openai(sandbox, doubled_rate=0.3, missing_rate=0.3)
    counted = Counter(result.custom_id for result in provider.results(ended(sandbox, provider, tmp_path, 40)))
    assert len(counted) < 40
    assert max(counted.values()) == 2


def test_results_that_were_dropped_are_not_found(sandbox, tmp_path):
    provider = openai(sandbox)
    seen = ended(sandbox, provider, tmp_path, 3)
    sandbox.settings(clock={"advance": 31 * DAY})
    with pytest.raises(NotFound):
        list(provider.results(seen))


def test_more_batches_than_an_hour_allows_wait(sandbox, tmp_path):
    provider = openai(sandbox, batches_per_hour=1)
    sent(provider, questions("openai", 1), tmp_path)
    with pytest.raises(TryAgain) as caught:
        sent(provider, questions("openai", 1), tmp_path)
    assert (caught.value.reason, caught.value.retry_after is not None) == ("rate_limited", True)


@pytest.mark.parametrize(
    ("line", "verdict", "reason", "may_resend"),
    [
        ({"response": None, "error": {"code": "of_next_year", "message": "?"}}, Verdict.FAILED, "of_next_year", False),
        ({"response": None, "error": None}, Verdict.FAILED, "unknown", False),
        ({"response": {"status_code": 401, "body": {"error": {"message": "sk-abc"}}}}, Verdict.FAILED, "unauthorized", False),
        ({"response": {"status_code": 404, "body": {}}}, Verdict.FAILED, "not_found", False),
        ({"response": {"status_code": 503, "body": None}}, Verdict.FAILED, "overloaded", True),
        ({"response": {"status_code": None, "body": None}}, Verdict.FAILED, "http_500", True),
        ({"response": {"status_code": 200, "body": {"status": "thawing"}}}, Verdict.UNMAPPED, "unmapped_status", False),
        ({"response": {"status_code": 200, "body": []}}, Verdict.UNMAPPED, "unmapped_status", False),
    ],
)
def test_a_line_that_is_not_as_documented_has_its_verdict(server, line, verdict, reason, may_resend):
    server.replies["/files/file-1/content"] = answer(
        200, json.dumps({"id": "r", "custom_id": "a", **line}).encode(), "application/octet-stream"
    )
    provider = asks(OpenAIBatches, server.url)
    [result] = provider.results(module.BatchSeen("batch_1", Verdict.ANSWERED, "completed", output_file_id="file-1"))
    assert (result.custom_id, result.verdict, result.reason, result.may_resend) == ("a", verdict, reason, may_resend)
    assert "sk-" not in result.detail


def test_a_line_that_cannot_be_read_is_counted_and_no_more(server):
    good = json.dumps({"custom_id": "a", "response": None, "error": {"code": "batch_expired"}}).encode()
    body = b"\n".join([good, b'{"custom_id": "b", "resp', b'{"custom_id": 3}', b"[]", good])
    server.replies["/files/file-1/content"] = answer(200, body, "application/octet-stream")
    provider = asks(OpenAIBatches, server.url)
    results = list(provider.results(module.BatchSeen("batch_1", Verdict.ANSWERED, "completed", error_file_id="file-1")))
    assert [result.custom_id for result in results] == ["a", "", "", "", "a"]
    assert {result.reason for result in results if not result.custom_id} == {"unreadable_line"}


def test_results_that_break_off_are_to_be_read_again(server):
    def reply(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b'{"custom_id": "a"}\n')
        hang_up(connection)

    server.replies["/files/file-1/content"] = reply
    provider = asks(OpenAIBatches, server.url)
    with pytest.raises(TryAgain):
        list(provider.results(module.BatchSeen("batch_1", Verdict.ANSWERED, "completed", output_file_id="file-1")))
