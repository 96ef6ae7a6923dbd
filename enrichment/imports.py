"""What a person can do with an import, a row or a book: views, admin actions and commands each make one of these calls."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, BinaryIO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from bookops.books import FACTS, PERSON, Book, unreferred, without_use
from bookops.clock import database_now
from bookops.dispatch import ring, ring_each
from bookops.doors import asks_sandbox
from bookops.events import RunEvent
from bookops.runs import BROKEN, ENDED, State
from enrichment.deciding import candidate_name, findings_of, questions_of
from enrichment.finishing import ask_rebuild
from enrichment.formats import ExportRefused, check_export
from enrichment.matching import Candidate
from enrichment.models import ImportChunk, ImportRow, LibraryImport, RowAttempt, storage_keys
from enrichment.remembering import remembered
from enrichment.settling import BOOK_FIELDS, learn
from enrichment.wanted import wanted_of

__all__ = [
    "ExportRefused",
    "cancel_import",
    "choose_candidate",
    "delete_book",
    "delete_import",
    "edit_book",
    "give_up_source",
    "lock_fact",
    "re_enrich",
    "redrive",
    "retry_failed",
    "retry_row",
    "start_import",
    "unlock_fact",
]


def start_import(
    *,
    owner: Any,
    file: BinaryIO,
    filename: str,
    policy: str | None = None,
    tolerated_failures: float | None = None,
    deadline_seconds: float | None = None,
    chunk_size: int | None = None,
    import_id: uuid.UUID | None = None,
) -> LibraryImport:
    """Check an export's head, keep the file and have it read; return at once.

    With an `import_id` the import gets that id, and one that is there already is returned as it is: a repeat of a request whose answer
    was lost makes no second import. Raises ExportRefused with the line and the remedy where the file cannot be read with certainty.
    """
    from enrichment.tasks import read_library

    if import_id and (there := LibraryImport.objects.filter(pk=import_id, owner=owner).first()):
        return there
    file.seek(0, 2)
    size = file.tell()
    file.seek(0)
    summary = check_export(file, name=filename, max_bytes=settings.UPLOAD_MAX_BYTES)
    file.seek(0)
    sha256 = _sha256_of(file)
    import_id = import_id or uuid.uuid4()
    upload_key = default_storage.save(storage_keys(import_id)[0], File(file))
    with transaction.atomic():
        library_import = LibraryImport.objects.create(
            id=import_id,
            owner=owner,
            filename=filename[:255],
            file_size=size,
            upload_key=upload_key,
            upload_sha256=sha256,
            source_format=summary.format,
            encoding=summary.encoding,
            policy=policy or settings.SOURCE_POLICY,
            tolerated_failures=tolerated_failures,
            deadline_at=database_now() + timedelta(seconds=deadline_seconds) if deadline_seconds else None,
            chunk_size=chunk_size or settings.CHUNK_SIZE,
            sandbox=asks_sandbox(),
            ring_at=database_now() + timedelta(seconds=settings.RING_AGAIN_SECONDS),
        )
        library_import.record("uploaded", filename=library_import.filename, bytes=size, warnings=list(summary.warnings))
        ring(read_library, str(import_id))
    return library_import


def _sha256_of(file: BinaryIO) -> str:
    """Read a file through and put it back to its start. Not on its way into storage: what sends it to S3 reads parts of it again."""
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # the stubs ask for an unbuffered file
    file.seek(0)
    return sha256


def cancel_import(library_import: LibraryImport) -> bool:
    """Stop an import; what is done stays. False when it has ended already."""
    with transaction.atomic():
        running = LibraryImport.objects.filter(pk=library_import.pk).exclude(state__in=ENDED)
        if not running.update(
            state=State.CANCELLED,
            stage=LibraryImport.Stage.DONE,
            ended_at=database_now(),
            finishes=F("finishes") + 1,
            changes=F("changes") + 1,
            lease_owner=None,
            lease_until=None,
        ):
            return False
        library_import.refresh_from_db()
        rows = ImportRow.objects.filter(library_import=library_import).cancel()
        ImportChunk.objects.filter(library_import=library_import).cancel()
        library_import.record("cancelled", rows=rows)
    ask_rebuild(library_import)
    return True


def retry_failed(library_import: LibraryImport) -> int:
    """Send every failed and dead row that could be read round again; return how many."""
    return _send_again(library_import, states=BROKEN, kind="retried")


def redrive(library_import: LibraryImport) -> int:
    """Send the dead letters, rows that used up their attempts, round again; return how many."""
    return _send_again(library_import, states=(State.DEAD,), kind="redriven")


def retry_row(row: ImportRow) -> bool:
    """Send one failed or dead row round again; False when it is neither, or could not be read in the first place."""
    return bool(_send_again(row.library_import, states=BROKEN, kind="retried", only=[row.pk]))


def re_enrich(library_import: LibraryImport, *, forget: bool = False) -> int:
    """Work through all ended rows of an import again, with the sources that were given up; return how many.

    `forget` drops what the sources told about these books before, so that they are asked anew.
    """
    if forget:
        keys = {question.key for row in library_import.rows.iterator(chunk_size=1000) for question in questions_of(wanted_of(row))}
        for some in _parts(sorted(keys), 500):
            remembered().filter(question__in=some).delete()
    LibraryImport.objects.filter(pk=library_import.pk).update(given_up=[])
    return _send_again(library_import, states=(*BROKEN, State.SUCCEEDED), kind="re_enriched")


def _send_again(library_import: LibraryImport, *, states: Sequence[State], kind: str, only: Sequence[int] | None = None) -> int:
    """Make ended rows pending again and send them out; a failed import runs again, a complete one stays complete.

    Rows without an entry could not be read: no repetition helps them.
    """
    from enrichment.tasks import enrich_book

    with transaction.atomic():
        LibraryImport.objects.select_for_update().filter(pk=library_import.pk).first()
        rows = ImportRow.objects.filter(library_import=library_import).exclude(entry={})
        if only is not None:
            rows = rows.filter(pk__in=only)
        ids = list(rows.filter(state__in=states).values_list("pk", flat=True)[: library_import.chunk_size])
        moved = rows.retry(states=states)
        if not moved:
            return 0
        reopened = LibraryImport.objects.filter(pk=library_import.pk, state=State.FAILED).update(
            state=State.RUNNING,
            stage=LibraryImport.Stage.ENRICHING,
            reopenings=F("reopenings") + 1,
            ended_at=None,
            # A deadline that has passed would end it again at once.
            deadline_at=None,
            reason="",
            detail="",
        )
        library_import.refresh_from_db()
        library_import.record(kind, rows=moved, reopened=bool(reopened))
        # The rest is rung by the sweeper, a portion a round, so that a large redrive floods nobody.
        ring_each(enrich_book, ids)
    return moved


def give_up_source(library_import: LibraryImport, source: str) -> int:
    """Go on without a source: its parked rows are worked through with what the others tell; return how many."""
    from enrichment.tasks import enrich_book

    with transaction.atomic():
        locked = LibraryImport.objects.select_for_update().get(pk=library_import.pk)
        if source not in locked.given_up:
            locked.given_up = [*locked.given_up, source]
            locked.save(update_fields=["given_up"])
        now = database_now()
        parked = ImportRow.objects.filter(library_import=library_import, state=State.PARKED, waiting_for=source)
        ids = list(parked.values_list("pk", flat=True)[: library_import.chunk_size])
        moved = parked.update(state=State.PENDING, next_at=now, ring_at=now, reason="", detail="", waiting_for="")
        library_import.record("gave_up_source", source=source, rows=moved)
        ring_each(enrich_book, ids)
    library_import.refresh_from_db()
    return moved


def choose_candidate(row: ImportRow, candidate: str, *, by: Any) -> bool:
    """Accept one of a row's candidates ("source:key") for its book, and keep that choice; False when it is none of them."""
    picked = next(
        (one for data in row.candidates if candidate_name((one := Candidate.from_json(data)).facts) == candidate),
        None,
    )
    if picked is None or row.book_id is None:
        return False
    others = [one for data in row.candidates if candidate_name((one := Candidate.from_json(data)).facts) != candidate]
    findings = findings_of(wanted_of(row), picked, others)
    with transaction.atomic():
        now = database_now()
        _touch(row.library_import)
        # Not while a worker has it: what the worker stores would undo the choice.
        moved = (
            ImportRow.objects.filter(pk=row.pk)
            .exclude(state=State.RUNNING)
            .update(
                outcome=ImportRow.Outcome.MATCHED,
                score=picked.score,
                chosen=candidate,
                candidates=[one.to_json() for one in findings.candidates],
                sources=[picked.facts.source],
                state=State.SUCCEEDED,
                reason="",
                detail="",
                waiting_for="",
                ring_at=None,
                ended_at=now,
            )
        )
        if not moved:
            return False
        book = Book.objects.select_for_update(no_key=True).get(pk=row.book_id)
        book.unlearn()
        learn(book, findings, now).save(update_fields=BOOK_FIELDS)
        RowAttempt.objects.create(
            row=row, number=row.attempts, outcome="chosen", detail=f"{candidate} chosen by {by}"[:500], started_at=now, ended_at=now
        )
        row.library_import.record("candidate_chosen", row=row.number, candidate=candidate, by=str(by))
    row.refresh_from_db()
    return True


def edit_book(book: Book, changes: dict[str, Any], *, by: Any) -> Book:
    """Set facts of a book by hand and lock them, so that no automated writer changes them again.

    Raises KeyError for a name that is no fact. Genres may be given as plain names.
    """
    for name in changes:
        if name not in FACTS:
            raise KeyError(name)
    with transaction.atomic():
        # Imports before books, in the order that every writer locks them in.
        touch_imports_of([book.pk])
        book = Book.objects.select_for_update(no_key=True).get(pk=book.pk)
        for name, value in changes.items():
            setattr(book, name, _genres_by_hand(value) if name == "genres" else value)
            book.provenance[name] = {"source": PERSON, "by": str(by), "at": timezone.now().isoformat()}
        book.locked = sorted({*book.locked, *changes})
        book.version += 1
        book.full_clean(exclude=["owner"])
        book.save()
    return book


def lock_fact(book: Book, name: str) -> Book:
    """Keep a fact as it is, and where it is from: no automated writer changes it. Raises KeyError for a name that is no fact."""
    if name not in FACTS:
        raise KeyError(name)
    return _lock(book, lambda locked: locked | {name})


def unlock_fact(book: Book, name: str) -> Book:
    """Let automated writers set a fact again."""
    return _lock(book, lambda locked: locked - {name})


def _lock(book: Book, change: Callable[[set[str]], set[str]]) -> Book:
    with transaction.atomic():
        # Of a locked fact a dashboard shows the book's value, of another the row's. Imports before books, as every writer locks them.
        touch_imports_of([book.pk])
        book = Book.objects.select_for_update(no_key=True).get(pk=book.pk)
        book.locked = sorted(change(set(book.locked)))
        book.version += 1
        book.save(update_fields=["locked", "version"])
    return book


def delete_import(library_import: LibraryImport) -> list[str]:
    """Cancel an import if it runs and remove its files, rows and the books nothing else refers to; return the deleted files.

    Books stay that another import or an evaluation refers to, or of which a person has settled a fact. What the sources answered stays
    too: it says nothing about the owner.
    """
    keys = [key for stored in storage_keys(library_import.pk) for key in (stored, stored.replace(".json", ".partial.json"))]
    keys = list(dict.fromkeys(name for key in keys for name in (key, key + ".gz")))
    with transaction.atomic():
        cancel_import(library_import)
        books = list(Book.objects.filter(rows__library_import=library_import).order_by("pk").distinct().values_list("pk", flat=True))
        RowAttempt.objects.filter(row__library_import=library_import).delete()
        LibraryImport.objects.filter(pk=library_import.pk).delete()
        # After the import: nobody appends to its list now.
        RunEvent.objects.filter(run_id=library_import.pk).delete()
        for some in _parts(books, 500):
            # Locked before anybody is asked: who is about to refer to one of them has either done so by then, or waits.
            list(Book.objects.select_for_update().filter(pk__in=some).order_by("pk").values_list("pk"))
            without_use(Book.objects.filter(pk__in=some)).delete()
        # Before the commit: should it not come to that, there is still an import to be deleted once more.
        return [key for key in keys if _delete_file(key)]


def delete_book(book: Book) -> bool:
    """Remove a book that nothing refers to, with what a person has settled of it; False where an import or a copy still does."""
    with transaction.atomic():
        # Locked before anybody is asked, as in `delete_import`.
        Book.objects.select_for_update().filter(pk=book.pk).first()
        return bool(unreferred(Book.objects.filter(pk=book.pk)).delete()[0])


def _delete_file(key: str) -> bool:
    if not default_storage.exists(key):
        return False
    default_storage.delete(key)
    return True


def touch_imports_of(books: Sequence[Any]) -> None:
    """Note that the dashboards with these books, given by id, no longer show all there is, and ring for new ones."""
    rows = ImportRow.objects.filter(book__in=books)
    for library_import in LibraryImport.objects.filter(pk__in=rows.values("library_import")).order_by("pk"):
        _touch(library_import)


def _genres_by_hand(value: Any) -> list[dict[str, Any]]:
    return [one if isinstance(one, dict) else {"name": str(one), "parent": "", "score": 1.0, "because": ["a person"]} for one in value]


def _touch(library_import: LibraryImport) -> None:
    library_import.touch()
    library_import.refresh_from_db()
    ask_rebuild(library_import)


def _parts(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
