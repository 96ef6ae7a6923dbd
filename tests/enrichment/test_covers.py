import pytest

from enrichment.covers import Cover, best_cover, https_address
from enrichment.sources.facts import EditionFacts

ISBN = "9780441013593"


def record(source: str = "google_books", **changes: object) -> EditionFacts:
    return EditionFacts(**{"source": source, "key": "x", "title": "Dune"} | changes)


def test_it_writes_googles_address_over_https_without_the_page_curl():
    found = best_cover([record(cover_url="http://books.google.com/books/content?id=a&zoom=1&edge=curl")], ISBN)
    assert found == Cover(
        "https://books.google.com/books/content?id=a&zoom=1", "https://books.google.com/books/content?id=a&zoom=1", "google_books"
    )


def test_it_prefers_the_wanted_edition_to_a_larger_picture_of_another():
    other = record("open_library", cover_url="https://covers.openlibrary.org/b/id/1-L.jpg", isbns=("9780261103573",))
    wanted = record(cover_url="https://books.google.com/books/content?id=a&zoom=1", isbns=(ISBN,))
    assert best_cover([other, wanted], ISBN).source == "google_books"


def test_it_prefers_the_larger_of_two_pictures():
    small = record(cover_url="https://books.google.com/books/content?id=a&zoom=5")
    large = record("open_library", cover_url="https://covers.openlibrary.org/b/id/1-L.jpg")
    assert best_cover([small, large], "").thumbnail_url == "https://covers.openlibrary.org/b/id/1-L.jpg"


def test_it_falls_back_to_open_librarys_address_by_isbn():
    assert best_cover([record()], ISBN) == Cover(
        f"https://covers.openlibrary.org/b/isbn/{ISBN}-M.jpg?default=false",
        f"https://covers.openlibrary.org/b/isbn/{ISBN}-S.jpg?default=false",
        "open_library",
    )


def test_it_has_none_without_a_picture_and_an_isbn():
    assert best_cover([record()], "") == Cover()


@pytest.mark.parametrize(
    "hostile",
    [
        "javascript:alert(1)",
        "data:image/png;base64,AA",
        "//books.google.com/x",
        "https://a:b@books.google.com/",
        "http://[::1",
        "https://h:99999/",
        "",
    ],
)
def test_it_returns_no_address_that_is_not_plain_https(hostile: str):
    assert https_address(hostile) == ""
    assert best_cover([record(cover_url=hostile, small_cover_url=hostile)], "") == Cover()
