"""Adding to a tick's row from several sides."""

from __future__ import annotations

import pytest
from django.utils import timezone

from llmjobs.models import PollTick
from llmjobs.ticks import add_to_tick
from tests.concurrency import at_once


@pytest.mark.django_db(transaction=True)
def test_whatever_several_add_at_once_is_kept():
    found = PollTick.objects.create(started_at=timezone.now(), items_updated=1, jobs_resolved=["first"])

    at_once(12, lambda: add_to_tick(found.pk, updated=2, resolved=["one more"], unmapped={"pondering": 1}))

    found.refresh_from_db()
    assert (found.items_updated, found.unmapped) == (25, {"pondering": 12})
    assert found.jobs_resolved == ["first", *["one more"] * 12]


@pytest.mark.django_db
def test_a_tick_that_is_forgotten_by_now_is_left_so():
    add_to_tick(4711, updated=1)

    assert not PollTick.objects.exists()
