from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import holdings
from sandbox.catalogue import Book, Catalogue
from sandbox.catalogue_files import SAMPLE, UnreadableCatalogue, read_books
from sandbox.holdings import Holdings
from sandbox.isbn import as_isbn13
from sandbox.subjects import JUNK, subjects_of
from tests.shared_data import shared_path

GOODREADS = (
    "Book Id,Title,Author,Additional Authors,ISBN,ISBN13,Number of Pages,Year Published,Original Publication Year,Bookshelves\n"
    '7,"Dune (Dune, #1)",Frank  Herbert,Some Narrator,"=""0441013597""","=""""",604.0,2005,1965,"sci-fi, to-read"\n'
    '8,,Nobody,,"=""""","=""""",,,,\n'
    '9,بوف کور,صادق هدایت,,"=""""","=""""",,,-40,\n'
)


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def tales(count: int) -> list[Book]:
    return [Book(title=f"Invented Tale {n}", author=f"Author Surname{n}", goodreads_id=str(n)) for n in range(count)]


def test_it_reads_an_export_by_header_names(tmp_path: Path) -> None:
    dune, owl = read_books(written(tmp_path / "books.csv", GOODREADS))
    assert (dune.full_title, dune.author, dune.isbn13, dune.pages, dune.year) == ("Dune", "Frank Herbert", "9780441013593", 604, 2005)
    assert dune.shelves == ("sci-fi", "to-read")
    assert (owl.language, owl.first_year, owl.isbn13) == ("per", -40, "")


def test_it_reads_subjects_from_a_dashboard(tmp_path: Path) -> None:
    text = '{"books": [{"title": "Dune", "author": "Frank Herbert", "isbn": null, "isbn13": "9780441013593", "genres": ["Ecology"]}]}'
    (dune,) = read_books(written(tmp_path / "dashboard.json", text))
    assert dune.subjects == ("Ecology",)


@pytest.mark.parametrize(("name", "text"), [("a.csv", "x,y\n1,2\n"), ("a.json", "{}"), ("a.json", "no json"), ("a.json", '{"books": [3]}')])
def test_it_refuses_a_file_without_books(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(UnreadableCatalogue):
        read_books(written(tmp_path / name, text))


def test_it_passes_over_an_edition_it_knows() -> None:
    dune = Book(title="Dune", author="Frank Herbert", isbn13="9780441013593", subjects=("Ecology",))
    again = Book(title="Dune (Dune, #1)", author="Frank Herbert", isbn13="9780441013593")
    other = Book(title="Dune", author="Frank Herbert", isbn13="9780593099322")
    catalogue = Catalogue([dune, again, other])
    assert len(catalogue) == 2
    assert catalogue.find(isbn13="9780593099322", title="Dune", author="Frank Herbert") is other
    assert catalogue.find(isbn13="9780441013593") is dune


def everything(source: Holdings) -> list[tuple]:
    return [
        (w.number, w.title, w.authors, w.subjects, [(e.number, e.isbn13, e.has_cover) for e in w.editions]) for w in source.works.values()
    ]


def test_it_gives_the_same_records_for_the_same_seed_in_any_order_of_books() -> None:
    books = tales(300)
    one, other = (Holdings("openlibrary", Catalogue(order)) for order in (books, books[::-1]))
    assert sorted(everything(one)) == sorted(everything(other))
    assert sorted(everything(one)) != sorted(everything(Holdings("openlibrary", Catalogue(books, seed=2))))


def test_it_errs_in_the_shares_it_states() -> None:
    books = tales(4000)
    catalogue = Catalogue(books)
    one, other = Holdings("openlibrary", catalogue), Holdings("googlebooks", catalogue)
    missing = [{identity for identity in catalogue.editions_by_work if identity not in source.by_identity} for source in (one, other)]
    held = list(one.by_identity.values())

    def share(count: int) -> float:
        return count / len(held)

    assert len(missing[0] & missing[1]) / 4000 == pytest.approx(holdings.MISSING_EVERYWHERE + holdings.MISSING**2, abs=0.01)
    assert len(missing[0]) / 4000 == pytest.approx(holdings.MISSING_EVERYWHERE + holdings.MISSING, abs=0.015)
    assert share(sum(work.rank == 0 for work in one.works.values())) == pytest.approx(holdings.LOOK_ALIKE + holdings.STUDY_GUIDE, abs=0.015)
    assert share(sum(not work.subjects for work in held)) == pytest.approx(holdings.NO_CATEGORIES, abs=0.015)
    assert share(sum(not work.editions[0].has_cover for work in held)) == pytest.approx(holdings.NO_COVER, abs=0.015)
    assert share(sum(work.editions[0].language != "eng" for work in held)) == pytest.approx(holdings.TRANSLATION_ONLY, abs=0.01)
    assert share(sum(work.title != work.editions[0].book.title for work in held)) == pytest.approx(holdings.MISTITLED, abs=0.01)


def test_it_holds_other_editions_under_valid_isbns_of_their_own() -> None:
    books = [
        Book(title=book.title, author=book.author, isbn13=as_isbn13(f"{n:09d}0") or as_isbn13(f"{n:09d}X"))
        for n, book in enumerate(tales(3000))
    ]
    books = [book for book in books if book.isbn13]
    source = Holdings("openlibrary", Catalogue(books))
    others = [work.editions[0].isbn13 for work in source.by_identity.values() if work.editions[0].isbn13 != work.editions[0].book.isbn13]
    expected = holdings.OTHER_EDITION + holdings.TRANSLATION_ONLY
    assert len(others) / len(source.by_identity) == pytest.approx(expected, abs=0.04)
    assert all(as_isbn13(isbn) == isbn for isbn in others)


def test_a_look_alike_stands_before_the_book_it_resembles() -> None:
    source = Holdings("googlebooks", Catalogue(tales(500)))
    imitation = next(work for work in source.works.values() if work.rank == 0 and work.title.startswith("Invented Tale"))
    found = holdings.in_search_order(source.with_title(imitation.title, phrase=True))
    assert found[0] is imitation
    assert len(found) > 1


def test_it_invents_subjects_that_fit_the_shelves_and_adds_junk() -> None:
    books = [Book(title=f"Tale {n}", author="A B", goodreads_id=str(n), shelves=("fantasy",)) for n in range(100)]
    invented = [subjects_of(book, 1) for book in books]
    assert all(
        any("antas" in subject or "agic" in subject or "Imaginary" in subject or "Quests" in subject for subject in found)
        for found in invented
    )
    assert any(set(found) & set(JUNK) for found in invented)
    assert len(set(invented)) > 50


def test_it_leaves_real_subjects_as_they_are() -> None:
    assert subjects_of(Book(title="Dune", author="Frank Herbert", subjects=("Ecology", "nyt:x")), 1) == ("Ecology", "nyt:x")


def test_every_isbn_of_the_sample_catalogue_is_valid() -> None:
    from stdnum import isbn

    books = read_books(SAMPLE)
    assert len(books) > 130
    assert all(isbn.is_valid(book.isbn13) for book in books if book.isbn13)
    assert sum(bool(book.isbn13) for book in books) > 130
    assert all(book.subjects for book in books)


@pytest.mark.shared
def test_it_learns_real_exports_and_the_original_dashboard() -> None:
    dashboard = read_books(shared_path("data", "dashboard_original_564books.json"))
    assert len(dashboard) == 564
    assert sum(bool(book.subjects) for book in dashboard) == 504
    assert len(read_books(shared_path("data", "exports", "goodreads_31col_565rows.csv"))) == 565
    assert len(read_books(shared_path("data", "exports", "storygraph_193rows.csv"))) == 193
    assert len(read_books(shared_path("data", "exports", "goodreads_23col_98rows_cyrillic.csv"))) == 98
