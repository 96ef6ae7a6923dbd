"""The owner's own ledger: what was paid and sold, by hand and by file, and what it says of other copies."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from runbooks.comparing import exclude
from runbooks.evaluating import rescore
from runbooks.ledger import COLUMNS, ledger_comparables, note, read_ledger, write_ledger
from runbooks.models import Comparable, LedgerEntry
from runbooks.sources.records import Money
from tests.factories import make_owner
from tests.runbooks.evaluated import make_rate, make_runbook, make_valued

pytestmark = pytest.mark.django_db

DAY = date(2024, 5, 31)


def paid(owner, amount: object = 200, **changes: object) -> LedgerEntry:
    values = {"kind": "paid", "title": "The Moonstone", "author": "Wilkie Collins", "volumes": 3, "binding": "half calf", "at": DAY}
    return note(owner, price=Money(Decimal(amount), changes.pop("currency", "USD")), **values | changes)


def test_what_was_paid_for_the_same_work_is_a_sale_to_compare_with():
    runbook = make_valued(180)
    paid(runbook.owner, 220)
    paid(runbook.owner, 260, kind="sold")
    rescore(runbook, cause="rescore")
    assert (runbook.fmv_basis, runbook.fmv_count, runbook.fmv_high) == ("sold", 3, 260)
    assert {(one.origin, one.basis) for one in Comparable.objects.exclude(origin="ebay")} == {("ledger", "sold")}


def test_a_day_to_come_is_refused_by_its_field():
    with pytest.raises(ValidationError) as refused:
        paid(make_owner(), at=date(2999, 1, 1))
    assert list(refused.value.message_dict) == ["at"]


def test_another_work_and_another_owners_ledger_say_nothing():
    runbook = make_valued(180)
    paid(runbook.owner, title="The Woman in White")
    paid(runbook.owner, title="Moonstone Rings of Ceylon", author="A. Geologist")
    paid(runbook.owner, title="The Moonstone, volume 2 only", volumes=1)
    paid(make_owner())
    assert ledger_comparables(runbook) == []


def test_what_was_paid_for_the_copy_itself_does_not_prove_its_value():
    runbook = make_valued(180)
    paid(runbook.owner, copy=runbook.copy)
    assert ledger_comparables(runbook) == []


def test_a_foreign_price_is_converted_by_its_day():
    make_rate("GBP", "0.5", DAY)
    make_rate("GBP", "0.8")
    runbook = make_runbook()
    paid(runbook.owner, 100, currency="GBP")
    rescore(runbook, cause="rescore")
    assert (runbook.fmv_mid, Comparable.objects.get().rate_day) == (200, DAY)


def test_scoring_again_brings_no_entry_twice_and_keeps_a_persons_word():
    runbook = make_valued(180)
    paid(runbook.owner, 220)
    rescore(runbook, cause="rescore")
    exclude(Comparable.objects.get(origin="ledger"), by=runbook.owner, why="a friend's price")
    rescore(runbook, cause="rescore")
    one = Comparable.objects.get(origin="ledger")
    assert (one.excluded, one.is_current) == (True, True)


def test_an_entry_that_changes_changes_its_comparable_and_one_that_goes_is_history():
    runbook = make_valued(180)
    entry = paid(runbook.owner, 220)
    rescore(runbook, cause="rescore")
    entry.amount = Decimal(300)
    entry.save()
    rescore(runbook, cause="rescore")
    assert runbook.fmv_high == 300
    entry.delete()
    rescore(runbook, cause="rescore")
    assert (runbook.fmv_high, Comparable.objects.get(origin="ledger").is_current) == (180, False)


def test_a_file_is_read_once_and_its_bad_rows_are_told():
    owner = make_owner()
    file = (
        "Kind,Title,Author,Volumes,Price,Currency,Date,Where\n"
        "paid,The Moonstone,Wilkie Collins,3,450,GBP,2024-05-31,Hay-on-Wye\n"
        "sold,Bleak House,Charles Dickens,,£300,,2024-06-01,\n"
        "stolen,Bleak House,,,300,,2024-06-01,\n"
        "paid,Bleak House,,,300,,,\n"
        "paid,,,,300,,2024-06-01,\n"
        "paid,Bleak House,,many,300,,2024-06-01,\n"
        f"paid,{'x' * 501},,,300,,2024-06-01,\n"
    ).encode()
    read = read_ledger(owner, file)
    assert [(one.kind, one.amount, one.currency, one.volumes) for one in read.entries] == [("paid", 450, "GBP", 3), ("sold", 300, "GBP", 1)]
    assert [(one.line, one.column) for one in read.refused] == [(4, "kind"), (5, "date"), (6, "title"), (7, "volumes"), (8, "title")]
    again = read_ledger(owner, file)
    assert (again.entries, again.already_there, LedgerEntry.objects.count()) == ((), 2, 2)


def test_what_it_writes_it_reads_and_no_spreadsheet_runs_it():
    owner, other = make_owner(), make_owner()
    paid(owner, 450, title="=HYPERLINK(0)", where="+44 shop", notes="@home, cheap")
    text = "".join(write_ledger(LedgerEntry.objects.filter(owner=owner)))
    header, row = csv.reader(io.StringIO(text))
    assert header == list(COLUMNS)
    assert not any(cell[:1] in tuple("=+-@") for cell in row)
    (read,) = read_ledger(other, text.encode()).entries
    assert (read.title, read.where, read.notes, read.amount) == ("=HYPERLINK(0)", "+44 shop", "@home, cheap", 450)


def test_an_entry_without_an_amount_is_refused():
    with pytest.raises(ValidationError):
        paid(make_owner(), 0)
