"""Every word that OpenAI has for a state, an end or an error: brought about in the sandbox, read through its SDK, and none forgotten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from openai.types import Batch
from openai.types.responses import ResponseStatus
from openai.types.responses.response import IncompleteDetails
from openai.types.responses.response_error import ResponseError

from bookops.outbound.errors import Refused, SourceError, TryAgain
from bookops.outbound.http import CallRecord
from llmjobs.providers import BatchSeen, Result, Verdict
from llmjobs.providers.openai_batch import OpenAIBatches
from llmjobs.providers.openai_responses import OpenAIResponses
from sandbox.openai_errors import RATE_LIMIT, TROUBLES
from sandbox.running import RunningSandbox
from tests.llmjobs.providers.asking import INTENT, KEY, asks, question, questions, seen_after, written

DAY = 86_400

#: A response's state: what is set, after how many seconds one looks, whether it was cancelled at once, and what it is read as.
STATES: dict[str, tuple[dict[str, Any], float, bool, Verdict]] = {
    "queued": ({"queued_seconds": DAY}, 0, False, Verdict.OPEN),
    "in_progress": ({"working_seconds": DAY}, 60, False, Verdict.OPEN),
    "completed": ({}, 60, False, Verdict.ANSWERED),
    "failed": ({"failure_rate": 1.0}, 60, False, Verdict.FAILED),
    "incomplete": ({"incomplete_rate": 1.0}, 60, False, Verdict.CUT_SHORT),
    "cancelled": ({}, 0, True, Verdict.CANCELLED),
}

#: A batch's state, likewise.
BATCH_STATES: dict[str, tuple[dict[str, Any], float, bool, Verdict]] = {
    "validating": ({"validating_seconds": DAY}, 0, False, Verdict.OPEN),
    "in_progress": ({"batch_seconds": DAY / 2}, 60, False, Verdict.OPEN),
    "finalizing": ({"batch_seconds": 10, "finalizing_seconds": DAY}, 60, False, Verdict.OPEN),
    "completed": ({}, 120, False, Verdict.ANSWERED),
    "failed": ({"enqueued_tokens": 1}, 120, False, Verdict.FAILED),
    "expired": ({"expire_rate": 1.0}, DAY + 60, False, Verdict.ANSWERED),
    "cancelling": ({"cancelling_seconds": DAY}, 0, True, Verdict.OPEN),
    "cancelled": ({}, 60, True, Verdict.CANCELLED),
}

#: Why a response is incomplete.
INCOMPLETE = {
    "max_output_tokens": Verdict.CUT_SHORT,
    "content_filter": Verdict.REFUSED,
    "max_messages": Verdict.FAILED,
    "steered": Verdict.FAILED,
}

#: Why a response failed: what passes, so that it may be sent again; what a policy forbids; what would fail again.
PASSING = {"server_error", "rate_limit_exceeded", "vector_store_timeout", "failed_to_download_image"}
FORBIDDEN = {"bio_policy", "misalignment_policy_violation", "image_content_policy_violation"}
LASTING = {
    *("invalid_prompt", "data_residency_mismatch", "invalid_image", "invalid_image_format", "invalid_base64_image", "invalid_image_url"),
    *("image_too_large", "image_too_small", "image_parse_error", "invalid_image_mode", "image_file_too_large"),
    *("unsupported_image_media_type", "empty_image_file", "image_file_not_found"),
}

#: An error of a call, by the name under which the sandbox has it.
ERRORS: dict[str, tuple[int, type[SourceError], str]] = {
    "rate_limit": (429, TryAgain, "rate_limited"),
    "quota": (429, Refused, "spend_limit"),
    "forbidden": (403, Refused, "forbidden"),
    "server_error": (500, TryAgain, "http_500"),
    "bad_gateway": (502, TryAgain, "http_502"),
    "overloaded": (503, TryAgain, "overloaded"),
    "gateway_timeout": (504, TryAgain, "http_504"),
}


def responses(sandbox: RunningSandbox, records: list[CallRecord] | None = None, **options: Any) -> OpenAIResponses:
    sandbox.settings(sources={"openai": options})
    return asks(OpenAIResponses, sandbox.openai_url, records=records)


def batches(sandbox: RunningSandbox, records: list[CallRecord] | None = None, **options: Any) -> OpenAIBatches:
    sandbox.settings(sources={"openai": options})
    return asks(OpenAIBatches, sandbox.openai_url, records=records, sleep=lambda seconds: None)


def asked(sandbox, provider: OpenAIResponses, seconds: float = 60, *, cancelled: bool = False) -> Result:
    task_id = provider.submit(question("openai")).custom_id
    if cancelled:
        provider.cancel(task_id)
    sandbox.settings(clock={"advance": seconds})
    return provider.look(task_id)


def test_no_word_of_the_sdk_is_forgotten():
    assert STATES.keys() == set(get_args(ResponseStatus))
    assert BATCH_STATES.keys() == set(get_args(Batch.model_fields["status"].annotation))
    reasons, _ = get_args(IncompleteDetails.model_fields["reason"].annotation)
    assert INCOMPLETE.keys() == set(get_args(reasons))
    assert set(get_args(ResponseError.model_fields["code"].annotation)) == PASSING | FORBIDDEN | LASTING
    assert ERRORS.keys() == {RATE_LIMIT, *TROUBLES}


@pytest.mark.parametrize(("state", "told"), STATES.items())
def test_each_state_of_a_response_has_its_verdict(sandbox, state, told):
    options, seconds, cancelled, verdict = told
    result = asked(sandbox, responses(sandbox, **options), seconds, cancelled=cancelled)
    assert (result.status, result.verdict) == (state, verdict)


@pytest.mark.parametrize(("state", "told"), BATCH_STATES.items())
def test_each_state_of_a_batch_has_its_verdict(sandbox, tmp_path, state, told):
    options, seconds, cancelled, verdict = told
    seen = seen_after(sandbox, batches(sandbox, **options), tmp_path, seconds, cancelled=cancelled)
    assert (seen.status, seen.verdict) == (state, verdict)


def test_a_state_that_nobody_has_mapped_keeps_a_response_open_until_it_ends(sandbox):
    provider = responses(sandbox, open_status="paused_for_review", working_seconds=200)
    result = asked(sandbox, provider)
    assert (result.status, result.verdict, result.reason) == ("paused_for_review", Verdict.UNMAPPED, "unmapped_status")
    sandbox.settings(clock={"advance": 400})
    assert provider.look(result.custom_id).verdict is Verdict.ANSWERED


def test_a_state_that_nobody_has_mapped_keeps_a_batch_open_until_it_ends(sandbox, tmp_path):
    provider = batches(sandbox, open_status="defrosting", batch_seconds=200)
    seen = seen_after(sandbox, provider, tmp_path)
    assert (seen.status, seen.verdict, seen.reason) == ("defrosting", Verdict.UNMAPPED, "unmapped_status")
    sandbox.settings(clock={"advance": 400})
    assert provider.look(seen.provider_id).verdict is Verdict.ANSWERED


@pytest.mark.parametrize(("reason", "verdict"), [*INCOMPLETE.items(), ("of_next_year", Verdict.FAILED)])
def test_each_reason_to_stop_has_its_verdict_alone_and_in_a_batch(sandbox, tmp_path, reason, verdict):
    options = {"incomplete_rate": 1.0, "incomplete_reason": reason}
    alone = asked(sandbox, responses(sandbox, **options))
    provider = batches(sandbox, **options)
    results = [alone, *provider.results(seen_after(sandbox, provider, tmp_path))]
    said = [(result.status, result.verdict, result.reason, result.may_resend) for result in results]
    assert said == [("incomplete", verdict, reason, False)] * 3
    assert all(result.usage.output_tokens for result in results)


@pytest.mark.parametrize("code", sorted(PASSING | FORBIDDEN | LASTING | {"a_code_of_next_year"}))
def test_each_reason_to_fail_has_its_verdict(sandbox, code):
    result = asked(sandbox, responses(sandbox, failure_rate=1.0, failure_code=code))
    assert (result.status, result.reason, result.may_resend) == ("failed", code, code in PASSING)
    assert result.verdict is (Verdict.REFUSED if code in FORBIDDEN else Verdict.FAILED)
    assert "An error occurred" in result.detail


def test_what_the_model_refuses_is_completed_and_refused(sandbox, tmp_path):
    alone = asked(sandbox, responses(sandbox, refusal_rate=1.0))
    provider = batches(sandbox, refusal_rate=1.0)
    results = [alone, *provider.results(seen_after(sandbox, provider, tmp_path))]
    assert [(result.status, result.verdict, result.reason) for result in results] == [("completed", Verdict.REFUSED, "model_refused")] * 3


@pytest.mark.parametrize(("error", "told"), ERRORS.items())
def test_each_error_of_each_call_has_its_reason_and_one_try(sandbox, tmp_path, error, told):
    status, kind, reason = told
    records: list[CallRecord] = []
    alone, many = responses(sandbox, records), batches(sandbox, records)
    path = written(many, questions("openai", 1), tmp_path)
    seen = BatchSeen("batch_1", Verdict.ANSWERED, "completed", output_file_id="file-1")
    calls: list[Callable[[], Any]] = [
        lambda: alone.submit(question("openai")),
        lambda: alone.look("resp_1"),
        lambda: alone.cancel("resp_1"),
        lambda: many.upload(path),
        lambda: many.create(path, "file-1", intent=INTENT, job_id="7"),
        lambda: many.find(INTENT, since=datetime.now(UTC), requests=1),
        lambda: many.look("batch_1"),
        lambda: list(many.results(seen)),
        lambda: many.cancel("batch_1"),
    ]
    sandbox.settings(sources={"openai": {"trouble": error}})
    for call in calls:
        with pytest.raises(kind) as caught:
            call()
        assert (caught.value.reason, caught.value.source) == (reason, "openai")
        assert getattr(caught.value, "account_wide", False) == (error in ("quota", "forbidden"))
        assert (getattr(caught.value, "retry_after", None) is not None) == (error == "rate_limit")
    assert [(record.status, record.error) for record in records] == [(status, reason)] * len(calls)


@pytest.mark.parametrize(("error", "told"), ERRORS.items())
def test_each_error_of_a_line_has_its_reason(sandbox, tmp_path, error, told):
    status, kind, reason = told
    provider = batches(sandbox, failure_rate=1.0, failure_trouble=error)
    results = list(provider.results(seen_after(sandbox, provider, tmp_path)))
    assert {(result.verdict, result.status, result.reason) for result in results} == {(Verdict.FAILED, str(status), reason)}
    assert {result.may_resend for result in results} == {kind is TryAgain}


@pytest.mark.parametrize("ask", [responses, batches])
def test_a_key_that_is_not_known_is_refused_once_and_not_repeated(sandbox, ask):
    records: list[CallRecord] = []
    with pytest.raises(Refused) as caught:
        ask(sandbox, records, keys="another").look("any")
    assert (caught.value.reason, caught.value.account_wide) == ("unauthorized", True)
    assert KEY not in f"{caught.value!r} {caught.value.detail} {caught.value.__cause__!r}"
    assert [record.status for record in records] == [401]


@pytest.mark.parametrize("ask", [responses, batches])
def test_what_is_not_there_is_lost(sandbox, ask):
    assert [(seen.verdict, seen.status) for seen in (ask(sandbox).look("any"), ask(sandbox).cancel("any"))] == [(Verdict.LOST, "404")] * 2


@pytest.mark.parametrize("way", [OpenAIResponses, OpenAIBatches])
def test_a_call_that_hangs_is_made_once(sandbox, way):
    records: list[CallRecord] = []
    provider = asks(way, sandbox.openai_url, records=records, seconds=0.4)
    sandbox.settings(faults=[{"kind": "hang", "source": "openai"}])
    with pytest.raises(TryAgain) as caught:
        provider.cancel("any")  # a look at a response has a deadline of its own
    assert (caught.value.reason, len(records)) == ("timeout", 1)
