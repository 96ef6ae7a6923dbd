"""Who is alive, who is gone without being missed, and who has fallen silent."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookops.clock import database_now
from bookops.pulse import Beating, Pulse, alive, standings
from bookops.staff_groups import ADMIN
from tests.desk import client_of, listing_of, make_staff


def pulse(name: str, **ago: float) -> Pulse:
    return Pulse(name=name, at=database_now() - timedelta(**ago))


@pytest.mark.django_db
def test_a_part_is_missed_only_where_no_other_stands_in_for_it():
    pulses = [
        pulse("worker:here:1:imports", minutes=30),
        pulse("worker:here:2:imports", seconds=3),
        pulse("worker:here:4:batches", minutes=30),
        pulse("beat:here:3", minutes=2),
        pulse("sweeper"),
    ]
    assert standings(pulses, database_now()) == {
        "worker:here:1:imports": "gone",
        "worker:here:2:imports": "alive",
        "worker:here:4:batches": "silent",
        "beat:here:3": "silent",
        "sweeper": "alive",
    }
    assert [(one.role, one.place) for one in pulses[2:]] == [("batches", "here, process 4"), ("beat", "here, process 3"), ("sweeper", "")]


@pytest.mark.django_db(transaction=True)
def test_a_part_that_ends_takes_its_pulse_away():
    beating = Beating("worker", "imports")
    Pulse.objects.create(name="worker:elsewhere:1", at=database_now())
    Pulse.objects.create(name=beating.name, at=database_now())
    beating.start()
    beating.end()
    assert list(Pulse.objects.values_list("name", flat=True)) == ["worker:elsewhere:1"]
    assert alive("worker") == 1


@pytest.mark.django_db
def test_the_list_says_how_each_part_stands_at_the_cost_of_one():
    client = client_of(make_staff(ADMIN))

    def drawn() -> tuple[int, dict[str, bool | None]]:
        with CaptureQueriesContext(connection) as asked:
            shown = client.get(listing_of(Pulse)).context["cl"]
        return len(asked), {one.name: shown.model_admin.alive(one) for one in shown.result_list}

    pulse("worker:here:1:imports", minutes=30).save()
    drawn()  # what is asked once a process
    few, alone = drawn()
    pulse("worker:here:2:imports", seconds=3).save()
    pulse("worker:here:4:batches", minutes=30).save()
    more, together = drawn()
    assert alone == {"worker:here:1:imports": False}
    assert together == {"worker:here:1:imports": None, "worker:here:2:imports": True, "worker:here:4:batches": False}
    assert more == few
