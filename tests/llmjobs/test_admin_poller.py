"""The poller's page of the desk: its lights, its charts, and the press that rings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from bookops.clock import database_now
from bookops.dispatch import Here, rung_here
from llmjobs.admin.poller_charts import charts_of
from llmjobs.admin.poller_lights import lights_on, worst
from llmjobs.models import PollTick
from tests.desk import client_of, listing_of, told
from tests.factories import make_owner

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def here() -> Iterator[Here]:
    with rung_here() as here:
        yield here


@pytest.fixture
def boss() -> Client:
    return client_of(make_owner("boss", is_staff=True, is_superuser=True))


def make_tick(ago: float = 10, **values: Any) -> PollTick:
    """Return a tick that began so many seconds ago."""
    return PollTick.objects.create(started_at=database_now() - timedelta(seconds=ago), **{"seconds": 1.0, "items_polled": 100} | values)


def colours() -> dict[str, str]:
    return {light.name: light.colour for light in lights_on(database_now())}


def test_all_is_well_after_a_quiet_tick():
    make_tick()
    assert set(colours().values()) == {"alive"}


def test_a_poller_that_nobody_has_seen_is_silent(boss):
    assert colours()["seen"] == "silent"
    assert "Start beat and a worker" in boss.get(listing_of(PollTick)).content.decode()


@pytest.mark.parametrize(("ago", "colour"), [(290, "alive"), (310, "silent")])
def test_no_tick_for_five_minutes_is_an_alert(ago, colour):
    make_tick(ago)
    assert colours()["seen"] == colour


@pytest.mark.parametrize(("errors", "colour"), [(5, "alive"), (6, "silent")])
def test_more_than_a_twentieth_of_errors_is_an_alert(errors, colour):
    make_tick(errors=errors)
    assert colours()["errors"] == colour


@pytest.mark.parametrize(("values", "colour"), [({"seconds": 20}, "alive"), ({"seconds": 20.5}, "silent"), ({"cut_short": True}, "silent")])
def test_a_tick_near_its_limit_is_an_alert(settings, values, colour):
    settings.TICK_SECONDS = 25
    make_tick(**values)
    assert colours()["time"] == colour


def test_throttled_calls_and_unmapped_words_want_a_look(boss):
    make_tick(throttled=3, unmapped={"warming_up": 2})
    make_tick(40, unmapped={"warming_up": 1})
    assert (colours()["throttled"], colours()["unmapped"]) == ("parked", "parked")
    shown = " ".join(boss.get(listing_of(PollTick)).content.decode().split())
    assert "warming_up</bdi></code> (3)" in shown


def test_what_was_long_ago_lights_nothing():
    make_tick()
    make_tick(3600, errors=50, throttled=9, seconds=25, cut_short=True, unmapped={"x": 1})
    assert set(colours().values()) == {"alive"}


def test_the_worst_light_is_the_one_to_look_at():
    make_tick(400, throttled=1)
    assert worst(lights_on(database_now())).name == "seen"


def test_bars_are_as_high_as_their_share():
    ticks = [make_tick(40, items_polled=10, items_updated=0), make_tick(10, items_polled=40, items_updated=20)]
    items = charts_of(ticks)[1]
    assert [(bar.kind, bar.height) for bar in items.bars] == [("polled", 25), ("polled", 100), ("updated", 50)]
    assert items.most == "40"
    assert [bar.x for bar in items.bars][1] == 50


def test_a_tick_above_its_budget_fits_the_chart(settings):
    settings.TICK_SECONDS = 25
    seconds = charts_of([make_tick(seconds=50)])[0]
    assert (seconds.bars[0].height, seconds.line) == (100, 60)


def test_there_are_no_charts_of_nothing():
    assert charts_of([]) == []


@pytest.mark.themed
def test_poll_now_rings_the_poller(boss, here, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        response = boss.post(reverse("admin:llmjobs_polltick_poll_now"))
    assert told(response) == "The poller was rung for."
    assert here._rung.qsize() == 1
    assert boss.get(reverse("admin:llmjobs_polltick_poll_now")).status_code == 405


def test_it_leads_to_beats_row(boss):
    from llmjobs.schedule import schedule_poller

    schedule_poller()
    address = boss.get(listing_of(PollTick)).context["beat_address"]
    assert boss.get(address).status_code == 200


@pytest.mark.themed
def test_the_live_page_looks_again(boss):
    make_tick()
    answer = boss.get(reverse("admin:llmjobs_polltick_live")).json()
    assert answer["look_again_in"] > 0
    assert "well" in answer["parts"]["now"]
