"""The doorbell, and what happens when nobody can hear it."""

import time

import pytest
from celery import shared_task
from celery.contrib.testing.worker import start_worker
from django.db import transaction

from bookops import dispatch
from bookops.dispatch import ring, ring_chord, ring_each, rung_here
from config.celery import app

pytestmark = pytest.mark.django_db(transaction=True)

heard: list[object] = []


@shared_task(name="tests.hear")
def hear(what: object) -> None:
    heard.append(what)


@shared_task(name="tests.answer_back")
def answer_back(what: str) -> None:
    heard.append(what)
    if what:
        ring(answer_back, what[1:])


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    heard.clear()
    monkeypatch.setattr(dispatch, "_quiet_until", 0.0)


def test_a_bell_is_rung_after_the_commit_and_not_at_all_after_a_rollback():
    with rung_here() as here:
        with transaction.atomic():
            ring(hear, 1)
            assert here.work() == 0
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            ring(hear, 2)
            raise ZeroDivisionError
        here.work()
    assert heard == [1]


def test_what_work_rings_in_turn_is_worked_on_too():
    with rung_here() as here:
        ring(answer_back, "abc")
        assert here.work(threads=2) == 4
    assert heard == ["abc", "bc", "c", ""]


def test_a_chord_is_its_members_and_its_body():
    with rung_here() as here:
        ring_chord(hear, [1, 2], hear.si("body"))
        ring_chord(hear, [], hear.si("empty"))
        ring_each(hear, [3])
        ring_each(hear, [])
        here.work(threads=1)
    assert sorted(map(str, heard)) == ["1", "2", "3", "body", "empty"]


def test_a_worker_runs_each_member_of_a_chord_and_then_its_body_once():
    with start_worker(app, pool="threads", concurrency=4, perform_ping_check=False):
        with transaction.atomic():
            ring_chord(hear, list(range(20)), hear.si("body"))
            time.sleep(0.1)
            assert heard == []
        deadline = time.monotonic() + 10
        while len(heard) < 21 and time.monotonic() < deadline:
            time.sleep(0.01)
        ring(hear, "end")
        while heard[-1] != "end" and time.monotonic() < deadline:
            time.sleep(0.01)
    assert sorted(heard[:20]) == list(range(20))
    assert heard[20:] == ["body", "end"]


def test_a_broker_that_is_away_costs_one_wait_and_no_error(monkeypatch):
    calls = []

    def away(*args, **options):
        calls.append(args)
        raise ConnectionError

    monkeypatch.setattr(hear, "apply_async", away)
    start = time.monotonic()
    for _ in range(5):
        ring(hear, 1)
    assert len(calls) == 1
    assert time.monotonic() - start < 1
