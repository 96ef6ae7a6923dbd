"""BookPurpose: purposes that ask about books; what they change passes the library's gate, and can be put back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, cast

from django.core.exceptions import ValidationError
from django.db import models

from bookops.books import PERSON, Book
from bookops.bulk import write_fields
from bookops.purposes import Applied, Change, Changes, Purpose


class BookPurpose(Purpose):
    """Ask about books. This is not a complete class: a subclass has a name, an `Answer`, a template and `changes`."""

    target = "book"
    declared: ClassVar[tuple[str, ...]] = (
        "title", "author", "publisher", "year", "language", "pages", "isbn13", "description", "genres", "subjects"
    )  # fmt: skip
    #: Which books may be asked for, as Django's lookups.
    FILTERS: ClassVar[dict[str, str]] = {
        "title": "title__icontains",
        "author": "author__icontains",
        "publisher": "publisher__icontains",
        "language": "language",
        "year_from": "year__gte",
        "year_to": "year__lte",
        "flagged": "flagged",
        "import": "rows__library_import",
    }

    def targets(self, owner_id: Any) -> models.QuerySet[Book]:
        return Book.objects.filter(owner_id=owner_id)

    def filtered(self, targets: models.QuerySet[Book], filters: Mapping[str, Any]) -> models.QuerySet[Book]:
        for name, value in filters.items():
            if name not in self.FILTERS:
                raise ValueError(f"Unknown filter {name}. There are: {', '.join(self.FILTERS)}.")
            try:
                targets = targets.filter(**{self.FILTERS[name]: value})
            except (ValidationError, ValueError, TypeError):
                raise ValueError(f"The filter {name} cannot be {value!r}.") from None
        return targets.distinct() if "import" in filters else targets

    def variables(self, targets: Sequence[Book]) -> list[dict[str, str]]:
        return [{name: words_of(getattr(book, name)) for name in self.declared} for book in targets]

    def version_of(self, target: Book) -> int:
        return target.version

    def apply(self, proposed: Sequence[tuple[Book, Changes]], source: str, now: datetime, *, by_person: bool = False) -> list[Applied]:
        writer = PERSON if by_person else source
        done = [_apply(book, changes, writer, source, now) for book, changes in proposed]
        _write(proposed, done)
        return done

    def undo(self, applied: Sequence[tuple[Book, Changes]], source: str, now: datetime) -> list[Applied]:
        done = [_undo(book, changes, source) for book, changes in applied]
        _write(applied, done)
        return done

    def by_hand(self, target: Book, name: str, value: Any) -> Any:
        field = cast("models.Field[Any, Any]", Book._meta.get_field(name))
        return field.clean(value, target)


def _apply(book: Book, changes: Changes, writer: str, source: str, now: datetime) -> Applied:
    """Let a book learn all of the changes or, where somebody settled one of the fields, none."""
    if not all(book.may_learn(name, writer) for name in changes):
        return Applied("locked")
    made = {}
    for name, change in changes.items():
        before = getattr(book, name)
        if before == change.after:
            continue
        setattr(book, name, change.after)
        made[name] = Change(before, change.after, book.provenance.get(name, {}))
        book.provenance[name] = {"source": writer, "at": now.isoformat(), "job": source}
        if writer == PERSON and name not in book.locked:
            book.locked = [*book.locked, name]
    return Applied("applied", made)


def _undo(book: Book, changes: Changes, source: str) -> Applied:
    """Put back the fields that still stand as they were written; who wrote one since left another value or another name behind."""
    back = {}
    for name, change in changes.items():
        if getattr(book, name) != change.after or book.provenance.get(name, {}).get("job") != source:
            continue
        setattr(book, name, change.before)
        was = dict(change.was or {})
        if was:
            book.provenance[name] = was
        else:
            del book.provenance[name]
        if was.get("source") != PERSON:
            book.locked = [locked for locked in book.locked if locked != name]
        back[name] = Change(change.after, change.before)
    return Applied("applied" if back else "locked", back)


def _write(asked: Sequence[tuple[Book, Changes]], done: Sequence[Applied]) -> None:
    """Store the books that were changed, by one statement."""
    changed = [book for (book, _), one in zip(asked, done, strict=True) if one.changes]
    names = sorted({name for one in done for name in one.changes})
    for book in changed:
        book.version += 1
    write_fields(changed, [*names, "provenance", "locked", "version"])


def words_of(value: Any) -> str:
    """Return a fact as a prompt shows it: genres by name, subjects without their sources, nothing as nothing."""
    if isinstance(value, Mapping):
        return ", ".join(str(one) for many in value.values() for one in many)
    if isinstance(value, list):
        return ", ".join(str(one["name"]) if isinstance(one, Mapping) else str(one) for one in value)
    return "" if value is None else str(value)
