"""The library pipeline's tasks: a message carries an id and means "look at this row". Each may run twice.

CELERY_TASK_ROUTES says which queue they go to: `enrich_book`, of which there are thousands, to one of its own.
"""

from __future__ import annotations

from celery import shared_task

from enrichment import chunks, enriching, finishing, reading


@shared_task
def read_library(import_id: str) -> None:
    """Read an uploaded export."""
    reading.read_library(import_id)


@shared_task
def send_out_chunk(chunk_id: int) -> None:
    """Ask what a chunk's books share, then send them out."""
    chunks.send_out(chunk_id)


# Without events: thousands of single books would be a tenth of a worker's time, and push all else out of Flower's list.
@shared_task(send_events=False)
def enrich_book(row_id: int) -> None:
    """Enrich one book; a member of its chunk's chord, so it never raises."""
    enriching.enrich_row(row_id)


@shared_task
def finish_chunk(import_id: str, number: int) -> None:
    """End a chunk if its rows are done: the chord's body."""
    chunks.end_chunk(import_id, number)


@shared_task
def finish_import(import_id: str) -> None:
    """Assemble the dashboard of an import that has no open rows."""
    finishing.finish_import(import_id)


@shared_task
def rebuild_dashboard(import_id: str) -> None:
    """Write the dashboard anew if it is behind."""
    finishing.rebuild(import_id)
