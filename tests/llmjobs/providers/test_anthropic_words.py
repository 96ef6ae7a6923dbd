"""Every word that Anthropic has for a state, an end or an error: brought about in the sandbox, read through its SDK, and none forgotten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from anthropic.types import StopReason
from anthropic.types.messages import MessageBatch, MessageBatchResult
from anthropic.types.shared import ErrorType

from bookops.outbound.errors import NotFound, Refused, SourceError, TryAgain
from bookops.outbound.http import CallRecord
from llmjobs.providers import BatchSeen, Verdict
from llmjobs.providers.anthropic_batch import AnthropicBatches
from sandbox.anthropic_errors import ON_DEMAND, STATUSES
from sandbox.running import RunningSandbox
from tests.llmjobs.providers.asking import INTENT, KEY, asks, questions, seen_after, sent, verdicts, written

DAY = 86_400

#: A batch's state: what is set, after how many seconds one looks, whether it was cancelled at once, and what it is read as.
STATES: dict[str, tuple[dict[str, Any], float, bool, Verdict]] = {
    "in_progress": ({"batch_seconds": 100}, 50, False, Verdict.OPEN),
    "canceling": ({"batch_seconds": 100, "cancel_seconds": 100}, 50, True, Verdict.OPEN),
    "ended": ({}, 50, False, Verdict.ANSWERED),
}

#: What becomes of a question, likewise.
OUTCOMES: dict[str, tuple[dict[str, Any], float, bool, Verdict]] = {
    "succeeded": ({}, 50, False, Verdict.ANSWERED),
    "errored": ({"item_error_rate": 1.0}, 50, False, Verdict.FAILED),
    "canceled": ({"batch_seconds": DAY, "cancel_seconds": 0}, 0, True, Verdict.CANCELLED),
    "expired": ({"batch_seconds": 1_000 * DAY}, DAY + 60, False, Verdict.EXPIRED),
}

STOP_REASONS = {
    "end_turn": (Verdict.ANSWERED, ""),
    "stop_sequence": (Verdict.ANSWERED, ""),
    "max_tokens": (Verdict.CUT_SHORT, "max_output_tokens"),
    "model_context_window_exceeded": (Verdict.FAILED, "prompt_too_long"),
    "refusal": (Verdict.REFUSED, "model_refused"),
    "tool_use": (Verdict.FAILED, "stopped_by_tool_use"),
    "pause_turn": (Verdict.FAILED, "stopped_by_pause_turn"),
}

#: An error of a call, by the name under which the sandbox has it.
ERRORS: dict[str, tuple[int, type[SourceError], str]] = {
    "invalid_request_error": (400, Refused, "invalid_request"),
    "spend_limit": (400, Refused, "spend_limit"),
    "authentication_error": (401, Refused, "unauthorized"),
    "billing_error": (402, Refused, "spend_limit"),
    "permission_error": (403, Refused, "forbidden"),
    "not_found_error": (404, NotFound, "not_found"),
    "conflict_error": (409, TryAgain, "conflict"),
    "request_too_large": (413, Refused, "prompt_too_long"),
    "rate_limit_error": (429, TryAgain, "rate_limited"),
    "spend_cap": (429, Refused, "spend_limit"),
    "api_error": (500, TryAgain, "http_500"),
    "bad_gateway": (502, TryAgain, "http_502"),
    "unavailable": (503, TryAgain, "http_503"),
    "timeout_error": (504, TryAgain, "http_504"),
    "overloaded_error": (529, TryAgain, "overloaded"),
}
#: What concerns the account, so that no other call is worth making.
ACCOUNT_WIDE = {"spend_limit", "authentication_error", "billing_error", "permission_error", "spend_cap"}

#: An error of one question, whose type alone is told: whether it may be sent again, and why it failed.
ITEM_ERRORS = {
    "invalid_request_error": (False, "invalid_request"),
    "spend_limit": (False, "spend_limit"),
    "authentication_error": (False, "unauthorized"),
    "billing_error": (False, "spend_limit"),
    "permission_error": (False, "forbidden"),
    "not_found_error": (False, "not_found"),
    "conflict_error": (True, "conflict"),
    "request_too_large": (False, "prompt_too_long"),
    "rate_limit_error": (True, "rate_limited"),
    "api_error": (True, "http_500"),
    "timeout_error": (True, "http_504"),
    "overloaded_error": (True, "overloaded"),
}

#: Each thing that a provider is asked for: the pattern of its call, and the asking.
CALLS: dict[str, tuple[str, Callable[[AnthropicBatches, BatchSeen, Path], Any]]] = {
    "create": ("POST */batches", lambda provider, seen, path: provider.create(path, "", intent=INTENT, job_id="7")),
    "find": ("GET */batches", lambda provider, seen, path: provider.find(INTENT, since=datetime.now(UTC), requests=1)),
    "look": ("GET */batches/*", lambda provider, seen, path: provider.look(seen.provider_id)),
    "results": ("GET */results", lambda provider, seen, path: list(provider.results(seen))),
    "cancel": ("POST */cancel", lambda provider, seen, path: provider.cancel(seen.provider_id)),
}


def anthropic(sandbox: RunningSandbox, records: list[CallRecord] | None = None, **options: Any) -> AnthropicBatches:
    sandbox.settings(sources={"anthropic": options})
    return asks(AnthropicBatches, sandbox.anthropic_url, records=records)


def test_no_word_of_the_sdk_is_forgotten():
    assert STATES.keys() == set(get_args(MessageBatch.model_fields["processing_status"].annotation))
    outcomes = get_args(get_args(MessageBatchResult)[0])
    assert OUTCOMES.keys() == {get_args(outcome.model_fields["type"].annotation)[0] for outcome in outcomes}
    assert STOP_REASONS.keys() == set(get_args(StopReason))
    # Those of memory are of a tool that nobody uses here; request_too_large is missing there, but not in the documentation.
    types = {name for name in get_args(ErrorType) if not name.startswith("memory_")} | {"request_too_large"}
    assert types == STATUSES.keys() == {kind for kind, _ in ON_DEMAND.values()}
    assert ERRORS.keys() == ON_DEMAND.keys()
    assert ITEM_ERRORS.keys() == types | {"spend_limit"}


@pytest.mark.parametrize(("state", "told"), STATES.items())
def test_each_state_of_a_batch_has_its_verdict(sandbox, tmp_path, state, told):
    options, seconds, cancelled, verdict = told
    seen = seen_after(sandbox, anthropic(sandbox, **options), tmp_path, seconds, cancelled=cancelled)
    assert (seen.status, seen.verdict) == (state, verdict)


def test_a_state_that_nobody_has_mapped_keeps_it_open_until_it_ends(sandbox, tmp_path):
    provider = anthropic(sandbox, open_status="defrosting", batch_seconds=100)
    seen = seen_after(sandbox, provider, tmp_path, 50)
    assert (seen.status, seen.verdict, seen.reason) == ("defrosting", Verdict.UNMAPPED, "unmapped_status")
    sandbox.settings(clock={"advance": 100})
    assert provider.look(seen.provider_id).verdict is Verdict.ANSWERED


@pytest.mark.parametrize(("outcome", "told"), OUTCOMES.items())
def test_each_outcome_of_a_question_has_its_verdict(sandbox, tmp_path, outcome, told):
    options, seconds, cancelled, verdict = told
    provider = anthropic(sandbox, **options)
    seen = seen_after(sandbox, provider, tmp_path, seconds, cancelled=cancelled)
    assert seen.counts[outcome] == 2
    assert verdicts(provider, seen) == [verdict] * 2


@pytest.mark.parametrize(("word", "told"), [*STOP_REASONS.items(), ("of_next_year", (Verdict.UNMAPPED, "unmapped_status"))])
def test_each_end_of_an_answer_has_its_verdict_and_is_paid_for(sandbox, tmp_path, word, told):
    provider = anthropic(sandbox, stop_reason=word)
    results = list(provider.results(seen_after(sandbox, provider, tmp_path)))
    assert [(result.status, result.verdict, result.reason) for result in results] == [(word, *told)] * 2
    assert all(result.usage.output_tokens for result in results)


@pytest.mark.parametrize(("error", "told"), ITEM_ERRORS.items())
def test_each_error_of_a_question_has_its_reason(sandbox, tmp_path, error, told):
    provider = anthropic(sandbox, item_error_rate=1.0, item_error=error)
    results = list(provider.results(seen_after(sandbox, provider, tmp_path)))
    assert {(result.status, result.verdict) for result in results} == {("errored", Verdict.FAILED)}
    assert {(result.may_resend, result.reason) for result in results} == {told}


@pytest.mark.parametrize(("error", "told"), ERRORS.items())
def test_each_error_of_each_call_has_its_reason_and_one_try(sandbox, tmp_path, error, told):
    status, kind, reason = told
    records: list[CallRecord] = []
    provider = anthropic(sandbox, records)
    seen = seen_after(sandbox, provider, tmp_path)
    path = written(provider, questions("anthropic", 1), tmp_path)
    for name, (pattern, call) in CALLS.items():
        sandbox.settings(sources={"anthropic": {"failing": error, "failing_calls": pattern}})
        records.clear()
        said = outcome_of(lambda call=call: call(provider, seen, path))
        assert [record.status for record in records if record.error] == [status], name
        if error == "not_found_error" and name in ("look", "cancel"):
            assert (said.verdict, said.reason) == (Verdict.LOST, "lost_there")
        elif error == "conflict_error" and name == "cancel":
            assert said.verdict is Verdict.ANSWERED  # it had ended
        else:
            assert (type(said), said.reason, getattr(said, "account_wide", False)) == (kind, reason, error in ACCOUNT_WIDE), name
            assert KEY not in f"{said!r} {said.detail} {said.__cause__!r}"


def outcome_of(call: Callable[[], Any]) -> Any:
    """Return what a call returns, or the error that it raises."""
    try:
        return call()
    except SourceError as error:
        return error


def test_a_rate_that_is_limited_says_when_to_come_back_and_a_spent_limit_does_not(sandbox, tmp_path):
    sandbox.settings(sources={"anthropic": {"retry_after": "37"}})
    provider = anthropic(sandbox, failing="rate_limit_error", failing_calls="*")
    with pytest.raises(TryAgain) as limited:
        sent(provider, questions("anthropic", 1), tmp_path)
    assert limited.value.retry_after == 37
    sandbox.settings(sources={"anthropic": {"failing": "spend_cap"}})
    with pytest.raises(Refused):
        sent(provider, questions("anthropic", 1), tmp_path)


def test_a_call_that_hangs_is_made_once(sandbox, tmp_path):
    records: list[CallRecord] = []
    provider = asks(AnthropicBatches, sandbox.anthropic_url, records=records, seconds=0.4)
    sandbox.settings(faults=[{"kind": "hang", "source": "anthropic"}])
    with pytest.raises(TryAgain) as caught:
        provider.look("msgbatch_1")
    assert (caught.value.reason, len(records)) == ("timeout", 1)
