"""A long list of links: read, forecast, started a few at a time, ended once, cancelled and retried."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from bookops.clock import database_now
from bookops.dispatch import Here, rung_here
from bookops.events import RunEvent
from bookops.notices import Notice
from bookops.runs import State
from bookops.spend import Budget
from runbooks.advancing import advance
from runbooks.bulk import advance_bulk, cancel_bulk, counts_of, forecast, refused_of, retry_failed, start_bulk
from runbooks.bulk_sweeping import sweep_bulk_imports
from runbooks.executions import start_import
from runbooks.link_lists import read_links
from runbooks.models import BulkImport, Execution
from runbooks.tables import TableRefused
from tests.concurrency import at_once
from tests.factories import make_owner

FIRST = 256_712_345_600


def links(count: int) -> bytes:
    return "\n".join(f"https://www.ebay.com/itm/{FIRST + number}" for number in range(count)).encode()


def end(state: str = State.SUCCEEDED, *, most: int | None = None) -> None:
    """End what is at work."""
    active = list(Execution.objects.active().order_by("created_at").values_list("pk", flat=True)[:most])
    Execution.objects.filter(pk__in=active).update(state=state, ended_at=database_now())


def finished(bulk: BulkImport) -> BulkImport:
    """Work a bulk import through to its end, with all that succeeds."""
    for _ in range(50):
        if advance_bulk(bulk.pk).get("ended"):
            break
        end()
    bulk.refresh_from_db()
    return bulk


def test_it_reads_a_link_a_line_and_tells_the_lines_that_name_no_listing():
    text = (
        "https://www.ebay.com/itm/256712345601?hash=junk\n\n256712345602\nhttps://ebay.us/AbCdE\n"
        "https://www.amazon.com/dp/1\nhttps://m.ebay.co.uk/itm/256712345601\nnonsense\n"
    )
    listed = read_links(text.encode())
    assert [link.line for link in listed.links] == [1, 3, 4]
    assert listed.links[0].url == "https://www.ebay.com/itm/256712345601"
    assert [line.line for line in listed.refused] == [5, 6, 7]
    assert "not an address of eBay" in listed.refused[0].why
    assert "line 1 names the same listing" in listed.refused[1].why


@pytest.mark.parametrize("header", ["url", "Link", "eBay URL", "item number"])
def test_it_reads_the_column_of_links_of_a_file(header):
    file = f'title,{header},price\n"The Moonstone, 3 vols",256712345601,5\nBleak House,,6\n"Broken,7,8\n'.encode()
    listed = read_links(file)
    assert [(link.line, link.url) for link in listed.links] == [(2, "https://www.ebay.com/itm/256712345601")]
    assert [line.line for line in listed.refused] == [3, 4]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "No line names a listing"),
        (b"https://example.com/1", "not an address of eBay"),
        (b"title,price\nx,1\n", "lacks the column url"),
        (links(10_001), "more than 10,000"),
        (b"PK\x03\x04", "Excel"),
    ],
)
def test_a_list_without_listings_is_refused_with_the_remedy(content, told):
    with pytest.raises(TableRefused, match=told):
        read_links(content)


@pytest.mark.django_db
def test_the_forecast_counts_calls_and_days_against_what_bulk_work_may_ask(settings):
    settings.EBAY_PER_DAY, settings.SPEND_PER_DAY = 5000, 1000
    owner = make_owner()
    told = forecast(3000, owner, left_today=3000)
    assert (told.calls, told.most_calls, told.calls_a_day, told.days) == (9000, 12_000, 4500, 3)
    assert forecast(1000, owner, left_today=3000).days == 1
    assert forecast(1001, owner, left_today=3000).days == 2
    assert forecast(1, owner, left_today=0).days == 2


@pytest.mark.django_db
def test_the_forecast_counts_days_by_the_owners_money_where_that_takes_longer(settings):
    settings.EBAY_PER_DAY, settings.SPEND_PER_DAY = 5000, 20
    owner = make_owner()
    told = forecast(1400, owner, left_today=4500)
    assert (told.dollars, told.days) == (42.0, 3)
    Budget.objects.create(owner=owner, dollars_per_day=6)
    assert forecast(1400, owner, left_today=4500).days == 7
    assert forecast(1400, make_owner(), left_today=4500).days == 3
    assert start_bulk(owner, links(400)).forecast["days"] == 2


@pytest.mark.django_db
def test_it_starts_with_what_it_was_forecast_to_take_and_the_lines_it_refused():
    bulk = start_bulk(make_owner(), links(3) + b"\nnonsense", filename="list.txt")
    assert (bulk.total, bulk.forecast["listings"], bulk.state) == (3, 3, State.PENDING)
    (refused,) = refused_of(bulk)
    assert (refused.line, refused.text) == (4, "nonsense")
    assert not Execution.objects.exists()
    assert counts_of(bulk) == {"total": 3, "waiting": 3, "at_work": 0, "succeeded": 0, "failed": 0, "cancelled": 0, "refused": 1}


@pytest.mark.django_db
def test_the_same_request_again_starts_nothing_more():
    owner, key = make_owner(), uuid.uuid4()
    assert start_bulk(owner, links(3), bulk_id=key) == start_bulk(owner, links(3), bulk_id=key)
    assert BulkImport.objects.count() == 1


@pytest.mark.django_db
def test_so_many_are_at_work_at_once_and_no_more(settings):
    settings.BULK_AT_ONCE = 2
    bulk = start_bulk(make_owner(), links(5))
    assert advance_bulk(bulk.pk) == {"settled": 0, "started": 2, "ended": 0}
    assert advance_bulk(bulk.pk)["started"] == 0
    assert set(Execution.objects.values_list("cause", "bulk")) == {("bulk", bulk.pk)}
    end(most=1)
    assert advance_bulk(bulk.pk) == {"settled": 1, "started": 1, "ended": 0}
    # The order of the list is the order of the work.
    assert Execution.objects.latest("created_at").url.endswith(str(FIRST + 2))


@pytest.mark.django_db
def test_it_ends_once_and_tells_its_owner_once():
    bulk = finished(start_bulk(make_owner(), links(20)))
    assert (bulk.state, bulk.finishes) == (State.SUCCEEDED, 1)
    assert advance_bulk(bulk.pk) == {}
    assert counts_of(bulk)["succeeded"] == 20
    assert RunEvent.objects.filter(run_id=bulk.pk, kind="finished").count() == 1
    assert Notice.objects.filter(run_id=bulk.pk).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_sweepers_one_ends_it_and_nothing_starts_twice(settings):
    settings.BULK_AT_ONCE = 4
    bulk = start_bulk(make_owner(), links(6))
    at_once(6, lambda: advance_bulk(bulk.pk))
    assert Execution.objects.count() == 4
    end()
    at_once(6, lambda: advance_bulk(bulk.pk))
    assert Execution.objects.count() == 6
    end()
    assert sum(told.get("ended", 0) for told in at_once(6, lambda: advance_bulk(bulk.pk))) == 1
    bulk.refresh_from_db()
    assert bulk.finishes == 1


@pytest.mark.django_db
def test_failures_are_tolerated_up_to_a_share(settings):
    settings.BULK_AT_ONCE = 10
    bulk = start_bulk(make_owner(), links(10), tolerated_failures=0.2)
    advance_bulk(bulk.pk)
    end(State.FAILED, most=2)
    assert finished(bulk).state == State.SUCCEEDED
    assert counts_of(bulk)["failed"] == 2


@pytest.mark.django_db
def test_where_too_many_fail_no_more_are_started(settings):
    settings.BULK_AT_ONCE = 2
    bulk = start_bulk(make_owner(), links(10), tolerated_failures=0.1)
    advance_bulk(bulk.pk)
    end(State.FAILED)
    assert advance_bulk(bulk.pk) == {"settled": 2, "started": 0, "ended": 1}
    bulk.refresh_from_db()
    assert (bulk.state, bulk.reason, bulk.detail) == (State.FAILED, "too_many_failures", "2 of 10 failed; 10% are tolerated.")
    assert Execution.objects.count() == 2


@pytest.mark.django_db
def test_failed_ones_take_their_turn_again_and_the_rest_goes_on(settings):
    settings.BULK_AT_ONCE = 2
    bulk = start_bulk(make_owner(), links(4), tolerated_failures=0.1)
    advance_bulk(bulk.pk)
    end(State.FAILED)
    advance_bulk(bulk.pk)
    bulk.refresh_from_db()
    assert retry_failed(bulk) == 2
    assert (bulk.state, counts_of(bulk)["waiting"]) == (State.RUNNING, 4)
    bulk = finished(bulk)
    assert (bulk.state, bulk.finishes, bulk.reopenings, counts_of(bulk)["succeeded"]) == (State.SUCCEEDED, 2, 1, 4)
    assert retry_failed(bulk) == 0
    assert Notice.objects.filter(run_id=bulk.pk).count() == 2


@pytest.mark.django_db
def test_cancelling_stops_what_is_at_work_and_keeps_what_is_done(settings):
    settings.BULK_AT_ONCE = 2
    bulk = start_bulk(make_owner(), links(5))
    advance_bulk(bulk.pk)
    end(most=1)
    assert cancel_bulk(bulk)
    assert not cancel_bulk(bulk)
    counts = counts_of(bulk)
    assert (bulk.state, counts["succeeded"], counts["cancelled"]) == (State.CANCELLED, 1, 4)
    assert not Execution.objects.active().exists()
    assert advance_bulk(bulk.pk) == {}


@pytest.mark.django_db
def test_a_listing_that_a_person_has_evaluated_is_waited_for_and_not_run_twice():
    owner = make_owner()
    same, _ = start_import(owner, f"https://www.ebay.com/itm/{FIRST}")
    other, _ = start_import(owner, f"https://www.ebay.com/itm/{FIRST + 1}", options={"model": "claude-opus"})
    bulk = start_bulk(owner, links(2))
    advance_bulk(bulk.pk)
    assert set(Execution.objects.all()) == {same, other}
    assert set(bulk.links.values_list("execution", flat=True)) == {same.pk, other.pk}
    cancel_bulk(bulk)
    # It was not the bulk import that began them.
    assert Execution.objects.active().count() == 2


@pytest.mark.django_db
def test_the_sweeper_moves_every_one_on(settings):
    settings.BULK_AT_ONCE = 1
    for _ in range(2):
        start_bulk(make_owner(), links(2))
    assert sweep_bulk_imports(database_now()) == {"bulk_links_settled": 0, "bulk_links_started": 2, "bulk_imports_ended": 0}


class Heard(Here):
    """Note which tasks are rung and do none."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks: list[str] = []

    def take(self, task: Any, args: tuple[Any, ...]) -> None:
        self.tasks.append(task.name)


@pytest.mark.django_db(transaction=True)
def test_what_a_person_asks_for_too_goes_on_before_bulk_work_and_counts_as_before():
    owner = make_owner()
    bulk = start_bulk(owner, links(2))
    advance_bulk(bulk.pk)
    asked, is_new = start_import(owner, f"https://www.ebay.com/itm/{FIRST}")
    assert not is_new
    heard = Heard()
    with rung_here(heard):
        assert [advance(execution.pk) for execution in Execution.objects.order_by("listing_key")] == [True, True]
    assert Execution.objects.get(bulk=None) == asked
    assert [name for name in heard.tasks if "work_on" in name] == ["runbooks.tasks.work_on_step", "runbooks.tasks.work_on_bulk_step"]
    assert counts_of(bulk)["at_work"] == 2
    end()
    assert advance_bulk(bulk.pk) == {"settled": 2, "started": 0, "ended": 1}
    assert counts_of(bulk)["succeeded"] == 2


@pytest.mark.django_db
def test_a_second_bulk_import_of_a_listing_leaves_the_first_ones_where_it_is():
    owner = make_owner()
    first, second = start_bulk(owner, links(1)), start_bulk(owner, links(1))
    advance_bulk(first.pk)
    advance_bulk(second.pk)
    assert Execution.objects.get().bulk == first
