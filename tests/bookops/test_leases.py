"""The heartbeat of held rows."""

from datetime import timedelta

import pytest

from bookops.clock import database_now
from bookops.leases import Heartbeat
from enrichment.models import ImportRow
from tests.factories import make_row

pytestmark = pytest.mark.django_db

rows = ImportRow.objects.all()


def test_it_extends_the_lease_of_what_is_held():
    [held] = rows.claim([make_row().pk], lease=timedelta(seconds=1))
    heartbeat = Heartbeat()
    with heartbeat.holding(held):
        heartbeat.beat()
        assert not heartbeat.has_lost(held)
    assert rows.get().lease_until > database_now() + timedelta(seconds=20)


def test_it_says_when_a_lease_is_gone():
    [held] = rows.claim([make_row().pk])
    heartbeat = Heartbeat()
    with heartbeat.holding(held):
        rows.cancel()
        heartbeat.beat()
        assert heartbeat.has_lost(held)
    assert not heartbeat.has_lost(held)


def test_a_row_that_was_lost_once_can_be_held_again():
    row = make_row()
    heartbeat = Heartbeat()
    [held] = rows.claim([row.pk], lease=timedelta(seconds=-1))
    with heartbeat.holding(held):
        rows.free([row.pk], database_now())
        [again] = rows.claim([row.pk])
        heartbeat.beat()
        assert heartbeat.has_lost(held)
        with heartbeat.holding(again):
            heartbeat.beat()
            assert not heartbeat.has_lost(again)
