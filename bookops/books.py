"""Book: what an owner has, every fact with where it came from, and the one gate through which automated facts pass."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, cast

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, QuerySet

from bookops.spelling import normal_author, normal_title

#: Facts that sources and purposes may fill in; a person's edit locks one.
FACTS = (
    "title",
    "author",
    "publisher",
    "pages",
    "year",
    "original_year",
    "language",
    "description",
    "isbn13",
    "genres",
    "cover_url",
    "small_cover_url",
    "openlibrary_work_key",
    "openlibrary_edition_key",
    "google_volume_id",
    "flagged",
    "flagged_reason",
)


#: Writers that are no third party, as `provenance` names them.
EXPORT, PERSON = "export", "person"


class Book(models.Model):
    """Hold one book of one owner's library.

    `provenance` says for each fact which source it came from and when; `locked` lists the facts that a person has settled.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="books")
    title = models.CharField(max_length=1000)
    author = models.CharField(max_length=500, blank=True)
    additional_authors = models.JSONField(default=list, blank=True)
    isbn13 = models.CharField(max_length=13, blank=True)
    goodreads_id = models.CharField(max_length=20, blank=True)
    publisher = models.CharField(max_length=500, blank=True)
    binding = models.CharField(max_length=200, blank=True)
    pages = models.PositiveIntegerField(null=True, blank=True)
    year = models.IntegerField(null=True, blank=True)
    original_year = models.IntegerField(null=True, blank=True)
    language = models.CharField(max_length=20, blank=True)
    description = models.TextField(blank=True)
    #: [{"name", "parent", "score", "because"}], best first.
    genres = models.JSONField(default=list, blank=True)
    #: {source: [raw subjects]}, kept apart from genres.
    subjects = models.JSONField(default=dict, blank=True)
    #: [{"name", "position"}], every series the title names.
    series = models.JSONField(default=list, blank=True)
    #: [[start, end]], every read that an export told of.
    reads = models.JSONField(default=list, blank=True)
    moods = models.JSONField(default=list, blank=True)
    cover_url = models.CharField(max_length=1000, blank=True)
    small_cover_url = models.CharField(max_length=1000, blank=True)
    openlibrary_work_key = models.CharField(max_length=40, blank=True)
    openlibrary_edition_key = models.CharField(max_length=40, blank=True)
    google_volume_id = models.CharField(max_length=40, blank=True)
    #: Wants a person's look; the reason names who says so.
    flagged = models.BooleanField(default=False)
    flagged_reason = models.CharField(max_length=500, blank=True)
    provenance = models.JSONField(default=dict, blank=True)
    locked = models.JSONField(default=list, blank=True)
    #: Raised by every write, so that a writer who read an older version is told no.
    version = models.PositiveIntegerField(default=1, editable=False)
    enriched_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["owner", "-id"], name="books_of_an_owner_newest_first"),
            # With the order of the list: where a number is rare, or nobody's, the list would be walked to its end for it.
            models.Index(fields=["owner", "isbn13", "-id"], name="books_by_isbn_newest_first"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(cover_url="") | models.Q(cover_url__startswith="https://"), name="a_cover_address_is_https"
            ),
            models.CheckConstraint(condition=~models.Q(title=""), name="a_book_has_a_title"),
        ]

    def __str__(self) -> str:
        return f"{self.title} — {self.author}" if self.author else self.title

    def learn(self, facts: dict[str, Any], source: str, now: datetime) -> list[str]:
        """Take facts from an automated writer and return the names that changed; locked ones stay as they are.

        What an export told is of the owner's own copy: only an export replaces it. Changes the instance only. Empty values never
        overwrite.
        """
        changed = []
        for name, value in facts.items():
            if not self.may_learn(name, source) or value in ("", None, [], ()):
                continue
            if getattr(self, name) != value:
                setattr(self, name, value)
                self.provenance[name] = {"source": source, "at": now.isoformat()}
                changed.append(name)
            elif name not in self.provenance:
                self.provenance[name] = {"source": source, "at": now.isoformat()}
        return changed

    def may_learn(self, name: str, source: str) -> bool:
        """Say whether that writer may change that fact: a person any, an automated one what is neither locked nor an export's own."""
        if name not in FACTS:
            return False
        if source == PERSON:
            return True
        return name not in self.locked and (source == EXPORT or self.provenance.get(name, {}).get("source") != EXPORT)

    def unlearn(self) -> None:
        """Forget what sources told, for it was of another book; what an export or a person said stays. Changes the instance only."""
        for name in FACTS:
            if name not in self.locked and self.provenance.get(name, {}).get("source", EXPORT) not in (EXPORT, PERSON):
                field = cast("models.Field[Any, Any]", self._meta.get_field(name))
                setattr(self, name, field.get_default())
                del self.provenance[name]
        self.subjects = {}


def key_names(title: str, author: str, *, isbn13: str = "", goodreads_id: str = "") -> list[str]:
    """Return the names under which a book is found again, the surest first; the keys of its `BookKey` rows."""
    sure = [f"{kind}:{number}" for kind, number in (("gr", goodreads_id), ("isbn", isbn13)) if number]
    return [*sure, f"ta:{normal_title(title)[:150]}|{normal_author(author)[:90]}"]


def without_use(books: QuerySet[Book]) -> QuerySet[Book]:
    """Filter to books that nothing refers to and of which no person has settled a fact."""
    return unreferred(books).filter(locked=[])


def unreferred(books: QuerySet[Book]) -> QuerySet[Book]:
    """Filter to books that no row of any app refers to, but for their own keys.

    Items of LLM jobs do not count: they name what they were about by a label that outlives it.
    """
    for relation in Book._meta.related_objects:
        if relation.related_model is not BookKey:
            referring = relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("pk")})
            books = books.filter(~Exists(referring))
    return books


class BookKey(models.Model):
    """Hold one name under which a book is found again: `gr:` a Goodreads id, `isbn:` an ISBN-13, `ta:` title and author."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    book = models.ForeignKey(Book, on_delete=models.CASCADE, related_name="keys")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "key", "book"], name="a_key_names_a_book_once")]

    def __str__(self) -> str:
        return self.key
