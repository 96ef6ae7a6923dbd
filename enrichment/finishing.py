"""End an import once, and keep its dashboard up with what arrives later."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from bookops.clock import database_now
from bookops.dispatch import ring
from bookops.leases import heartbeat
from bookops.notices import notify
from bookops.runs import ENDED, OPEN, State, lease_time
from enrichment import dashboard
from enrichment.models import ImportChunk, ImportRow, LibraryImport
from enrichment.status import describe, too_many_failures

log = structlog.get_logger(__name__)

Stage = LibraryImport.Stage
#: Why an import failed that was worked on to its end; any other that failed could not be read.
TOO_MANY_FAILURES = "too_many_failures"


def finish_import(import_id: Any) -> bool:
    """Assemble the dashboard of a running import that has no open rows and end it; True for the one worker that did.

    Parked rows do not hold the end back: they are placeholders in the dashboard, and each later arrival writes a new version.
    """
    held = _take(import_id)
    if held is None:
        return LibraryImport.objects.filter(pk=import_id, state__in=ENDED).exists() and rebuild(import_id)
    with heartbeat.holding(held), dashboard.built(held, partial=False) as document:
        return _end(held, document)


def _take(import_id: Any) -> LibraryImport | None:
    """Move an import from enriching to assembling; one UPDATE, so that one of many callers gets it."""
    token = uuid.uuid4()
    open_rows = ImportRow.objects.filter(library_import=OuterRef("pk"), state__in=OPEN)
    open_chunks = ImportChunk.objects.filter(library_import=OuterRef("pk"), state__in=OPEN)
    won = LibraryImport.objects.filter(
        ~Exists(open_rows), ~Exists(open_chunks), pk=import_id, state=State.RUNNING, stage=Stage.ENRICHING
    ).update(stage=Stage.ASSEMBLING, lease_owner=token, lease_until=database_now() + lease_time())
    return LibraryImport.objects.get(pk=import_id) if won else None


def _end(held: LibraryImport, document: dashboard.Document) -> bool:
    too_many = too_many_failures(held, held.counts())
    with transaction.atomic():
        ended = LibraryImport.objects.filter(pk=held.pk, state=State.RUNNING, stage=Stage.ASSEMBLING, lease_owner=held.lease_owner).update(
            state=State.FAILED if too_many else State.SUCCEEDED,
            reason=TOO_MANY_FAILURES if too_many else "",
            detail=too_many,
            stage=Stage.DONE,
            ended_at=database_now(),
            finishes=F("finishes") + 1,
            lease_owner=None,
            lease_until=None,
            **dashboard.columns(held, document),
        )
        if not ended:
            return False
        held.refresh_from_db()
        status = describe(held)
        LibraryImport.objects.filter(pk=held.pk).update(statistics=status.statistics)
        held.record("finished", state=held.state, waiting=status.waiting, **status.statistics)
        notify(held, outcome=held.state, subject=f"{held.filename}: {held.get_state_display()}", facts=status.statistics)
        document.keep()
    log.info("import_finished", run_id=str(held.pk), state=held.state, **status.statistics)
    if held.changes > held.dashboard_changes:
        ask_rebuild(held)
    return True


def ask_rebuild(library_import: LibraryImport) -> bool:
    """Ring for a new dashboard version if the stored one is behind; whoever hears it sees whether its time has come."""
    from enrichment.tasks import rebuild_dashboard

    if library_import.changes == library_import.dashboard_changes:
        return False
    ring(rebuild_dashboard, str(library_import.pk))
    return True


def rebuild(import_id: Any) -> bool:
    """Write a new dashboard version if the stored one is behind, old enough, and not being built; True for the one who did.

    `dashboard_at` moves first, by one UPDATE, so that of many callers one builds. What changes meanwhile leaves the new one behind, too.
    """
    now = database_now()
    old_enough = Q(dashboard_at=None) | Q(dashboard_at__lte=now - timedelta(seconds=settings.DASHBOARD_REBUILD_SECONDS))
    behind = LibraryImport.objects.filter(pk=import_id, changes__gt=F("dashboard_changes")).exclude(stage=Stage.ASSEMBLING)
    if not behind.filter(old_enough).update(dashboard_at=now):
        return False
    library_import = LibraryImport.objects.filter(pk=import_id).first()
    if library_import is None:
        return False
    with dashboard.built(library_import, partial=library_import.state not in ENDED) as document:
        return _show(library_import, document)


def _show(library_import: LibraryImport, document: dashboard.Document) -> bool:
    """Put a new version in the place of the one it was built after; False where that has changed, or the import moved on or is gone."""
    as_it_was = LibraryImport.objects.filter(
        pk=library_import.pk, state=library_import.state, dashboard_version=library_import.dashboard_version
    )
    with transaction.atomic():
        if not as_it_was.exclude(stage=Stage.ASSEMBLING).update(**dashboard.columns(library_import, document)):
            return False
        library_import.refresh_from_db()
        if not document.partial:
            LibraryImport.objects.filter(pk=library_import.pk).update(statistics=describe(library_import).statistics)
        library_import.record("dashboard", version=library_import.dashboard_version, partial=document.partial)
        document.keep()
    return True
