from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bookops.outbound.errors import NotFound, Refused, TryAgain
from bookops.outbound.http import CallRecord
from llmjobs.providers import BatchSeen, Verdict
from llmjobs.providers import anthropic_batch as module
from llmjobs.providers.anthropic_batch import AnthropicBatches
from tests.bookops.outbound.rude_server import answer, ok
from tests.llmjobs.providers.asking import FLAG, INTENT, KEY, asks, question, questions, sent, verdicts

DAY = 86400
OTHER = "0b3f54fd-53a4-46ab-b1d8-8a3f1f2c1f11"


def anthropic(sandbox, records: list[CallRecord] | None = None, *, key: str = KEY, **options) -> AnthropicBatches:
    if options:
        sandbox.settings(sources={"anthropic": options})
    return asks(AnthropicBatches, sandbox.anthropic_url, key=key, records=records)


def ended(sandbox, provider, folder, count: int = 20, **changes) -> BatchSeen:
    seen = sent(provider, questions("anthropic", count, **changes), folder)
    sandbox.settings(clock={"advance": 60})
    return provider.look(seen.provider_id)


def test_it_is_in_progress_without_counts_until_it_has_ended(sandbox, tmp_path):
    provider = anthropic(sandbox, batch_seconds=100)
    seen = sent(provider, questions("anthropic", 20), tmp_path)
    assert (seen.verdict, seen.status, seen.counts_at_end_only) == (Verdict.OPEN, "in_progress", True)
    assert abs(datetime.now(UTC) - seen.created_at) < timedelta(minutes=1)
    sandbox.settings(clock={"advance": 90})
    seen = provider.look(seen.provider_id)
    assert (seen.verdict, seen.counts["processing"], seen.counts["succeeded"], seen.ask_again) == (Verdict.OPEN, 20, 0, 10.0)
    sandbox.settings(clock={"advance": 20})
    seen = provider.look(seen.provider_id)
    assert (seen.verdict, seen.status, seen.counts["succeeded"], seen.ask_again) == (Verdict.ANSWERED, "ended", 20, None)


def test_its_results_answer_every_question_by_its_id(sandbox, tmp_path):
    provider = anthropic(sandbox)
    results = list(provider.results(ended(sandbox, provider, tmp_path)))
    assert {result.custom_id for result in results} == {f"{INTENT}-{number}" for number in range(20)}
    assert [result.custom_id for result in results] != [f"{INTENT}-{number}" for number in range(20)]
    for result in results:
        assert (result.verdict, result.status, result.reason) == (Verdict.ANSWERED, "end_turn", "")
        assert json.loads(result.text).keys() == FLAG["properties"].keys()
        assert min(result.usage.input_tokens, result.usage.output_tokens) > 0


def test_its_results_come_in_the_same_order_again(sandbox, tmp_path):
    provider = anthropic(sandbox, duplicate_results=0.3, missing_results=0.3)
    seen = ended(sandbox, provider, tmp_path)
    assert list(provider.results(seen)) == list(provider.results(seen))


def test_a_line_is_a_request_with_its_schema_and_effort(sandbox):
    provider = anthropic(sandbox)
    line = json.loads(provider.line(question("anthropic", custom_id="a-1", effort="low")))
    assert line["custom_id"] == "a-1"
    assert line["params"]["output_config"] == {"format": {"type": "json_schema", "schema": FLAG}, "effort": "low"}
    assert line["params"].keys() == {"model", "max_tokens", "messages", "output_config", "system"}


def test_an_effort_and_letters_of_all_kinds_are_taken(sandbox, tmp_path):
    provider = anthropic(sandbox)
    asked = [question("anthropic", 'Ünïcode "quoted"\n\u2028 {{x}} 本', custom_id="a-1", effort="low")]
    seen = sent(provider, asked, tmp_path)
    sandbox.settings(clock={"advance": 60})
    assert verdicts(provider, provider.look(seen.provider_id)) == [Verdict.ANSWERED]


@pytest.mark.parametrize("custom_id", ["", "a b", "a" * 65, "ü", "a-1\n"])
def test_an_id_that_anthropic_would_not_take_is_not_written(sandbox, custom_id):
    with pytest.raises(ValueError, match="custom_id"):
        anthropic(sandbox).line(replace(question("anthropic"), custom_id=custom_id))


def test_the_id_of_a_batch_and_the_largest_item_fits(sandbox):
    assert anthropic(sandbox).line(question("anthropic", custom_id=f"{INTENT}-{2**63 - 1}"))


def test_an_answer_that_is_no_json_is_an_answer_for_the_purpose_to_judge(sandbox, tmp_path):
    provider = anthropic(sandbox, bad_json_rate=1.0)
    assert verdicts(provider, ended(sandbox, provider, tmp_path, 3)) == [Verdict.ANSWERED] * 3


@pytest.mark.parametrize("changes", [{"model": "claude-nope"}, {"effort": "sideways"}, {"most_output_tokens": 10_000_000}])
def test_a_wrong_question_is_told_only_at_the_end_and_not_sent_again(sandbox, tmp_path, changes):
    provider = anthropic(sandbox)
    seen = ended(sandbox, provider, tmp_path, 2, **changes)
    results = list(provider.results(seen))
    assert {result.verdict for result in results} == {Verdict.FAILED}
    assert not any(result.may_resend for result in results)
    assert all(result.detail for result in results)


def test_one_that_is_cancelled_is_read_for_what_was_done(sandbox, tmp_path):
    provider = anthropic(sandbox, batch_seconds=100, cancel_seconds=2)
    seen = sent(provider, questions("anthropic", 20), tmp_path)
    sandbox.settings(clock={"advance": 50})
    assert [provider.cancel(seen.provider_id).status for _ in range(2)] == ["canceling"] * 2
    sandbox.settings(clock={"advance": 10})
    seen = provider.look(seen.provider_id)
    assert seen.verdict is Verdict.ANSWERED
    counted = Counter(verdicts(provider, seen))
    assert counted.keys() == {Verdict.ANSWERED, Verdict.CANCELLED}
    assert counted.total() == 20


def test_one_that_is_too_slow_expires_with_what_was_done(sandbox, tmp_path):
    provider = anthropic(sandbox, batch_seconds=2 * DAY)
    seen = sent(provider, questions("anthropic", 20), tmp_path)
    sandbox.settings(clock={"advance": DAY + 60})
    seen = provider.look(seen.provider_id)
    assert seen.verdict is Verdict.ANSWERED
    assert Counter(verdicts(provider, seen)).keys() == {Verdict.ANSWERED, Verdict.EXPIRED}


def test_cancelling_what_has_ended_changes_nothing(sandbox, tmp_path):
    provider = anthropic(sandbox)
    seen = ended(sandbox, provider, tmp_path, 3)
    assert provider.cancel(seen.provider_id) == seen


def test_what_was_archived_or_is_not_there_is_lost(sandbox, tmp_path):
    provider = anthropic(sandbox)
    seen = ended(sandbox, provider, tmp_path, 2)
    sandbox.settings(clock={"advance": 30 * DAY})
    late = provider.look(seen.provider_id)
    assert (late.verdict, late.reason, late.counts["succeeded"]) == (Verdict.LOST, "archived", 2)
    with pytest.raises(NotFound):
        list(provider.results(seen))
    assert provider.look("msgbatch_nope").verdict is Verdict.LOST
    assert provider.cancel("msgbatch_nope").verdict is Verdict.LOST


def test_doubled_lines_come_twice_and_missing_ones_not_at_all(sandbox, tmp_path):
    provider = anthropic(sandbox, duplicate_results=0.3, missing_results=0.3)
    counted = Counter(result.custom_id for result in provider.results(ended(sandbox, provider, tmp_path, 40)))
    assert len(counted) < 40
    assert max(counted.values()) == 2


def test_a_batch_at_work_is_found_by_its_time_and_count(sandbox, tmp_path):
    provider = anthropic(sandbox, batch_seconds=100)
    since = datetime.now(UTC)
    mine = sent(provider, questions("anthropic", 3), tmp_path)
    sent(provider, questions("anthropic", 4, OTHER), tmp_path)
    assert [seen.provider_id for seen in provider.find(INTENT, since=since, requests=3)] == [mine.provider_id]
    assert provider.find(INTENT, since=since, requests=5) == []
    assert provider.find(INTENT, since=since + timedelta(hours=1), requests=3) == []
    assert provider.find(INTENT, since=since - timedelta(hours=1), requests=3) == []


def test_of_batches_that_have_ended_the_results_tell_whose_they_are(sandbox, tmp_path):
    provider = anthropic(sandbox)
    since = datetime.now(UTC)
    other = sent(provider, questions("anthropic", 3, OTHER), tmp_path)
    assert [seen.provider_id for seen in provider.find(INTENT, since=since, requests=3)] == [other.provider_id]
    mine = sent(provider, questions("anthropic", 3), tmp_path)
    sandbox.settings(clock={"advance": 60})
    assert [seen.provider_id for seen in provider.find(INTENT, since=since, requests=3)] == [mine.provider_id]
    assert provider.find("8c2b2f5e-0000-4000-8000-000000000000", since=since, requests=3) == []


def test_a_batch_is_found_behind_many_newer_ones(sandbox, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PAGE", 2)
    provider = anthropic(sandbox, batch_seconds=100)
    since = datetime.now(UTC)
    mine = sent(provider, questions("anthropic", 3), tmp_path)
    for _ in range(5):
        sent(provider, questions("anthropic", 1, OTHER), tmp_path)
    assert [seen.provider_id for seen in provider.find(INTENT, since=since, requests=3)] == [mine.provider_id]


@pytest.mark.parametrize("status", [400, 401])
def test_a_refusal_that_quotes_the_key_is_told_without_it(server, status):
    server.default = answer(status, json.dumps({"type": "error", "error": {"type": "an_error", "message": f"not {KEY}"}}).encode())
    with pytest.raises(Refused) as caught:
        asks(AnthropicBatches, server.url).look("msgbatch_1")
    assert KEY not in f"{caught.value!r} {caught.value.detail} {caught.value.__cause__!r}"


def test_a_rate_that_is_limited_says_when_to_come_back(sandbox, tmp_path):
    provider = anthropic(sandbox, batch_queue=2)
    with pytest.raises(TryAgain) as caught:
        sent(provider, questions("anthropic", 3), tmp_path)
    assert (caught.value.reason, caught.value.retry_after) == ("rate_limited", 60)


@pytest.mark.parametrize(
    "said",
    [
        {"processing_status": 7},
        {"processing_status": None},
        {"processing_status": "ended", "results_url": None, "archived_at": None},
    ],
)
def test_a_status_that_makes_no_sense_is_told(server, said):
    server.default = ok({"id": "msgbatch_1", **said})
    seen = asks(AnthropicBatches, server.url).look("msgbatch_1")
    assert (seen.verdict, seen.status, seen.reason) == (Verdict.UNMAPPED, str(said["processing_status"] or ""), "unmapped_status")


@pytest.mark.parametrize(
    ("result", "verdict", "reason", "may_resend"),
    [
        (
            {"type": "succeeded", "message": {"stop_reason": "end_turn", "content": [{"type": "text", "text": " "}]}},
            *(Verdict.FAILED, "empty_answer", True),
        ),
        ({"type": "succeeded", "message": None}, Verdict.UNMAPPED, "unmapped_status", False),
        ({"type": "errored", "error": {"type": "overloaded_error", "message": "one level"}}, Verdict.FAILED, "overloaded", True),
        ({"type": "errored", "error": None}, Verdict.FAILED, "http_500", True),
        ({"type": "of_next_year"}, Verdict.UNMAPPED, "unmapped_status", False),
        (None, Verdict.UNMAPPED, "unmapped_status", False),
    ],
)
def test_a_line_that_is_not_as_documented_has_its_verdict(server, result, verdict, reason, may_resend):
    batch = {"id": "msgbatch_1", "processing_status": "ended", "results_url": f"{server.url}/results"}
    server.replies["/v1/messages/batches/msgbatch_1"] = ok(batch)
    server.replies["/results"] = answer(200, json.dumps({"custom_id": "a", "result": result}).encode(), "application/x-jsonl")
    provider = asks(AnthropicBatches, server.url)
    [read] = provider.results(provider.look("msgbatch_1"))
    assert (read.custom_id, read.verdict, read.reason, read.may_resend) == ("a", verdict, reason, may_resend)
