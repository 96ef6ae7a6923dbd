"""Third parties that a test loads with answers and asks what was sent: each has the methods of the source it stands for."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from celery import Task

from bookops.dispatch import Here
from bookops.outbound.errors import SourceError
from bookops.outbound.http import CallRecord
from bookops.tally import note_call
from enrichment.asking import standing_in
from enrichment.deciding import GOOGLE_BOOKS, OPEN_LIBRARY
from enrichment.sources.facts import EditionFacts

Title = tuple[str, str]


class FakeSource:
    """Answer one book at a time, as Google Books does.

    `books` are found by each of their ISBNs and by (title, first author). Errors of `fail` are raised by the next calls, one each;
    `down` by all of them. `asked` lists what every call was asked for.
    """

    def __init__(self, name: str, books: Sequence[EditionFacts] = ()) -> None:
        self.name = name
        self.books: list[EditionFacts] = list(books)
        self.down: SourceError | None = None
        self.asked: list[tuple[str, ...]] = []
        self.flows: set[str] = set()
        self._failures: list[SourceError] = []
        self._lock = threading.Lock()

    def know(self, *books: EditionFacts) -> None:
        self.books += books

    def fail(self, *errors: SourceError) -> None:
        self._failures += errors

    def by_isbn(self, isbn: str, *, flow: str = "") -> EditionFacts | None:
        self._called(("isbn", isbn), flow)
        return self._with_isbn(isbn)

    def search(self, title: str, author: str, *, flow: str = "") -> tuple[EditionFacts, ...]:
        self._called(("title", title, author), flow)
        return self._titled(title, author)

    def _with_isbn(self, isbn: str) -> EditionFacts | None:
        return next((book for book in self.books if isbn in book.isbns), None)

    def _titled(self, title: str, author: str) -> tuple[EditionFacts, ...]:
        return tuple(book for book in self.books if (book.title, book.authors[:1]) == (title, (author,)))

    def _called(self, question: tuple[str, ...], flow: str) -> None:
        with self._lock:
            self.asked.append(question)
            self.flows.add(flow)
            error = self._failures.pop(0) if self._failures else self.down
        note_call(CallRecord(self.name, "/", None if error else 200, 0.01, 100, 10, error.reason if error else ""))
        if error is not None:
            raise error


class FakeOpenLibrary(FakeSource):
    """Answer many books in one request, too."""

    MAX_ISBNS = 100
    MAX_JOINED = 6
    supports_joined = True

    def __init__(self, books: Sequence[EditionFacts] = ()) -> None:
        super().__init__(OPEN_LIBRARY, books)

    def by_isbns(self, isbns: Sequence[str], *, flow: str = "") -> Mapping[str, EditionFacts | None]:
        self._called(("isbns", *isbns), flow)
        return {isbn: self._with_isbn(isbn) for isbn in isbns}

    def search_many(self, pairs: Sequence[Title], *, flow: str = "") -> tuple[tuple[EditionFacts, ...], ...]:
        self._called(("titles", *(title for title, _ in pairs)), flow)
        return tuple(self._titled(title, author) for title, author in pairs)


class FakeGoogleBooks(FakeSource):
    """Answer one book at a time."""

    def __init__(self, books: Sequence[EditionFacts] = ()) -> None:
        super().__init__(GOOGLE_BOOKS, books)


class LossyBell(Here):
    """Lose the first `times` messages of each of these tasks, as a broker may."""

    def __init__(self, tasks: Sequence[Task[..., Any]], times: int) -> None:
        super().__init__()
        self._to_lose = dict.fromkeys(tasks, times)

    def take(self, task: Task[..., Any], args: tuple[Any, ...]) -> None:
        left = self._to_lose.get(task, 0)
        if left:
            self._to_lose[task] = left - 1
        else:
            super().take(task, args)


class FakeSources:
    """Hold both fakes, as the fixture `sources` gives them to a test."""

    def __init__(self) -> None:
        self.open_library = FakeOpenLibrary()
        self.google_books = FakeGoogleBooks()

    @property
    def asked(self) -> list[tuple[str, ...]]:
        return self.open_library.asked + self.google_books.asked


@contextmanager
def fake_sources() -> Iterator[FakeSources]:
    """Have the fakes answer in the place of the real sources."""
    fakes = FakeSources()
    with standing_in({OPEN_LIBRARY: fakes.open_library, GOOGLE_BOOKS: fakes.google_books}):
        yield fakes
