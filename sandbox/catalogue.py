"""The books the sandbox knows, from the sample it ships with and from the files it is told to learn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from sandbox.chance import number_of
from sandbox.words import without_series, words

#: With this one the sample shows a gap or mistake of every kind, and its planted rows stay planted.
DEFAULT_SEED = 48


@dataclass(frozen=True)
class Book:
    """Hold what is true of one edition of a book."""

    title: str
    author: str
    contributors: tuple[str, ...] = ()
    #: A valid ISBN-13, or "".
    isbn13: str = ""
    goodreads_id: str = ""
    publisher: str = ""
    pages: int | None = None
    year: int | None = None
    first_year: int | None = None
    #: MARC code, as Open Library writes it.
    language: str = "eng"
    #: Raw subjects; empty where the file the book came from has none.
    subjects: tuple[str, ...] = ()
    shelves: tuple[str, ...] = ()

    @cached_property
    def full_title(self) -> str:
        """Return the title without series."""
        return without_series(self.title)

    @cached_property
    def identity(self) -> int:
        """Return the number of the work: the same for all editions of one title by one author."""
        return identity_of(self.title, self.author)

    @property
    def edition_identity(self) -> int:
        """Return the number of this edition of the work."""
        return number_of(self.identity, self.isbn13 or self.goodreads_id)


def identity_of(title: str, author: str) -> int:
    """Return the number of a work by its title, with or without series, and its first author."""
    return number_of("work", *words(without_series(title)), "by", *words(author))


class Catalogue:
    """Hold the books known, each once."""

    def __init__(self, books: Iterable[Book] = (), *, seed: int = DEFAULT_SEED) -> None:
        #: Decides what is missing, mistaken or invented; the same seed gives the same answers.
        self.seed = seed
        self.editions_by_work: dict[int, list[Book]] = {}
        self._by_isbn: dict[str, Book] = {}
        self._seen: set[int] = set()
        self.add(books)

    def add(self, books: Iterable[Book]) -> None:
        """Learn books; one whose edition is known already is passed over."""
        for book in books:
            if book.edition_identity in self._seen or (book.isbn13 and book.isbn13 in self._by_isbn):
                continue
            self._seen.add(book.edition_identity)
            self.editions_by_work.setdefault(book.identity, []).append(book)
            if book.isbn13:
                self._by_isbn[book.isbn13] = book

    def __len__(self) -> int:
        return sum(map(len, self.editions_by_work.values()))

    def find(self, *, isbn13: str = "", title: str = "", author: str = "") -> Book | None:
        """Return the book that is meant, None when it is not known.

        Title and author are believed before the ISBN: exports hold wrong ISBNs. Of several editions the one with the ISBN is returned.
        """
        if not title:
            return self._by_isbn.get(isbn13)
        editions = self.editions_by_work.get(identity_of(title, author), [])
        return next((book for book in editions if book.isbn13 == isbn13), editions[0] if editions else None)
