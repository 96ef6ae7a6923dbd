"""Send an import's rows out a chunk at a time, two chunks at most, so that no import starves another."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q

from bookops.clock import database_now
from bookops.dispatch import ring, ring_chord
from bookops.leases import heartbeat
from bookops.runs import BROKEN, OPEN, State
from enrichment.models import ImportChunk, ImportRow, LibraryImport

log = structlog.get_logger(__name__)


def advance(import_id: Any) -> int:
    """Ring for the next chunks of a running import while fewer than CHUNKS_AT_ONCE are out; return how many were rung."""
    from enrichment.tasks import send_out_chunk

    out = ImportChunk.objects.filter(library_import_id=import_id, state=State.RUNNING).count()
    room = settings.CHUNKS_AT_ONCE - out
    if room <= 0:
        return 0
    waiting = ImportChunk.objects.filter(library_import_id=import_id, state=State.PENDING, library_import__state=State.RUNNING)
    now, rung = database_now(), 0
    for chunk_id, number in list(waiting.order_by("number").values_list("pk", "number")[:room]):
        pause = settings.CHUNK_PAUSE if number > 1 else 0
        again = now + timedelta(seconds=pause + settings.RING_AGAIN_SECONDS)
        # Once and not in each round of the sweeper, or a queue that is behind would fill up with the same message.
        if waiting.filter(Q(ring_at=None) | Q(ring_at__lte=now), pk=chunk_id).update(ring_at=again):
            ring(send_out_chunk, chunk_id, countdown=pause or None)
            rung += 1
    return rung


def send_out(chunk_id: int) -> bool:
    """Ask what many books share, then send the chunk's remaining rows out one by one; False when another worker has it."""
    from enrichment.gathering import gather

    claimed = ImportChunk.objects.all().claim([chunk_id])
    if not claimed:
        return False
    chunk = claimed[0]
    if settings.SOURCE_BATCHING:
        with heartbeat.holding(chunk):
            try:
                gather(chunk)
            except Exception:
                # What is shared saves calls and is no condition: the rows' own tasks ask what is still unknown.
                log.exception("gathering_failed", run_id=str(chunk.library_import_id), chunk=chunk.number)
    return send_rows_out(chunk)


def send_rows_out(chunk: ImportChunk) -> bool:
    """Publish one message a row that is still pending, as a chord whose body ends the chunk. False when the lease was lost."""
    from enrichment.tasks import enrich_book, finish_chunk

    with transaction.atomic():
        if not ImportChunk.objects.all().held([chunk]).update(sent_out=True, lease_owner=None, lease_until=None):
            return False
        rows = ImportRow.objects.filter(library_import_id=chunk.library_import_id, chunk=chunk.number, state=State.PENDING)
        rows.update(ring_at=database_now() + timedelta(seconds=settings.RING_AGAIN_SECONDS))
        ids = list(rows.order_by("number").values_list("pk", flat=True))
        ring_chord(enrich_book, ids, finish_chunk.si(str(chunk.library_import_id), chunk.number))
    return True


def end_chunk(import_id: Any, number: int) -> bool:
    """End a chunk when each of its rows has been tried, note it, and make room for the next. True for the one who did it.

    Rows that wait for another attempt do not hold the chunk back: the sweeper rings for them when they are due.
    """
    rows = ImportRow.objects.filter(library_import_id=import_id, chunk=number)
    if rows.filter(state__in=OPEN).filter(Q(state=State.RUNNING) | Q(attempts=0, losses=0)).exists():
        return False
    ended = ImportChunk.objects.filter(library_import_id=import_id, number=number, state=State.RUNNING, sent_out=True).update(
        state=State.SUCCEEDED, ended_at=database_now(), lease_owner=None, lease_until=None
    )
    if not ended:
        return False
    _record_end(import_id, number, rows)
    advance(import_id)
    return True


def _record_end(import_id: Any, number: int, rows: Any) -> None:
    library_import = LibraryImport.objects.get(pk=import_id)
    total = library_import.chunks.count()
    counts = rows.aggregate(
        rows=Count("pk"),
        successful=Count("pk", filter=Q(state=State.SUCCEEDED)),
        failed=Count("pk", filter=Q(state__in=BROKEN)),
    )
    done = library_import.chunks.filter(state=State.SUCCEEDED).count()
    percent = round(100 * done / total, 1) if total else 100.0
    library_import.record("chunk_done", number=number, done=done, of=total, percent=percent, **counts)
    log.info("chunk_done", run_id=str(import_id), chunk=number, done=done, of=total, percent=percent, **counts)


def finish_if_done(import_id: Any) -> bool:
    """Ring for the import's end, or for a new dashboard version where it has already ended, when no row of it is open."""
    from enrichment.tasks import finish_import

    if ImportRow.objects.filter(library_import_id=import_id, state__in=OPEN).exists():
        return False
    ring(finish_import, str(import_id))
    return True
