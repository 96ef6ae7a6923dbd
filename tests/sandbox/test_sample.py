"""The sample export that ships with the project: what is in it, and what the sandbox knows of it."""

from __future__ import annotations

import csv
from pathlib import Path

from stdnum import isbn

from sandbox.catalogue import Catalogue
from sandbox.catalogue_files import SAMPLE, read_books
from sandbox.isbn import as_isbn13

LIBRARY = Path(__file__).parents[2] / "enrichment" / "sample" / "library.csv"


def rows() -> list[dict[str, str]]:
    with LIBRARY.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def row(title: str) -> dict[str, str]:
    return next(found for found in rows() if found["Title"].startswith(title))


def test_it_has_the_columns_of_a_goodreads_export_of_today() -> None:
    assert len(rows()) == 120
    assert len(rows()[0]) == 24
    assert len({found["Book Id"] for found in rows()}) == 120


def test_every_isbn_in_it_is_valid_and_armoured() -> None:
    for found in rows():
        for column in ("ISBN", "ISBN13"):
            assert found[column].startswith('="')
            number = found[column].strip('="')
            assert not number or isbn.is_valid(number), found["Title"]


def test_a_shelf_that_is_not_read_stands_among_the_bookshelves() -> None:
    for found in rows():
        assert (found["Exclusive Shelf"] in found["Bookshelves"].split(", ")) == (found["Exclusive Shelf"] != "read")


def test_its_oddities_are_there() -> None:
    assert int(row("The Odyssey")["Original Publication Year"]) < 0
    assert row("Guards! Guards!")["Title"].endswith("(Discworld, #8; City Watch, #1)")
    assert "#1-7" in row("The Chronicles of Narnia")["Title"]
    assert "#2.5" in row("The Slow Regard")["Title"]
    assert (row("The Pragmatic Programmer")["ISBN"], row("The Pragmatic Programmer")["ISBN13"]) == ('="020161622X"', '=""')
    assert "<spoiler>" in row("Pride and Prejudice")["My Review"]
    assert int(row("Pride and Prejudice")["Read Count"]) > 1
    assert row("Moby-Dick")["Exclusive Shelf"] == "abandoned"
    assert row("Project Hail Mary")["Binding"] == "Audible Audio"
    assert (row("Fahrenheit 451")["Exclusive Shelf"], row("Fahrenheit 451")["My Rating"]) == ("to-read", "4")
    assert {"Мастер и Маргарита", "بوف کور"} <= {found["Title"] for found in rows()}
    assert sum(found["Exclusive Shelf"] == "read" and not found["Date Read"] for found in rows()) > 20
    assert [found["Author"] for found in rows() if not found["Title"]] == ["Jane Austen"]


def test_the_catalogue_knows_most_of_it_but_not_all() -> None:
    catalogue = Catalogue(read_books(SAMPLE))
    known = [found for found in rows() if found["Title"] and catalogue.find(title=found["Title"], author=found["Author"])]
    assert 105 <= len(known) <= 115


def test_its_wrong_isbn_leads_to_another_book_that_open_library_and_google_hold(sandbox) -> None:
    wrong = as_isbn13(row("The Bell Jar")["ISBN13"])
    truth = sandbox.knows(isbn=wrong)
    assert truth["title"] == "Educated"
    assert truth["sources"]["openlibrary"]["exact"]
    assert truth["sources"]["googlebooks"]["exact"]


def test_its_look_alikes_have_a_namesake_that_is_held(sandbox) -> None:
    assert sandbox.knows(title="The Stranger", author="Harlan Coben")["sources"]["openlibrary"]["right"]
    assert sandbox.knows(title="Twilight", author="Stephenie Meyer")["sources"]["openlibrary"]["right"]
    assert not sandbox.knows(title="Twilight", author="William Gay")["known"]
