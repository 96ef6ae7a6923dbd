"""The results of a batch: streamed, out of order, doubled, missing, interrupted."""

from __future__ import annotations

import random
import threading
import tracemalloc
from dataclasses import replace
from datetime import timedelta

import pytest

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.invariants import broken_invariants
from bookops.outbound.errors import BadAnswer, NotFound, TryAgain
from bookops.runs import State
from llmjobs import batch_results, turns
from llmjobs.batch_results import read_ahead, take_results
from llmjobs.doors import standing_in
from llmjobs.holding import release_holds
from llmjobs.models import LLMJob, LLMJobItem, PollTick, Proposal, ProviderBatch
from llmjobs.polling import tick
from llmjobs.providers import Result, Verdict
from tests.concurrency import at_once
from tests.llmjobs.factories import ANTHROPIC_BATCH, items_of
from tests.llmjobs.results import BatchAnswers, age, answer, flagging, line_of, make_sent_batch, money, word

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def here():
    with rung_here() as here:
        yield here


@pytest.fixture
def provider():
    provider = BatchAnswers()
    with standing_in(provider):
        yield provider


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(batch_results, "CHUNK", 3)


def states_of(batch: ProviderBatch) -> list[tuple[str, str]]:
    return [(item.state, item.reason) for item in items_of(batch.job)]


def test_results_in_any_order_go_to_their_items(provider):
    batch = make_sent_batch(20, policy="apply")
    provider.answer_all(batch)
    random.Random(4).shuffle(provider.lines)

    stored = take_results(batch.pk)

    assert stored.moved == 20
    assert states_of(batch) == [("succeeded", "")] * 20
    batch.refresh_from_db()
    assert (batch.state, batch.lines_applied) == (State.SUCCEEDED, 20)
    assert LLMJob.objects.get().status == "completed"


def test_each_line_ends_its_own_item_only(provider):
    batch = make_sent_batch(5)
    names = [line_of(item) for item in items_of(batch.job)]
    provider.answer_all(batch)
    provider.lines = [
        answer(names[0]),
        word(names[1], Verdict.FAILED, reason="invalid_request"),
        word(names[2], Verdict.EXPIRED),
        answer(names[3], "no JSON"),
        word(names[4], Verdict.REFUSED),
    ]

    take_results(batch.pk)

    assert states_of(batch) == [
        ("succeeded", ""), ("failed", "invalid_request"), ("pending", "expired"), ("failed", "not_json"), ("failed", "refused")
    ]  # fmt: skip


def test_only_what_is_unfinished_of_an_expired_batch_is_sent_again(provider):
    batch = make_sent_batch(3)
    provider.verdict, provider.status = Verdict.EXPIRED, "expired"

    take_results(batch.pk)

    assert states_of(batch) == [("pending", "expired")] * 3
    batch.refresh_from_db()
    assert batch.state == State.FAILED
    assert money() == (0, 0)


def test_doubled_lines_count_once(provider, small_chunks):
    batch = make_sent_batch(4)
    provider.answer_all(batch)
    provider.lines = [one for line in provider.lines for one in (line, line)] + provider.lines[:1]

    stored = take_results(batch.pk)

    assert (stored.moved, stored.ignored) == (4, 5)
    assert Proposal.objects.count() == 4
    assert money() == (0, 2 * sum(item.cost for item in items_of(batch.job)))


def test_an_item_without_a_line_fails_and_is_not_sent_again(provider):
    batch = make_sent_batch(3)
    provider.answer_all(batch)
    del provider.lines[1]

    take_results(batch.pk)

    assert states_of(batch) == [("succeeded", ""), ("failed", "missing"), ("succeeded", "")]


@pytest.mark.parametrize("lines", [[], [answer("somebody else's")], [answer("")] * 5])
def test_what_names_none_of_its_items_was_not_its_results_and_is_read_again(provider, small_chunks, lines):
    batch = make_sent_batch(5)
    provider.answer_all(batch)
    provider.lines, results = lines, provider.lines
    with pytest.raises(BadAnswer):
        take_results(batch.pk)
    assert states_of(batch) == [("running", "")] * 5
    provider.lines = results
    assert take_results(batch.pk).moved == 5
    assert states_of(batch) == [("succeeded", "")] * 5


@pytest.mark.parametrize(("verdict", "status"), [(Verdict.UNMAPPED, "pondering"), (Verdict.OPEN, "in_progress")])
def test_a_line_that_is_no_last_word_keeps_its_item_open_and_is_told(provider, small_chunks, verdict, status):
    batch = make_sent_batch(5)
    provider.answer_all(batch)
    [_, second, *_] = items_of(batch.job)
    whole, provider.lines[1] = provider.lines[1], word(line_of(second), verdict, status=status)
    found = PollTick.objects.create(started_at=database_now())

    assert take_results(batch.pk, found.pk).moved == 4
    found.refresh_from_db()
    assert (found.unmapped, found.items_updated) == ({status: 1}, 4)
    assert items_of(batch.job)[1].status == "processing"
    batch.refresh_from_db()
    assert (batch.state, batch.reason) == (State.RUNNING, "unmapped_status")
    assert batch.next_at > database_now() + timedelta(minutes=9)
    assert broken_invariants() == {}

    provider.lines[1] = whole  # whoever reads it knows the word by now
    assert take_results(batch.pk, found.pk).moved == 1
    batch.refresh_from_db()
    assert (batch.state, LLMJob.objects.get().status) == (State.SUCCEEDED, "completed")


def test_an_item_whose_line_nobody_can_read_is_given_up_after_its_time_limit(provider, here):
    batch = make_sent_batch(1)
    provider.verdict, provider.status = Verdict.ANSWERED, "completed"
    provider.lines = [word(line_of(items_of(batch.job)[0]), Verdict.UNMAPPED, status="pondering")]
    take_results(batch.pk)
    age(batch, hours=26)
    ProviderBatch.objects.update(next_at=database_now())

    tick()
    here.work(threads=1)

    assert states_of(batch) == [("failed", "batch_time_limit")]
    ProviderBatch.objects.update(next_at=database_now())
    tick()
    take_results(batch.pk)
    batch.refresh_from_db()
    assert batch.has_ended
    release_holds(database_now())
    assert money()[0] == 0


@pytest.mark.parametrize(
    ("rest", "state"), [(Verdict.EXPIRED, ("pending", "expired")), (Verdict.CANCELLED, ("failed", "cancelled_at_provider"))]
)
def test_what_the_results_of_a_batch_that_ended_early_do_not_name_was_not_worked_on(provider, rest, state):
    batch = make_sent_batch(3)
    provider.answer_all(batch)
    provider.status, provider.more = str(rest), {"rest": rest}
    del provider.lines[1]

    take_results(batch.pk)

    assert states_of(batch) == [("succeeded", ""), state, ("succeeded", "")]


def test_lines_of_nobody_are_passed_over(provider, small_chunks):
    batch = make_sent_batch(2)
    provider.answer_all(batch)
    strangers = [Result("", Verdict.FAILED), answer("another-12"), answer(f"{batch.intent}-x"), answer(f"{batch.intent}-999999")]
    provider.lines = [*strangers, *provider.lines]

    assert take_results(batch.pk).moved == 2


def test_whoever_goes_on_starts_behind_what_was_applied(provider, small_chunks, monkeypatch):
    batch = make_sent_batch(8)
    provider.answer_all(batch)
    lines = list(provider.lines)
    provider.lines.insert(5, TryAgain("connection lost", reason="connection_lost"))
    with pytest.raises(TryAgain):
        take_results(batch.pk)
    batch.refresh_from_db()
    assert (batch.state, batch.lines_applied) == (State.RUNNING, 3)

    provider.lines = lines
    applied: list[int] = []
    apply_results = batch_results.apply_results
    monkeypatch.setattr(batch_results, "apply_results", lambda *a, **k: (applied.append(len(a[1])), apply_results(*a, **k))[1])
    take_results(batch.pk)

    assert applied == [3, 2]
    assert states_of(batch) == [("succeeded", "")] * 8


def test_what_an_interrupted_reading_missed_is_looked_for_from_the_start(provider, small_chunks):
    batch = make_sent_batch(6)
    provider.answer_all(batch)
    ProviderBatch.objects.update(lines_applied=3)  # in another order than now

    take_results(batch.pk)

    assert states_of(batch) == [("succeeded", "")] * 6
    assert provider.reads == 2


def test_results_that_the_provider_has_dropped_leave_their_items_lost(provider):
    batch = make_sent_batch(2)
    provider.answer_all(batch)
    provider.lines = [NotFound("archived")]

    take_results(batch.pk)

    assert states_of(batch) == [("failed", "results_gone")] * 2


def test_a_batch_that_failed_as_a_whole_fails_its_items_with_its_reason(provider):
    batch = make_sent_batch(2)
    provider.verdict, provider.status = Verdict.FAILED, "failed"
    provider.more = {"reason": "invalid_json_line", "detail": "line 1"}

    take_results(batch.pk)

    assert states_of(batch) == [("failed", "invalid_json_line")] * 2


def test_a_batch_for_which_there_was_no_room_is_halved(provider):
    batch = make_sent_batch(4)
    provider.verdict, provider.status = Verdict.FAILED, "failed"
    provider.more = {"reason": "token_limit_exceeded", "is_too_large": True}

    take_results(batch.pk)

    halves = ProviderBatch.objects.exclude(pk=batch.pk).order_by("pk")
    assert [half.requests for half in halves] == [2, 2]
    assert not LLMJobItem.objects.filter(state=State.FAILED).exists()


def test_an_open_batch_is_left_alone(provider):
    batch = make_sent_batch(1)

    assert take_results(batch.pk).moved == 0
    assert items_of(batch.job)[0].status == "processing"


def test_one_at_a_time_reads_the_results_of_a_batch(provider):
    batch = make_sent_batch(1)
    provider.answer_all(batch)
    with turns.turn(f"batch:{batch.pk}", 60):
        assert take_results(batch.pk).moved == 0
    assert provider.looks == []


@pytest.mark.django_db(transaction=True)
def test_readers_who_do_not_know_of_each_other_apply_each_line_once(provider, small_chunks, monkeypatch):
    batch = make_sent_batch(30, policy="apply")
    provider.answer_all(batch)
    monkeypatch.setattr(turns, "take", lambda name, seconds: turns.Turn(name=name))

    at_once(4, lambda: take_results(batch.pk))

    assert states_of(batch) == [("succeeded", "")] * 30
    assert Proposal.objects.count() == 30
    assert money() == (0, 2 * sum(item.cost for item in items_of(batch.job)))


@pytest.mark.django_db(transaction=True)
def test_a_tick_has_the_results_applied_and_counts_them_as_its_own(provider, here):
    batch = make_sent_batch(3, policy="apply")
    provider.answer_all(batch)

    tick()
    here.work()

    done = PollTick.objects.get()
    assert (done.items_polled, done.items_updated, done.jobs_resolved) == (1, 3, [str(batch.job_id)])


def test_a_chunk_holds_no_more_text_than_fits(provider, monkeypatch):
    monkeypatch.setattr(batch_results, "MOST_TEXT", 1000)
    batch = make_sent_batch(6)
    provider.answer_all(batch, flagging(notes="x" * 900))
    sizes: list[int] = []
    apply_results = batch_results.apply_results
    monkeypatch.setattr(batch_results, "apply_results", lambda *a, **k: (sizes.append(len(a[1])), apply_results(*a, **k))[1])

    take_results(batch.pk)

    assert sizes == [2] * 3


@pytest.mark.once
def test_the_next_portion_is_read_while_one_is_worked_on_and_no_further():
    read = [threading.Event() for _ in range(3)]

    def portions():
        for number, event in enumerate(read):
            event.set()
            yield number

    for number in read_ahead(portions()):
        assert all(event.wait(5) for event in read[: number + 2])
        assert not any(event.is_set() for event in read[number + 2 :])


@pytest.mark.once
def test_its_memory_does_not_grow_with_the_results(provider, monkeypatch):
    batch = make_sent_batch(2)
    provider.answer_all(batch)
    first = provider.lines[0]

    def many(seen):
        for _ in range(40_000):
            yield replace(first, text="x" * 1000, raw={"text": "y" * 1000})

    monkeypatch.setattr(provider, "results", many)
    tracemalloc.start()
    take_results(batch.pk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 12_000_000  # 40,000 of these are 80 MB


def test_anthropics_batches_are_read_the_same_way():
    provider = BatchAnswers("anthropic")
    with standing_in(provider):
        batch = make_sent_batch(2, ask=ANTHROPIC_BATCH)
        provider.answer_all(batch)
        assert take_results(batch.pk).moved == 2
