"""The verbs of a run, tried on rows of an import."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from bookops.clock import database_now
from bookops.runs import State, wait_before
from enrichment.models import ImportRow
from tests.concurrency import at_once
from tests.factories import make_import, make_row

pytestmark = pytest.mark.django_db

rows = ImportRow.objects.all()


def test_a_claim_counts_the_attempt_before_the_work():
    [row] = rows.claim([make_row().pk])
    assert (row.state, row.attempts) == (State.RUNNING, 1)
    assert row.lease_until > database_now()


def test_it_does_not_claim_a_row_that_is_held_or_not_due():
    held, later, due = (make_row() for _ in range(3))
    rows.claim([held.pk])
    rows.filter(pk=later.pk).update(next_at=database_now() + timedelta(minutes=1))
    assert [row.pk for row in rows.claim([held.pk, later.pk, due.pk])] == [due.pk]


@pytest.mark.django_db(transaction=True)
def test_of_many_claims_one_wins():
    row = make_row()
    claims = at_once(20, lambda: rows.claim([row.pk]))
    assert sum(len(claim) for claim in claims) == 1
    row.refresh_from_db()
    assert row.attempts == 1


def test_the_fence_throws_away_what_lost_its_lease():
    lost, kept = make_row(), make_row()
    holds = rows.claim([lost.pk, kept.pk])
    rows.filter(pk=lost.pk).update(lease_until=database_now() - timedelta(seconds=1))
    rows.free([lost.pk], database_now())
    rows.claim([lost.pk])  # somebody else has it now
    with transaction.atomic():
        assert rows.fence(holds) == {kept.pk}


def test_a_result_is_stored_once():
    holds = rows.claim([make_row().pk])
    assert rows.fence(holds)
    assert not rows.fence(holds)


def test_a_heartbeat_tells_which_leases_are_gone():
    lost, kept = make_row(), make_row()
    holds = rows.claim([lost.pk, kept.pk])
    rows.filter(pk=lost.pk).cancel()
    assert rows.beat(holds, lease=timedelta(minutes=9)) == {lost.pk}
    kept.refresh_from_db()
    assert kept.lease_until > database_now() + timedelta(minutes=8)


def test_a_lease_without_an_end_has_ended():
    row = make_row()
    rows.claim([row.pk])
    rows.filter(pk=row.pk).update(lease_until=None)
    assert list(rows.expired(database_now())) == [row]


def test_a_live_lease_is_not_freed():
    row = make_row()
    rows.claim([row.pk])
    assert rows.free([row.pk], database_now()) == 0


def test_a_freed_row_is_pending_and_due():
    row = make_row()
    rows.claim([row.pk], lease=timedelta(seconds=-1))
    assert rows.free([row.pk], database_now()) == 1
    row.refresh_from_db()
    assert (row.state, row.losses, row.lease_owner) == (State.PENDING, 1, None)
    assert row.ring_at <= database_now()


def test_a_poison_row_runs_five_times_and_is_dead():
    row = make_row()
    runs = 0
    while rows.claim([row.pk], lease=timedelta(seconds=-1)):
        runs += 1
        rows.free([row.pk], database_now())
    row.refresh_from_db()
    assert (runs, row.state, row.reason) == (5, State.DEAD, "worker_lost")


def test_a_redrive_gives_a_dead_row_five_attempts_more():
    row = make_row(state=State.DEAD, attempts=5, losses=5, reason="worker_lost", ended_at=database_now())
    assert rows.filter(pk=row.pk).retry(states=[State.DEAD]) == 1
    runs = 0
    while rows.claim([row.pk], lease=timedelta(seconds=-1)):
        runs += 1
        rows.free([row.pk], database_now())
    row.refresh_from_db()
    assert (runs, row.attempts, row.state) == (5, 10, State.DEAD)


def test_a_failure_is_tried_again_until_its_attempts_are_used_up():
    row = make_row(max_attempts=2)
    now = database_now()
    [held] = rows.claim([row.pk])
    held.after_failure(now, retry_after=None, reason="timeout", detail="")
    assert (held.state, held.lease_owner) == (State.PENDING, None)
    assert held.next_at > now
    held.save()
    rows.filter(pk=row.pk).update(next_at=now)
    [held] = rows.claim([row.pk])
    held.after_failure(now, retry_after=None, reason="timeout", detail="x" * 900)
    assert (held.state, held.ended_at, len(held.detail)) == (State.DEAD, now, 500)


@pytest.mark.parametrize("verb", ["park", "wait"])
def test_waiting_for_a_source_is_no_attempt(verb):
    [held] = rows.claim([make_row().pk])
    now = database_now()
    if verb == "park":
        held.after_parking(now + timedelta(hours=1), reason="quota_day", detail="")
    else:
        held.after_waiting(now, 3.0, reason="quota_pace", detail="")
    held.save()
    assert held.attempts == 0
    assert held.next_at > now


def test_parked_rows_resume_when_their_time_has_come():
    now = database_now()
    early = make_row(state=State.PARKED, next_at=now - timedelta(seconds=1))
    make_row(state=State.PARKED, next_at=now + timedelta(hours=1))
    assert rows.resume(now) == 1
    early.refresh_from_db()
    assert early.state == State.PENDING


def test_a_cancelled_row_is_lost_to_whoever_holds_it():
    row = make_row()
    holds = rows.claim([row.pk])
    assert rows.filter(pk=row.pk).cancel() == 1
    assert rows.fence(holds) == set()
    assert rows.filter(pk=row.pk).cancel() == 0


def test_the_database_refuses_an_eighth_state():
    row = make_row()
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.filter(pk=row.pk).update(state="done")


def test_the_database_refuses_an_import_that_ends_twice():
    library_import = make_import(finishes=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        type(library_import).objects.filter(pk=library_import.pk).update(finishes=2)


@pytest.mark.parametrize("attempt", [1, 3, 30])
def test_waits_grow_up_to_a_bound_and_never_break_a_retry_after(attempt, settings):
    most = min(settings.RETRY_BASE_SECONDS * 2 ** (attempt - 1), settings.RETRY_MOST_SECONDS)
    assert most / 2 <= wait_before(attempt) <= most
    assert wait_before(attempt, retry_after=500.0) == 500.0
