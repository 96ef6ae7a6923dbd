"""Find the book that a row of an export means among those its owner already has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bookops.books import Book, BookKey, key_names
from enrichment.formats.entry import LibraryEntry

#: Keys that name one edition; two books whose keys of one of these kinds differ are two books.
STRONG = ("gr:", "isbn:")


def keys_of(entry: LibraryEntry) -> list[str]:
    """Return the names under which an entry's book is found again, the surest first."""
    return key_names(entry.title, entry.author, isbn13=entry.isbn13, goodreads_id=entry.goodreads_id)


class Shelf:
    """Hold the books of one owner that a batch of entries may mean, and tell which entry means which.

    A Goodreads id decides alone. An ISBN finds a book unless the two have different Goodreads ids. Title and author find one that no
    other row of the import means; of several the only one, or one that has no identifier either. So two editions in one export stay
    two books, and find their rows again in the next.
    """

    def __init__(self, owner_id: Any, entries: Sequence[LibraryEntry], taken: set[int]) -> None:
        """Load and lock what the entries may mean. Three queries. `taken` are books that other rows of the same import already mean."""
        self._books: dict[int, Book] = {}
        self._by_key: dict[str, list[int]] = {}
        self._keys: dict[int, set[str]] = {}
        self._taken = taken
        self._new: dict[str, Book] = {}
        wanted = {key for entry in entries for key in keys_of(entry)}
        ids = set(BookKey.objects.filter(owner_id=owner_id, key__in=wanted).values_list("book_id", flat=True)) if wanted else set()
        if ids:
            # Locked until the batch is stored, or it would undo what a person or a worker writes meanwhile.
            self._books = Book.objects.select_for_update(no_key=True).order_by("pk").in_bulk(ids)
            for key, book_id in BookKey.objects.filter(book_id__in=ids).order_by("book_id").values_list("key", "book_id"):
                self._by_key.setdefault(key, []).append(book_id)
                self._keys.setdefault(book_id, set()).add(key)
        self._named = {book_id for key in wanted if key.startswith(STRONG) for book_id in self._by_key.get(key, ())}

    def find(self, entry: LibraryEntry) -> Book | None:
        """Return the book the entry means, None when the owner does not have it yet."""
        keys = keys_of(entry)
        for key in keys:
            fitting = [book_id for book_id in self._by_key.get(key, ()) if self._fits(book_id, key, keys)]
            if key.startswith("ta:") and len(fitting) > 1:
                fitting = [book_id for book_id in fitting if not self._has_identifier(book_id)]
            if fitting:
                self._taken.add(fitting[0])
                return self._books[fitting[0]]
        return self._new.get(keys[0])

    def add(self, book: Book, entry: LibraryEntry) -> None:
        """Note a book that is about to be created, so that a second row of the batch with the same surest key finds it."""
        key = keys_of(entry)[0]
        if key.startswith(STRONG):
            self._new[key] = book

    def new_keys(self, book: Book, entry: LibraryEntry) -> list[str]:
        """Return the keys of the entry that the book does not have yet, and note them."""
        held = self._keys.setdefault(book.pk, set())
        fresh = [key for key in keys_of(entry) if key not in held]
        held.update(fresh)
        return fresh

    def _fits(self, book_id: int, key: str, keys: list[str]) -> bool:
        if key.startswith("gr:"):
            return True
        held = self._keys.get(book_id, set())
        if _differ("gr:", held, keys):
            return False
        return key.startswith("isbn:") or not (book_id in self._taken or book_id in self._named)

    def _has_identifier(self, book_id: int) -> bool:
        return any(key.startswith(STRONG) for key in self._keys.get(book_id, ()))


def _differ(kind: str, held: set[str], keys: list[str]) -> bool:
    ours = {key for key in keys if key.startswith(kind)}
    theirs = {key for key in held if key.startswith(kind)}
    return bool(ours and theirs and not ours & theirs)
