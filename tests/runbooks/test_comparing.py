"""Comparables that people enter, exclude, judge and adjust: computed at once, with who and why."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from runbooks import comparing
from runbooks.comparing import CannotCompare, add_csv, add_manual, add_pasted, adjust, exclude, include, set_relevance
from runbooks.entries import Entry
from runbooks.evaluating import rescore
from runbooks.models import Comparable
from runbooks.sources.records import Money
from runbooks.tables import TableRefused
from tests.runbooks.evaluated import make_comparable, make_rate, make_runbook, make_valued

pytestmark = pytest.mark.django_db

TITLE = "Wilkie Collins, The Moonstone, 3 volumes, half calf, 1868"


def entry(amount: object = 200, **changes: object) -> Entry:
    values = {"title": TITLE, "price": Money(Decimal(amount), "USD"), "basis": "sold"}
    return Entry(**values | changes)


def test_one_that_is_typed_counts_at_once_beside_the_fetched_ones():
    runbook = make_valued(180)
    one = add_manual(runbook, entry(220, at=date(2024, 5, 31), source="Heritage"), by=runbook.owner)
    runbook.refresh_from_db()
    assert (one.origin, one.relevance, one.usd, one.changed_by) == ("manual", "high", 220, runbook.owner)
    assert (runbook.fmv_low, runbook.fmv_high, runbook.fmv_count) == (180, 220, 2)
    assert (runbook.versions.first().cause, runbook.versions.first().by) == ("comparables", runbook.owner)


def test_the_code_judges_what_a_person_does_not():
    runbook = make_runbook()
    assert add_manual(runbook, entry(title="The Moonstone, volume 2 only"), by=runbook.owner).relevance == "low"
    lot = add_manual(runbook, entry(title="Job lot of Victorian novels"), by=runbook.owner)
    assert (lot.excluded, lot.excluded_why) == (True, "a lot of several books")


def test_an_author_tells_works_of_one_title_apart():
    runbook = make_runbook()
    unnamed = add_manual(runbook, entry(title="The Moonstone, 3 vols, half calf"), by=runbook.owner)
    theirs = add_manual(runbook, entry(title="The Moonstone, 3 vols, half calf", author="Wilkie Collins"), by=runbook.owner)
    others = add_manual(runbook, entry(title="The Moonstone, 3 vols, half calf", author="Fergus Hume"), by=runbook.owner)
    assert (unnamed.relevance, theirs.relevance, others.relevance) == ("medium", "high", "low")
    assert (others.excluded, others.relevance_why) == (True, "a work by Fergus Hume, not by Wilkie Collins")
    rescore(runbook, cause="comparables")
    others.refresh_from_db()
    assert (others.author, others.relevance) == ("Fergus Hume", "low"), "and is judged by it again whenever the value is computed"


def test_a_persons_word_goes_before_the_codes():
    runbook = make_runbook()
    lot = add_manual(runbook, entry(title="Job lot of Victorian novels"), by=runbook.owner, relevance="high", why="I have seen it")
    assert (lot.excluded, lot.relevance, lot.computed_relevance) == (False, "high", "low")
    assert lot.relevance_why == f"{runbook.owner}: I have seen it"


def test_the_same_twice_is_one():
    runbook = make_runbook()
    first = add_manual(runbook, entry(), by=runbook.owner)
    assert add_manual(runbook, entry(), by=runbook.owner) == first
    assert Comparable.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field"), [({"amount": 0}, "amount"), ({"url": "javascript:alert(1)"}, "url"), ({"title": "x" * 501}, "title")]
)
def test_it_refuses_what_none_has_by_its_field(changes, field):
    with pytest.raises(ValidationError) as refused:
        add_manual(make_runbook(), entry(**changes), by=None)
    assert field in refused.value.message_dict
    assert not Comparable.objects.exists()


def test_a_file_adds_what_it_says():
    make_rate("GBP", "0.8")
    runbook = make_runbook()
    file = (
        "Title,Author,Price,Currency,Date,Sold or asking,Condition,URL,Source,Colour\r\n"
        f'"{TITLE}",Wilkie Collins,160,GBP,2024-05-31,sold,Very Good,https://shop.example/1,Heritage,green\r\n'
        f'"{TITLE}",,"$1,250.00",,,,,,,\r\n'
    )
    added = add_csv(runbook, file.encode(), by=runbook.owner)
    assert (len(added.comparables), added.refused, added.ignored) == (2, (), ("Colour",))
    sold, asked = added.comparables
    assert (sold.usd, sold.basis, sold.at, sold.condition, sold.source) == (200, "sold", date(2024, 5, 31), "Very Good", "Heritage")
    assert (sold.author, asked.author) == ("Wilkie Collins", "")
    # What nobody says was sold is never taken for a sale.
    assert (asked.usd, asked.basis) == (1250, "asking")


@pytest.mark.parametrize(
    ("row", "column", "told"),
    [
        (f'"{TITLE}",cheap,,,', "price", "“cheap” is no price"),
        (f'"{TITLE}","1.250,00",,,', "price", "with a point for cents"),
        (f'"{TITLE}",-5,,,', "price", "is no price"),
        (f'"{TITLE}",0,,,', "price", "more than nothing"),
        (f'"{TITLE}",NaN,,,', "price", "is no price"),
        (f'"{TITLE}",٣,,,', "price", "is no price"),
        (f'"{TITLE}",5,pounds,,', "currency", "three letters"),
        (f'"{TITLE}",£5,USD,,', "currency", "keep one of them"),
        (f'"{TITLE}",5,,04/05/2024,', "date", "could be swapped"),
        (f'"{TITLE}",5,,2024-02-30,', "date", "no day of the calendar"),
        (f'"{TITLE}",5,,2999-01-01,', "date", "between 1950 and today"),
        (f'"{TITLE}",5,,,javascript:alert(1)', "url", "begins with https://"),
        (",5,,,", "title", "which book"),
        (f'"{TITLE}",5,,,,,,', "", "8 cells where the header has 5"),
        (f'"{TITLE},5,,,', "", "quotation mark"),
    ],
)
def test_a_row_that_cannot_be_read_is_told_by_line_and_column_and_costs_only_itself(row, column, told):
    runbook = make_runbook()
    file = f'title,price,currency,date,url\n"{TITLE}",100,,,\n{row.replace(",,,,,,", ",,,,,,x")}\n"{TITLE}",300,,,\n'
    added = add_csv(runbook, file.encode(), by=runbook.owner)
    assert sorted(one.amount for one in added.comparables) == [100, 300]
    (refused,) = added.refused
    assert (refused.line, refused.column) == (3, column)
    assert told in refused.why
    assert str(refused).startswith("Line 3")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "Excel"),
        (b"name,cost\nx,1\n", "lacks the column price"),
        (b"title,price,amount\nx,1,1\n", "the column price twice"),
        (b"title,price\n\xff\xfe\xfa,1\n", "Line 2 is not valid utf-8"),
        (b"title,price\nx\0y,1\n", "Line 2 holds zero bytes"),
        (b"title,price\n" + b"x,1\n" * 501, "more than 500 rows"),
        (b"x" * 5_000_001, "larger than 5 MB"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_with_the_remedy(content, told):
    runbook = make_runbook()
    with pytest.raises(TableRefused, match=told):
        add_csv(runbook, content, by=runbook.owner)
    assert not Comparable.objects.exists()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_it_reads_what_spreadsheets_save(delimiter, encoding):
    runbook = make_runbook()
    file = delimiter.join(["title", "price"]) + "\r\n" + delimiter.join(["The Moonstone – Collins", "45.50"]) + "\r\n"
    (one,) = add_csv(runbook, file.encode(encoding), by=runbook.owner).comparables
    assert (one.title, one.amount) == ("The Moonstone – Collins", Decimal("45.50"))


def test_a_file_that_is_sent_twice_adds_nothing():
    runbook = make_runbook()
    file = f'title,price\n"{TITLE}",100\n"{TITLE}",200\n'.encode()
    add_csv(runbook, file, by=runbook.owner)
    version = runbook.versions.count()
    again = add_csv(runbook, file, by=runbook.owner)
    assert (again.comparables, again.already_there, runbook.versions.count()) == ((), 2, version)


@pytest.mark.parametrize(
    ("line", "amount", "currency", "at", "basis", "title"),
    [
        ("$450 2024-05-31 The Moonstone, 3 vols", 450, "USD", date(2024, 5, 31), "asking", "The Moonstone, 3 vols"),
        ("Sold May 3, 2024 | The Moonstone 1868 | £1,204.50", Decimal("1204.50"), "GBP", date(2024, 5, 3), "sold", "The Moonstone 1868"),
        ("The Moonstone, 1868 — 45 EUR — 31.5.2024", 45, "EUR", date(2024, 5, 31), "asking", "The Moonstone, 1868"),
        ("The Moonstone Vol 3 US $120.00 + $5.00 shipping", 120, "USD", None, "asking", "The Moonstone Vol 3"),
        ("The Moonstone 1868 sold for 300 USD https://shop.example/7", 300, "USD", None, "sold", "The Moonstone 1868"),
        ("13/5/2024\tThe Moonstone\t$99", 99, "USD", date(2024, 5, 13), "asking", "The Moonstone"),
    ],
)
def test_a_pasted_line_has_a_price_maybe_a_date_and_the_rest_is_the_title(line, amount, currency, at, basis, title):
    runbook = make_runbook()
    added = add_pasted(runbook, line, by=runbook.owner)
    assert added.refused == ()
    (one,) = added.comparables
    assert (one.amount, one.currency, one.at, one.basis, one.title) == (amount, currency, at, basis, title)


@pytest.mark.parametrize(
    ("line", "column", "told"),
    [
        ("The Moonstone, 3 vols, 1868", "price", "no price"),
        ("The Moonstone $10 or $20", "price", "several prices"),
        ("$45.00", "title", "no title"),
        ("The Moonstone $10 4/5/2024", "date", "could be swapped"),
    ],
)
def test_a_pasted_line_that_is_not_certain_is_told(line, column, told):
    runbook = make_runbook()
    added = add_pasted(runbook, f"The Woman in White $80\n\n{line}\n", by=runbook.owner)
    assert [one.title for one in added.comparables] == ["The Woman in White"]
    (refused,) = added.refused
    assert (refused.line, refused.column) == (3, column)
    assert told in refused.why


def test_excluding_and_including_compute_anew_with_who_and_why():
    runbook = make_valued(180, 200, 900)
    dear = Comparable.objects.get(amount=900)
    exclude(dear, by=runbook.owner, why="signed by Collins")
    runbook.refresh_from_db()
    assert (runbook.fmv_high, dear.excluded_why, dear.changed_by) == (200, f"{runbook.owner}: signed by Collins", runbook.owner)
    include(dear, by=runbook.owner, why="a copy of the signature")
    runbook.refresh_from_db()
    assert (runbook.fmv_high, dear.excluded, dear.excluded_why) == (900, False, f"{runbook.owner}: a copy of the signature")
    assert [version.cause for version in runbook.versions.all()[:2]] == ["comparables", "comparables"]


def test_another_relevance_computes_anew_and_keeps_what_the_code_said():
    runbook = make_valued(180, 200, 900)
    dear = Comparable.objects.get(amount=900)
    set_relevance(dear, "low", by=runbook.owner, why="another work")
    set_relevance(dear, "medium", by=runbook.owner, why="after all")
    runbook.refresh_from_db()
    assert (runbook.fmv_high, dear.relevance, dear.computed_relevance) == (200, "medium", "high")


def test_an_adjustment_computes_anew_and_says_why():
    runbook = make_valued(200, 400)
    morocco = Comparable.objects.get(amount=400)
    adjust(morocco, by=runbook.owner, why="full morocco, ours is half", binding=Decimal(55), condition=Decimal(90))
    runbook.refresh_from_db()
    assert runbook.fmv_low == 198
    assert morocco.adjustments == {"binding": 55, "condition": 90, "why": f"{runbook.owner}: full morocco, ours is half"}
    adjust(morocco, by=runbook.owner, why="no", binding=None, condition=Decimal(100))
    runbook.refresh_from_db()
    assert (runbook.fmv_high, morocco.adjustments) == (400, {})


@pytest.mark.parametrize("value", [Decimal(0), Decimal(-5), Decimal("NaN"), Decimal(1001)])
def test_an_adjustment_out_of_bounds_is_refused(value):
    runbook = make_valued(200)
    with pytest.raises(ValidationError):
        adjust(Comparable.objects.get(), by=runbook.owner, why="x", edition=value)


def test_a_change_without_a_reason_is_refused():
    runbook = make_valued(200)
    for change in (exclude, include):
        with pytest.raises(ValidationError):
            change(Comparable.objects.get(), by=runbook.owner, why=" ")


def test_one_entered_by_hand_can_be_deleted_and_a_fetched_one_cannot():
    runbook = make_valued(200)
    typed = add_manual(runbook, entry(220), by=runbook.owner)
    comparing.delete(typed, by=runbook.owner)
    runbook.refresh_from_db()
    assert (runbook.fmv_high, Comparable.objects.count()) == (200, 1)
    with pytest.raises(CannotCompare):
        comparing.delete(Comparable.objects.get(), by=runbook.owner)


def test_an_apostrophe_that_an_export_put_before_a_formula_is_dropped():
    runbook = make_runbook()
    (one,) = add_csv(runbook, b"title,price\n'=2+2 The Moonstone,5\n", by=runbook.owner).comparables
    assert one.title == "=2+2 The Moonstone"


def test_a_runbook_holds_a_bounded_number_of_them(monkeypatch):
    monkeypatch.setattr(comparing, "MOST_ENTERED", 2)
    runbook = make_runbook()
    add_manual(runbook, entry(1), by=None)
    add_manual(runbook, entry(2), by=None)
    with pytest.raises(CannotCompare):
        add_manual(runbook, entry(3), by=None)


def test_a_comparable_of_another_origin_is_no_double():
    runbook = make_runbook()
    make_comparable(runbook, 200, title=TITLE)
    add_manual(runbook, entry(200), by=None)
    assert Comparable.objects.count() == 2
