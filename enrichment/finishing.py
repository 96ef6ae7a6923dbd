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
    with heartbeat.holding(held):
        document = dashboard.build(held, partial=False)
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
            **dashboard.columns(held, document, partial=False),
        )
        if not ended:
            return False
        held.refresh_from_db()
        status = describe(held)
        LibraryImport.objects.filter(pk=held.pk).update(statistics=status.statistics)
        held.record("finished", state=held.state, waiting=status.waiting, **status.statistics)
        notify(held, outcome=held.state, subject=f"{held.filename}: {held.get_state_display()}", facts=status.statistics)
    log.info("import_finished", run_id=str(held.pk), state=held.state, **status.statistics)
    if held.changes > held.dashboard_changes:
        ask_rebuild(held)
    return True


def ask_rebuild(library_import: LibraryImport) -> bool:
    """Ring for a new dashboard version if the stored one is behind and at least DASHBOARD_REBUILD_SECONDS old."""
    from enrichment.tasks import rebuild_dashboard

    if library_import.changes == library_import.dashboard_changes:
        return False
    ring(rebuild_dashboard, str(library_import.pk))
    return True


def rebuild(import_id: Any) -> bool:
    """Write a new dashboard version if the stored one is behind and old enough; True for the one who did.

    `dashboard_at` moves first, by one UPDATE, so that of many callers one builds.
    """
    now = database_now()
    old_enough = Q(dashboard_at=None) | Q(dashboard_at__lte=now - timedelta(seconds=settings.DASHBOARD_REBUILD_SECONDS))
    behind = LibraryImport.objects.filter(pk=import_id, changes__gt=F("dashboard_changes")).exclude(stage=Stage.ASSEMBLING)
    if not behind.filter(old_enough).update(dashboard_at=now):
        return False
    library_import = LibraryImport.objects.get(pk=import_id)
    partial = library_import.state not in ENDED
    document = dashboard.build(library_import, partial=partial)
    stored = LibraryImport.objects.filter(pk=import_id, dashboard_version=library_import.dashboard_version)
    if library_import.state not in ENDED:
        # A partial one never overwrites the final one.
        stored = stored.filter(state=library_import.state).exclude(stage__in=[Stage.ASSEMBLING, Stage.DONE])
    if not stored.update(**dashboard.columns(library_import, document, partial=partial)):
        return False
    library_import.refresh_from_db()
    if not partial:
        LibraryImport.objects.filter(pk=import_id).update(statistics=describe(library_import).statistics)
    library_import.record("dashboard", version=library_import.dashboard_version, partial=partial)
    return True
