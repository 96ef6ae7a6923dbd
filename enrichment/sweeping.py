"""What the sweeper does for imports in each round."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from bookops.dispatch import ring, ring_each
from bookops.runs import OPEN, RunQuerySet, State
from bookops.sweep import register
from enrichment import chunks
from enrichment.finishing import ask_rebuild
from enrichment.models import ImportChunk, ImportRow, LibraryImport, RowAttempt

#: Rows moved in one round by each rule, so that a round stays short; the next one follows in seconds.
MOST = 1000

Stage = LibraryImport.Stage


@register
def sweep_imports(now: datetime) -> dict[str, int]:
    """Bring every import that has lost a worker or a message back on its way."""
    return {
        "rows_freed": free_rows(now),
        "rows_expired": end_overdue_imports(now),
        "rows_resumed": ImportRow.objects.all().resume(now, MOST),
        "rows_rung": ring_rows(now),
        "imports_freed": free_imports(now),
        "imports_rung": ring_imports(now),
        "chunks_freed": free_chunks(now),
        "imports_moved": move_imports(),
        "dashboards_rung": ring_dashboards(now),
    }


def free_rows(now: datetime) -> int:
    """Give rows whose worker fell silent back, each with a note in its log."""
    lost = list(ImportRow.objects.all().expired(now).order_by("pk").values_list("pk", "attempts", "library_import_id", "chunk")[:MOST])
    if not lost:
        return 0
    with transaction.atomic():
        freed = ImportRow.objects.all().free([row_id for row_id, *_ in lost], now)
        # Two sweepers may both have listed a row, but only rows that have left `running` are noted.
        gone = set(
            ImportRow.objects.filter(pk__in=[row_id for row_id, *_ in lost], reason="worker_lost")
            .exclude(state=State.RUNNING)
            .values_list("pk", flat=True)
        )
        noted = set(RowAttempt.objects.filter(row_id__in=gone, outcome="lost").values_list("row_id", "number"))
        RowAttempt.objects.bulk_create(
            RowAttempt(row_id=row_id, number=number, outcome="lost", reason="worker_lost", ended_at=now)
            for row_id, number, *_ in lost
            if row_id in gone and (row_id, number) not in noted
        )
        LibraryImport.objects.filter(pk__in={import_id for _, _, import_id, _ in lost}).update(changes=F("changes") + 1)
    for import_id, number in {(import_id, number) for _, _, import_id, number in lost if number is not None}:
        chunks.end_chunk(import_id, number)
    return freed


def ring_rows(now: datetime) -> int:
    """Ring for pending rows that are due and were not heard."""
    from enrichment.tasks import enrich_book

    ids = list(ImportRow.objects.all().overdue(now).filter(next_at__lte=now).order_by("ring_at").values_list("pk", flat=True)[:MOST])
    with transaction.atomic():
        rung = ImportRow.objects.filter(pk__in=ids, state=State.PENDING).update(
            ring_at=now + timedelta(seconds=settings.RING_AGAIN_SECONDS)
        )
        ring_each(enrich_book, ids)
    return rung


def free_imports(now: datetime) -> int:
    """Give imports back whose reader or assembler fell silent."""
    reading = RunQuerySet(LibraryImport).expired(now).filter(stage=Stage.READING).values_list("pk", flat=True)
    freed = LibraryImport.objects.all().filter(stage=Stage.READING).free(list(reading), now)
    return freed + LibraryImport.objects.filter(
        Q(lease_until=None) | Q(lease_until__lt=now), state=State.RUNNING, stage=Stage.ASSEMBLING
    ).update(stage=Stage.ENRICHING, lease_owner=None, lease_until=None, losses=F("losses") + 1)


def ring_imports(now: datetime) -> int:
    """Ring for uploaded files that nobody reads."""
    from enrichment.tasks import read_library

    due = list(LibraryImport.objects.filter(state=State.PENDING, ring_at__lte=now).values_list("pk", flat=True)[:MOST])
    with transaction.atomic():
        rung = LibraryImport.objects.filter(pk__in=due).update(ring_at=now + timedelta(seconds=settings.RING_AGAIN_SECONDS))
        for import_id in due:
            ring(read_library, str(import_id))
    return rung


def free_chunks(now: datetime) -> int:
    """Give chunks back whose worker fell silent before their rows were sent out."""
    lost = ImportChunk.objects.all().expired(now).filter(sent_out=False).values_list("pk", flat=True)[:MOST]
    return ImportChunk.objects.filter(sent_out=False).free(list(lost), now)


def move_imports() -> int:
    """Do what the last row, the chord's body or a reader may have died before doing: end chunks, send out more, finish."""
    moved = 0
    running = LibraryImport.objects.filter(state=State.RUNNING, stage__in=[Stage.READING, Stage.ENRICHING])
    open_rows = ImportRow.objects.filter(library_import=OuterRef("pk"), state__in=OPEN)
    for import_id, stage, has_open in running.values_list("pk", "stage", Exists(open_rows)):
        sent = ImportChunk.objects.filter(library_import_id=import_id, state=State.RUNNING, sent_out=True)
        for number in sent.values_list("number", flat=True):
            moved += chunks.end_chunk(import_id, number)
        moved += chunks.advance(import_id)
        if stage == Stage.ENRICHING and not has_open:
            moved += chunks.finish_if_done(import_id)
    return moved


def ring_dashboards(now: datetime) -> int:
    """Ring for ended imports whose dashboard is behind."""
    old = now - timedelta(seconds=settings.DASHBOARD_REBUILD_SECONDS)
    behind = LibraryImport.objects.filter(stage=Stage.DONE, changes__gt=F("dashboard_changes"))
    return sum(ask_rebuild(one) for one in behind.filter(Q(dashboard_at=None) | Q(dashboard_at__lte=old))[:20])


def end_overdue_imports(now: datetime) -> int:
    """Fail the rows that an import's own deadline has overtaken; it then ends by itself."""
    ended = 0
    for library_import in LibraryImport.objects.filter(state=State.RUNNING, deadline_at__lte=now, stage=Stage.ENRICHING):
        moved = 0
        while some := _fail_overdue(library_import, now):
            moved += some
        ImportChunk.objects.filter(library_import=library_import, state__in=OPEN).update(
            state=State.SUCCEEDED, sent_out=True, ended_at=now, lease_owner=None, lease_until=None
        )
        if moved:
            library_import.record("deadline_passed", rows=moved)
        ended += moved
    return ended


def _fail_overdue(library_import: LibraryImport, now: datetime) -> int:
    """Fail the next of an import's rows that its deadline has overtaken, each with a note in its log; return how many."""
    with transaction.atomic():
        unended = ImportRow.objects.filter(library_import=library_import, state__in=[*OPEN, State.PARKED])
        rows = list(unended.select_for_update(no_key=True).order_by("pk").values_list("pk", "attempts")[:MOST])
        RowAttempt.objects.bulk_create(
            RowAttempt(row_id=row_id, number=attempts, outcome="overdue", reason="import_deadline", ended_at=now)
            for row_id, attempts in rows
        )
        return ImportRow.objects.filter(pk__in=[row_id for row_id, _ in rows]).update(
            state=State.FAILED,
            reason="import_deadline",
            detail="",
            ended_at=now,
            ring_at=None,
            lease_owner=None,
            lease_until=None,
        )
